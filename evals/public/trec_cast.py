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
    """Write `follow_ups.jsonl` and `new_topics.jsonl`, split by year.

    The first holds every question but the first of a conversation. The second holds the same
    questions as they were rewritten, each after another conversation, with which they have nothing
    to do: what is searched for should be the question itself.

    Raises:
        EvalsError: the data is not TREC CAsT's.
    """
    follow_ups: list[dict[str, JsonValue]] = []
    new_topics: list[dict[str, JsonValue]] = []
    for year in _YEARS:
        path = source / f"{year}_manual_evaluation_topics_v1.0.json"
        try:
            conversations = [topic["turn"] for topic in json.loads(read_text(path))]
            for turns, others in zip(
                conversations, conversations[-1:] + conversations[:-1], strict=True
            ):
                found = list(_follow_ups(turns, year))
                follow_ups += found
                before = [_said(turn) for turn in others]
                new_topics += (
                    {**row, "question": row["rewrite"], "history": before} for row in found
                )
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise EvalsError(f"{path}: is not TREC CAsT's JSON ({error!r})") from error
    write_rows(folder / "follow_ups.jsonl", follow_ups)
    write_rows(folder / "new_topics.jsonl", new_topics)
    return f"{folder}: {len(follow_ups)} follow-ups, and as many new topics"


def _follow_ups(turns: list[dict[str, Any]], year: str) -> Iterator[dict[str, JsonValue]]:
    for place, turn in enumerate(turns[1:], start=1):
        yield {
            "question": turn["raw_utterance"],
            "history": [_said(before) for before in turns[:place]],
            "rewrite": turn["manual_rewritten_utterance"],
            "split": year,
        }


def _said(turn: dict[str, Any]) -> JsonValue:
    return [turn["raw_utterance"], turn.get("passage", "")]
