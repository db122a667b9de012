"""What every test gets: no network, a data folder and an environment of its own."""

import ipaddress
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import hypothesis.configuration
import pytest

from assistant.corpus import Corpus, corpus_of
from assistant.embedder import Embedder
from assistant.index import StatementIndex
from assistant.settings import Settings
from tests.fakes import Hub, WordEmbedder

hypothesis.settings.register_profile(
    "house",
    database=None,
    deadline=None,  # the machine is shared; slowness has tests of its own
    derandomize=True,
    max_examples=60,
)
hypothesis.settings.load_profile("house")
hypothesis.configuration.set_hypothesis_home_dir(tempfile.gettempdir())

# Proxies of the machine would send what tests serve on loopback elsewhere.
FOREIGN_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_API_KEY", "HF_ENDPOINT")


def is_local(host: str | None) -> bool:
    """Whether an address never leaves this machine."""
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def attempts_to_leave() -> Iterator[list[str]]:
    """Refuse every connection that leaves the machine, and remember it: code may swallow errors."""
    attempts: list[str] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    send_to, look_up = socket.socket.sendto, socket.getaddrinfo

    def refuse_unless_local(host: str | None) -> None:
        if not is_local(host):
            attempts.append(str(host))
            raise ConnectionRefusedError(f"tests have no network, and this wants {host}")

    def check(connection: socket.socket, address: tuple[str, int]) -> None:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            refuse_unless_local(address[0])

    def guarded_connect(self: socket.socket, address: tuple[str, int]) -> None:
        check(self, address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: tuple[str, int]) -> int:
        check(self, address)
        return connect_ex(self, address)

    def guarded_send_to(self: socket.socket, data: bytes, *rest: object) -> int:
        check(self, rest[-1])
        return send_to(self, data, *rest)

    def guarded_look_up(host: str | bytes | None, *rest: object, **options: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        try:
            ipaddress.ip_address((name or "127.0.0.1").partition("%")[0])
        except ValueError:
            refuse_unless_local(name)
        return look_up(host, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket.socket, "sendto", guarded_send_to)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield attempts


@pytest.fixture(autouse=True)
def _no_network(attempts_to_leave: list[str]) -> Iterator[None]:
    attempts_to_leave.clear()
    yield
    assert attempts_to_leave == [], "a test tried to reach the network"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The data folder of this test; `ASSISTANT_HOME` names it."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _own_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ASSISTANT_") or name.upper() in FOREIGN_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASSISTANT_HOME", str(home))


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings that load no language model."""
    return Settings(home=home, model="none")


OpenIndex = Callable[..., StatementIndex]


@pytest.fixture
def open_index(home: Path) -> Iterator[OpenIndex]:
    """Opens indexes on disk with the word embedder; closing one twice on disk does no harm."""
    with ExitStack() as opened:

        def open_one(
            corpus: Corpus | Sequence[str], embedder: Embedder | None = None, **options: object
        ) -> StatementIndex:
            known = corpus if isinstance(corpus, Corpus) else corpus_of(list(corpus))
            index = StatementIndex(known, embedder or WordEmbedder(), home, **options)
            opened.callback(index.close)
            return index

        yield open_one


@pytest.fixture
def index_of() -> Iterator[OpenIndex]:
    """Opens indexes in memory, over statements given as text."""
    with ExitStack() as opened:

        def open_one(*texts: str) -> StatementIndex:
            index = StatementIndex(corpus_of(list(texts)), WordEmbedder())
            opened.callback(index.close)
            return index

        yield open_one


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A server on loopback that looks like the hub."""
    with Hub() as running:
        yield running
