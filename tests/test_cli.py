"""The command line: exit statuses, one line for an error, and output that is only text."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from assistant import __version__
from assistant.cli import INTERRUPTED, main
from tests.fakes import Hub

ROOT = Path(__file__).parent.parent
QUESTION = "When do bees fly?"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.txt"
    file.write_text("Bees fly from ten degrees on.\nHoney keeps for many years.\n")
    return file


@pytest.fixture(autouse=True)
def _no_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MODEL", "none")


Captured = pytest.CaptureFixture[str]


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ["fly"],
            ["ask"],
            ["ask", "one", "two"],
            ["search", QUESTION, "--limit", "0"],
            ["search", QUESTION, "--limit", "few"],
            ["chat", "--port", "70000"],
            ["chat", "--port", "0"],
            ["pull"],
            ["models", "--json"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
        self, words: list[str], capsys: Captured
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "error: " in told.err
        assert "_positive" not in told.err
        assert "_port" not in told.err

    def test_no_command_shows_the_help_and_ends_with_2(self, capsys: Captured) -> None:
        assert main([]) == 2
        assert "ask" in capsys.readouterr().out

    @pytest.mark.parametrize(("option", "shows"), [("--version", __version__), ("--help", "usage")])
    def test_asking_about_the_command_ends_with_0(
        self, option: str, shows: str, capsys: Captured
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
        assert shows in capsys.readouterr().out


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["ask", QUESTION, "--corpus", "not-there.txt"], "No corpus at not-there.txt"),
            (["search", QUESTION, "--corpus", "pyproject.toml"], "a corpus is a .txt file"),
            (["index", "not-there"], "No corpus at not-there"),
            (["chat", "--corpus", "not-there.txt"], "No corpus at not-there.txt"),
            (["ask", QUESTION, "--model", "qwen3-4"], "Did you mean qwen3-4b?"),
            (["ask", QUESTION, "--model", "missing.gguf"], "No model file at missing.gguf"),
            (["ask", QUESTION, "--model", "qwen3-4b"], "assistant pull qwen3-4b"),
            (["chat", "--model", "qwen3-4b"], "assistant pull qwen3-4b"),
            (["pull", "gpt"], "No model is called 'gpt' in the catalogue"),
            (["ask", QUESTION, "--corpus", "~nobody-has-this-name/a.txt"], "~nobody-has-this"),
            (["ask", QUESTION, "--model", "~nobody-has-this-name/a.gguf"], "~nobody-has-this"),
            (["ask", QUESTION, "--corpus", "x" * 5000], "name too long"),
            (["ask", QUESTION, "--corpus", "two\nlines.txt"], "No corpus at two"),
        ],
        ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
    )
    def test_an_error_is_one_line_and_ends_with_1(
        self, words: list[str], says: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(ROOT)
        assert main(words) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert says.casefold() in told.err.casefold()
        assert told.err.startswith("assistant: ")
        assert told.err.count("\n") == 1

    @pytest.mark.parametrize("name", ["ASSISTANT_HOME", "ASSISTANT_CORPUS"])
    def test_a_setting_that_names_the_home_of_nobody_is_one_line(
        self, name: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "~nobody-has-this-name/x")
        assert main(["models"]) in (0, 1)
        assert capsys.readouterr().err.count("\n") <= 1

    @pytest.mark.models
    def test_a_data_folder_that_is_a_file_is_one_line(
        self, notes: Path, home: Path, capsys: Captured
    ) -> None:
        home.write_text("")
        assert main(["search", QUESTION, "--corpus", str(notes)]) == 1
        told = capsys.readouterr().err
        assert "Set ASSISTANT_HOME to a folder" in told
        assert told.count("\n") == 1

    @pytest.mark.models
    def test_a_blank_question_is_one_line(self, notes: Path, capsys: Captured) -> None:
        assert main(["ask", "  ", "--corpus", str(notes)]) == 1
        assert "The question is blank" in capsys.readouterr().err


@pytest.mark.models
class TestAsking:
    def test_an_answer_is_followed_by_its_quotes_and_their_places(
        self, notes: Path, capsys: Captured
    ) -> None:
        assert main(["ask", QUESTION, "--corpus", str(notes)]) == 0
        told = capsys.readouterr()
        assert told.out.startswith("Bees fly from ten degrees on. [1]\n\n")
        assert "[1] “Bees fly from ten degrees on.”\n    notes.txt, line 1" in told.out
        assert told.err == ""

    def test_json_has_the_shape_of_the_contract(self, notes: Path, capsys: Captured) -> None:
        assert main(["ask", QUESTION, "--json", "--corpus", str(notes)]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert set(answer) == set(
            "question answered confidence text reason sentences citations hits model seconds "
            "searched_for dropped receipt".split()
        )
        (citation,) = answer["citations"]
        text = citation["statement"]["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert set(answer["hits"][0]) == set(
            "rank score dense_score lexical_score dense_rank lexical_rank statement".split()
        )
        assert answer["model"] == "quotes"

    def test_abstaining_ends_with_0_and_shows_what_is_nearest(
        self, notes: Path, capsys: Captured
    ) -> None:
        assert main(["ask", "Who won the election in Peru?", "--corpus", str(notes)]) == 0
        told = capsys.readouterr().out
        assert told.startswith("The corpus does not say.\n")
        assert "The nearest statements:\n1. " in told

    def test_search_shows_as_many_hits_as_asked_for(self, notes: Path, capsys: Captured) -> None:
        assert main(["search", QUESTION, "--limit", "1", "--corpus", str(notes)]) == 0
        told = capsys.readouterr().out
        assert told.startswith("1. Bees fly from ten degrees on.\n   score ")
        assert "2. " not in told
        assert main(["search", QUESTION, "--json", "--corpus", str(notes)]) == 0
        hits = json.loads(capsys.readouterr().out)
        assert [hit["rank"] for hit in hits] == [1, 2]

    def test_indexing_says_what_it_took(self, notes: Path, capsys: Captured) -> None:
        assert main(["index", str(notes)]) == 0
        assert "2 added, 0 changed, 0 removed, 0 unchanged; 2 embedded." in capsys.readouterr().out
        assert main(["index", str(notes)]) == 0
        assert "2 unchanged; 0 embedded." in capsys.readouterr().out
        assert main(["index", str(notes), "--rebuild"]) == 0
        assert "2 added" in capsys.readouterr().out

    def test_rows_left_out_are_told_beside_the_answer(
        self, tmp_path: Path, capsys: Captured
    ) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"text": "Bees fly from ten degrees on."}\n' + "{\n" * 9)
        assert main(["ask", QUESTION, "--json", "--corpus", str(file)]) == 0
        told = capsys.readouterr()
        assert json.loads(told.out)["answered"]
        lines = told.err.splitlines()
        assert [line.split(":")[1] for line in lines[:3]] == [
            f" rows.jsonl, line {number}" for number in (2, 3, 4)
        ]
        assert lines[3:] == ["assistant: and 6 more problems"]

    def test_text_that_could_drive_the_terminal_is_made_harmless(
        self, tmp_path: Path, capsys: Captured
    ) -> None:
        folder = tmp_path / "corpus"
        folder.mkdir()
        hostile = "Bees \x1b[2J\x9b31m\x07\x08 fly \r over\x85 \x1c \u202e here"
        (folder / "\x1b[31mred\x07.jsonl").write_text(
            json.dumps({"text": hostile, "id": "\x1b[2J"}) + "\n{\n"
        )
        for words in (["search"], ["ask"]):
            assert main([*words, "Bees fly over here", "--corpus", str(folder)]) == 0
            told = capsys.readouterr()
            for text in (told.out, told.err):
                assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
            assert "Bees" in told.out

    def test_marks_that_join_letters_are_shown_as_they_are(
        self, tmp_path: Path, capsys: Captured
    ) -> None:
        text = "Bees fly: \U0001f469\u200d\U0001f4bb, \u0645\u06cc\u200c\u062e\u0648, soft\u00adly."
        (tmp_path / "notes.txt").write_text(text, encoding="utf-8")
        assert main(["search", "Bees fly", "--corpus", str(tmp_path / "notes.txt")]) == 0
        assert text in capsys.readouterr().out

    def test_a_question_in_another_encoding_is_no_stack_trace(
        self, notes: Path, capsys: Captured
    ) -> None:
        for words in (["search"], ["ask", "--json"]):
            assert main([*words, "bees \udcff fly", "--corpus", str(notes)]) in (0, 1)
            assert capsys.readouterr().err.count("\n") <= 1

    @pytest.mark.parametrize("words", [["search", QUESTION], ["ask", QUESTION]])
    def test_a_terminal_that_cannot_show_a_mark_gets_another(
        self, words: list[str], notes: Path
    ) -> None:
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        with redirect_stdout(terminal):
            assert main([*words, "--corpus", str(notes)]) == 0
        terminal.seek(0)
        assert "Bees fly" in terminal.read()


def test_the_models_are_listed_with_sizes_and_what_is_chosen(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_MODEL", "qwen3-4b")
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("*")] == [lines[4]]
    assert re.search(r"qwen3-4b .* 2,497 MB .*Apache-2\.0 .*assistant pull qwen3-4b", lines[4])


@pytest.mark.models
def test_the_doctor_prints_a_line_for_each_check_and_ends_with_1_when_one_fails(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CORPUS", "not-there.txt")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok    ", "FAIL  ")) for line in lines)
    assert any(line.startswith("FAIL  corpus: No corpus at not-there.txt") for line in lines)


def run(*words: str, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "assistant", *words],
        cwd=ROOT,
        # Buffered as it is for users: what breaks when flushing at the end has to show.
        env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class TestProcess:
    def test_the_module_is_the_command(self) -> None:
        with run("--version") as process:
            out, errors = process.communicate()
        assert (process.returncode, out, errors) == (0, f"assistant {__version__}\n", "")

    def test_a_reader_that_has_gone_is_no_stack_trace(self) -> None:
        with run("models") as process:
            process.stdout.close()
            errors = process.stderr.read()
        assert errors == ""
        assert process.returncode in (0, 1)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
    def test_output_that_cannot_be_written_is_an_error_and_no_stack_trace(self) -> None:
        with Path("/dev/full").open("w") as full:
            command = [sys.executable, "-m", "assistant", "models"]
            ended = subprocess.run(
                command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert ended.returncode == 1
        assert set(ended.stderr.splitlines()) == {"assistant: No space left on device."}

    @pytest.mark.models
    @pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to the whole group")
    def test_ctrl_c_while_the_models_load_ends_with_130_and_does_not_hang(self) -> None:
        """An interrupted import must not leave a lock behind that other threads wait for."""
        with run("ask", QUESTION, ASSISTANT_MODEL="smollm2-135m") as process:
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            try:
                out, errors = process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert (process.returncode, out) == (INTERRUPTED, "")
        assert errors.strip() == "assistant: stopped."

    @pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to the whole group")
    def test_ctrl_c_while_pulling_ends_with_130_and_keeps_what_has_arrived(
        self, hub: Hub, home: Path
    ) -> None:
        hub.content, hub.cut_after, hub.stalls = bytes(3 << 20), 2 << 20, True
        with run("pull", "qwen3-0.6b", HF_ENDPOINT=hub.url) as process:
            while not any(part.stat().st_size for part in home.rglob("*.part")):
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate()
        assert (process.returncode, out) == (INTERRUPTED, "")
        assert errors.strip() == "assistant: stopped."
        assert next(home.rglob("*.part")).stat().st_size >= 1 << 20

    def test_a_hub_that_cannot_be_reached_is_one_line(self) -> None:
        with run("pull", "qwen3-0.6b", HF_ENDPOINT="http://127.0.0.1:9") as process:
            out, errors = process.communicate()
        assert (process.returncode, out) == (1, "")
        assert errors.startswith("assistant: The hub cannot be reached")
        assert errors.count("\n") == 1
