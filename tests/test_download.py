"""Pulling a model: resumed, checked, and never half there."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import pytest

from assistant import download
from assistant.catalogue import CatalogueModel, find_model
from assistant.download import BLOCK, pull
from assistant.errors import ModelError
from tests.fakes import Hub

ROOT = Path(__file__).parent.parent
CONTENT = bytes(range(256)) * 4096 * 3 + b"the end"  # three blocks and a little


@pytest.fixture
def model(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> CatalogueModel:
    """A model of three megabytes under a catalogue's name, and a hub that has it.

    The hub's client reads its endpoint when it is imported, and `pull` its catalogue: the two
    places where these tests put something in another's place.
    """
    small = replace(
        find_model("qwen3-0.6b"), size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest()
    )
    hub.content = CONTENT
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(download, "find_model", lambda name: small if name == small.name else None)
    return small


def one_line(caught: pytest.ExceptionInfo[ModelError]) -> str:
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def left(home: Path) -> list[Path]:
    return sorted(file for file in (home / "models").iterdir() if file.suffix != ".lock")


def test_a_pulled_model_is_whole_and_has_its_name(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    path = pull("qwen3-0.6b", home)
    assert path == home / "models" / model.file == model.path(home)
    assert path.read_bytes() == CONTENT
    assert left(home) == [path]
    assert hub.paths == [f"/{model.repository}/resolve/{model.revision}/{model.file}"]


def test_a_model_that_is_here_is_not_fetched_again(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    assert pull(model.name, home) == pull(model.name, home)
    assert len(hub.paths) == 1


def test_the_progress_goes_from_little_to_all_and_then_checks(
    home: Path, model: CatalogueModel
) -> None:
    told: list[tuple[str, int, int]] = []
    pull(model.name, home, lambda *step: told.append(step))
    pulling = [done for what, done, _ in told if what.startswith("Pulling")]
    checking = [done for what, done, _ in told if what.startswith("Checking")]
    assert pulling == sorted(pulling)
    assert pulling[-1] == checking[-1] == len(CONTENT)
    assert {total for _, _, total in told} == {len(CONTENT)}


def test_a_pull_that_breaks_off_says_so_and_goes_on_where_it_stopped(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    hub.cut_after = BLOCK + 100
    with pytest.raises(ModelError, match=r"broke off .*pull again to go on") as caught:
        pull(model.name, home)
    assert "1 of 3 MB" in one_line(caught)
    (part,) = left(home)
    assert part.suffix == ".part"
    arrived = part.stat().st_size
    assert arrived >= BLOCK
    hub.cut_after = None
    assert pull(model.name, home).read_bytes() == CONTENT
    assert hub.ranges == [None, f"bytes={arrived}-"]
    assert left(home) == [home / "models" / model.file]


def test_a_redirect_to_where_the_content_lies_keeps_the_range(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    hub.redirects = True
    (home / "models").mkdir(parents=True)
    (home / "models" / model.file).with_suffix(".part").write_bytes(CONTENT[:BLOCK])
    assert pull(model.name, home).read_bytes() == CONTENT
    assert hub.ranges == [f"bytes={BLOCK}-"]


def test_a_hub_that_cannot_go_on_in_the_middle_starts_anew(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    hub.honours_ranges = False
    (home / "models").mkdir(parents=True)
    (home / "models" / model.file).with_suffix(".part").write_bytes(CONTENT[:BLOCK])
    assert pull(model.name, home).read_bytes() == CONTENT


def test_what_arrived_whole_before_a_crash_is_not_fetched_again(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / model.file).with_suffix(".part").write_bytes(CONTENT)
    assert pull(model.name, home).read_bytes() == CONTENT
    assert hub.paths == []


@pytest.mark.parametrize("start", [b"", b"wrong start"], ids=["content", "what was here"])
def test_a_wrong_hash_is_told_and_deleted_and_the_next_pull_is_clean(
    home: Path, hub: Hub, model: CatalogueModel, start: bytes
) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / model.file).with_suffix(".part").write_bytes(start)
    hub.content = CONTENT if start else bytes(len(CONTENT))
    with pytest.raises(ModelError, match=r"size or hash differ.*it was deleted") as caught:
        pull(model.name, home)
    one_line(caught)
    assert left(home) == []
    hub.content = CONTENT
    assert pull(model.name, home).read_bytes() == CONTENT


def test_more_than_the_catalogue_knows_is_deleted(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    hub.content = CONTENT + b"more"
    with pytest.raises(ModelError, match="size or hash differ"):
        pull(model.name, home)
    assert left(home) == []


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_hub_that_refuses_is_one_clear_line(
    home: Path, hub: Hub, model: CatalogueModel, status: int
) -> None:
    hub.status = status
    with pytest.raises(ModelError, match=f"answered {status} for {model.repository}") as caught:
        pull(model.name, home)
    one_line(caught)


def test_a_hub_that_is_down_is_one_clear_line_and_keeps_what_is_here(
    home: Path, hub: Hub, model: CatalogueModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = (home / "models" / model.file).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:BLOCK])
    monkeypatch.setattr(
        huggingface_hub.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}/{filename}",
    )
    with pytest.raises(ModelError, match="The hub cannot be reached") as caught:
        pull(model.name, home)
    assert "bundled model works without it" in one_line(caught)
    assert part.read_bytes() == CONTENT[:BLOCK]


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    home: Path, hub: Hub, model: CatalogueModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = replace(model, size=10**18)
    monkeypatch.setattr(download, "find_model", lambda _name: huge)
    with pytest.raises(ModelError, match=r"needs 1000000000\.0 GB more on disk; .* GB free"):
        pull(model.name, home)
    assert hub.paths == []


def test_a_data_folder_that_is_a_file_is_one_clear_line(home: Path, model: CatalogueModel) -> None:
    home.write_text("")
    with pytest.raises(ModelError, match="Cannot write") as caught:
        pull(model.name, home)
    one_line(caught)


@pytest.mark.parametrize("name", ["gpt", "", "qwen3"])
def test_an_unknown_name_lists_what_can_be_pulled(home: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"It has: qwen3-0\.6b, qwen3-1\.7b, qwen3-4b\."):
        pull(name, home)
    assert not home.exists()


@pytest.mark.models
def test_the_bundled_model_is_here_and_needs_no_pull(home: Path) -> None:
    assert pull("smollm2-135m", home).is_file()
    assert not home.exists()


PULL = """
import hashlib, sys
from dataclasses import replace
from pathlib import Path
from assistant import download
from assistant.catalogue import find_model
size, sha256 = sys.argv[2:]
small = replace(find_model("qwen3-0.6b"), size=int(size), sha256=sha256)
download.find_model = lambda name: small
print(download.pull("qwen3-0.6b", Path(sys.argv[1])))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_what_a_killed_process_had_fetched_is_continued_by_the_next_one(
    home: Path, hub: Hub
) -> None:
    hub.content, hub.cut_after, hub.stalls = CONTENT, 2 * BLOCK + 500, True
    command = [sys.executable, "-c", PULL, home, str(len(CONTENT))]
    command.append(hashlib.sha256(CONTENT).hexdigest())
    environment = {**os.environ, "HF_ENDPOINT": hub.url}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as first:
        while not (parts := list(home.rglob("*.part"))) or parts[0].stat().st_size < 2 * BLOCK:
            assert first.poll() is None
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    hub.cut_after, hub.stalls = None, False
    second = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(second.stdout.strip()).read_bytes() == CONTENT
    assert hub.ranges == [None, f"bytes={2 * BLOCK}-"]


def test_two_pulls_of_one_model_do_not_write_into_one_file(
    home: Path, hub: Hub, model: CatalogueModel
) -> None:
    refused: list[str] = []

    def pull_again(*_: object) -> None:
        with pytest.raises(ModelError, match="Another process is pulling") as caught:
            pull(model.name, home)
        refused.append(one_line(caught))

    assert pull(model.name, home, pull_again).read_bytes() == CONTENT
    assert refused
