"""The adapter: its network is llama.cpp's, its prompts are the assistant's, and it learns."""

import json
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import torch

from assistant.embedder import Embedder
from assistant.generation import Generator
from assistant.language_model import load_file
from assistant.llama import side_by_side
from assistant.prompts import NOT_ANSWERED
from assistant.runtime import LocalServer
from assistant.tokenizer import Tokenize, load_tokenizer
from assistant.training.__main__ import main
from assistant.training.adapter_data import (
    SILENCE,
    Pack,
    lone_packs,
    read_packs,
    subject_packs,
    tokens_of,
)
from assistant.training.adapter_file import write_adapter
from assistant.training.adapter_squad import lone_squad_packs, squad_packs
from assistant.training.adapter_training import (
    Recipe,
    _laid_out,
    average_checkpoints,
    pack_loss,
    read_checkpoint,
    train_adapter,
)
from assistant.training.lora import new_network
from assistant.training.question_sets import QuestionSet, read_question_set
from assistant.words import split_sentences
from tests.bundled import bundled_model
from tests.fakes import WordEmbedder

SUBJECT = Path(__file__).parent.parent / "evals" / "subjects" / "cash"
PACK = Pack(
    ("Bees fly from 10 °C on. Wasps do not.", "Honey does not spoil."),
    (
        ("When do bees fly?", "Bees fly from 10 °C on. [1]"),
        ("Who keeps bees?", SILENCE),
    ),
)
# Matrices of 8 bits times states of 8 bits in one, exact numbers in the other.
ROUNDING = 0.35


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with closing(LocalServer(bundled_model())) as server:
        yield server


@pytest.fixture(scope="module")
def tokenize() -> Tokenize:
    return load_tokenizer(bundled_model())


@pytest.fixture(scope="module")
def subject() -> QuestionSet:
    embedder: Embedder = WordEmbedder()
    return read_question_set(SUBJECT, "train", embedder)


def _post(server: LocalServer, path: str, body: dict[str, object]) -> dict[str, object]:
    response = httpx.post(
        server.url.removesuffix("/v1") + path,
        headers={"Authorization": f"Bearer {server.key}"},
        json=body,
        timeout=60,
        trust_env=False,
    )
    response.raise_for_status()
    answer: dict[str, object] = response.json()
    return answer


def _likeliest(server: LocalServer, tokens: list[int]) -> dict[int, float]:
    body = {"prompt": tokens, "n_predict": 1, "n_probs": 5, "temperature": 0}
    answer = _post(server, "/completion", body)
    (first,) = answer["completion_probabilities"]  # type: ignore[misc]
    return {each["id"]: each["logprob"] for each in first["top_logprobs"]}


def test_the_network_with_an_adapter_is_the_one_llama_cpp_runs(
    tmp_path: Path, server: LocalServer, tokenize: Tokenize
) -> None:
    torch.manual_seed(7)
    network = new_network(bundled_model(), rank=4, alpha=8.0, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(".b"):
                parameter.normal_(std=0.05)
    file = tmp_path / "adapter.gguf"
    write_adapter(network, 8.0, file)
    pack = tokens_of(PACK, tokenize)
    tokens = pack.common + pack.branches[0][0]
    with torch.no_grad():
        states, _ = network(*side_by_side([tokens]))
        ours = network.logits(states[0, -1]).log_softmax(-1)
    with closing(LocalServer(bundled_model(), file)) as adapted:
        theirs = _likeliest(adapted, tokens)
    plain = _likeliest(server, tokens)
    assert theirs != plain
    for token, likely in theirs.items():
        assert float(ours[token]) == pytest.approx(likely, abs=ROUNDING)


def test_a_pack_is_the_prompt_the_assistant_sends(server: LocalServer, tokenize: Tokenize) -> None:
    """With a history and a question that starts with a word, whose space belongs to it."""
    pack = Pack(PACK.statements, PACK.asked[:1], history=(("Are there bees?", "There are. [1]"),))
    tokens = tokens_of(pack, tokenize)
    with closing(load_file("base", bundled_model(), None)) as model:
        messages = Generator(model).prompt(pack.asked[0][0], pack.history, pack.statements)
    roles = {"human": "user", "ai": "assistant"}
    sent = [{"role": roles.get(m.type, m.type), "content": m.content} for m in messages]
    prompt = str(_post(server, "/apply-template", {"messages": sent})["prompt"])
    assert (
        tokens.common + tokens.branches[0][0]
        == _post(server, "/tokenize", {"content": prompt, "parse_special": True})["tokens"]
    )


def test_questions_of_a_pack_do_not_see_each_other(tokenize: Tokenize) -> None:
    both = tokens_of(PACK, tokenize)
    network = new_network(bundled_model(), rank=4, alpha=8.0, dtype=torch.float32)

    def replied(pack_tokens: object, branch: int) -> torch.Tensor:
        assert isinstance(pack_tokens, type(both))
        tokens, positions, mask, scored, _ = _laid_out(pack_tokens)
        counts = [len(reply) for _, reply in pack_tokens.branches]
        with torch.no_grad():
            states, _ = network(tokens, positions, mask)
            logits = network.logits(states[0, scored - 1])
        return logits.split(counts)[branch]

    alone = type(both)(both.common, both.branches[1:])
    torch.testing.assert_close(replied(both, 1), replied(alone, 0), atol=1e-3, rtol=1e-3)


def test_all_is_computed_on_the_device_of_the_network(tokenize: Tokenize) -> None:
    """On "meta", which has shapes and no numbers; like a GPU it takes nothing of the CPU."""
    network = new_network(bundled_model(), 4, 8.0, torch.float32).to("meta")
    loss = pack_loss(network, tokens_of(PACK, tokenize), torch.device("meta"))
    loss.backward()
    assert loss.is_meta
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_training_learns_and_goes_on_from_its_checkpoint(
    tmp_path: Path, tokenize: Tokenize
) -> None:
    tokens = tokens_of(PACK, tokenize)
    checkpoint, said = tmp_path / "adapter.pt", list[str]()
    recipe = Recipe(rank=2, alpha=4.0, rate=3e-3, epochs=24.0)
    untrained = new_network(bundled_model(), 2, 4.0, torch.float32)
    train_adapter(bundled_model(), [tokens], recipe, checkpoint, said.append)
    network, kept = read_checkpoint(bundled_model(), checkpoint)
    assert kept == recipe
    with torch.no_grad():
        before, after = (
            pack_loss(each, tokens, torch.device("cpu")).item() for each in (untrained, network)
        )
    assert after < 0.7 * before
    written = checkpoint.stat().st_mtime_ns
    train_adapter(bundled_model(), [tokens], recipe, checkpoint, said.append)
    assert checkpoint.stat().st_mtime_ns == written  # there was nothing left to do
    with pytest.raises(ValueError, match="another recipe"):
        train_adapter(bundled_model(), [tokens], Recipe(rank=2, alpha=4.0), checkpoint, said.append)
    with pytest.raises(ValueError, match="learned from other packs"):
        train_adapter(bundled_model(), [tokens] * 2, recipe, checkpoint, said.append)
    with pytest.raises(ValueError, match="or another start"):
        train_adapter(
            bundled_model(), [tokens], recipe, checkpoint, said.append, start_from=checkpoint
        )
    second = Recipe(rank=2, alpha=4.0, rate=0.0, epochs=1.0)
    again = train_adapter(
        bundled_model(), [tokens], second, tmp_path / "2.pt", said.append, start_from=checkpoint
    )
    for name, learned in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], learned)
    file = tmp_path / "adapter.gguf"
    write_adapter(network, recipe.alpha, file)
    from_file = train_adapter(
        bundled_model(), [tokens], second, tmp_path / "3.pt", said.append, start_from=file
    )
    for name, learned in network.state_dict().items():
        torch.testing.assert_close(from_file.state_dict()[name], learned, atol=1e-3, rtol=1e-3)
    mean = tmp_path / "mean.pt"
    empty = {name: torch.zeros_like(learned) for name, learned in network.state_dict().items()}
    torch.save({"recipe": {}, "network": empty}, tmp_path / "empty.pt")
    average_checkpoints([file, tmp_path / "empty.pt"], mean)
    halved, its = read_checkpoint(bundled_model(), mean)
    assert (its.rank, its.alpha) == (recipe.rank, recipe.alpha)
    for name, learned in network.state_dict().items():
        torch.testing.assert_close(halved.state_dict()[name], learned / 2, atol=1e-3, rtol=1e-3)


def test_every_question_of_a_subject_is_learned_once_beside_what_answers_it(
    subject: QuestionSet,
) -> None:
    packs = list(subject_packs(subject, random.Random(1)))
    learned = [question for pack in packs for question, _ in pack.asked]
    by_question = {question.question: question for question in subject.questions}
    assert set(learned) == set(by_question)
    for pack in packs:
        shown = " ".join(pack.statements)
        for question, reply in pack.asked:
            quotes = [quote for _, quote in by_question[question].cited_quotes]
            if reply == SILENCE:
                assert not all(quote in shown for quote in quotes) or not quotes
            else:
                assert all(quote in shown for quote in quotes)
                assert "[" in reply


def test_a_quote_carries_the_number_it_is_shown_under(subject: QuestionSet) -> None:
    """Also where the sentences of one statement are shown singly."""
    packs = list(subject_packs(subject, random.Random(1)))
    sentences = {
        text[a:b] for text in subject.statements.values() for a, b in split_sentences(text)
    }
    quoted = [
        (claim, pack.statements[int(number) - 1])
        for pack in packs
        for _, reply in pack.asked
        for claim, number in re.findall(r"(.+?) \[(\d+)\](?: |$)", reply)
        if claim in sentences
    ]
    assert quoted
    assert all(claim in shown for claim, shown in quoted)
    assert any(claim == shown for claim, shown in quoted)
    assert any(claim != shown for claim, shown in quoted)


def test_replies_are_quotes_where_the_check_would_drop_what_was_written(
    subject: QuestionSet,
) -> None:
    replies = {
        question: re.sub(r" \[\d+\]", "", reply)
        for pack in subject_packs(subject, random.Random(1))
        for question, reply in pack.asked
    }
    written = {
        each.question: re.sub(r" \[\d+\]", "", each.answer)
        for each in subject.questions
        if replies[each.question] != SILENCE
    }
    kept = [question for question, answer in written.items() if replies[question] == answer]
    assert kept
    statements = " ".join(subject.statements.values())
    changed = [replies[question] for question in written if question not in kept]
    assert any(reply in statements for reply in changed)


def write_squad(file: Path) -> None:
    """Eight articles of one paragraph."""
    context = "Bees fly from 10 °C on. Honey does not spoil. A hive holds fifty thousand bees."
    questions = [
        {"question": "When?", "answers": [{"text": "10 °C", "answer_start": 15}]},
        {"question": "Who?", "answers": [], "is_impossible": True},
    ]
    articles = [
        {"title": f"Bees {n}", "paragraphs": [{"context": context, "qas": questions}]}
        for n in range(8)
    ]
    file.write_text(json.dumps({"data": articles}), encoding="utf-8")


def test_squad_replies_are_the_sentence_that_answers_or_silence(tmp_path: Path) -> None:
    file = tmp_path / "squad.json"
    write_squad(file)
    learned = [pack.asked for pack in squad_packs(file, random.Random(1))]
    held_out = [pack.asked for pack in squad_packs(file, random.Random(1), held_out=True)]
    assert len(learned) + len(held_out) == 8
    assert held_out
    for asked in learned + held_out:
        assert dict(asked)["Who?"].startswith(NOT_ANSWERED)
        assert dict(asked).get("When?", "") in ("", "Bees fly from 10 °C on. [1]")
    alone = list(lone_squad_packs(file, random.Random(1)))
    assert len(alone) == len(learned)
    for pack in alone:
        (shown,) = pack.statements
        answer = "Bees fly from 10 °C on. [1]" if "10 °C" in shown else SILENCE
        assert dict(pack.asked) == {"When?": answer, "Who?": SILENCE}


def test_a_statement_alone_is_asked_what_it_answers_and_what_it_only_comes_near_to(
    subject: QuestionSet,
) -> None:
    packs = list(lone_packs(subject, random.Random(1)))
    assert {len(pack.statements) for pack in packs} == {1}
    asked = [(pack.statements[0], *each) for pack in packs for each in pack.asked]
    assert len(asked) == len({each[:2] for each in asked})
    known = {each.question: each for each in subject.questions}
    replied = {(text, question) for text, question, reply in asked if reply != SILENCE}
    for text, question, reply in asked:
        answers = any(subject.statements[key] == text for key in known[question].evidence)
        assert (reply != SILENCE) == answers
        assert "[2]" not in reply
    for question in subject.questions:
        for key in question.evidence:
            assert question.history or (subject.statements[key], question.question) in replied


def test_so_many_packs_of_each_kind_are_written_as_were_asked_for(tmp_path: Path) -> None:
    shutil.copytree(SUBJECT, tmp_path / "subjects" / SUBJECT.name)
    (tmp_path / "squad2_dev").mkdir()
    write_squad(tmp_path / "squad2_dev" / "dev-v2.0.json")
    output = tmp_path / "packs.jsonl"
    folders = ["--data", str(tmp_path), "--subjects", str(tmp_path / "subjects")]
    asked_for = ["--alone", "5", "--writing", "8", "--output", str(output)]
    assert main(["adapter-data", *folders, *asked_for]) == 0
    packs = list(read_packs(output))
    squad = list(lone_squad_packs(tmp_path / "squad2_dev" / "dev-v2.0.json", random.Random(1)))
    assert len([pack for pack in packs if not pack.only_starts]) == 8
    assert len([pack for pack in packs if pack.only_starts]) == 5 + len(squad)


def test_of_a_statement_alone_only_how_the_reply_starts_is_learned(
    subject: QuestionSet, tokenize: Tokenize
) -> None:
    pack = next(lone_packs(subject, random.Random(1)))
    whole = tokens_of(replace(pack, only_starts=False), tokenize)
    starts = tokens_of(pack, tokenize)
    assert starts.common == whole.common
    assert starts.branches == [(asked, reply[:1]) for asked, reply in whole.branches]
    assert any(len(reply) > 1 for _, reply in whole.branches)
