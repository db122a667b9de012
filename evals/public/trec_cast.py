"""TREC CAsT 2020 and 2021 (Dalton et al.; MIT): conversations whose questions were rewritten by
hand to stand alone. The answers of 2021 are the passages shown; 2020 names them only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.statement import JsonValue
from evals.errors import EvalsError
from evals.rows import read_text, write_rows

_YEARS = ("2020", "2021")


def convert(source: Path, folder: Path) -> str:
    """Write `follow_ups.jsonl`: every question but the first of a conversation; split by year.

    Raises:
        EvalsError: the data is not TREC CAsT's.
    """
    rows: list[dict[str, JsonValue]] = []
    for year in _YEARS:
        path = source / f"{year}_manual_evaluation_topics_v1.0.json"
        try:
            for topic in json.loads(read_text(path)):
                rows += _follow_ups(topic["turn"], year)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise EvalsError(f"{path}: is not TREC CAsT's JSON ({error!r})") from error
    write_rows(folder / "follow_ups.jsonl", rows)
    return f"{folder / 'follow_ups.jsonl'}: {len(rows)} follow-ups"


def _follow_ups(turns: list[dict[str, Any]], year: str) -> Iterator[dict[str, JsonValue]]:
    history: list[JsonValue] = []
    for turn in turns:
        question = turn["raw_utterance"]
        if history:
            yield {
                "question": question,
                "history": list(history),
                "rewrite": turn["manual_rewritten_utterance"],
                "split": year,
            }
        history.append([question, turn.get("passage", "")])
