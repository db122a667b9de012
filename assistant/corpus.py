"""Reading a corpus: a text file, a JSONL file, or a folder of them, into statements."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.errors import AssistantError, CorpusError, system_reason
from assistant.settings import user_path
from assistant.statement import JsonValue, Statement

SUFFIXES = (".txt", ".jsonl")
HALF_A_PAIR = "half a surrogate pair in it, which is not valid text"


@dataclass(frozen=True, slots=True)
class Corpus:
    """The statements of a corpus and what could not be read of it.

    Attributes:
        path: the file or folder it was read from; None for statements given in memory.
        statements: in the order of files (by name) and lines.
        problems: one line for each row or file that was left out, naming file and line.
    """

    path: Path | None
    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to call the corpus where a person reads it."""
        return _readable(self.path.name) if self.path else "statements in memory"


def shipped_corpus() -> Path:
    """The corpus that ships: beside the package in a checkout, inside it when installed."""
    packaged = Path(__file__).parent / "shipped_corpus"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "corpus"


def read_corpus(path: Path | str | None = None) -> Corpus:
    """Read a corpus.

    A `.txt` file holds one statement per line; a `.jsonl` file one object per line, with `text`
    and optionally `id` or `_id`; its other keys become metadata. A folder is read with all such
    files in it; one in BEIR layout is read by its `corpus.jsonl` alone.

    Args:
        path: file or folder; None is the corpus that ships.

    Returns:
        The statements; rows and files that could not be read are listed as problems.

    Raises:
        CorpusError: nothing is there, or nothing in it can be read.
    """
    root = find_corpus(path)
    problems: list[str] = []
    statements: list[Statement] = []
    for file in _files(root, problems):
        source = _source(file, root)
        try:
            statements += _read_file(file, source, problems)
        except (CorpusError, OSError) as error:
            if file == root:
                raise CorpusError(f"Cannot read {file}: {_explain(error)}.") from error
            problems.append(f"{source}: {_explain(error)}; left out")
    if not statements:
        details = f" First problem: {problems[0]}." if problems else ""
        raise CorpusError(
            f"No statements in {root}. A .txt file needs one statement per line, "
            f'a .jsonl file one {{"text": ...}} object per line.{details}'
        )
    identified = tuple(_with_unique_ids(statements, problems))
    return Corpus(root.resolve(), identified, tuple(problems))


def corpus_of(texts: list[str]) -> Corpus:
    """A corpus of statements given in memory, one per text.

    Raises:
        CorpusError: there is none, one is blank, or one is not valid text.
    """
    if not texts or not all(text.strip() for text in texts):
        raise CorpusError("Give at least one statement, and none that is blank.")
    for number, text in enumerate(texts, start=1):
        if not _is_valid(text):
            raise CorpusError(f"Statement {number} has {HALF_A_PAIR}; decode it anew.")
    statements = [
        Statement(id="", text=text, source="memory", line=line)
        for line, text in enumerate(texts, start=1)
    ]
    return Corpus(None, tuple(_with_unique_ids(statements, [])))


def find_corpus(path: Path | str | None) -> Path:
    """Where a corpus lies; None is the one that ships.

    Raises:
        CorpusError: nothing is there.
    """
    if path is None:
        return shipped_corpus()
    try:
        root = user_path(path)
        if root.exists():
            return root
    except (AssistantError, OSError, ValueError) as error:
        raise CorpusError(f"No corpus at {str(path)[:200]!r}: {_explain(error)}.") from error
    raise CorpusError(f"No corpus at {root}. Give a .txt or .jsonl file, or a folder of them.")


def _files(root: Path, problems: list[str]) -> list[Path]:
    if root.is_file():
        if root.suffix.lower() not in SUFFIXES:
            raise CorpusError(
                f"Cannot read {root}: a corpus is a .txt file (one statement per line), "
                "a .jsonl file or a folder of them."
            )
        return [root]
    try:
        if (root / "corpus.jsonl").is_file() and (root / "queries.jsonl").is_file():
            return [root / "corpus.jsonl"]
    except OSError as error:
        raise CorpusError(f"Cannot read {root}: {_explain(error)}.") from error
    files = _files_within(root, problems)
    if not files and not problems:
        raise CorpusError(f"Nothing to read in {root}: it holds no .txt and no .jsonl file.")
    return files


def _files_within(root: Path, problems: list[str]) -> list[Path]:
    def leave_out(error: OSError) -> None:
        if Path(error.filename) == root:
            raise CorpusError(f"Cannot read {root}: {_explain(error)}.") from error
        problems.append(f"{_source(Path(error.filename), root)}: {_explain(error)}; left out")

    files = []
    for folder, folders, names in os.walk(root, onerror=leave_out):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if name.startswith(".") or file.suffix.lower() not in SUFFIXES:
                continue
            try:
                if file.is_file():
                    files.append(file)
            except OSError as error:
                leave_out(error)
    return sorted(files)


def _source(file: Path, root: Path) -> str:
    """What a file is called where a person reads it."""
    return _readable(file.name if file == root else file.relative_to(root).as_posix())


def _read_file(file: Path, source: str, problems: list[str]) -> list[Statement]:
    lines = _decode(file.read_bytes()).split("\n")
    is_jsonl = file.suffix.lower() == ".jsonl"
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not is_jsonl:
            found.append(Statement(id="", text=line.rstrip("\r"), source=source, line=number))
            continue
        try:
            found.append(_read_row(line, source, number))
        except ValueError as error:
            problems.append(f"{source}, line {number}: {error}; left out")
    return found


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CorpusError("it is UTF-16 text; save it as UTF-8")
    if b"\0" in data:
        raise CorpusError("it is a binary file, not text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"it is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _read_row(line: str, source: str, number: int) -> Statement:
    try:
        row: JsonValue = json.loads(line, parse_constant=_finite, parse_float=_finite)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"expected an object with a text, found {type(row).__name__}")
    text = row.pop("text", None)
    if not isinstance(text, str) or not text.strip():
        raise ValueError('no "text" in it, or a blank one')
    own_ids = [row.pop(key, None) for key in ("_id", "id")]
    own_id = next((str(value) for value in own_ids if value not in (None, "")), "")
    if not _is_valid(json.dumps([own_id, text, row], ensure_ascii=False)):
        raise ValueError(HALF_A_PAIR)
    return Statement(id=own_id, text=text, source=source, line=number, metadata=row)


def _finite(number: str) -> float | None:
    """What Python reads and JSON has no word for (NaN, 1e999) is null."""
    value = float(number)
    return value if math.isfinite(value) else None


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _readable(name: str) -> str:
    """A file's name as text, whatever bytes the file system has for it."""
    return os.fsencode(name).decode(errors="replace")


def _with_unique_ids(statements: list[Statement], problems: list[str]) -> Iterator[Statement]:
    """Keep rows' own ids; derive the others from content and place.

    The place is the file and, for a text that stands there several times, which of them it is:
    a line added above moves no id.
    """
    seen: set[str] = set()
    copies: Counter[tuple[str, str]] = Counter()
    for statement in statements:
        copies[statement.source, statement.text] += 1
        copy = copies[statement.source, statement.text]
        content = f"{statement.source}\0{statement.text}\0{copy}".encode()
        derived = hashlib.sha256(content).hexdigest()[:16]
        if statement.id in seen:
            problems.append(
                f"{statement.source}, line {statement.line}: the id {statement.id!r} is taken; "
                f"it is {derived} here"
            )
        chosen = statement.id if statement.id and statement.id not in seen else derived
        seen.add(chosen)
        yield replace(statement, id=chosen)


def _explain(error: Exception) -> str:
    return system_reason(error) if isinstance(error, OSError) else str(error).removesuffix(".")
