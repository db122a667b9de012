"""Generation: what the model is asked, and what happens when it fails."""

import itertools

import pytest

from assistant.conversation import Turn
from assistant.errors import ModelError
from assistant.generation import TEMPLATE_TOKENS, Generator
from assistant.language_model import REMOTE_ANSWER_TOKENS, LanguageModel
from assistant.prompts import SYSTEM_PROMPT
from tests.fakes import ScriptedChatModel, scripted_model

PASSAGES = ("Bees fly from ten degrees on.", "Honey keeps for years.", "Wax melts in the sun.")
HISTORY = [("What is first?", "It was one."), ("What is next?", "It was two.")]


def draft(
    model: LanguageModel, history: list[Turn] = HISTORY, passages: tuple[str, ...] = PASSAGES
) -> str:
    generator = Generator(model)
    messages = generator.prompt("When do bees fly?", history, passages)
    return "".join(generator.stream(messages))


def asked_with(context_tokens: int) -> tuple[ScriptedChatModel, str]:
    """The chat model and all it was told, with so little room."""
    model, chat = scripted_model("Yes.", context_tokens=context_tokens)
    draft(model)
    return chat, "\n".join(str(message.content) for message in chat.received[0])


def test_the_draft_comes_piece_by_piece_as_the_model_writes_it() -> None:
    model, chat = scripted_model("Bees fly from ten degrees on [1].")
    generator = Generator(model)
    pieces = generator.stream(generator.prompt("When?", [], PASSAGES))
    assert next(pieces) == "Bee"
    assert chat.pieces_sent == 1
    assert "Bee" + "".join(pieces) == "Bees fly from ten degrees on [1]."


def test_closing_the_draft_stops_the_model() -> None:
    model, chat = scripted_model("A very long draft. " * 100)
    generator = Generator(model)
    pieces = generator.stream(generator.prompt("When?", [], PASSAGES))
    next(pieces)
    pieces.close()
    assert chat.pieces_sent == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("<think>\nBees? They fly.\n</think>\n\nBees fly [1].", "Bees fly [1]."),
        (" \n<think></think>Bees fly [1].", "Bees fly [1]."),
        ("<think>It never ends. Bees fly", ""),
        ("<thin ice> is thin.", "<thin ice> is thin."),
        ("Bees <think> fly.", "Bees <think> fly."),
        ("<th", "<th"),
        ("", ""),
    ],
)
def test_what_a_model_thinks_aloud_is_no_part_of_the_draft(reply: str, said: str) -> None:
    assert draft(scripted_model(reply)[0]).strip() == said


def test_the_passages_are_numbered_as_they_are_given() -> None:
    chat, _ = asked_with(100_000)
    for number, passage in enumerate(PASSAGES, start=1):
        assert f"[{number}] {passage}" in chat.prompts[0]
    assert chat.prompts[0].endswith("When do bees fly?")


def test_every_prompt_starts_with_the_same_words_and_ends_with_what_changes() -> None:
    model, chat = scripted_model("Yes.")
    generator = Generator(model)
    generator.warm_up()
    for question, passages in itertools.product(["One {x}?", "Two %s?"], [PASSAGES, PASSAGES[:1]]):
        list(generator.stream(generator.prompt(question, HISTORY, passages)))
        assert chat.prompts[-1].endswith(question)
    starts = {(message.type, message.content) for message, *_ in chat.received}
    assert starts == {("system", SYSTEM_PROMPT)}


def test_braces_in_statements_history_and_question_are_only_text() -> None:
    model, chat = scripted_model("Yes.")
    passages = ("A {statement} with {0} and {{braces}}.",)
    generator = Generator(model)
    list(generator.stream(generator.prompt("{question}?", [("{asked}", "{said}")], passages)))
    contents = [str(message.content) for message in chat.received[0]]
    assert contents[1:3] == ["{asked}", "{said}"]
    assert "[1] A {statement} with {0} and {{braces}}." in contents[3]
    assert contents[3].endswith("{question}?")


def test_earlier_turns_are_told_as_a_conversation_and_only_the_last_two() -> None:
    model, chat = scripted_model("Yes.")
    draft(model, [("Forgotten?", "Long ago."), *HISTORY])
    told = [(message.type, message.content) for message in chat.received[0][1:-1]]
    assert told == [
        ("human", "What is first?"),
        ("ai", "It was one."),
        ("human", "What is next?"),
        ("ai", "It was two."),
    ]


def test_a_prompt_that_is_too_long_loses_old_turns_then_weak_statements_and_is_never_cut() -> None:
    _, everything = asked_with(100_000)
    full = len(everything.split()) + REMOTE_ANSWER_TOKENS + TEMPLATE_TOKENS
    kept: list[list[bool]] = []
    for context_tokens in range(full, full - 60, -1):
        try:
            _, told = asked_with(context_tokens)
        except ModelError:
            break
        parts = [*(turn[0] for turn in HISTORY), *reversed(PASSAGES)]
        held = [part in told for part in parts]
        kept.append(held)
        assert len(told.split()) + REMOTE_ANSWER_TOKENS + TEMPLATE_TOKENS <= context_tokens
        # Nothing is there in part: each text is there whole or its words are gone.
        assert ("degrees" in told) == (PASSAGES[0] in told)
        assert ("melts" in told) == (PASSAGES[2] in told)
    stages = [stage for stage, _ in itertools.groupby(kept)]
    assert stages[0] == [True] * 5
    # Oldest turn, next turn, weakest statement, next weakest: one after the other.
    assert stages[1:5] == [[False] * gone + [True] * (5 - gone) for gone in range(1, 5)]


def test_a_question_that_alone_is_too_long_is_an_error_that_says_so() -> None:
    model, chat = scripted_model("Yes.", context_tokens=REMOTE_ANSWER_TOKENS + TEMPLATE_TOKENS + 10)
    with pytest.raises(ModelError, match=r"too long for scripted.* fewer words"):
        draft(model)
    assert chat.received == []


@pytest.mark.parametrize(
    "failure",
    [ConnectionError("refused\nsecond line"), ValueError(), TimeoutError("slow"), KeyError("x")],
    ids=lambda failure: type(failure).__name__,
)
def test_a_model_that_fails_is_a_model_error_of_one_line(failure: Exception) -> None:
    model, chat = scripted_model("Bees fly", failure=failure)
    with pytest.raises(ModelError, match=r"scripted failed: .*--model none") as caught:
        draft(model)
    assert chat.pieces_sent == 3
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__cause__ is failure


def test_a_model_that_cannot_count_its_tokens_is_a_model_error() -> None:
    """The local model counts over HTTP, which can fail like answering can."""

    def count(_text: str) -> int:
        raise ConnectionError("refused")

    _, chat = scripted_model("Yes.")
    with pytest.raises(ModelError):
        draft(LanguageModel("scripted", chat, "script", 1000, count))


def test_warming_up_asks_the_constant_start_and_reads_no_more_than_the_first_piece() -> None:
    model, chat = scripted_model("A long reply that nobody reads.")
    Generator(model).warm_up()
    assert chat.received[0][0].content == SYSTEM_PROMPT
    assert chat.pieces_sent == 1
