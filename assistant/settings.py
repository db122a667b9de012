"""One frozen `Settings`, and the only place where the environment is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import AssistantError

DEFAULT_MODEL = "smollm2-135m"
DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
# Chosen on the dev questions, where from 0.40 to 0.56 about as many answers are right, and on
# those of SQuAD 2.0: of the goals for both, the one that is missed most is missed least here.
DEFAULT_ABSTAIN_BELOW = 0.55


def default_home() -> Path:
    """The platform's user data directory, where indexes and pulled models live."""
    import platformdirs

    return Path(platformdirs.user_data_dir("assistant", appauthor=False))


def user_path(text: Path | str) -> Path:
    """A path as a person writes it, `~` being a home.

    Raises:
        AssistantError: it begins with the home of a user who is not there.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise AssistantError(
            f"No home folder is known for {text}. Check the user's name, or give the whole path."
        ) from error


def shown_name(name: str) -> str:
    """A model's name, or any text, without the key that a server's address may hold."""
    scheme, separator, rest = name.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


@dataclass(frozen=True, slots=True)
class Settings:
    """How the assistant is set up.

    Attributes:
        home: where indexes and pulled models live (`ASSISTANT_HOME`).
        corpus: file or folder of statements; None is the corpus that ships (`ASSISTANT_CORPUS`).
        model: a catalogue name, a path to a GGUF file, a LangChain name such as `ollama:qwen3:4b`,
            the URL of an OpenAI-compatible server, its key before the host
            (`https://KEY@host/v1`), or `none` for quotes only (`ASSISTANT_MODEL`).
        embedder: the bundled embedder, or the name or path of another sentence-transformers
            model (`ASSISTANT_EMBEDDER`).
        chroma_url: a Chroma server, `http://host:port[/tenant/database]`; None keeps the vectors
            under `home` (`ASSISTANT_CHROMA_URL`). A token before the host is sent as
            `x-chroma-token`, as Chroma Cloud wants it: `https://TOKEN@host/tenant/database`.
        abstain_below: the answer's confidence, 0..1, under which the assistant says that the
            corpus does not answer (`ASSISTANT_ABSTAIN_BELOW`). Higher answers less and errs less:
            see the curve in the report.
    """

    home: Path = field(default_factory=default_home)
    corpus: Path | None = None
    model: str = DEFAULT_MODEL
    embedder: str = DEFAULT_EMBEDDER
    chroma_url: str | None = None
    abstain_below: float = DEFAULT_ABSTAIN_BELOW

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings as the `ASSISTANT_*` variables give them; an empty variable counts as unset.

        Raises:
            AssistantError: a path begins with the home of a user who is not there, or a number is
                none.
        """
        home = environment.get("ASSISTANT_HOME")
        corpus = environment.get("ASSISTANT_CORPUS")
        abstain_below = environment.get("ASSISTANT_ABSTAIN_BELOW")
        return cls(
            home=user_path(home) if home else default_home(),
            corpus=user_path(corpus) if corpus else None,
            model=environment.get("ASSISTANT_MODEL") or DEFAULT_MODEL,
            embedder=environment.get("ASSISTANT_EMBEDDER") or DEFAULT_EMBEDDER,
            chroma_url=environment.get("ASSISTANT_CHROMA_URL") or None,
            abstain_below=_probability(abstain_below) if abstain_below else DEFAULT_ABSTAIN_BELOW,
        )


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise AssistantError(f"ASSISTANT_ABSTAIN_BELOW is {text!r}; expected a number from 0 to 1.")
    return number


def share_cores() -> None:
    """Make computing threads sleep soon while they wait; call before PyTorch is imported.

    OpenMP's would spin, and keep the one they wait for from its core where other programs are
    busy: with one of two cores taken, reading statements took 3.7 s, with this 1.9; with both free
    1.05 and 1.1.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def keep_private() -> None:
    """Switch off what libraries would send out unasked; call before they are imported.

    LangSmith would upload prompts when a tracing variable is inherited, gradio reports launches,
    and the hub client reports usage.
    """
    os.environ.update(
        LANGSMITH_TRACING="false",
        LANGCHAIN_TRACING_V2="false",
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_IMPLICIT_TOKEN="1",  # noqa: S106  # a switch, no password
        ANONYMIZED_TELEMETRY="False",
        TOKENIZERS_PARALLELISM="false",
    )
