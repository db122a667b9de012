import math
import random
from pathlib import Path

import pytest

from assistant.answer import Hit
from assistant.statement import Statement
from evals.bootstrap import paired_differences
from evals.dataset import Question, load_dataset
from evals.errors import EvalsError
from evals.retrieval import METRICS, find, judged_questions, records, runs, score, write_run
from tests.evals.scripted import ScriptedAssistant, write_set

NAMES = [metric.name for metric in METRICS]


def hits(*rows: tuple[str, float, float, float]) -> list[Hit]:
    return [
        Hit(Statement(name, name), rank, fused, dense, lexical)
        for rank, (name, fused, dense, lexical) in enumerate(rows, start=1)
    ]


def test_metrics_of_a_ranking_match_a_hand_worked_example() -> None:
    questions = [Question("q", "?", relevant={"a": 2, "b": 1, "c": 0})]
    values = score(questions, {"q": [("x", 3.0), ("a", 2.0), ("b", 1.0)]})["q"]
    gain = 2 / math.log2(3) + 1 / math.log2(4)
    best = 2 / math.log2(2) + 1 / math.log2(3)
    assert values["nDCG@10"] == pytest.approx(gain / best)
    assert values["RR@10"] == 0.5
    assert [values[f"R@{depth}"] for depth in (1, 3, 5, 10)] == [0.0, 1.0, 1.0, 1.0]
    assert (values["Success@1"], values["Success@5"]) == (0.0, 1.0)


def test_a_question_for_which_nothing_was_found_scores_zero() -> None:
    values = score([Question("q", "?", relevant={"a": 1})], {})["q"]
    assert values == dict.fromkeys(NAMES, 0.0)


def test_the_three_rankings_come_from_the_same_hits() -> None:
    found = {"q": hits(("a", 0.9, 0.2, 0.0), ("b", 0.5, 0.8, 0.1), ("c", 0.4, 0.0, 0.7))}
    order = {system: [name for name, _ in run["q"]] for system, run in runs(found).items()}
    assert order == {"fused": ["a", "b", "c"], "dense": ["b", "a"], "lexical": ["c", "b"]}


def test_equal_scores_keep_the_order_the_reader_saw() -> None:
    """trec_eval breaks ties by id, descending, whatever the ranks say."""
    found = {"q": hits(("a", 0.5, 0.5, 0.5), ("z", 0.5, 0.5, 0.5), ("m", 0.5, 0.5, 0.5))}
    run = runs(found)["fused"]
    scores = [value for _, value in run["q"]]
    assert scores[0] > scores[1] > scores[2]
    assert score([Question("q", "?", relevant={"a": 1})], run)["q"]["Success@1"] == 1.0


def test_a_run_file_is_in_trec_form(tmp_path: Path) -> None:
    found = {"q1": hits(("a", 0.75, 0, 0), ("b", 0.75, 0, 0)), "q2": []}
    write_run(tmp_path / "deep" / "run.txt", runs(found)["fused"])
    assert (tmp_path / "deep" / "run.txt").read_text(encoding="utf-8").splitlines() == [
        "q1 Q0 a 1 0.750000 assistant",
        "q1 Q0 b 2 0.749999 assistant",
    ]


def test_only_questions_with_a_relevant_statement_are_searched(tmp_path: Path) -> None:
    dataset = load_dataset(write_set(tmp_path / "set"), "test")
    assert [question.id for question in judged_questions(dataset)] == ["q1", "q2", "q3"]


def test_a_split_without_judgments_is_an_error(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n", encoding="utf-8")
    with pytest.raises(EvalsError, match=r"add rows to qrels/test\.tsv"):
        judged_questions(load_dataset(folder, "test"))


def test_a_follow_up_is_searched_with_its_history(tmp_path: Path) -> None:
    assistant = ScriptedAssistant()
    dataset = load_dataset(write_set(tmp_path / "set"), "test")
    find(assistant, judged_questions(dataset))
    assert assistant.histories == [
        (),
        (),
        (("Do bees dance?", "They dance to point at flowers."),),
    ]


def test_a_retriever_that_shuffles_its_ranks_is_caught() -> None:
    shuffle = random.Random(1).sample
    questions = [Question(f"q{number}", "?", relevant={"d0": 2}) for number in range(60)]
    order = [(f"d{place}", 1 - place / 50, 0.0, 0.0) for place in range(30)]
    good = records(questions, {question.id: hits(*order) for question in questions})
    broken = records(
        questions,
        {
            question.id: hits(
                *(
                    (name, 1 - place / 50, 0.0, 0.0)
                    for place, (name, *_) in enumerate(shuffle(order, 30))
                )
            )
            for question in questions
        },
    )
    difference = paired_differences(
        [record.values["fused"] for record in broken],
        [record.values["fused"] for record in good],
        ["nDCG@10"],
    )["nDCG@10"]
    assert difference.high < -0.5
