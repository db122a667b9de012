"""Reading a corpus: what is kept, what is left out, and what is said about it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.corpus import corpus_of, read_corpus, shipped_corpus
from assistant.errors import CorpusError
from assistant.statement import Statement


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(path: Path) -> list[str]:
    return [statement.text for statement in read_corpus(path).statements]


def test_the_corpus_that_ships_is_read_verbatim() -> None:
    corpus = read_corpus()
    lines = (shipped_corpus() / "statements.txt").read_text(encoding="utf-8").splitlines()
    assert [statement.text for statement in corpus.statements] == lines
    assert len(corpus.statements) == 11
    assert any("DeepSeq" in statement.text for statement in corpus.statements)
    assert corpus.problems == ()


def test_a_text_file_holds_one_statement_per_line(tmp_path: Path) -> None:
    corpus = read_corpus(written(tmp_path / "notes.txt", "Bees fly.\n\n   \nHoney keeps.\n"))
    assert [(each.text, each.source, each.line) for each in corpus.statements] == [
        ("Bees fly.", "notes.txt", 1),
        ("Honey keeps.", "notes.txt", 4),
    ]
    assert corpus.name == "notes.txt"


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_byte_order_marks_and_line_ends_are_no_part_of_a_statement(
    tmp_path: Path, start: str, end: str
) -> None:
    assert texts(written(tmp_path / "a.txt", f"{start}One.{end}Two.{end}")) == ["One.", "Two."]
    row = '{"text": "One."}'
    assert texts(written(tmp_path / "a.jsonl", f"{start}{row}{end}")) == ["One."]


lines_of_text = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\n\0"), min_size=1
).filter(lambda line: line.strip() and not line.endswith("\r") and line[0] != "\ufeff")


@given(lines=st.lists(lines_of_text, min_size=1, max_size=5))
def test_the_exact_text_is_kept(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "exact"
    assert texts(written(folder / "a.txt", "\n".join(lines))) == lines
    rows = "\n".join(json.dumps({"text": line}) for line in lines)
    assert texts(written(folder / "a.jsonl", rows)) == lines


def test_a_row_keeps_its_id_and_its_other_keys_as_metadata(tmp_path: Path) -> None:
    rows = [
        {"_id": "a", "title": "Bees", "text": "They fly.", "year": 2020, "tags": ["x"]},
        {"id": 7, "text": "Honey keeps."},
        {"text": "No id of its own."},
    ]
    corpus = read_corpus(
        written(tmp_path / "rows.jsonl", "\n".join(json.dumps(row) for row in rows))
    )
    bees, honey, other = corpus.statements
    assert bees == Statement(
        id="a",
        text="They fly.",
        source="rows.jsonl",
        line=1,
        metadata={"title": "Bees", "year": 2020, "tags": ["x"]},
    )
    assert bees.searchable_text == "Bees\nThey fly."
    assert honey.id == "7"
    assert other.id not in ("", "a", "7")


@pytest.mark.parametrize(
    "row",
    [
        '{"text": "cut off',
        '["a list"]',
        '"a string"',
        '{"title": "no text"}',
        '{"text": "  "}',
        '{"text": 12}',
        '{"text": "half a pair \\ud83d"}',
        '{"text": "a", "title": "\\udc00"}',
        '{"_id": "\\ud800", "text": "a"}',
        '{"text": "a", "n": ' + "9" * 5000 + "}",
        '{"text": "a", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda row: row[:30],
)
def test_a_bad_row_is_named_by_file_and_line_while_the_rest_is_read(
    tmp_path: Path, row: str
) -> None:
    file = written(tmp_path / "rows.jsonl", f'{{"text": "One."}}\n{row}\n{{"text": "Two."}}\n')
    corpus = read_corpus(file)
    assert [statement.text for statement in corpus.statements] == ["One.", "Two."]
    (problem,) = corpus.problems
    assert problem.startswith("rows.jsonl, line 2: ")
    assert len(problem.splitlines()) == 1


def test_a_taken_id_is_reported_and_both_statements_are_kept(tmp_path: Path) -> None:
    rows = '{"id": "a", "text": "One."}\n{"id": "a", "text": "Two."}\n{"id": "a", "text": "Two."}'
    corpus = read_corpus(written(tmp_path / "rows.jsonl", rows))
    identities = [statement.id for statement in corpus.statements]
    assert identities[0] == "a"
    assert len(set(identities)) == 3
    assert [problem.split(":")[0] for problem in corpus.problems] == [
        "rows.jsonl, line 2",
        "rows.jsonl, line 3",
    ]
    assert identities[1] in corpus.problems[0]


@given(
    lines=st.lists(st.sampled_from(["One.", "Two.", "Three."]), min_size=1, max_size=6),
    added=st.sampled_from(["Four.", ""]),
)
def test_ids_are_unique_and_do_not_move_when_a_line_is_added_above(
    lines: list[str], added: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "moving" / "a.txt"
    before = [each.id for each in read_corpus(written(file, "\n".join(lines))).statements]
    after = [each.id for each in read_corpus(written(file, "\n".join([added, *lines]))).statements]
    assert len(set(before)) == len(before)
    assert after[-len(before) :] == before


def test_ids_tell_the_same_text_in_two_files_apart(tmp_path: Path) -> None:
    written(tmp_path / "a.txt", "Same.")
    written(tmp_path / "b.txt", "Same.")
    one, other = read_corpus(tmp_path).statements
    assert one.id != other.id


def test_a_folder_is_read_by_name_with_its_subfolders_and_without_what_is_hidden(
    tmp_path: Path,
) -> None:
    written(tmp_path / "corpus" / "b.txt", "From b.")
    written(tmp_path / "corpus" / "a" / "x.JSONL", '{"text": "From x."}')
    written(tmp_path / "corpus" / "README.md", "Not read.")
    written(tmp_path / "corpus" / ".hidden.txt", "Not read.")
    written(tmp_path / "corpus" / ".git" / "c.txt", "Not read.")
    corpus = read_corpus(tmp_path / "corpus")
    assert [(each.source, each.text) for each in corpus.statements] == [
        ("a/x.JSONL", "From x."),
        ("b.txt", "From b."),
    ]
    assert corpus.name == "corpus"


def test_a_folder_in_beir_layout_is_read_by_its_corpus_alone(tmp_path: Path) -> None:
    written(tmp_path / "corpus.jsonl", '{"_id": "d1", "title": "", "text": "A document."}')
    written(tmp_path / "queries.jsonl", '{"_id": "q1", "text": "A question?"}')
    written(tmp_path / "qrels" / "notes.txt", "Not read.")
    (statement,) = read_corpus(tmp_path).statements
    assert statement.id == "d1"
    assert statement.searchable_text == "A document."


def test_a_file_of_a_folder_that_cannot_be_read_is_named_while_the_rest_is_read(
    tmp_path: Path,
) -> None:
    written(tmp_path / "a.txt", b"caf\xe9 in Latin-1")
    written(tmp_path / "b.txt", b"\x7fELF\0\0")
    written(tmp_path / "c.txt", "Fine.")
    corpus = read_corpus(tmp_path)
    assert [statement.text for statement in corpus.statements] == ["Fine."]
    not_text, binary = corpus.problems
    assert not_text.startswith("a.txt: it is not UTF-8 text (byte 3)")
    assert binary == "b.txt: it is a binary file, not text; left out"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_a_file_that_the_system_does_not_let_read_is_named_while_the_rest_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").symlink_to("/proc/self/mem")  # root may read everything but this
    written(tmp_path / "b.txt", "Fine.")
    corpus = read_corpus(tmp_path)
    assert [statement.text for statement in corpus.statements] == ["Fine."]
    assert corpus.problems[0].startswith("a.txt: ")
    with pytest.raises(CorpusError, match=r"Cannot read .*a\.txt: "):
        read_corpus(tmp_path / "a.txt")


@pytest.mark.parametrize("closed", ["sub", "sub/file.txt"])
def test_a_folder_that_the_system_does_not_let_read_is_named_while_the_rest_is_read(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the system's refusal is played."""
    written(tmp_path / "sub" / "file.txt", "Hidden.")
    written(tmp_path / "b.txt", "Fine.")
    scandir, stat = os.scandir, os.stat

    def refuse(path: Any, *arguments: Any, **named: Any) -> None:
        if Path(os.fsdecode(path)) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", os.fsdecode(path))

    monkeypatch.setattr(os, "scandir", lambda path=".": refuse(path) or scandir(path))
    monkeypatch.setattr(os, "stat", lambda path, **kw: refuse(path) or stat(path, **kw))
    corpus = read_corpus(tmp_path)
    assert [statement.text for statement in corpus.statements] == ["Fine."]
    assert corpus.problems == (f"{closed}: permission denied; left out",)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_file_whose_name_is_not_text_does_not_hide_the_rest(tmp_path: Path) -> None:
    written(tmp_path / "b.txt", "Fine.")
    try:
        written(tmp_path / os.fsdecode(b"caf\xe9.txt"), "Named in Latin-1.")
    except OSError:
        pytest.skip("this file system has no such names")
    assert "Fine." in texts(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", "", "No statements in"),
        ("blank.txt", " \n\t\n", "No statements in"),
        ("bad.jsonl", "{\n", r"First problem: bad\.jsonl, line 1"),
        ("picture.png", b"\x89PNG", r"a corpus is a \.txt file"),
        ("binary.txt", b"a\0b", "it is a binary file"),
        ("notepad.txt", "Bees fly.".encode("utf-16"), "it is UTF-16 text; save it as UTF-8"),
        ("latin.txt", b"\xe9", r"not UTF-8 text \(byte 0\); save it as UTF-8"),
    ],
)
def test_a_file_with_nothing_to_read_is_one_clear_line(
    tmp_path: Path, name: str, content: str | bytes, says: str
) -> None:
    with pytest.raises(CorpusError, match=says) as caught:
        read_corpus(written(tmp_path / name, content))
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "path",
    ["not-there.txt", "a" * 5000 + ".txt", "~nobody-has-this-name/notes.txt", "nul\0.txt"],
    ids=["missing", "name too long", "home of nobody", "impossible name"],
)
def test_a_path_that_leads_nowhere_is_a_corpus_error(path: str) -> None:
    with pytest.raises(CorpusError):
        read_corpus(path)


def test_a_folder_without_anything_to_read_says_what_it_lacks(tmp_path: Path) -> None:
    written(tmp_path / "README.md", "Hello.")
    with pytest.raises(CorpusError, match=r"holds no \.txt and no \.jsonl file"):
        read_corpus(tmp_path)


def test_statements_in_memory_keep_their_text_and_get_ids_of_their_own() -> None:
    corpus = corpus_of(["Same.", " Same. ", "Same."])
    assert [statement.text for statement in corpus.statements] == ["Same.", " Same. ", "Same."]
    assert len({statement.id for statement in corpus.statements}) == 3
    assert corpus.path is None
    assert corpus.name == "statements in memory"


@pytest.mark.parametrize(
    "given_texts", [[], ["One.", " "], ["\ud800"]], ids=["none", "blank", "half a pair"]
)
def test_statements_in_memory_have_to_be_text(given_texts: list[str]) -> None:
    with pytest.raises(CorpusError):
        corpus_of(given_texts)
