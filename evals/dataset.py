"""A question set: statements, questions, which statements are relevant, what an answer holds.

The layout is BEIR's (https://github.com/beir-cellar/beir): `corpus.jsonl`, `queries.jsonl` and
`qrels/SPLIT.tsv`. `answers.jsonl` beside it says what a right answer contains and cites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant.answer import ABSTENTION
from assistant.statement import JsonValue, Statement
from evals.errors import EvalsError
from evals.rows import Row, read_rows, read_text

LAYOUT = "a folder in BEIR layout: corpus.jsonl, queries.jsonl and qrels/test.tsv"
NO_KIND = "question"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer looks like.

    Attributes:
        answerable: False where the corpus is silent and only abstaining is right.
        facts: required facts; each is a tuple of alternatives, one of which is enough.
        cite: required citations; each is a tuple of statement ids, one of which is enough.
    """

    answerable: bool
    facts: tuple[tuple[str, ...], ...] = ()
    cite: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the set.

    Attributes:
        history: earlier (question, answer) pairs; empty unless it is a follow-up.
        relevant: statement id -> grade: 2 answers, 1 is fair background, 0 is not relevant.
        expected: None where the set has no `answers.jsonl`.
    """

    id: str
    text: str
    kind: str = NO_KIND
    history: tuple[tuple[str, str], ...] = ()
    relevant: Mapping[str, int] = field(default_factory=dict)
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """The questions of one split, over all statements of the set.

    Attributes:
        name: the folder's name.
        notes: oddities that were tolerated, one sentence each, for the reader of the numbers.
    """

    name: str
    folder: Path
    split: str
    statements: tuple[Statement, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()

    @property
    def corpus(self) -> Path:
        """The file of statements, as the assistant opens it."""
        return self.folder / "corpus.jsonl"


def load_datasets(folders: Sequence[Path], split: str) -> tuple[Dataset, ...]:
    """Read one split of several question sets; a folder of sets stands for those with the split.

    Raises:
        EvalsError: see `load_dataset`; or two sets have a question of one id, which would be taken
            for one question.
    """
    found: list[Path] = []
    for folder in folders:
        inside = sorted(path.parents[1] for path in folder.glob(f"*/qrels/{split}.tsv"))
        found += inside if inside and not (folder / "corpus.jsonl").exists() else [folder]
    datasets = tuple(load_dataset(folder, split) for folder in found)
    owners: dict[str, str] = {}
    for dataset in datasets:
        for question in dataset.questions:
            if question.id in owners:
                raise EvalsError(
                    f"{owners[question.id]} and {dataset.name} both have a question {question.id}; "
                    "measure them one by one, or give their questions other ids"
                )
            owners[question.id] = dataset.name
    return datasets


def after_another(dataset: Dataset) -> Dataset:
    """The set with every question that stands alone asked after the one before it.

    The first comes after the last. The answer told before it is a statement that answers.
    """
    texts = {statement.id: statement.text for statement in dataset.statements}
    alone = [question for question in dataset.questions if not question.history]
    histories = {question.id: question.history for question in dataset.questions}
    for before, question in zip(alone[-1:] + alone[:-1], alone, strict=True):
        grades = before.relevant.items()
        answering = (texts[each] for each, grade in grades if grade > 1 and each in texts)
        histories[question.id] = ((before.text, next(answering, ABSTENTION)),)
    questions = (replace(each, history=histories[each.id]) for each in dataset.questions)
    return replace(dataset, questions=tuple(questions))


def load_dataset(folder: Path, split: str) -> Dataset:
    """Read one split of a question set.

    Raises:
        EvalsError: the folder is not a question set, a row is malformed, or the split is empty.
    """
    if not folder.is_dir():
        raise EvalsError(f"{folder}: no such folder; expected {LAYOUT}")
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise EvalsError(f"{folder}: has no {name}; expected {LAYOUT}")
    statements = _read_statements(folder / "corpus.jsonl")
    known = {statement.id: statement.text for statement in statements}
    qrels = _read_qrels(folder / "qrels" / f"{split}.tsv")
    answers = _read_answers(folder / "answers.jsonl", known)
    questions: dict[str, Question] = {}
    for row in read_rows(folder / "queries.jsonl"):
        identifier = row.text("_id")
        if identifier in questions:
            raise row.error(f'the id "{identifier}" is used twice')
        answer_split, expected = answers.get(identifier, ("", None))
        if identifier not in qrels and answer_split != split:
            continue
        if answers and expected is None:
            raise row.error(f'"{identifier}" has no row in answers.jsonl; add one')
        questions[identifier] = _question(row, qrels.get(identifier, {}), expected)
    if not questions:
        raise EvalsError(
            f'{folder}: no question in the split "{split}"; it has {_splits(folder, answers)}'
        )
    notes = _notes(qrels, known, questions.keys(), split)
    name = folder.resolve().name
    return Dataset(name, folder, split, statements, tuple(questions.values()), tuple(notes))


def _read_statements(path: Path) -> tuple[Statement, ...]:
    """The statements of `corpus.jsonl`; a second row with the same id is an error."""
    statements: dict[str, Statement] = {}
    for row in read_rows(path):
        identifier = row.text("_id")
        if identifier in statements:
            raise row.error(f'the id "{identifier}" is used twice')
        metadata = {key: row.values[key] for key in row.values if key not in ("_id", "text")}
        statements[identifier] = Statement(
            identifier, row.text("text"), path.name, row.line, metadata
        )
    return tuple(statements.values())


def _question(row: Row, relevant: Mapping[str, int], expected: Expected | None) -> Question:
    """A row of `queries.jsonl` with what belongs to it."""
    metadata = row.values.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kind = metadata.get("kind")
    return Question(
        id=row.text("_id"),
        text=row.text("text"),
        kind=kind if isinstance(kind, str) and kind else NO_KIND,
        history=read_history(row, metadata),
        relevant=relevant,
        expected=expected,
    )


def read_history(row: Row, values: Mapping[str, JsonValue]) -> tuple[tuple[str, str], ...]:
    """The (question, answer) pairs under `history`; an `EvalsError` for other shapes."""
    turns = values.get("history", [])
    history: list[tuple[str, str]] = []
    for turn in turns if isinstance(turns, list) else [turns]:
        match turn:
            case [str(asked), str(answered)]:
                history.append((asked, answered))
            case _:
                raise row.error('expected [question, answer] pairs under "history"')
    return tuple(history)


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Query id -> statement id -> grade; empty where the split has no file."""
    qrels: dict[str, dict[str, int]] = {}
    if not path.is_file():
        return qrels
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.rstrip("\r").split("\t")
        if not line.strip() or (number == 1 and fields[-1] == "score"):
            continue
        try:
            query, statement, grade = fields
            qrels.setdefault(query, {})[statement] = int(grade)
        except ValueError as error:
            raise EvalsError(
                f"{path} line {number}: expected query-id, corpus-id and a whole-number score "
                f"between tabs, found {line[:60]!r}"
            ) from error
    return qrels


def _read_answers(path: Path, known: Mapping[str, str]) -> dict[str, tuple[str, Expected]]:
    """Question id -> (split, expected answer); empty where the set has no answers."""
    answers: dict[str, tuple[str, Expected]] = {}
    if not path.is_file():
        return answers
    for row in read_rows(path):
        identifier = row.text("_id")
        if identifier in answers:
            raise row.error(f'the id "{identifier}" is used twice')
        expected = Expected(row.flag("answerable"), row.groups("facts"), row.groups("cite"))
        if expected.answerable and not (expected.facts and expected.cite):
            raise row.error("an answerable question needs at least one fact and one citation")
        for statement in (statement for group in expected.cite for statement in group):
            if statement not in known:
                raise row.error(f'"cite" names "{statement}", which corpus.jsonl does not have')
        _check_evidence(row, known)
        answers[identifier] = (row.text("split"), expected)
    return answers


def _check_evidence(row: Row, known: Mapping[str, str]) -> None:
    """Every quote has to be a substring of its statement: a typo here hides in the numbers."""
    evidence = row.values.get("evidence", [])
    for item in evidence if isinstance(evidence, list) else [evidence]:
        match item:
            case {"statement": str(statement), "quote": str(quote)}:
                if quote not in known.get(statement, ""):
                    raise row.error(f'the quote {quote[:60]!r} is not in "{statement}"')
            case _:
                raise row.error('expected {"statement": ..., "quote": ...} under "evidence"')


def _splits(folder: Path, answers: Mapping[str, tuple[str, Expected]]) -> str:
    """The splits there are, in words."""
    found = {path.stem for path in (folder / "qrels").glob("*.tsv")}
    found |= {split for split, _ in answers.values()}
    return ", ".join(sorted(found)) or "no qrels/*.tsv at all"


def _notes(
    qrels: Mapping[str, Mapping[str, int]], known: Mapping[str, str], asked: Set[str], split: str
) -> list[str]:
    """What the judgments name and the set lacks; several public BEIR sets do this."""
    unknown = {statement for grades in qrels.values() for statement in grades} - known.keys()
    unasked = qrels.keys() - asked
    notes: list[str] = []
    if unknown:
        notes.append(
            f'qrels/{split}.tsv names {len(unknown)} statements ("{min(unknown)}" among them) '
            "that corpus.jsonl does not have; they count as not found"
        )
    if unasked:
        notes.append(
            f'qrels/{split}.tsv names {len(unasked)} questions ("{min(unasked)}" among them) '
            "that queries.jsonl does not have; they are left out"
        )
    return notes
