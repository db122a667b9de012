"""The tokenizer, held against llama.cpp's, and files that it cannot be made of."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import tokenizer as module
from assistant.corpus import read_corpus
from assistant.errors import ModelError
from assistant.reader import END, REPLY, START
from assistant.runtime import LocalServer
from assistant.tokenizer import Tokenize, load_tokenizer
from tests.bundled import bundled_model

pytestmark = pytest.mark.models

# Letters of some scripts, digits of some kinds, spaces, marks, and what is no letter at all.
LETTERS = "aZé日\u0301😀 \n\t\r\u00a0\u2003\u200b’'s-_&;1２٣½Ⅷ𝟘\ufeff\ufffd\0"


@pytest.fixture(scope="module")
def tokenize() -> Tokenize:
    return load_tokenizer(bundled_model())


@pytest.fixture(scope="module")
def llama_cpp() -> Iterator[Tokenize]:
    with closing(LocalServer(bundled_model())) as server, httpx.Client(trust_env=False) as client:

        def tokenize(text: str, has_markup: bool) -> list[int]:
            response = client.post(
                server.url.removesuffix("/v1") + "/tokenize",
                headers={"Authorization": f"Bearer {server.key}"},
                json={"content": text, "parse_special": has_markup},
            )
            tokens: list[int] = response.raise_for_status().json()["tokens"]
            return tokens

        yield tokenize


def test_statements_are_the_tokens_that_llama_cpp_reads(
    tokenize: Tokenize, llama_cpp: Tokenize
) -> None:
    for statement in read_corpus(None).statements:
        assert tokenize(statement.text, False) == llama_cpp(statement.text, False)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from(LETTERS)) | st.text())
def test_any_text_is_the_tokens_that_llama_cpp_reads(
    tokenize: Tokenize, llama_cpp: Tokenize, text: str
) -> None:
    assert tokenize(text, False) == llama_cpp(text, False)


@pytest.mark.parametrize("has_markup", [False, True])
def test_marks_of_the_template_are_told_from_text(
    tokenize: Tokenize, llama_cpp: Tokenize, has_markup: bool
) -> None:
    text = f"{START}user\nBees{REPLY}<|im_sep|> fly. {END}"
    tokens = tokenize(text, has_markup)
    assert tokens == llama_cpp(text, has_markup)
    assert (tokenize(END, True)[0] in tokens) is has_markup


def test_a_tokenizer_of_another_kind_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPLITTING", "llama3")
    with pytest.raises(ModelError, match="another tokenizer"):
        load_tokenizer(bundled_model())


def test_a_file_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(bundled_model().read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match=r"broken\.gguf"):
        load_tokenizer(broken)
