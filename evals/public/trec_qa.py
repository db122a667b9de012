"""TREC QA (Wang, Smith & Mitamura, 2007; public domain): what answers, what does not."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from assistant.statement import JsonValue
from evals.errors import EvalsError
from evals.rows import read_text, write_rows


def convert(source: Path, folder: Path) -> str:
    """Write `selection.jsonl`: a question, a sentence and whether it answers, by split.

    Raises:
        EvalsError: the data is not TREC QA's.
    """
    from assistant.training.judge_data import tidy

    rows: list[dict[str, JsonValue]] = []
    for split in ("dev", "test"):
        path = source / f"{split}.csv"
        table = csv.DictReader(io.StringIO(read_text(path)))
        for row in table:
            try:
                question, sentence, label = row["qtext"], row["atext"], row["label"]
            except KeyError as error:
                raise EvalsError(f"{path} line {table.line_num}: unexpected {error}") from error
            rows.append(
                {
                    "question": tidy(question),
                    "sentence": tidy(sentence),
                    "answers": label == "1",
                    "split": split,
                }
            )
    write_rows(folder / "selection.jsonl", rows)
    return f"{folder / 'selection.jsonl'}: {len(rows)} sentences"
