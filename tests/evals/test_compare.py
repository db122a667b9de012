from dataclasses import replace
from pathlib import Path

import pytest

from evals.bootstrap import Interval
from evals.compare import compare, in_text, verdict
from evals.errors import EvalsError
from evals.gate import check
from evals.report import in_words, markdown_report, tables
from evals.results import Record, Result, provenance, read_result, write_result


def result(right: str, task: str = "answers", seconds: float = 1.0) -> Result:
    """One question per character: `1` right, `0` wrong; the first half is direct."""
    metric = "right" if task == "answers" else "Success@1"
    system = "assistant" if task == "answers" else "fused"
    return Result(
        task=task,
        dataset="set",
        split="test",
        systems=(system, "quotes only"),
        metrics=(metric, "seconds"),
        records=tuple(
            Record(
                id=f"q{place}",
                kind="direct" if place < len(right) / 2 else "names",
                question=f"question {place}?",
                values={
                    system: {metric: float(mark), "seconds": seconds},
                    "quotes only": {metric: 0.0},
                },
                shown={system: f"answer {mark} to {place}", "quotes only": "a quote"},
                replies={system: {"answered": True, "confidence": 0.5}},
            )
            for place, mark in enumerate(right)
        ),
        made={"commit": "abc", "seed": 1, "models": {"model": "scripted"}},
    )


def test_flips_are_listed_both_ways_with_both_answers() -> None:
    found = compare(result("1100"), result("1010"))
    assert [flip.id for flip in found.gained] == ["q2"]
    assert [flip.id for flip in found.lost] == ["q1"]
    text = in_text(found)
    assert "wrong -> right: 1" in text
    assert "before: answer 1 to 1" in text
    assert "after:  answer 0 to 1" in text


def test_a_result_compared_with_itself_differs_in_nothing() -> None:
    found = compare(result("1100"), result("1100"))
    assert (found.gained, found.lost) == ((), ())
    assert found.differences["right"] == Interval(0.0, 0.0, 0.0, 4)


def test_a_clear_change_is_called_better_or_worse() -> None:
    found = compare(result("0" * 20), result("1" * 15 + "0" * 5))
    assert verdict("right", found.differences["right"]) == "better"
    found = compare(result("1" * 20), result("0" * 15 + "1" * 5))
    assert verdict("right", found.differences["right"]) == "worse"
    assert "worse" in in_text(found)


def test_fewer_seconds_are_better() -> None:
    found = compare(result("11", seconds=2.0), result("11", seconds=1.0))
    assert verdict("seconds", found.differences["seconds"]) == "better"


def test_only_shared_questions_are_compared() -> None:
    assert compare(result("11110"), result("11")).count == 2


def test_results_of_two_tasks_or_two_sets_cannot_be_compared() -> None:
    with pytest.raises(EvalsError, match="cannot compare answers with retrieval"):
        compare(result("1"), result("1", task="retrieval"))
    other = result("1")
    other = replace(other, records=(replace(other.records[0], id="other"),))
    with pytest.raises(EvalsError, match="share no question"):
        compare(result("1"), other)


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "result.json"
    written = result("1101")
    write_result(path, written)
    read = read_result(path)
    assert read == written
    assert read.overall == written.overall


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"task": "answers"}', result("1").dataset]
)
def test_a_file_that_is_no_result_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EvalsError, match=r"result\.json.*written by `python -m evals answers"):
        read_result(path)


def test_the_gate_passes_within_the_interval_and_fails_below_it() -> None:
    committed = result("1" * 32 + "0" * 8)
    assert check(committed, committed).passed
    assert check(result("1" * 29 + "0" * 11), committed).passed
    fallen = check(result("1" * 20 + "0" * 20), committed)
    assert not fallen.passed
    assert fallen.in_words().startswith('gate failed: "right" is 0.500 [')


def test_the_gate_compares_a_slice_with_the_same_slice() -> None:
    found = check(result("11"), result("11000000"))
    assert found.committed.value == 1.0
    assert found.passed


def test_the_gate_refuses_questions_it_has_no_committed_result_for() -> None:
    with pytest.raises(EvalsError, match='lacks 1 of the questions \\("q2" among them\\)'):
        check(result("111"), result("11"))
    with pytest.raises(EvalsError, match="needs results of `answers`"):
        check(result("1", task="retrieval"), result("1"))


def test_tables_show_every_system_and_every_kind() -> None:
    overall, kinds, differences = tables(result("1100"))
    assert overall.rows[0] == ("right", "0.500 [0.000, 1.000]", "0.000 [0.000, 0.000]")
    assert [row[:2] for row in kinds.rows] == [("direct", "2"), ("names", "2")]
    assert differences.rows[0] == ("right", "+0.500 [+0.000, +1.000]")
    assert differences.rows[1] == ("seconds", "-")
    widths = {len(line) for line in overall.to_text().splitlines()[1:]}
    assert len(widths) == 1


def test_one_kind_has_no_table_of_its_own() -> None:
    titles = [table.title for table in tables(result("1"))]
    assert not any("by kind" in title for title in titles)


def test_an_absent_number_is_a_dash() -> None:
    assert in_words(None) == "-"


def test_the_report_says_how_it_was_made_and_links_the_picture() -> None:
    report = markdown_report(result("10"), (), "python -m evals answers", "picture.png")
    assert "`python -m evals answers` at commit `abc` with model `scripted`" in report
    assert "](picture.png)" in report
    assert "| right | 0.500 [0.000, 1.000] | 0.000 [0.000, 0.000] |" in report


def test_what_made_a_result_is_recorded() -> None:
    made = provenance({"model": "scripted"})
    assert made["models"] == {"model": "scripted"}
    assert isinstance(made["packages"], dict)
    assert made["packages"]["numpy"]
    assert made["commit"]
