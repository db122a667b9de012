"""The catalogue of models."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.catalogue import CATALOGUE, CatalogueModel, find_model
from assistant.settings import DEFAULT_MODEL

PULLED = [model for model in CATALOGUE if model.repository]


def test_the_default_model_is_the_bundled_one() -> None:
    default = find_model(DEFAULT_MODEL)
    assert default is CATALOGUE[0]
    assert not default.repository


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_model_says_what_it_is_and_what_it_needs(model: CatalogueModel) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.file.endswith(".gguf")
    assert model.memory > model.size > 10_000_000
    assert model.licence == "Apache-2.0"
    assert find_model(model.name.upper()) is model


@pytest.mark.parametrize("model", PULLED, ids=lambda model: model.name)
def test_what_is_pulled_is_pinned_to_a_commit(model: CatalogueModel) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", model.revision)
    assert re.fullmatch(r"[\w-]+/[\w.-]+", model.repository)


def test_names_and_files_are_unique() -> None:
    assert len({model.name for model in CATALOGUE}) == len(CATALOGUE)
    assert len({(model.file, model.adapter) for model in CATALOGUE}) == len(CATALOGUE)
    assert len({model.file for model in PULLED}) == len(PULLED)


def test_a_pulled_model_is_here_when_its_file_has_its_size(home: Path) -> None:
    model = replace(PULLED[0], size=4)
    assert model.path(home) is None
    file = home / "models" / model.file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"abc")
    assert model.path(home) is None
    file.write_bytes(b"abcd")
    assert model.path(home) == file


@pytest.mark.models
def test_the_bundled_model_is_here_without_being_pulled(home: Path) -> None:
    path = CATALOGUE[0].path(home)
    assert path is not None
    assert path.stat().st_size == CATALOGUE[0].size


def test_an_unknown_name_is_no_model() -> None:
    assert find_model("gpt") is None
    assert find_model("") is None


def test_what_the_bundled_model_was_taught_is_the_file_that_ships() -> None:
    bundled = find_model("smollm2-135m")
    assert bundled
    assert bundled.adapter_path
    digest = hashlib.sha256(bundled.adapter_path.read_bytes()).hexdigest()
    assert digest == bundled.adapter_sha256
