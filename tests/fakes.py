"""Stand-ins that are handed in through constructors: an embedder, a chat model, a hub."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from numpy.typing import NDArray
from pydantic import PrivateAttr

from assistant.answer import Hit
from assistant.conversation import Turn
from assistant.embedder import Vectors
from assistant.language_model import LanguageModel
from assistant.selection import Candidate
from assistant.statement import Statement
from assistant.words import STOPWORDS, content_words, split_sentences

DIMENSION = 256


class WordEmbedder:
    """Embeds a text as the sum of a fixed random direction for each of its words.

    Texts that share words are near each other, others are not. `embedded` is what was asked for.
    """

    def __init__(self, name: str = "words", dimension: int = DIMENSION) -> None:
        self.name = name
        self.dimension = dimension
        self.embedded: list[str] = []
        self._directions: dict[str, Vectors] = {}

    def embed_statements(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return np.stack([self.embed_question(text) for text in texts])

    def embed_question(self, text: str) -> Vectors:
        words = re.findall(r"\w+", text.casefold())
        telling = [word for word in words if word not in STOPWORDS] or ["nothing"]
        vector = np.sum([self._direction(word) for word in telling], axis=0)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def _direction(self, word: str) -> Vectors:
        if word not in self._directions:
            digest = hashlib.shake_256(word.encode("utf-8", "surrogatepass"))
            octets = np.frombuffer(digest.digest(self.dimension), dtype=np.uint8)
            self._directions[word] = octets.astype(np.float32) - 127.5
        return self._directions[word]


class WordJudge:
    """Gives a sentence the share of the text's telling words that it holds."""

    fingerprint = "words"

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        asked = set(content_words(text))
        shares = [len(asked & set(content_words(each))) / max(1, len(asked)) for each, _ in pairs]
        return np.array(shares, dtype=np.float32)


class ScriptedChatModel(BaseChatModel):
    """Streams scripted replies, a few characters at a time, and records what it was asked.

    The last reply is given again when they run out. `failure` is raised after the reply's pieces.
    """

    replies: list[str]
    failure: Exception | None = None
    piece_length: int = 3
    received: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for each model
    pieces_sent: int = 0
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        text = "".join(chunk.text for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> Iterator[ChatGenerationChunk]:
        with self._lock:
            self.received.append(messages)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        for start in range(0, len(reply), self.piece_length):
            self.pieces_sent += 1
            piece = reply[start : start + self.piece_length]
            yield ChatGenerationChunk(message=AIMessageChunk(piece))
        if self.failure:
            raise self.failure
        yield ChatGenerationChunk(message=AIMessageChunk("", chunk_position="last"))

    @property
    def prompts(self) -> list[str]:
        """The last message of each request: statements and question."""
        return [str(messages[-1].content) for messages in self.received]


def scripted_model(
    *replies: str,
    failure: Exception | None = None,
    context_tokens: int = 100_000,
    name: str = "scripted",
    is_taught: bool = False,
) -> tuple[LanguageModel, ScriptedChatModel]:
    """A language model that replies as scripted, and the chat model inside; a token is a word."""
    chat = ScriptedChatModel(replies=list(replies) or [""], failure=failure)
    model = LanguageModel(
        name,
        chat,
        "script",
        is_taught,
        context_tokens=context_tokens,
        count_tokens=lambda text: len(text.split()),
    )
    return model, chat


class ScriptedReader:
    """Doubts every statement as much, but those that hold a key of `doubts`; keeps what it read."""

    fingerprint = "scripted"

    def __init__(self, doubt: float, doubts: Mapping[str, float] | None = None) -> None:
        self.doubt = doubt
        self.by_key = doubts or {}
        self.read: list[str] = []

    def doubts(
        self, question: str, history: Sequence[Turn], statements: Sequence[str]
    ) -> Iterator[float]:
        for statement in statements:
            self.read.append(statement)
            yield next((told for key, told in self.by_key.items() if key in statement), self.doubt)


def hits_for(*texts: str) -> tuple[Hit, ...]:
    """Hits on statements of these texts, each a little weaker than the one before."""
    return tuple(
        Hit(
            statement=Statement(id=f"id-{rank}", text=text, source="notes.txt", line=rank),
            rank=rank,
            score=1 - rank / 100,
            dense_score=1 - rank / 100,
            lexical_score=1 - rank / 100,
        )
        for rank, text in enumerate(texts, start=1)
    )


def candidates_for(*texts: str) -> tuple[Candidate, ...]:
    """Every sentence of statements of these texts, each sure to answer."""
    return tuple(
        Candidate(hit.statement, start, end, 1.0)
        for hit in hits_for(*texts)
        for start, end in split_sentences(hit.statement.text)
    )


class Hub:
    """An HTTP server on loopback that serves one content under every path, with ranges.

    Attributes:
        content: what it serves.
        status: what it answers instead, when set.
        cut_after: how many bytes it sends before it breaks off, when set.
        stalls: whether it then keeps the connection open and sends nothing more.
        honours_ranges: whether it can go on in the middle.
        redirects: whether it first sends to another path, as the hub does.
        ranges: the Range header of each request for content, None where there was none.
        paths: the path of each request.
    """

    def __init__(self) -> None:
        self.content = b""
        self.status: int | None = None
        self.cut_after: int | None = None
        self.stalls = False
        self.honours_ranges = True
        self.redirects = False
        self.ranges: list[str | None] = []
        self.paths: list[str] = []
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.paths.append(self.path)
                hub._answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing on standard error."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.status:
            request.send_error(self.status)
            return
        if self.redirects and not request.path.startswith("/cdn/"):
            request.send_response(302)
            request.send_header("Location", f"/cdn{request.path}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        wanted = request.headers["Range"]
        self.ranges.append(wanted)
        is_partial = bool(wanted) and self.honours_ranges
        start = int(re.sub(r"\D", "", wanted)) if is_partial else 0
        body = self.content[start:]
        request.send_response(206 if is_partial else 200)
        request.send_header("Content-Length", str(len(body)))
        if is_partial:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        request.end_headers()
        request.wfile.write(body if self.cut_after is None else body[: self.cut_after])
        if self.stalls:
            self._closing.wait()

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
