"""The no-network guard holds, and the fakes do what the other tests rely on."""

import socket
import urllib.request

import numpy as np
import pytest

from tests.fakes import Hub, ScriptedChatModel, WordEmbedder


def test_a_connection_that_leaves_the_machine_is_refused_and_remembered(
    attempts_to_leave: list[str],
) -> None:
    with socket.socket() as connection, pytest.raises(ConnectionRefusedError):
        connection.connect(("192.0.2.1", 80))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("example.org", 80))
    assert attempts_to_leave == ["192.0.2.1", "example.org"]
    attempts_to_leave.clear()


def test_loopback_and_unix_sockets_are_allowed(hub: Hub) -> None:
    hub.content = b"here"
    assert urllib.request.urlopen(hub.url).read() == b"here"
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x")
        assert other.recv(1) == b"x"


def test_texts_that_share_words_are_near_each_other() -> None:
    embedder = WordEmbedder()
    question = embedder.embed_question("bees and honey")
    near, far = embedder.embed_statements(["Honey of the bees.", "A train to Vienna."])
    assert question @ near == pytest.approx(1.0, abs=1e-5)
    assert abs(question @ far) < 0.3
    assert np.linalg.norm(near) == pytest.approx(1.0)
    assert WordEmbedder().embed_question("bees") @ embedder.embed_question("bees") > 0.999


def test_a_scripted_model_streams_its_replies_and_records_what_it_was_asked() -> None:
    model = ScriptedChatModel(replies=["First reply.", "Second."])
    pieces = [str(piece.content) for piece in model.stream("one")]
    assert len(pieces) > 3
    assert "".join(pieces) == "First reply."
    assert model.invoke("two").content == "Second."
    assert model.invoke("three").content == "Second."
    assert model.prompts == ["one", "two", "three"]
