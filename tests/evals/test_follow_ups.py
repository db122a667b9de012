"""Follow-ups against their rewrites."""

import json
from pathlib import Path

import pytest

from evals.errors import EvalsError
from evals.follow_ups import ALONE, OWN, read_follow_ups, records
from evals.public import convert
from tests.evals.scripted import write_lines
from tests.fakes import WordEmbedder

WINTER = "What do bees eat in winter?"
ROWS = [
    {
        "question": "And in winter?",
        "history": [["What do bees eat?", "Nectar, in summer."]],
        "rewrite": WINTER,
        "split": "dev",
    }
]


def test_what_leads_a_follow_up_brings_it_closer_to_its_rewrite(tmp_path: Path) -> None:
    write_lines(tmp_path / "follow_ups.jsonl", ROWS)
    (record,) = records(read_follow_ups(tmp_path / "follow_ups.jsonl", "dev"), WordEmbedder())
    assert record.values[OWN]["similarity"] > record.values[ALONE]["similarity"]
    assert record.values[OWN]["words recovered"] == 1
    assert record.values[ALONE]["words recovered"] == 0


def test_a_row_without_a_rewrite_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "follow_ups.jsonl", [{"question": "And?", "history": [["A?", "B."]]}])
    with pytest.raises(EvalsError, match=r'line 1: expected a string under "rewrite"'):
        read_follow_ups(tmp_path / "follow_ups.jsonl", None)


def test_an_absent_split_and_an_absent_history_are_named(tmp_path: Path) -> None:
    path = tmp_path / "follow_ups.jsonl"
    write_lines(path, ROWS)
    with pytest.raises(EvalsError, match='no follow-up in the split "test"'):
        read_follow_ups(path, "test")
    write_lines(path, [{**ROWS[0], "history": []}])
    with pytest.raises(EvalsError, match="line 1: expected at least one"):
        read_follow_ups(path, None)


def test_conversations_become_follow_ups_and_new_topics_after_another_one(tmp_path: Path) -> None:
    turns = [
        {"raw_utterance": "What do bees eat?", "manual_rewritten_utterance": "What do bees eat?",
         "passage": "Nectar."},
        {"raw_utterance": "In winter?", "manual_rewritten_utterance": WINTER},
    ]  # fmt: skip
    for year in ("2020", "2021"):
        path = tmp_path / "data" / "trec_cast" / f"{year}_manual_evaluation_topics_v1.0.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        other = [{"raw_utterance": "Who bakes?", "manual_rewritten_utterance": "Who bakes?"}]
        path.write_text(json.dumps([{"turn": turns}, {"turn": other}]))
    convert("trec_cast", tmp_path / "data", tmp_path / "set")
    (follow_up,) = read_follow_ups(tmp_path / "set" / "follow_ups.jsonl", "2021")
    assert follow_up.history == (("What do bees eat?", "Nectar."),)
    assert follow_up.rewrite == WINTER
    (new_topic,) = read_follow_ups(tmp_path / "set" / "new_topics.jsonl", "2021")
    assert new_topic.question == new_topic.rewrite == WINTER
    assert new_topic.history == (("Who bakes?", ""),)
