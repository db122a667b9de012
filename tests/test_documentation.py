"""The README cannot drift: commands, settings, files and code in it are what is there."""

import argparse
import re
from pathlib import Path

import pytest

from assistant.catalogue import CATALOGUE, CatalogueModel
from assistant.cli import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> dict[str, argparse.ArgumentParser]:
    (subparsers,) = [
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(subparsers.choices)


def every_option() -> list[tuple[str, str]]:
    return [
        (name, action.option_strings[-1] if action.option_strings else str(action.metavar))
        for name, parser in commands().items()
        for action in parser._actions
        if action.dest != "help"
    ]


def described(command: str) -> str:
    """The row of a command in the README's table."""
    (row,) = re.findall(rf"^\| `assistant {command}\b.*$", README, re.MULTILINE)
    return row


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    assert described(command)


@pytest.mark.parametrize(("command", "option"), every_option())
def test_every_option_of_a_command_is_in_its_row(command: str, option: str) -> None:
    assert option in described(command)


@pytest.mark.parametrize("command", commands())
def test_the_readme_names_no_option_that_is_not_there(command: str) -> None:
    named = set(re.findall(r"--[a-z-]+", described(command)))
    assert named <= {option for name, option in every_option() if name == command}


@pytest.mark.parametrize("command", commands())
def test_every_option_and_command_has_a_help_text(command: str) -> None:
    for action in commands()[command]._actions:
        # What a positional takes is said by its name and by the command's own help.
        assert action.help or not action.option_strings, action
    assert re.search(rf"^\s+{command}\s+\w", build_parser().format_help(), re.MULTILINE)


def test_every_variable_is_in_the_readme_and_no_other() -> None:
    source = (ROOT / "assistant" / "settings.py").read_text()
    in_the_source = set(re.findall(r"environment\.get\(\"(ASSISTANT_\w+)", source))
    assert len(in_the_source) >= 5
    assert set(re.findall(r"`(ASSISTANT_\w+)`", README)) == in_the_source


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_model_is_in_the_readme(model: CatalogueModel) -> None:
    assert f"`{model.name}`" in README


def test_the_file_tree_names_the_modules_that_are_there() -> None:
    (tree,) = re.findall(r"^assistant/ .*?^corpus/", README, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"\b(\w+)\.py\b", tree))
    there = {file.stem for file in (ROOT / "assistant").glob("*.py")}
    assert named <= there
    assert {name for name in there if not name.startswith("__")} <= named


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:|#)([^)#]+)", README))
def test_every_file_that_the_readme_links_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    "target", re.findall(r"^(?:\s*\$\s*)?make (\w+)", README, re.MULTILINE) or [""]
)
def test_every_make_target_in_the_readme_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "line", re.findall(r"^(?:\.venv/bin/)?assistant (.+)$", README, re.MULTILINE)
)
def test_every_command_line_in_the_readme_is_understood(line: str) -> None:
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line.partition(" #")[0])]
    build_parser().parse_args(words)


def test_the_readme_has_python_code() -> None:
    assert PYTHON_BLOCKS


@pytest.mark.parametrize("number", range(len(PYTHON_BLOCKS)))
def test_python_code_of_the_readme_is_valid(number: int) -> None:
    compile(PYTHON_BLOCKS[number], f"README.md, block {number + 1}", "exec")


@pytest.mark.models
def test_python_code_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the bundled embedder and without a language model."""
    monkeypatch.setenv("ASSISTANT_MODEL", "none")
    for number, block in enumerate(PYTHON_BLOCKS, start=1):
        exec(compile(block, f"README.md, block {number}", "exec"), {})
        assert capsys.readouterr().out
