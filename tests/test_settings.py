"""Settings, and the environment they mirror."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.settings import (
    DEFAULT_EMBEDDER,
    DEFAULT_MODEL,
    Settings,
    default_home,
    share_cores,
)

ROOT = Path(__file__).parent.parent
EVERY_VARIABLE = {
    "ASSISTANT_HOME": ("home", "/data/home", Path("/data/home")),
    "ASSISTANT_CORPUS": ("corpus", "/data/notes.txt", Path("/data/notes.txt")),
    "ASSISTANT_MODEL": ("model", "qwen3-4b", "qwen3-4b"),
    "ASSISTANT_EMBEDDER": ("embedder", "MongoDB/mdbr-leaf-ir", "MongoDB/mdbr-leaf-ir"),
    "ASSISTANT_ABSTAIN_BELOW": ("abstain_below", "0.6", 0.6),
    "ASSISTANT_CHROMA_URL": ("chroma_url", "http://localhost:8000", "http://localhost:8000"),
}


def variables_in_the_source() -> set[str]:
    files = (ROOT / "assistant").rglob("*.py")
    return set(
        re.findall(r"environment\.get\(\"(ASSISTANT_\w+)", "".join(f.read_text() for f in files))
    )


def test_every_variable_is_tested_here() -> None:
    assert variables_in_the_source() == set(EVERY_VARIABLE)


@pytest.mark.parametrize("variable", EVERY_VARIABLE)
def test_a_variable_sets_its_field_and_nothing_else(variable: str) -> None:
    field, value, expected = EVERY_VARIABLE[variable]
    made = Settings.from_environment({variable: value})
    assert getattr(made, field) == expected
    assert dataclasses.replace(made, **{field: getattr(Settings(), field)}) == Settings()


@pytest.mark.parametrize("variable", EVERY_VARIABLE)
def test_an_empty_variable_counts_as_unset(variable: str) -> None:
    assert Settings.from_environment({variable: ""}) == Settings.from_environment({}) == Settings()


def test_the_defaults_need_no_account_and_no_network() -> None:
    made = Settings()
    assert (made.model, made.embedder) == (DEFAULT_MODEL, DEFAULT_EMBEDDER)
    assert (made.corpus, made.chroma_url) == (None, None)
    assert made.home == default_home()
    assert made.home.is_absolute()


def test_the_environment_of_the_process_is_read_by_default(home: Path) -> None:
    assert Settings.from_environment().home == home


def test_a_tilde_is_the_home_of_the_user() -> None:
    made = Settings.from_environment({"ASSISTANT_HOME": "~/a", "ASSISTANT_CORPUS": "~/b"})
    assert made.home == Path.home() / "a"
    assert made.corpus == Path.home() / "b"


@pytest.mark.parametrize("variable", ["ASSISTANT_HOME", "ASSISTANT_CORPUS"])
def test_the_home_of_nobody_is_one_clear_line_and_no_folder_of_that_name(variable: str) -> None:
    with pytest.raises(AssistantError, match="No home folder is known for ~nobody-has-this-name"):
        Settings.from_environment({variable: "~nobody-has-this-name/x"})


@pytest.mark.parametrize("value", ["much", "1.5", "-0.1", "nan"])
def test_a_threshold_that_is_none_is_one_clear_line(value: str) -> None:
    with pytest.raises(AssistantError, match=f"'{value}'; expected a number from 0 to 1"):
        Settings.from_environment({"ASSISTANT_ABSTAIN_BELOW": value})


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().model = "other"


def test_the_environment_is_read_in_one_place() -> None:
    """The key of an OpenAI-compatible server and the screen are not settings of the assistant."""
    for file in (ROOT / "assistant").rglob("*.py"):
        reads = re.findall(r"(?:environ|getenv)\W+ASSISTANT_\w+", file.read_text())
        assert not reads, file


def test_computing_threads_sleep_soon_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    share_cores()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    share_cores()
    assert int(os.environ["GOMP_SPINCOUNT"]) < 10_000


def test_libraries_are_kept_from_reporting() -> None:
    script = (
        "import os; from assistant.settings import keep_private; keep_private();"
        "print(*(f'{k}={v}' for k, v in os.environ.items()), sep=chr(10))"
    )
    environment = {**os.environ, "LANGSMITH_TRACING": "true", "GRADIO_ANALYTICS_ENABLED": "True"}
    output = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for line in (
        "LANGSMITH_TRACING=false",
        "LANGCHAIN_TRACING_V2=false",
        "GRADIO_ANALYTICS_ENABLED=False",
        "HF_HUB_DISABLE_TELEMETRY=1",
        "ANONYMIZED_TELEMETRY=False",
    ):
        assert line in output
