"""The chain: question and history in, checked answer out."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import Runnable
from numpy.typing import NDArray

from assistant.answer import Answer
from assistant.chain import Question, build_chain
from assistant.corpus import corpus_of
from assistant.errors import AssistantError, ModelError
from assistant.generation import Generator
from assistant.index import StatementIndex
from assistant.retrieval import Retriever
from assistant.statement_retriever import StatementRetriever
from assistant.verification import Verifier
from tests.fakes import (
    ScriptedChatModel,
    ScriptedReader,
    WordEmbedder,
    WordJudge,
    scripted_model,
)

TEXTS = [
    "Bees fly from ten degrees on. They sleep at night.",
    "Honey keeps for many years.",
    "Wax melts in the warm sun.",
    "A queen lays eggs in spring.",
]
QUESTION = "When do bees fly?"
TRUE = "Bees fly from ten degrees on [7]."
INVENTED = "Bees carry lanterns through Berlin."


@pytest.fixture(scope="module")
def retriever() -> Iterator[Retriever]:
    index = StatementIndex(corpus_of(TEXTS), WordEmbedder())
    yield Retriever(index)
    index.close()


Chain = Runnable[Question, Answer]
Asking = Callable[..., tuple[Chain, ScriptedChatModel]]


@pytest.fixture(scope="module")
def chain_with(retriever: Retriever) -> Asking:
    """A chain over the texts whose model replies as scripted, and that model."""

    def build(
        *replies: str,
        abstain_below: float = 0.3,
        failure: Exception | None = None,
        reader: ScriptedReader | None = None,
        is_taught: bool = False,
    ) -> tuple[Chain, ScriptedChatModel]:
        model, chat = scripted_model(*replies, failure=failure, is_taught=is_taught)
        return build_chain(
            retriever, WordJudge(), Verifier(), Generator(model), reader, abstain_below
        ), chat

    return build


@pytest.fixture(scope="module")
def quoting(retriever: Retriever) -> Chain:
    """A chain without a language model."""
    return build_chain(retriever, WordJudge(), Verifier(), None, None, 0.3)


def check(answer: Answer) -> None:
    """What holds for every answer."""
    assert isinstance(answer, Answer)
    assert [citation.number for citation in answer.citations] == list(
        range(1, len(answer.citations) + 1)
    )
    for citation in answer.citations:
        assert citation.statement.text[citation.start : citation.end] == citation.quote
    if answer.answered:
        assert answer.reason is None
        assert answer.text == " ".join(each.marked_text for each in answer.sentences)
        assert {number for each in answer.sentences for number in each.citations} == {
            citation.number for citation in answer.citations
        }
    else:
        assert answer.reason
        assert (answer.sentences, answer.citations) == ((), ())
    assert answer.seconds >= 0


def test_a_supported_draft_is_the_answer_with_its_own_citation(chain_with: Asking) -> None:
    chain, _ = chain_with(TRUE)
    answer = chain.invoke(QUESTION)
    check(answer)
    assert answer.text == "Bees fly from ten degrees on. [1]"
    assert answer.citations[0].quote == "Bees fly from ten degrees on."
    assert answer.citations[0].statement.text == TEXTS[0]
    assert (answer.answered, answer.model, answer.question) == (True, "scripted", QUESTION)
    assert answer.hits[0].statement.text == TEXTS[0]


def test_what_the_statements_do_not_say_is_left_out(chain_with: Asking) -> None:
    chain, _ = chain_with(f"{INVENTED} [1] {TRUE} They also sing [2].")
    answer = chain.invoke(QUESTION)
    check(answer)
    assert answer.text == "Bees fly from ten degrees on. [1]"


@pytest.mark.parametrize("draft", [INVENTED, "", "   ", "Yes.", "[1]", "\n\n"])
def test_a_draft_that_nothing_supports_is_replaced_by_quotes(
    chain_with: Asking, draft: str
) -> None:
    chain, _ = chain_with(draft)
    answer = chain.invoke(QUESTION)
    check(answer)
    assert answer.text == "Bees fly from ten degrees on. [1]"
    assert answer.model == "quotes"
    assert {sentence.verdict for sentence in answer.sentences} == {"quoted"}


def test_what_is_not_shown_is_kept_with_the_reason(chain_with: Asking) -> None:
    chain, _ = chain_with("Bees fly from 12 degrees on [1]. " + TRUE)
    answer = chain.invoke(QUESTION)
    (dropped,) = answer.dropped
    assert dropped.text == "Bees fly from 12 degrees on."
    assert dropped.reason == "the statement does not have the number 12"
    assert dropped.text not in answer.text


def test_the_receipt_tells_what_was_read_asked_and_written(chain_with: Asking) -> None:
    chain, chat = chain_with(TRUE)
    answer = chain.invoke(QUESTION)
    receipt = answer.receipt
    assert [each.fused_rank for each in receipt.read] == [1, 2, 3, 4]
    assert receipt.read[0].statement.text == TEXTS[0]
    assert (receipt.read[0].dense_rank, receipt.read[0].lexical_rank) == (1, 1)
    assert [each.selected for each in receipt.read[0].sentences] == [True, False]
    assert not any(each.selected for read in receipt.read[1:] for each in read.sentences)
    for read in receipt.read:
        spans = [read.statement.text[each.start : each.end] for each in read.sentences]
        assert " ".join(spans) == read.statement.text
    assert [text for _, text in receipt.prompt] == [str(each.content) for each in chat.received[0]]
    assert receipt.draft == TRUE
    assert set(receipt.timings) == {"search", "judge", "read", "write"}
    assert sum(receipt.timings.values()) == pytest.approx(answer.seconds)
    assert answer.searched_for == QUESTION
    json.dumps(answer.to_dict(), allow_nan=False)


def test_an_abstention_has_a_receipt_too(quoting: Chain) -> None:
    answer = quoting.invoke("zeppelin")
    assert len(answer.receipt.read) == len(answer.hits)
    assert answer.receipt.needed == 0.3
    assert (answer.receipt.prompt, answer.receipt.draft, answer.dropped) == ((), "", ())


def test_without_a_language_model_the_best_statement_is_quoted(quoting: Chain) -> None:
    answer = quoting.invoke("How long does honey keep?")
    check(answer)
    assert answer.text == "Honey keeps for many years. [1]"
    assert answer.model == "quotes"


@pytest.mark.parametrize("question", ["Who won the election in Peru?", "zeppelin", "???"])
def test_a_question_that_no_statement_is_near_is_not_answered_and_no_model_is_asked(
    chain_with: Asking, question: str
) -> None:
    chain, chat = chain_with(TRUE)
    answer = chain.invoke(question)
    check(answer)
    assert not answer.answered
    assert answer.text == "The corpus does not say."
    assert "likely to answer" in answer.reason
    assert answer.hits
    assert chat.received == []


def test_the_threshold_decides_what_is_near_enough(chain_with: Asking) -> None:
    assert chain_with(TRUE, abstain_below=0.0)[0].invoke("zeppelin").answered
    assert not chain_with(TRUE, abstain_below=1.1)[0].invoke(TEXTS[1]).answered


SILENCE = "None of the statements answers this."
# Between how sure a judge is that finds every word, alone and beside a model that is silent.
JUST_SURE = 0.9995


def test_where_the_model_declines_the_judge_has_to_be_surer(chain_with: Asking) -> None:
    """Sure enough to ask the model, not sure enough to answer against it."""
    chain, _ = chain_with(SILENCE, abstain_below=JUST_SURE)
    answer = chain.invoke(QUESTION)
    check(answer)
    assert not answer.answered
    assert "language model" in answer.reason
    assert (answer.model, answer.receipt.doubt) == ("scripted", 0.9)
    assert chain_with(TRUE, abstain_below=JUST_SURE)[0].invoke(QUESTION).answered


@pytest.mark.parametrize(("is_taught", "name"), [(True, "scripted"), (False, "quotes")])
def test_what_the_reader_doubts_no_model_is_asked_to_write(
    chain_with: Asking, is_taught: bool, name: str
) -> None:
    """The abstention is the model's where it is the one that read."""
    chain, chat = chain_with(
        TRUE, abstain_below=JUST_SURE, reader=ScriptedReader(0.9), is_taught=is_taught
    )
    answer = chain.invoke(QUESTION)
    check(answer)
    assert not answer.answered
    assert "language model" in answer.reason
    assert (answer.model, answer.receipt.draft, chat.pieces_sent) == (name, "", 0)
    assert answer.confidence < JUST_SURE


def test_a_model_that_is_silent_makes_what_the_reader_doubts_little_doubtful(
    chain_with: Asking,
) -> None:
    """But for the one taught here, whose doubts the reader has told."""
    sure = ScriptedReader(0.01, {"Honey": 0.99})
    needed = JUST_SURE
    assert chain_with(TRUE, abstain_below=needed, reader=sure)[0].invoke(QUESTION).answered
    answer = chain_with(SILENCE, abstain_below=needed, reader=sure)[0].invoke(QUESTION)
    check(answer)
    assert not answer.answered
    assert (answer.model, answer.receipt.doubt) == ("scripted", 0.9)
    assert answer.confidence < needed
    taught = chain_with(SILENCE, abstain_below=needed, reader=sure, is_taught=True)[0]
    assert taught.invoke(QUESTION).answered


def test_statements_that_may_answer_are_read_alone_and_far_less_likely_ones_are_not(
    retriever: Retriever, chain_with: Asking
) -> None:
    reader = ScriptedReader(0.1)
    answer = chain_with(TRUE, reader=reader)[0].invoke(QUESTION)
    assert reader.read == [TEXTS[0]]
    assert [each.doubt for each in answer.receipt.read if each.doubt is not None] == [0.1]
    unclear, (model, _) = ScriptedReader(0.1), scripted_model(TRUE)
    chain = build_chain(retriever, AlmostSure(), Verifier(), Generator(model), unclear, 0.3)
    chain.invoke(QUESTION)
    assert sorted(unclear.read) == sorted(TEXTS)


def test_the_statement_that_the_model_finds_the_answer_in_makes_the_answer() -> None:
    """Of two that the judge cannot tell apart, and against the order of retrieval."""
    texts = ["Bees of the north dance at noon in May.", "Bees of the south dance at noon in June."]
    index = StatementIndex(corpus_of(texts), WordEmbedder())
    with closing(index):
        retriever = Retriever(index)
        first, second = (hit.statement.text for hit in retriever.search("When do bees dance?", 2))
        model, _ = scripted_model()
        reader = ScriptedReader(0.5, {first: 0.99, second: 0.01})
        chain = build_chain(retriever, WordJudge(), Verifier(), Generator(model), reader, 0.3)
        answer = chain.invoke("When do bees dance?")
    check(answer)
    assert answer.sentences[0].text == second
    assert answer.receipt.doubt == pytest.approx(0.01)


def test_stopping_between_two_statements_stops_the_reading(chain_with: Asking) -> None:
    reader = ScriptedReader(0.1)
    stream = chain_with(TRUE, reader=reader)[0].stream(QUESTION)
    next(stream)
    stream.close()
    assert len(reader.read) == 1


def test_what_the_model_doubts_is_told_in_the_receipt(chain_with: Asking) -> None:
    answers = [
        chain_with(TRUE, reader=ScriptedReader(0.99, {"ten degrees": doubt}))[0].invoke(QUESTION)
        for doubt in (0.1, 0.4)
    ]
    assert [each.receipt.doubt for each in answers] == pytest.approx([0.1, 0.4])
    assert answers[0].confidence > answers[1].confidence
    assert {each.text for each in answers} == {"Bees fly from ten degrees on. [1]"}


def test_a_model_without_doubt_speaks_for_what_the_judge_finds_unlikely(
    chain_with: Asking,
) -> None:
    """Half of the question's words are found: about even, for the judge alone."""
    question = "When do bees zeppelin?"
    alone = chain_with(TRUE, abstain_below=0.85)[0].invoke(question)
    assert not alone.answered
    sure = ScriptedReader(0.001)
    assert chain_with(TRUE, abstain_below=0.85, reader=sure)[0].invoke(question).answered


def test_a_judge_that_is_sure_answers_in_quotes_where_the_model_declines(
    chain_with: Asking,
) -> None:
    chain, _ = chain_with(SILENCE, abstain_below=0.3)
    answer = chain.invoke(QUESTION)
    check(answer)
    assert answer.text == "Bees fly from ten degrees on. [1]"
    assert answer.model == "quotes"
    assert [each.reason for each in answer.dropped] == ["it finds no answer in the statements"]


def test_a_model_that_declines_after_an_invention_declines(chain_with: Asking) -> None:
    chain, _ = chain_with(f"{INVENTED} {SILENCE}", abstain_below=JUST_SURE)
    assert not chain.invoke(QUESTION).answered


@pytest.mark.parametrize("blank", ["", "  \n", {"question": ""}, {"question": None}, {}])
def test_a_blank_question_is_an_error(quoting: Chain, blank: object) -> None:
    with pytest.raises(AssistantError, match="question is blank"):
        quoting.invoke(blank)


def test_a_question_with_half_a_character_is_answered(quoting: Chain) -> None:
    answer = quoting.invoke({"question": QUESTION + "\udcff", "history": [("\udcff?", "a")]})
    check(answer)
    assert answer.answered
    json.dumps(answer.to_dict(), ensure_ascii=False).encode()


def test_invoke_batch_stream_and_their_async_forms_agree(chain_with: Asking) -> None:
    def plain(answer: Answer) -> dict[str, object]:
        told = answer.to_dict()
        return {**told, "seconds": 0, "receipt": {**told["receipt"], "timings": {}}}

    chain, _ = chain_with(TRUE)
    expected = plain(chain.invoke(QUESTION))
    assert [plain(each) for each in chain.batch([QUESTION, QUESTION])] == [expected, expected]
    assert plain(asyncio.run(chain.ainvoke(QUESTION))) == expected
    assert plain(list(chain.stream(QUESTION))[-1]) == expected
    assert plain(chain.invoke({"question": f" {QUESTION} ", "history": []})) == expected

    async def last() -> Answer:
        return [event async for event in chain.astream(QUESTION)][-1]

    assert plain(asyncio.run(last())) == expected
    assert [plain(each) for each in asyncio.run(chain.abatch([QUESTION]))] == [expected]


sentences = st.sampled_from([TRUE, INVENTED, "They sleep at night.", "Yes.", TEXTS[1], TEXTS[3]])


@given(
    draft=st.lists(sentences, max_size=4).map(" ".join),
    question=st.sampled_from([QUESTION, "How long does honey keep?", "zeppelin", TEXTS[3]]),
)
def test_the_pieces_of_a_stream_add_up_to_the_text_of_its_one_answer(
    chain_with: Asking, draft: str, question: str
) -> None:
    chain, _ = chain_with(draft)
    *pieces, answer = chain.stream(question)
    check(answer)
    assert all(isinstance(piece, str) for piece in pieces)
    assert "".join(pieces) == answer.text
    json.dumps(answer.to_dict(), allow_nan=False)


def test_a_sentence_is_streamed_before_the_model_has_finished(chain_with: Asking) -> None:
    chain, chat = chain_with(f"{TRUE} {INVENTED} {INVENTED}")
    pieces = chain.stream(QUESTION)
    assert next(piece for piece in pieces if piece) == "Bees fly from ten degrees on. [1]"
    sent = chat.pieces_sent
    pieces.close()
    assert chat.pieces_sent == sent < len(INVENTED)


def test_a_follow_up_is_searched_and_asked_with_what_came_before(chain_with: Asking) -> None:
    chain, chat = chain_with("They sleep at night [1].")
    history = [("When do bees fly in spring?", "From ten degrees on.")]
    answer = chain.invoke({"question": "And when do they sleep?", "history": history})
    check(answer)
    assert answer.hits[0].statement.text == TEXTS[0]
    assert answer.question == "And when do they sleep?"
    assert [message.type for message in chat.received[0]] == ["system", "human", "ai", "human"]


def test_a_question_that_stands_alone_is_asked_as_if_it_were_the_first(
    chain_with: Asking,
) -> None:
    """Four in ten were searched for with words of the question before them."""
    chain, chat = chain_with("")
    history = [("Who keeps honey for years?", "Nobody does.")]
    answer = chain.invoke({"question": QUESTION, "history": history})
    assert answer.searched_for == QUESTION
    assert [message.type for message in chat.received[0]] == ["system", "human"]


def test_the_model_sees_only_what_may_make_the_answer(chain_with: Asking) -> None:
    chain, chat = chain_with("")
    hits = chain.invoke("Honey keeps for many years.").hits
    assert [text for text in TEXTS if text in chat.prompts[0]] == ["Honey keeps for many years."]
    assert {hit.statement.text for hit in hits} == set(TEXTS)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_what_likely_answers_and_the_model_left_out_is_quoted(chain_with: Asking) -> None:
    chain, _ = chain_with("Bees fly from ten degrees on.")
    answer = chain.invoke("When do bees fly and when do they sleep at night?")
    check(answer)
    assert answer.text == "Bees fly from ten degrees on. [1] They sleep at night. [2]"


class AlmostSure(WordJudge):
    """Finds every claim carried by every sentence."""

    fingerprint = "almost sure"

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.full(len(pairs), 0.95, np.float32)


@pytest.mark.parametrize(
    ("is_taught", "draft", "text"),
    [
        (False, "Fly from ten degrees on.", "Fly from ten degrees on. [1]"),
        (
            False,
            f"Fly from ten degrees on. {INVENTED}",
            "Fly from ten degrees on. [1] They sleep at night. [2]",
        ),
        (
            True,
            "Fly from ten degrees on.",
            "Fly from ten degrees on. [1] They sleep at night. [2]",
        ),
    ],
    ids=["all of it passes", "something is dropped", "the model taught here"],
)
def test_a_model_whose_own_words_all_pass_has_said_enough(
    retriever: Retriever, is_taught: bool, draft: str, text: str
) -> None:
    model, _ = scripted_model(draft, is_taught=is_taught)
    reader = ScriptedReader(0.1, {"Wax": 0.99, "Honey": 0.99})
    verifier = Verifier(AlmostSure())
    chain = build_chain(retriever, WordJudge(), verifier, Generator(model), reader, 0.3)
    answer = chain.invoke("When do bees fly and when do they sleep at night?")
    check(answer)
    assert answer.text == text


def test_the_answer_holds_the_sentence_that_is_likeliest_to_answer() -> None:
    """Also where retrieval ranks a long statement first that the judge finds unlikely to answer."""
    likely = "The pier costs four pounds for every visitor who stays for longer than an hour."
    index = StatementIndex(
        corpus_of(["Harbour. " + "Pier visitor fee. " * 25, likely]), WordEmbedder()
    )

    class LikesTheFigure(WordJudge):
        fingerprint = "likes the figure"

        def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
            return np.array([0.99 if "four" in text else 0.01 for text, _ in pairs], np.float32)

    with closing(index):
        chain = build_chain(Retriever(index), LikesTheFigure(), Verifier(), None, None, 0.3)
        assert likely in chain.invoke("What is the pier visitor fee of the harbour?").text


def test_a_failing_model_is_a_model_error_in_every_form(chain_with: Asking) -> None:
    chain, _ = chain_with("Bees", failure=ConnectionError("gone"))
    with pytest.raises(ModelError, match="gone"):
        chain.invoke(QUESTION)
    with pytest.raises(ModelError, match="gone"):
        list(chain.stream(QUESTION))
    with pytest.raises(ModelError, match="gone"):
        chain.batch([QUESTION])


def test_citations_are_numbered_in_reading_order(chain_with: Asking) -> None:
    chain, _ = chain_with("Honey keeps for many years [4]. Bees fly from ten degrees on [1].")
    answer = chain.invoke("Honey keeps many years, and bees fly from ten degrees?")
    check(answer)
    assert answer.text == "Honey keeps for many years. [1] Bees fly from ten degrees on. [2]"
    assert all(one.number < other.number for one, other in pairwise(answer.citations))


def test_the_retriever_gives_langchain_documents(retriever: Retriever) -> None:
    documents = StatementRetriever(statements=retriever, limit=2).invoke("How long is honey good?")
    assert len(documents) == 2
    assert documents[0].page_content == TEXTS[1]
    assert documents[0].id == documents[0].metadata["id"]
    assert documents[0].metadata["rank"] == 1
    assert documents[0].metadata["source"] == "memory"
    assert StatementRetriever(statements=retriever).invoke(" ") == []
    again = asyncio.run(StatementRetriever(statements=retriever, limit=2).ainvoke("honey"))
    assert again[0].page_content == TEXTS[1]
