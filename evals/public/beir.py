"""Sets that are in BEIR layout already: cranfield and vaswani_npl, copied with their grades."""

from __future__ import annotations

import shutil
from pathlib import Path

from evals.dataset import load_dataset
from evals.errors import EvalsError


def convert(source: Path, folder: Path) -> str:
    """Copy the set, with all its qrels files, and say what it holds.

    Cranfield's original code -1, its best match, is grade 5 in `test`; the split
    `test_without_minus1` leaves those judgments out.

    Raises:
        EvalsError: the source is not in BEIR layout, or the copy cannot be written.
    """
    load_dataset(source, "test")
    names = ["corpus.jsonl", "queries.jsonl"]
    names += [f"qrels/{path.name}" for path in sorted((source / "qrels").glob("*.tsv"))]
    for name in names:
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target)
        except OSError as error:
            raise EvalsError(
                f"{target}: cannot be written ({error.strerror}); choose another output folder"
            ) from error
    copied = load_dataset(folder, "test")
    return (
        f"{folder}: {len(copied.statements)} statements, {len(copied.questions)} questions, "
        f"splits {', '.join(sorted(Path(name).stem for name in names[2:]))}"
    )
