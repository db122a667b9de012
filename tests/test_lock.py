"""One process owns a data directory, and says who it is."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from assistant.errors import IndexingError
from assistant.lock import DirectoryLock


def test_a_second_lock_names_the_process_that_holds_the_first(tmp_path: Path) -> None:
    with (
        DirectoryLock(tmp_path / "data"),
        pytest.raises(IndexingError, match=rf"in use by process {os.getpid()} \(") as caught,
    ):
        DirectoryLock(tmp_path / "data")
    assert "ASSISTANT_HOME" in str(caught.value)
    with DirectoryLock(tmp_path / "data"):
        pass


def test_what_a_killed_holder_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "owner.json").write_text(json.dumps({"process": 1, "command": "killed"}))
    with DirectoryLock(tmp_path):
        assert json.loads((tmp_path / "owner.json").read_text())["process"] == os.getpid()
    assert not (tmp_path / "owner.json").exists()


@pytest.mark.parametrize("left", ["", "[]", '{"process": 1}', "\x00"])
def test_a_holder_that_cannot_be_named_is_still_respected(tmp_path: Path, left: str) -> None:
    with DirectoryLock(tmp_path):
        (tmp_path / "owner.json").write_text(left)
        with pytest.raises(IndexingError, match="in use by another process"):
            DirectoryLock(tmp_path)


def test_a_place_that_is_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexingError, match="Set ASSISTANT_HOME to a folder you can write to"):
        DirectoryLock(tmp_path / "file" / "data")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(IndexingError, match="Cannot write to"):
        DirectoryLock(tmp_path / "data")


def test_closing_twice_does_not_take_the_directory_from_the_next_holder(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.close()
    with DirectoryLock(tmp_path):
        first.close()
        with pytest.raises(IndexingError, match=f"process {os.getpid()}"):
            DirectoryLock(tmp_path)


def test_what_one_thread_opened_another_may_close(tmp_path: Path) -> None:
    held: list[DirectoryLock] = []
    opening = threading.Thread(target=lambda: held.append(DirectoryLock(tmp_path)))
    opening.start()
    opening.join()
    held[0].close()
    with DirectoryLock(tmp_path):
        pass


def test_a_key_in_the_command_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["assistant", "chat", "--model", "https://SECRET@host/v1"])
    with DirectoryLock(tmp_path):
        owner = (tmp_path / "owner.json").read_text()
    assert "--model https://host/v1" in owner
    assert "SECRET" not in owner
