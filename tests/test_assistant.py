"""The assistant as a whole, with parts handed in."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

import assistant
from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.catalogue import BUNDLED
from assistant.corpus import corpus_of, read_corpus
from assistant.errors import AssistantError, CorpusError, IndexingError, ModelError
from assistant.index import StatementIndex
from assistant.language_model import LanguageModel
from assistant.settings import Settings
from assistant.verification import Verifier
from tests.fakes import WordEmbedder, WordJudge, scripted_model

TEXTS = ["Bees fly from ten degrees on.", "Honey keeps for many years."]
QUESTION = "When do bees fly?"

Assemble = Callable[..., Assistant]


@pytest.fixture
def assemble(settings: Settings) -> Iterator[Assemble]:
    """An assistant over the texts, in memory, with the word embedder and the model given."""
    with ExitStack() as opened:

        def put_together(model: LanguageModel | None = None, close: bool = True) -> Assistant:
            corpus = corpus_of(TEXTS)
            index = StatementIndex(corpus, WordEmbedder())
            dial = replace(settings, abstain_below=0.3)
            assembled = Assistant(corpus, index, WordJudge(), Verifier(), None, model, dial)
            if close:
                opened.enter_context(assembled)
            return assembled

        yield put_together


def test_searching_asking_and_streaming_agree(assemble: Assemble) -> None:
    model, _ = scripted_model("Bees fly from ten degrees on [1].")
    opened = assemble(model)
    hits = opened.search(QUESTION, limit=1)
    answer = opened.ask(QUESTION)
    *pieces, streamed = opened.stream(QUESTION)
    assert [hit.statement.text for hit in hits] == [TEXTS[0]]
    assert answer.text == streamed.text == "".join(pieces) == "Bees fly from ten degrees on. [1]"
    assert answer.hits[0].statement == hits[0].statement
    assert opened.model == "scripted"
    assert opened.chat_model is model.chat


def test_the_contract_has_its_names_at_the_top() -> None:
    names = "Assistant Answer Citation Hit Sentence Settings Statement AssistantError ask"
    for name in names.split():
        assert name in assistant.__all__
        assert getattr(assistant, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = assistant.nothing_such


def test_history_reaches_search_and_model(assemble: Assemble) -> None:
    model, chat = scripted_model("")
    opened = assemble(model)
    history = [("How long does honey keep?", "For years.")]
    assert opened.search("Why?", history=history)[0].statement.text == TEXTS[1]
    assert opened.ask("Why?", history).hits[0].statement.text == TEXTS[1]
    assert len(chat.received[0]) == 4


@pytest.mark.parametrize("limit", [0, -1])
def test_asking_for_no_hits_gives_none(assemble: Assemble, limit: int) -> None:
    assert assemble().search(QUESTION, limit=limit) == []


def test_without_a_model_it_answers_in_quotes(assemble: Assemble) -> None:
    opened = assemble()
    opened.warm_up()
    assert opened.ask(QUESTION).text == f"{TEXTS[0]} [1]"
    assert (opened.model, opened.chat_model) == ("none", None)


def test_closing_frees_the_model_and_the_index_once(assemble: Assemble) -> None:
    closed: list[str] = []
    model, _ = scripted_model("")
    opened = assemble(replace(model, close=lambda: closed.append("model")), close=False)
    with opened:
        pass
    opened.close()
    assert closed == ["model"]


def test_several_threads_may_ask_at_once(assemble: Assemble) -> None:
    model, _ = scripted_model("Bees fly from ten degrees on [1]. Honey keeps for many years [2].")
    opened = assemble(model)
    questions = [QUESTION, "How long does honey keep?"] * 8
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(opened.ask, questions))
    assert [answer.question for answer in answers] == questions
    for answer in answers:
        assert answer.answered
        for citation in answer.citations:
            assert citation.statement.text[citation.start : citation.end] == citation.quote


def test_a_wrong_model_name_shows_before_anything_is_loaded_or_written(
    settings: Settings, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("One.")
    with pytest.raises(ModelError, match=r"Did you mean qwen3-0\.6b"):
        Assistant.open(notes, replace(settings, model="qwen3-0.6"))
    assert not settings.home.exists()


def test_a_missing_corpus_shows_before_anything_is_loaded(settings: Settings) -> None:
    with pytest.raises(CorpusError, match="No corpus at"):
        Assistant.open("not-there.txt", settings)
    with pytest.raises(CorpusError):
        Assistant.from_statements([], settings)


@pytest.mark.models
class TestWithTheBundledEmbedder:
    """`Assistant.open` loads the embedder itself."""

    def test_opening_finds_answers_and_gives_the_index_back(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        notes = tmp_path / "notes.txt"
        notes.write_text("\n".join(TEXTS))
        told: list[str] = []
        with Assistant.open(
            notes, settings, progress=lambda what, _done, _total: told.append(what)
        ) as opened:
            assert opened.ask(QUESTION).citations[0].quote == TEXTS[0]
            assert opened.search("degrees", limit=1)[0].statement == opened.corpus.statements[0]
            assert opened.index.report.added == 2
            with pytest.raises(IndexingError, match="in use by process"):
                Assistant.open(notes, settings)
        assert "Loading the embedder" in told
        with Assistant.open(notes, settings) as again:
            assert again.index.report.embedded == 0
        with Assistant.open(notes, settings, rebuild=True) as anew:
            assert anew.index.report.embedded == 2

    def test_the_settings_name_the_corpus(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Bees fly.")
        with Assistant.open(settings=replace(settings, corpus=tmp_path / "notes.txt")) as opened:
            assert opened.corpus == read_corpus(tmp_path / "notes.txt")

    def test_statements_in_memory_leave_nothing_on_the_disk(self, settings: Settings) -> None:
        with Assistant.from_statements(TEXTS, settings) as opened:
            assert isinstance(opened.ask(QUESTION), Answer)
        assert not settings.home.exists()

    def test_the_bundled_model_reads_also_where_another_file_writes(
        self, settings: Settings
    ) -> None:
        """The file of the bundled one by its path is a model like any other."""
        file = BUNDLED.path(settings.home)
        doubts = {}
        for model in ("none", str(file)):
            with Assistant.from_statements(TEXTS, replace(settings, model=model)) as opened:
                opened.warm_up()
                receipt = opened.ask(QUESTION).receipt
            doubts[model] = [each.doubt for each in receipt.read]
            assert (receipt.fingerprints["reader"] == "none") is (model == "none")
        assert doubts["none"] == [None, None]
        assert min(doubt for doubt in doubts[str(file)] if doubt is not None) < 0.5

    def test_an_embedder_that_is_not_there_is_one_clear_line_without_asking_the_hub(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").mkdir()
        wrong = replace(settings, embedder=str(tmp_path / "empty"))
        with pytest.raises(ModelError, match="Cannot load the embedder in") as caught:
            Assistant.from_statements(TEXTS, wrong)
        assert len(str(caught.value).splitlines()) == 1

    def test_the_one_liner_keeps_one_assistant_for_a_corpus_also_when_threads_start_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ASSISTANT_MODEL", "none")
        (tmp_path / "notes.txt").write_text("\n".join(TEXTS))
        with ThreadPoolExecutor(2) as threads:
            asking = [
                threads.submit(assistant.ask, QUESTION, tmp_path / "notes.txt") for _ in range(2)
            ]
        assert [each.result().citations[0].quote for each in asking] == [TEXTS[0]] * 2
        with pytest.raises(AssistantError, match="blank"):
            assistant.ask("", tmp_path / "notes.txt")

    def test_the_one_liner_knows_a_corpus_by_any_spelling_of_its_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ASSISTANT_MODEL", "none")
        (tmp_path / "notes.txt").write_text("\n".join(TEXTS))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ASSISTANT_CORPUS", "./notes.txt")
        for corpus in ("notes.txt", tmp_path / "notes.txt", None):
            assert assistant.ask(QUESTION, corpus).citations[0].quote == TEXTS[0]
        with pytest.raises(CorpusError, match=r"No corpus at .*gone\.txt"):
            assistant.ask(QUESTION, "gone.txt")
