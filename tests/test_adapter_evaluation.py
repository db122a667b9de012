"""Readers: what they are shown, what they reply, and how a reply is counted."""

import json
from pathlib import Path

import pytest

from assistant.generation import Generator
from assistant.prompts import SYSTEM_PROMPT
from assistant.training.__main__ import main
from assistant.training.adapter_data import SILENCE
from assistant.training.adapter_evaluation import (
    SQUAD_TASKS,
    UNTAUGHT_PROMPT,
    Read,
    Task,
    assistant_reader,
    model_reader,
    squad_tasks,
)
from tests.fakes import scripted_model

STATEMENTS = (
    "The tram to Horn was closed in 1962 because buses were cheaper.",
    "The ferry to Lund sails twice a day because the channel freezes.",
)
TASK = Task(
    "Why was the tram to Horn closed?", "why_how", STATEMENTS, (("cheaper",),), frozenset({1})
)


def test_a_reply_counts_by_its_facts_its_citations_and_its_silence() -> None:
    assert Read(TASK, "Buses were cheaper. [1]").holds_answer
    assert Read(TASK, "Buses were cheaper. [1]").cites_right
    assert not Read(TASK, "Buses were cheaper. [1] [2]").cites_right
    assert not Read(TASK, "Buses were cheaper.").cites_right
    assert Read(TASK, SILENCE).is_silent
    assert not Read(TASK, SILENCE).holds_answer
    counted = Task("How many?", "direct", STATEMENTS, (("2",),), frozenset({2}))
    assert Read(counted, "There are 2. [1]").holds_answer
    assert not Read(counted, "There are two. [2]").holds_answer


def test_an_untaught_model_is_shown_worked_examples_and_a_taught_one_is_not() -> None:
    model, chat = scripted_model("Buses were cheaper. [1]")
    assert model_reader(Generator(model))(TASK) == "Buses were cheaper. [1]"
    model_reader(Generator(model), is_untaught=True)(TASK)
    taught, untaught = (
        [str(message.content) for message in messages] for messages in chat.received
    )
    assert taught == [SYSTEM_PROMPT, untaught[-1]]
    assert untaught[0] == UNTAUGHT_PROMPT
    assert [shown for shown in untaught if "lighthouse" in shown]
    assert untaught[-1].endswith(TASK.question)


def test_questions_of_squad_are_measured_in_two_splits_that_share_none(tmp_path: Path) -> None:
    file = tmp_path / "squad.json"
    asked = {"answers": [], "is_impossible": True}
    articles = [
        {
            "title": f"Bees {n}",
            "paragraphs": [{"context": "Bees fly.", "qas": [asked | {"question": f"Who, {n}?"}]}],
        }
        for n in range(2000)
    ]
    file.write_text(json.dumps({"data": articles}), encoding="utf-8")
    dev, test = (
        {task.question for task in squad_tasks(file, split, seed=1)} for split in ("dev", "test")
    )
    assert len(dev) == len(test) == SQUAD_TASKS
    assert not dev & test


@pytest.mark.parametrize("command", ["adapter-data", "measure-adapter", "measure-reading"])
def test_missing_data_is_told_before_the_work(command: str, tmp_path: Path) -> None:
    output = ["--output", str(tmp_path / "packs.jsonl")] if command == "adapter-data" else []
    with pytest.raises(SystemExit, match="is not there"):
        main([command, "--data", str(tmp_path), *output])


@pytest.mark.models
def test_the_assistant_as_a_reader_quotes_under_the_numbers_shown_or_is_silent() -> None:
    read = assistant_reader(None, None)
    assert read(TASK) == f"{STATEMENTS[0]} [1]"
    assert read(Task("Who won the war of 1812?", "off_topic", STATEMENTS, (), frozenset())) == (
        SILENCE
    )
