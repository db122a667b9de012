"""JSON lines in and out; every complaint names the file and the line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistant.statement import JsonValue
from evals.errors import EvalsError


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object of a JSON lines file and where it stands."""

    path: Path
    line: int
    values: Mapping[str, JsonValue]

    def error(self, complaint: str) -> EvalsError:
        """The complaint with this row's file and line in front."""
        return EvalsError(f"{self.path} line {self.line}: {complaint}")

    def text(self, key: str) -> str:
        """The string under `key`; an `EvalsError` where there is none."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.error(f'expected a string under "{key}", found {json.dumps(value)}')
        return value

    def flag(self, key: str) -> bool:
        """The boolean under `key`; an `EvalsError` where there is none."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self.error(f'expected true or false under "{key}", found {json.dumps(value)}')
        return value

    def groups(self, key: str) -> tuple[tuple[str, ...], ...]:
        """The list of non-empty lists of strings under `key`; an `EvalsError` for other shapes."""
        value = self.values.get(key)
        complaint = self.error(
            f'expected a list of lists of strings under "{key}", found {json.dumps(value)[:80]}'
        )
        if not isinstance(value, list):
            raise complaint
        groups: list[tuple[str, ...]] = []
        for group in value:
            if not isinstance(group, list) or not group:
                raise complaint
            items = tuple(item for item in group if isinstance(item, str) and item.strip())
            if len(items) != len(group):
                raise complaint
            groups.append(items)
        return tuple(groups)


def read_text(path: Path) -> str:
    """A UTF-8 file as text; an `EvalsError` that names the file when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvalsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise EvalsError(f"{path}: is not UTF-8 text; save it as UTF-8") from error


def read_rows(path: Path) -> list[Row]:
    """The objects of a JSON lines file in order, blank lines left out.

    Raises:
        EvalsError: the file cannot be read, holds no row, or a line is not a JSON object.
    """
    rows: list[Row] = []
    # Only "\n" ends a line here: str.splitlines would also cut at U+2028 inside a JSON string.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise EvalsError(f"{path} line {number}: not valid JSON ({error.msg})") from error
        if not isinstance(values, dict):
            raise EvalsError(f"{path} line {number}: expected a JSON object, found {line[:60]}")
        rows.append(Row(path, number, values))
    if not rows:
        raise EvalsError(f"{path}: is empty; expected one JSON object per line")
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, JsonValue]]) -> None:
    """Write one JSON object per line, making the folder where it is missing."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_text(path, "".join(lines))


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file, making its folder where it is missing.

    Raises:
        EvalsError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvalsError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error
