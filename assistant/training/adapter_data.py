"""What the adapter learns from: statements, questions about them, and how to answer those.

Questions about the same statements are packed together, each blind to the others: the statements
are read once for all of them, which makes training about three times as fast.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.conversation import Turn
from assistant.details import disagreement, overlap
from assistant.prompts import NOT_ANSWERED
from assistant.reader import END, REPLY, prompt_of, prompt_start
from assistant.tokenizer import Tokenize
from assistant.training.question_sets import AskedQuestion, QuestionSet
from assistant.training.support_data import marked_sentences
from assistant.words import split_sentences

MOST_STATEMENTS = 6
MOST_ASKED = 8
# Of the statements read alone, how many that retrieval finds for a question are asked about it, ...
FOUND_ALONE = 3
# ... and of how many after them each how often.
FOUND_AFTER, ASKED_AFTER = 3, 0.15
# The more there are, the fewer tokens each costs: 32 for twenty, 36 for twelve.
MOST_ASKED_ALONE = 20
# How often sentences of few statements are shown, each with a number, as the assistant does.
AS_SENTENCES = 0.5
MOST_AS_SENTENCES = 2
# How often a sentence is among them that answers nothing of what is asked.
SENTENCE_SHOWN = 0.6
# How often a question is asked too whose answer is not among the statements shown.
WITHHELD = 0.25
SILENCE = f"{NOT_ANSWERED}s this."


@dataclass(frozen=True, slots=True)
class Pack:
    """Statements and what is asked about them.

    Attributes:
        statements: as they are numbered in the prompt, from 1.
        asked: questions with the replies to learn.
        history: of the conversation; a pack that has one asks one question.
        answers: the words that answer each question, where the source marks them.
        only_starts: only how the replies start is learned: whether the statements answer, which is
            all that reading asks for.
    """

    statements: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()
    only_starts: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pack as the model reads it: what is common, then branches that do not see each other.

    Attributes:
        common: the prompt up to the question.
        branches: for each question, the rest of the prompt and the reply.
    """

    common: list[int]
    branches: list[tuple[list[int], list[int]]]


def subject_packs(questions: QuestionSet, chance: random.Random) -> Iterator[Pack]:
    """Every question of a set once, beside statements that are near to it.

    Good answers are learned as they were written where they are in words of their quotes and the
    check of details passes them, otherwise the quotes themselves.

    Args:
        questions: statements and questions.
        chance: draws the statements, their order and what is asked together.
    """
    waiting = list(questions.questions)
    chance.shuffle(waiting)
    while waiting:
        first = waiting.pop()
        as_sentences = chance.random() < AS_SENTENCES
        shown = _statements_for(first, questions, chance, as_sentences)
        asked = [first]
        if not first.history:
            fitting = [q for q in waiting if not q.history and _is_about(q, shown, questions)]
            asked += fitting[: MOST_ASKED - 1]
            waiting = [question for question in waiting if question not in asked]
        passages = _passages(shown, asked, questions, chance if as_sentences else None)
        replies = [(each.question, _reply(each, passages)) for each in asked]
        elsewhere = [
            question
            for question in questions.questions
            if question.is_answerable
            and not question.history
            and not question.answering & {*shown}
            and questions.nearest(question)[1] in shown
        ]
        if not first.history and elsewhere and chance.random() < WITHHELD:
            replies.append((chance.choice(elsewhere).question, SILENCE))
        chance.shuffle(replies)
        yield Pack(tuple(each.text for each in passages), tuple(replies), first.history)


def lone_packs(questions: QuestionSet, chance: random.Random) -> Iterator[Pack]:
    """Every statement alone, as the assistant asks of each whether it answers.

    A statement is asked the questions that retrieval finds it for; the reply is what it says of
    the answer, silence where it says nothing. Follow-ups are left to `subject_packs`.

    Args:
        questions: statements and questions.
        chance: draws the questions that find a statement late, and the order.
    """
    asked: dict[str, list[tuple[str, str]]] = {}
    for question in questions.questions:
        if question.history:
            continue
        found = [identity for identity, _ in questions.found(question)]
        after = found[FOUND_ALONE:][:FOUND_AFTER]
        asked_of = found[:FOUND_ALONE] + [each for each in after if chance.random() < ASKED_AFTER]
        for identity in dict.fromkeys([*asked_of, *question.evidence]):
            if identity in question.evidence:
                reply = _reply_of(identity, question, questions.statements[identity])
            elif identity in question.grades:
                continue  # what is interchangeable or in part of the matter has no sure reply
            else:
                reply = SILENCE
            asked.setdefault(identity, []).append((question.question, reply))
    for identity, replies in asked.items():
        chance.shuffle(replies)
        packs = math.ceil(len(replies) / MOST_ASKED_ALONE)
        for number in range(packs):
            some = tuple(replies[number::packs])
            yield Pack((questions.statements[identity],), some, only_starts=True)


def _reply_of(identity: str, question: AskedQuestion, statement: str) -> str:
    """What one of the statements that answer says: the whole reply where it is the only one."""
    if {*question.evidence} == {identity}:
        return _reply(question, [Passage(identity, statement)])
    return marked(question.evidence[identity][0], [1])


@dataclass(frozen=True, slots=True)
class Passage:
    """What is shown under one number: a statement, or a sentence of one."""

    identity: str
    text: str

    def holds(self, identity: str, quote: str) -> bool:
        """Whether a quote of a statement, or a sentence of the quote, is in it."""
        return identity == self.identity and any(
            quote[start:end] in self.text for start, end in split_sentences(quote)
        )


def _statements_for(
    question: AskedQuestion, questions: QuestionSet, chance: random.Random, few: bool
) -> list[str]:
    """The ids of what answers a question and of what is nearest to it, in any order."""
    shown = list(question.evidence)
    near = [each for each in questions.nearest(question) if each not in question.answering]
    most = MOST_AS_SENTENCES if few else MOST_STATEMENTS
    count = chance.randint(max(1, len(shown)), max(most, len(shown)))
    shown += near[: count - len(shown)]
    chance.shuffle(shown)
    return shown


def _is_about(question: AskedQuestion, shown: Sequence[str], questions: QuestionSet) -> bool:
    """Whether the statements shown answer it in full, or come near to it where nothing does."""
    if question.is_answerable:
        return question.answering <= {*shown}
    return questions.nearest(question)[0] in shown


def _passages(
    shown: Sequence[str],
    asked: Sequence[AskedQuestion],
    questions: QuestionSet,
    chance: random.Random | None,
) -> list[Passage]:
    """The statements; or, with a source of chance, some sentences with all that are quoted."""
    if chance is None:
        return [Passage(identity, questions.statements[identity]) for identity in shown]
    quoted = [cited for each in asked for cited in each.cited_quotes]
    passages: list[Passage] = []
    for identity in shown:
        text = questions.statements[identity]
        sentences = [Passage(identity, text[start:end]) for start, end in split_sentences(text)]
        passages += [
            each
            for each in sentences
            if any(each.holds(*cited) for cited in quoted) or chance.random() < SENTENCE_SHOWN
        ] or sentences[:1]
    return passages


def _reply(question: AskedQuestion, passages: Sequence[Passage]) -> str:
    if not question.is_answerable:
        return SILENCE
    said = [
        (claim, [question.cited_quotes[place - 1] for place in places])
        for claim, places in marked_sentences(question.answer)
    ]
    if all(_agrees(claim, cited) for claim, cited in said):
        return " ".join(marked(claim, _numbers(cited, passages)) for claim, cited in said)
    return " ".join(
        marked(quote[start:end], _numbers([(identity, quote[start:end])], passages))
        for identity, quote in dict.fromkeys(question.cited_quotes)
        for start, end in split_sentences(quote)
    )


def _numbers(cited: Sequence[tuple[str, str]], passages: Sequence[Passage]) -> list[int]:
    """The numbers under which quotes are shown."""
    return [
        number
        for quoted in cited
        for number, passage in enumerate(passages, start=1)
        if passage.holds(*quoted)
    ]


def _agrees(claim: str, cited: Sequence[tuple[str, str]]) -> bool:
    """Whether a claim is a quote, or a shorter form of it that may be shown."""
    return any(
        overlap(claim, quote) == 1 and not disagreement(claim, quote, quote) for _, quote in cited
    )


def marked(claim: str, numbers: Sequence[int]) -> str:
    """A claim with the numbers of the statements it cites, each once."""
    return claim + "".join(f" [{number}]" for number in dict.fromkeys(numbers))


def read_packs(path: Path) -> Iterator[Pack]:
    """Packs from a file of JSON lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Pack(
            tuple(row["statements"]),
            tuple((question, reply) for question, reply in row["asked"]),
            tuple((asked, said) for asked, said in row["history"]),
            tuple(row["answers"]),
            row["only_starts"],
        )


def tokens_of(pack: Pack, tokenize: Tokenize) -> Tokens:
    """A pack in the prompt that the assistant uses.

    Args:
        pack: statements, questions and replies.
        tokenize: the model's tokenizer.
    """
    learned = 1 if pack.only_starts else None
    return Tokens(
        prompt_start(pack.history, tokenize) + prompt_of(pack.statements, tokenize),
        [
            (
                tokenize(f" {question}", False) + tokenize(REPLY, True),
                (tokenize(reply, False) + tokenize(END, True))[:learned],
            )
            for question, reply in pack.asked
        ],
    )
