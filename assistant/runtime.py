"""Running a GGUF file in this process: llama.cpp's server on a private loopback port."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from assistant.errors import ModelError, system_reason

CONTEXT_TOKENS = 4096
# A prompt is read in batches, and a cancelled request is only noticed between two of them.
BATCH_TOKENS = 256
PROMPT_CACHE_MIB = 256
# An answer says again what stands in its prompt: after four tokens that came before, the sixteen
# that followed there are tried at once ("prompt lookup decoding", Saxena, 2023). The same is
# written, after the first word in 0.70 of the time.
REPEATED_TOKENS, TRIED_TOKENS = 4, 16


class LocalServer:
    """llama.cpp serving one model to this process alone.

    It listens on 127.0.0.1, on a port the system picks, wants a key that only this process
    knows, and answers no web page of another origin.
    """

    def __init__(self, path: Path, adapter: Path | None = None) -> None:
        """Load a GGUF file; takes under a second for the bundled model.

        Args:
            path: the model.
            adapter: a LoRA in GGUF to put on top of it.

        Raises:
            ModelError: the file is no GGUF or cannot be loaded.
        """
        import httpx
        import xllamacpp

        try:
            with path.open("rb") as file:
                start = file.read(4)
        except OSError as error:
            raise ModelError(f"Cannot read {path}: {system_reason(error)}.") from error
        if start != b"GGUF":
            raise ModelError(f"{path} is not a GGUF model file.")
        self.key = secrets.token_hex(16)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.model_alias = {path.stem}
        if adapter:
            parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        parameters.n_ctx = CONTEXT_TOKENS
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_parallel = 1
        parameters.cache_ram_mib = PROMPT_CACHE_MIB
        parameters.speculative.types = [
            xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
        ]
        parameters.speculative.ngram_simple.size_n = REPEATED_TOKENS
        parameters.speculative.ngram_simple.size_m = TRIED_TOKENS
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        # Writing waits for its slowest thread at every word: with a thread on each of two cores,
        # one other busy program slowed it from 70 tokens/s to 2, with a core left free to 28.
        parameters.cpuparams.n_threads = max(1, (cores or 2) - 1)
        parameters.cpuparams_batch.n_threads = cores or 2
        parameters.port = 0
        parameters.api_keys = [self.key]
        parameters.cors_origins = "localhost"
        parameters.cors_origins_explicit = True
        parameters.ui = False
        parameters.endpoint_slots = False
        parameters.warmup = False
        parameters.verbosity = -1
        try:
            self._server: xllamacpp.Server | None = xllamacpp.Server(parameters)
        except Exception as error:
            raise ModelError(
                f"Cannot load {path}: the file is damaged, of a kind this version of llama.cpp "
                "does not know, or larger than the free memory."
            ) from error
        self.url = f"{self._server.listening_address}/v1"
        # One client for all calls: making one takes twenty times as long as counting tokens.
        self._client = httpx.Client(
            base_url=str(self._server.listening_address),
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
            trust_env=False,  # a proxy set for the web must not come between
        )

    def count_tokens(self, text: str) -> int:
        """How many tokens the model reads in a text.

        Raises:
            ModelError: the server failed.
        """
        import httpx

        try:
            response = self._client.post("/tokenize", json={"content": text})
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelError(f"The language model failed: {error}. Start again.") from error
        return len(response.json()["tokens"])

    def close(self) -> None:
        """Stop the server and free the model's memory."""
        self._client.close()
        self._server = None
