"""Language models by name, path and address."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from assistant.catalogue import CATALOGUE
from assistant.errors import ModelError
from assistant.language_model import (
    REMOTE_ANSWER_TOKENS,
    LanguageModel,
    find_model_file,
    load_language_model,
)
from assistant.settings import shown_name
from tests.fakes import ScriptedChatModel


def one_line(caught: pytest.ExceptionInfo[ModelError]) -> str:
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_none_is_no_model(home: Path) -> None:
    assert find_model_file("none", home) is None
    assert load_language_model("none", home) is None


@pytest.mark.parametrize(
    ("name", "near"),
    [("qwen3-0.6", "qwen3-0.6b"), ("smollm2", "smollm2-135m"), ("QWEN3-4", "qwen3-4b")],
)
def test_a_name_that_is_nearly_right_is_corrected(home: Path, name: str, near: str) -> None:
    with pytest.raises(ModelError, match=f"No model is called '{name}'. Did you mean {near}"):
        find_model_file(name, home)


@pytest.mark.parametrize("name", ["gpt", "zephyr", " ", ""])
def test_a_name_of_nothing_says_what_a_name_can_be(home: Path, name: str) -> None:
    with pytest.raises(ModelError, match="No model is called") as caught:
        find_model_file(name, home)
    assert "assistant models" in one_line(caught)
    assert "Did you mean" not in one_line(caught)


@pytest.mark.parametrize("name", ["qwen3-0.6b", "QWEN3-0.6B"])
def test_a_model_that_is_not_pulled_yet_says_how_to_pull_it(home: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"Run: assistant pull qwen3-0.6b \(0.6 GB\)") as caught:
        find_model_file(name, home)
    one_line(caught)


def test_a_half_pulled_model_counts_as_not_pulled(home: Path) -> None:
    model = next(each for each in CATALOGUE if each.repository)
    (home / "models").mkdir(parents=True)
    (home / "models" / model.file).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="assistant pull"):
        find_model_file(model.name, home)


def test_a_path_to_a_model_file_is_that_file(home: Path, tmp_path: Path) -> None:
    for name in ("mine.gguf", "no-suffix"):
        (tmp_path / name).write_bytes(b"GGUF")
        assert find_model_file(str(tmp_path / name), home) == tmp_path / name


@pytest.mark.parametrize("name", ["missing.gguf", "folder.gguf"])
def test_a_path_without_a_model_file_is_named(home: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelError, match=f"No model file at .*{name}"):
        find_model_file(str(tmp_path / name), home)


@pytest.mark.parametrize("name", ["ollama:qwen3:4b", "openai:gpt-5", "http://127.0.0.1:1/v1"])
def test_a_name_of_another_place_is_no_file(home: Path, name: str) -> None:
    assert find_model_file(name, home) is None


@pytest.mark.models
@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF and then nothing of use"])
def test_a_file_that_is_no_model_is_one_clear_line(
    home: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.gguf") as caught:
        load_language_model(str(tmp_path / "bad.gguf"), home)
    one_line(caught)


@pytest.mark.parametrize("name", ["nobody:model", "ollama:", ":", "anthropic:claude"])
def test_a_langchain_name_that_cannot_be_used_is_one_clear_line(home: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_language_model(name, home)
    one_line(caught)


def test_a_langchain_name_makes_a_chat_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "no key")
    model = load_language_model("openai:gpt-5", home)
    assert model is not None
    assert model.name == "openai:gpt-5"


class FakeOpenAI:
    """A server that lists models and streams one reply, like vLLM or LM Studio."""

    def __init__(self) -> None:
        self.models: object = {"data": [{"id": "served-model"}]}
        self.requests: list[tuple[str, dict[str, object]]] = []
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, {}))
                outer.keys.append(self.headers["Authorization"])
                body = json.dumps(outer.models).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.requests.append((self.path, json.loads(self.rfile.read(length))))
                outer.keys.append(self.headers["Authorization"])
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for piece in ("Bees ", "fly."):
                    chunk = {
                        "id": "1",
                        "object": "chat.completion.chunk",
                        "created": 0,
                        "model": "served-model",
                        "choices": [{"index": 0, "delta": {"content": piece}}],
                    }
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_: object) -> None:
                """Say nothing on standard error."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def openai() -> Iterator[FakeOpenAI]:
    fake = FakeOpenAI()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_a_server_is_asked_which_model_it_serves(home: Path, openai: FakeOpenAI, path: str) -> None:
    model = load_language_model(openai.url + path, home)
    assert model is not None
    assert model.name == f"{openai.url}/v1"
    assert openai.requests == [("/v1/models", {})]
    assert model.chat.model_name == "served-model"


def test_a_served_model_streams_short_deterministic_answers(home: Path, openai: FakeOpenAI) -> None:
    model = load_language_model(openai.url, home)
    pieces = [chunk.text for chunk in model.chat.stream("When?")]
    assert "".join(pieces) == "Bees fly."
    path, asked = openai.requests[-1]
    assert path == "/v1/chat/completions"
    assert asked["model"] == "served-model"
    assert asked["temperature"] == 0
    assert asked["max_completion_tokens"] == REMOTE_ANSWER_TOKENS
    model.close()


@pytest.mark.parametrize(
    "listed",
    [{}, {"data": []}, {"data": None}, [], None, {"data": ["a name"]}, {"data": [{}]}, "text"],
)
def test_a_server_that_lists_no_models_is_one_clear_line(
    home: Path, openai: FakeOpenAI, listed: object
) -> None:
    openai.models = listed
    with pytest.raises(ModelError, match="No OpenAI-compatible server answers") as caught:
        load_language_model(openai.url, home)
    one_line(caught)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://", "http://[::1", "http://127.0.0.1:99999"]
)
def test_an_address_where_nothing_answers_is_one_clear_line(home: Path, url: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_language_model(url, home)
    assert "check the address" in one_line(caught)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_for_the_web_does_not_come_between_this_machine_and_itself(
    home: Path, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    model = load_language_model(openai.url, home)
    assert "".join(chunk.text for chunk in model.chat.stream("When?")) == "Bees fly."


@pytest.mark.models
def test_the_bundled_model_counts_tokens_whatever_proxy_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    model = load_language_model("smollm2-135m", home)
    try:
        assert 3 <= model.count_tokens("Bees fly by day.") <= 8
    finally:
        model.close()


def test_tokens_of_a_model_that_does_not_tell_are_estimated_and_never_none() -> None:
    model = LanguageModel("any", ScriptedChatModel(replies=[""]))
    assert model.count_tokens("") == 1
    assert model.count_tokens("x" * 400) == 101
    model.close()


def test_a_key_in_the_environment_is_not_sent_to_a_server_that_was_named(
    home: Path, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "meant for somebody else")
    model = load_language_model(openai.url, home)
    list(model.chat.stream("When?"))
    assert openai.keys == ["Bearer none", "Bearer none"]


def test_a_key_before_the_host_is_sent_and_never_shown(home: Path, openai: FakeOpenAI) -> None:
    address = openai.url.replace("://", "://secret@")
    model = load_language_model(address, home)
    list(model.chat.stream("When?"))
    assert openai.keys == ["Bearer secret", "Bearer secret"]
    assert model.name == f"{openai.url}/v1"
    assert shown_name(address) == openai.url
    assert shown_name("ollama:qwen3:4b") == "ollama:qwen3:4b"
