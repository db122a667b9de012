import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from langchain_core.language_models import FakeListChatModel

from evals.cli import main
from evals.errors import EvalsError
from evals.product import Subject
from tests.evals.scripted import RIGHT, ScriptedAssistant, opening_of, write_lines, write_set

OPENING = opening_of(ScriptedAssistant(script=RIGHT))


def test_retrieval_prints_a_table_and_writes_the_run_and_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    run, result = tmp_path / "run.txt", tmp_path / "result.json"
    arguments = ["retrieval", str(folder), "--run", str(run), "--json", str(result)]
    assert main(arguments, OPENING) == 0
    printed = capsys.readouterr().out
    assert "nDCG@10" in printed
    assert "follow_up" in printed
    assert {line.split()[0] for line in run.read_text().splitlines()} == {"q1", "q2", "q3"}
    written = json.loads(result.read_text(encoding="utf-8"))
    assert written["systems"] == ["fused", "dense", "lexical"]
    assert written["made"]["models"] == {"embedder": "words"}
    assert written["overall"]["fused"]["Success@1"]["count"] == 3
    assert written["questions"][0]["values"]["fused"]["nDCG@10"] > 0


def test_several_sets_are_searched_as_one_and_reported(tmp_path: Path) -> None:
    folders = [str(write_set(tmp_path / name, prefix=name)) for name in ("one", "two")]
    report, result = tmp_path / "report.md", tmp_path / "result.json"
    written = ["--report", str(report), "--json", str(result)]
    assert main(["retrieval", *folders, *written], OPENING) == 0
    assert f"python -m evals retrieval {folders[0]} {folders[1]}" in report.read_text()
    assert "one, two (test): 6 questions" in report.read_text()
    assert len(json.loads(result.read_text())["questions"]) == 6


@pytest.mark.parametrize("command", ["answers", "retrieval"])
def test_two_sets_with_a_question_of_one_id_are_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(write_set(tmp_path / name)) for name in ("one", "two")]
    assert main([command, *folders], OPENING) == 1
    assert "one and two both have a question q1" in capsys.readouterr().err


def test_a_set_that_cannot_be_asked_is_told_before_another_one_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant = ScriptedAssistant(script=RIGHT)
    whole, without = write_set(tmp_path / "whole"), write_set(tmp_path / "without", prefix="other")
    (without / "answers.jsonl").unlink()
    opened: list[Path] = []

    @contextmanager
    def opening(corpus: Path, model: str | None) -> Iterator[Subject]:
        opened.append(corpus)
        with opening_of(assistant)(corpus, model) as subject:
            yield subject

    assert main(["answers", str(whole), str(without)], opening) == 1
    assert "has no answers.jsonl" in capsys.readouterr().err
    assert opened == []


def test_answers_prints_tables_and_writes_result_report_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    result, report = tmp_path / "result.json", tmp_path / "deep" / "report.md"
    arguments = ["answers", str(folder), "--json", str(result), "--report", str(report)]
    assert main([*arguments, "--model", "tiny"], OPENING) == 0
    out, err = capsys.readouterr()
    assert "right                   1.000 [1.000, 1.000]" in out
    assert "near_miss" in out
    assert "no language model: the tutorial chain is left out" in err
    assert report.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "](report.png)" in report.read_text(encoding="utf-8")
    assert "--model tiny" in report.read_text(encoding="utf-8")
    written = json.loads(result.read_text(encoding="utf-8"))
    assert written["questions"][0]["replies"]["assistant"]["cited"] == ["s3"]
    assert written["differences"]["quotes only"]["right"]["value"] >= 0


def test_the_tutorial_chain_is_left_out_when_asked_to(tmp_path: Path) -> None:
    folder, result = write_set(tmp_path / "set"), tmp_path / "result.json"

    @contextmanager
    def opening(corpus: Path, model: str | None) -> Iterator[Subject]:
        yield Subject(ScriptedAssistant(script=RIGHT), FakeListChatModel(responses=["No."]), {})

    arguments = ["answers", str(folder), "--json", str(result)]
    assert main(arguments, opening) == 0
    assert "tutorial chain" in json.loads(result.read_text())["systems"]
    assert main([*arguments, "--without-tutorial"], opening) == 0
    written = json.loads(result.read_text())
    assert written["systems"] == ["assistant", "quotes only"]


def test_a_picture_can_stand_beside_no_report(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    picture = tmp_path / "pictures" / "answers.png"
    assert main(["answers", str(folder), "--limit", "2", "--picture", str(picture)], OPENING) == 0
    assert picture.stat().st_size > 10_000


def test_a_picture_of_many_variants_shows_the_baselines_only(tmp_path: Path) -> None:
    """More systems than styles broke the picture, and with it the report."""
    folder = write_set(tmp_path / "set")
    variants = {f"{number} read": ScriptedAssistant(script=RIGHT) for number in range(6)}

    @contextmanager
    def opening(corpus: Path, model: str | None) -> Iterator[Subject]:
        yield Subject(ScriptedAssistant(script=RIGHT), None, {}, depths=lambda _: variants)

    report = tmp_path / "report.md"
    assert main(["answers", str(folder), "--found", "1", "--report", str(report)], opening) == 0
    assert report.with_suffix(".png").is_file()
    assert "| 5 read |" in report.read_text(encoding="utf-8")


def test_two_results_can_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_set(tmp_path / "set")
    files = [str(tmp_path / name) for name in ("before.json", "after.json")]
    silent = opening_of(ScriptedAssistant())
    assert main(["answers", str(folder), "--json", files[0]], OPENING) == 0
    assert main(["answers", str(folder), "--json", files[1]], silent) == 0
    capsys.readouterr()
    assert main(["compare", *files]) == 0
    printed = capsys.readouterr().out
    assert "right -> wrong: 3" in printed
    assert "after:  The corpus is silent." in printed


def test_the_gate_fails_with_one_line_when_the_assistant_gets_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    committed, fallen = str(tmp_path / "committed.json"), str(tmp_path / "fallen.json")
    assert main(["answers", str(folder), "--json", committed], OPENING) == 0
    assert main(["answers", str(folder), "--json", fallen], opening_of(ScriptedAssistant())) == 0
    assert main(["gate", committed, "--baseline", committed]) == 0
    capsys.readouterr()
    assert main(["gate", fallen, "--baseline", committed]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("evals: gate failed")


def test_the_gate_compares_results_of_one_model_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, result = write_set(tmp_path / "set"), tmp_path / "result.json"
    assert main(["answers", str(folder), "--json", str(result)], OPENING) == 0
    written = json.loads(result.read_text())
    written["made"]["models"]["model"] = "another"
    (tmp_path / "other.json").write_text(json.dumps(written))
    capsys.readouterr()
    assert main(["gate", str(result), "--baseline", str(tmp_path / "other.json")]) == 1
    assert "the committed one of another; give one of the same" in capsys.readouterr().err


def test_the_gate_without_a_result_measures_the_model_of_the_committed_one(tmp_path: Path) -> None:
    asked: list[str | None] = []

    @contextmanager
    def opening(corpus: Path, model: str | None) -> Iterator[Subject]:
        asked.append(model)
        raise EvalsError("it is enough to know which")
        yield

    assert main(["gate"], opening) == 1
    assert asked == ["none"]


def test_results_without_flips_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, result = write_set(tmp_path / "set"), str(tmp_path / "result.json")
    assert main(["fusion", str(folder), "--json", result], OPENING) == 0
    capsys.readouterr()
    assert main(["compare", result, result]) == 1
    assert "cannot compare two of fusion" in capsys.readouterr().err


def test_a_checker_that_accepts_all_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "support.jsonl"
    rows = [
        {"claim": "Bees dance.", "evidence": "Bees dance.", "label": "supported"},
        {"claim": "Wax melts.", "evidence": "Bees dance.", "label": "not_supported"},
    ]
    write_lines(path, rows * 20)
    accepts_all = {"accepts all": (lambda _claim, _evidence: 1.0, 0.5)}
    assert main(["support", str(path)], checkers=accepts_all) == 1
    assert "no better than chance" in capsys.readouterr().err
    written = tmp_path / "checked.json"
    by_words = {"same words": (lambda claim, evidence: float(claim == evidence), 0.5)}
    assert main(["support", str(path), "--json", str(written)], checkers=by_words) == 0
    checked = json.loads(written.read_text())["checkers"]["same words"]
    assert checked["balanced_accuracy"]["value"] == 1.0


def test_the_assistants_own_checker_is_measured_by_default(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    quoted = "Bees dance to point at flowers."
    rows = [
        {"claim": quoted, "evidence": quoted, "label": "supported"},
        {"claim": "Wax candles melt in summer.", "evidence": quoted, "label": "not_supported"},
    ]
    write_lines(path, rows * 10)
    assert main(["support", str(path)]) == 0


def test_a_draft_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "notes.txt"
    corpus.write_text("Bees dance.\nHoney keeps.\n", encoding="utf-8")
    assert main(["draft", str(corpus), "--output", str(tmp_path / "own")]) == 0
    printed = capsys.readouterr().out
    assert "Wrote 3 questions" in printed
    assert f"python -m evals answers {tmp_path / 'own'}" in printed
    assert main(["draft", str(corpus), "--output", str(tmp_path / "own")]) == 1


def test_conversion_says_what_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "cranfield")
    assert main(["convert", "cranfield", str(tmp_path), str(tmp_path / "set")]) == 0
    assert "3 statements, 3 questions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["retrieval", "nowhere"], "nowhere: no such folder"),
        (["answers", "nowhere"], "nowhere: no such folder"),
        (["answers", "."], "has no corpus.jsonl"),
        (["compare", "a.json", "b.json"], "a.json: cannot be read"),
        (["gate", "--baseline", "gone.json"], "gone.json: cannot be read"),
        (["support", "gone.jsonl"], "gone.jsonl: cannot be read"),
        (["draft", "gone.txt"], "gone.txt"),
        (["convert", "qed", "gone", "out"], "qed: no such folder"),
    ],
)
def test_a_wrong_path_is_one_line_and_exit_1(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments, OPENING) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.startswith("evals: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "package"),
    [
        (["retrieval"], "ir_measures"),
        (["fusion", "--split", "dev"], "ir_measures"),
        (["selection", "gone.jsonl"], "ir_measures"),
        (["answers", "--report", "report.md"], "matplotlib"),
        (["answers", "--picture", "picture.png"], "matplotlib"),
    ],
)
def test_what_is_not_installed_is_told_before_the_work(
    arguments: list[str],
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(arguments, OPENING) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"evals: {package} is not installed; `make evals` installs it")
    assert err.count("\n") == 1


def test_answers_over_a_set_without_answers_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "answers.jsonl").unlink()
    assert main(["answers", str(folder)], OPENING) == 1
    assert "has no answers.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["answers", "--limit", "0"],
        ["answers", "--limit", "many"],
        ["compare", "one.json"],
        ["convert", "unknown", "a", "b"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2


def test_an_interrupt_exits_with_130(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(corpus: Path, model: str | None) -> AbstractContextManager[Subject]:
        raise KeyboardInterrupt

    assert main(["retrieval", str(write_set(tmp_path / "set"))], interrupted) == 130
    assert "interrupted" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, evals.cli\n"
        "heavy = {'torch', 'chromadb', 'matplotlib', 'ir_measures', 'langchain_core', 'tqdm'}\n"
        "sys.exit(' '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
