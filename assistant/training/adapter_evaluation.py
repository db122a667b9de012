"""Measuring a language model as a reader: does it find the answer among statements, or say none?"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from assistant.assistant import Assistant
from assistant.conversation import Turn, search_text
from assistant.corpus import corpus_of
from assistant.embedder import Embedder, load_embedder
from assistant.generation import Generator
from assistant.index import StatementIndex
from assistant.judge import ANSWER_WEIGHTS, SUPPORT_WEIGHTS, Judge
from assistant.language_model import LanguageModel
from assistant.reader import StatementReader
from assistant.settings import Settings
from assistant.training.adapter_data import SILENCE
from assistant.training.adapter_squad import SNIPPETS, squad_packs
from assistant.training.figures import interval
from assistant.training.question_sets import (
    NEAR_MISSES,
    AskedQuestion,
    QuestionSet,
    compare_all,
    says_all,
)
from assistant.verification import Verifier, declines
from assistant.words import content_words

_MARKER = re.compile(r"\[(\d+)\]")
# Of SQuAD 2.0, in each split.
SQUAD_TASKS = 200
# From which share of its words on a reply is in the statements' words.
COPIED_FROM = 0.8
# Of seven prompts tried on dev questions, what helped the untaught model most: few instructions and
# two worked examples, about nothing that is asked here.
UNTAUGHT_PROMPT = (
    "Copy the sentence that answers the question from the numbered statements, followed by its "
    f"number in brackets. If no statement answers it, reply: {SILENCE}"
)
WORKED_EXAMPLES = (
    (
        (
            "The lighthouse at Skarn was lit in 1851. Its keeper, Ola Brandt, painted it red so "
            "that ships could see it in snow.",
            "Skarn has two harbours; the northern one freezes in January.",
            "The lighthouse at Veld was lit in 1874 and is white.",
        ),
        "Why is the lighthouse at Skarn red?",
        "Its keeper, Ola Brandt, painted it red so that ships could see it in snow. [1]",
    ),
    (
        (
            "Dr. Lim's trial gave 40 children cod oil for a year, and none of them caught rickets.",
            "Mushrooms grow best in the dark, says the farmer Jo Peel.",
        ),
        "What does Jo Peel earn with her mushrooms?",
        SILENCE,
    ),
)


@dataclass(frozen=True, slots=True)
class Task:
    """A question put to a reader, with what it should reply.

    Attributes:
        statements: in the order they are numbered, from 1.
        facts: what the reply has to say, each as a tuple of alternatives; none where nothing
            answers.
        right: numbers of the statements that answer.
    """

    question: str
    kind: str
    statements: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    right: frozenset[int]
    history: tuple[Turn, ...] = ()


Reader = Callable[[Task], str]
"""Replies to a task: sentences with the numbers of their statements, or the abstention."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader replied to a task."""

    task: Task
    reply: str

    @property
    def is_silent(self) -> bool:
        """Whether it said that the statements do not answer."""
        return declines(self.reply)

    @property
    def holds_answer(self) -> bool:
        """Whether every fact is in the text of the reply."""
        return not self.is_silent and says_all(_MARKER.sub("", self.reply), self.task.facts)

    @property
    def cites_right(self) -> bool:
        """Whether it cites, and only statements that answer."""
        cited = {int(number) for number in _MARKER.findall(self.reply)}
        return bool(cited) and cited <= self.task.right

    @property
    def is_copied(self) -> bool:
        """Whether nearly all its words stand in the statements."""
        words = content_words(_MARKER.sub("", self.reply))
        known = {word for text in self.task.statements for word in content_words(text)}
        return sum(word in known for word in words) >= COPIED_FROM * len(words)


def subject_tasks(questions: QuestionSet, seed: int) -> Iterator[Task]:
    """Each question of a set beside the statements that answer it and the nearest others."""
    chance = random.Random(seed)  # noqa: S311
    for question in questions.questions:
        near = [each for each in questions.nearest(question) if each not in question.answering]
        shown = list(question.evidence)
        shown += near[: max(0, SNIPPETS - len(shown))]
        chance.shuffle(shown)
        right = {number for number, each in enumerate(shown, start=1) if each in question.answering}
        yield Task(
            question.question,
            question.kind,
            tuple(questions.statements[each] for each in shown),
            question.facts,
            frozenset(right),
            question.history,
        )


def squad_tasks(path: Path, split: str, seed: int) -> list[Task]:
    """Questions about the articles of SQuAD 2.0 that nothing was trained on.

    Args:
        path: a file in the form of SQuAD.
        split: "dev" or "test", which share articles but no question.
        seed: of the passages shown, and of which questions these are.
    """
    chance = random.Random(seed)  # noqa: S311
    tasks: list[Task] = []
    for pack in squad_packs(path, chance, held_out=True):
        for (question, reply), answer in zip(pack.asked, pack.answers, strict=True):
            numbers = frozenset(int(number) for number in _MARKER.findall(reply))
            kind = "impossible" if reply == SILENCE else "answerable"
            facts = () if reply == SILENCE else ((answer,),)
            tasks.append(Task(question, kind, pack.statements, facts, numbers))
    chance.shuffle(tasks)
    first = {"dev": 0, "test": SQUAD_TASKS}[split]
    return tasks[first : first + SQUAD_TASKS]


def question_set(task: Task, name: str, embedder: Embedder) -> QuestionSet:
    """A task as a question over a set of its own, to be asked as those of the other sets are."""
    statements = {str(place): text for place, text in enumerate(task.statements, start=1)}
    right = [str(number) for number in sorted(task.right)]
    question = AskedQuestion(
        id=name,
        kind=task.kind,
        question=task.question,
        history=task.history,
        asked=search_text(task.question, task.history),
        evidence={each: (statements[each],) for each in right},
        grades=dict.fromkeys(right, 2),
        facts=task.facts,
        several_cited=False,
        answer="",
        cited_quotes=(),
        wrong=(),
    )
    return compare_all(name, statements, (question,), embedder)


def model_reader(generator: Generator, is_untaught: bool = False) -> Reader:
    """A language model with the prompt in use.

    Args:
        generator: asks the model.
        is_untaught: with the prompt that helped a model most that was not taught.
    """
    examples = list(_worked_examples(generator)) if is_untaught else []

    def reply(task: Task) -> str:
        prompt = generator.prompt(task.question, task.history, task.statements)
        if is_untaught:
            prompt = [SystemMessage(UNTAUGHT_PROMPT), *examples, *prompt[1:]]
        return "".join(generator.stream(prompt))

    return reply


def _worked_examples(generator: Generator) -> Iterator[BaseMessage]:
    for statements, question, reply in WORKED_EXAMPLES:
        yield generator.prompt(question, (), statements)[-1]
        yield AIMessage(reply)


def assistant_reader(model: LanguageModel | None, reader: StatementReader | None) -> Reader:
    """The whole assistant, with its judge and its checks, over the statements of each task.

    Args:
        model: writes; None quotes. It stays open.
        reader: reads statements alone; None leaves that to the judge.
    """
    embedder, judge = load_embedder(), Judge(ANSWER_WEIGHTS)
    verifier = Verifier(Judge(SUPPORT_WEIGHTS) if model else None)
    settings = Settings.from_environment()

    def reply(task: Task) -> str:
        corpus = corpus_of(list(task.statements))
        with closing(StatementIndex(corpus, embedder)) as index:
            assistant = Assistant(corpus, index, judge, verifier, reader, model, settings)
            answer = assistant.ask(task.question, task.history)
        cited = {each.number: each.statement.line for each in answer.citations}
        said = [f"{each.text} [{cited[each.citations[0]]}]" for each in answer.sentences]
        return " ".join(said) or SILENCE

    return reply


def summary(replies: Sequence[Read]) -> str:
    """How a reader did, with 95 % intervals, as lines of text."""
    answerable = [each for each in replies if each.task.facts]
    others = [each for each in replies if not each.task.facts]
    near = [each for each in others if each.task.kind in NEAR_MISSES]
    spoken = [each for each in answerable if not each.is_silent]
    measures: list[tuple[str, Sequence[Read], Callable[[Read], bool]]] = [
        ("answerable: the answer is in the reply", answerable, lambda each: each.holds_answer),
        ("answerable: silent", answerable, lambda each: each.is_silent),
        ("answered: cites only what answers", spoken, lambda each: each.cites_right),
        ("answered: in the statements' words", spoken, lambda each: each.is_copied),
        ("near-miss or impossible: silent", near, lambda each: each.is_silent),
    ]
    lines = [f"{len(replies)} questions, {len(answerable)} answerable"]
    for name, of, is_so in measures:
        values = np.array([is_so(each) for each in of], dtype=float)
        if len(values):
            low, high = interval(len(values), lambda drawn, v=values: float(v[drawn].mean()))  # type: ignore[misc]
            lines.append(f"{name}: {values.mean():.3f} [{low:.3f}, {high:.3f}] of {len(values)}")
    return "\n".join(lines)
