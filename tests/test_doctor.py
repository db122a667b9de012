"""The doctor looks at everything, finds what is wrong, and breaks nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.doctor import Finding, diagnose
from assistant.judge import ANSWER_WEIGHTS
from assistant.settings import Settings

pytestmark = pytest.mark.models


def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding for finding in diagnose(settings)}


def test_a_sound_installation_is_fine(settings: Settings) -> None:
    found = findings(settings)
    for subject in ("Python", "chromadb"):
        assert found[subject].is_fine, found[subject]
    for subject in (
        "bundled embedder",
        "bundled language model",
        "what it was taught",
        "judge of answers",
        "judge of support",
    ):
        assert found[subject].is_fine, found[subject]
        assert found[subject].detail.endswith("hash verified")
    assert found["chosen model"] == Finding("chosen model", True, "none")
    assert "11 statements" in found["corpus"].detail
    assert found["data folder"].detail.startswith(str(settings.home))


@pytest.mark.parametrize(
    ("subject", "wrong"),
    [
        ("chosen model", {"model": "qwen3-4"}),
        ("chosen model", {"model": "~nobody-has-this-name/x.gguf"}),
        ("corpus", {"corpus": Path("not-there.txt")}),
        ("corpus", {"corpus": Path("~nobody-has-this-name/notes.txt")}),
    ],
)
def test_what_is_wrong_is_a_finding_and_the_rest_is_still_checked(
    settings: Settings, subject: str, wrong: dict[str, object]
) -> None:
    found = findings(replace(settings, **wrong))
    assert not found[subject].is_fine
    assert len(found[subject].detail.splitlines()) == 1
    assert len(found) == len(findings(settings))


def test_a_damaged_judge_is_a_finding_that_says_how_to_mend_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "judge.safetensors").write_bytes(ANSWER_WEIGHTS.read_bytes()[:-1])
    monkeypatch.setattr("assistant.doctor.ANSWER_WEIGHTS", tmp_path / "judge.safetensors")
    found = findings(settings)["judge of answers"]
    assert not found.is_fine
    assert found.detail.endswith("run: git restore assistant/models")


def test_a_data_folder_that_is_a_file_is_a_finding(settings: Settings) -> None:
    settings.home.write_text("")
    assert not findings(settings)["data folder"].is_fine


def test_rows_left_out_of_the_corpus_are_counted(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "One."}\n{')
    found = findings(replace(settings, corpus=tmp_path / "rows.jsonl"))
    assert found["corpus"].is_fine
    assert "1 statement" in found["corpus"].detail
    assert "1 problem" in found["corpus"].detail
