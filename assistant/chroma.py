"""Chroma: a client for a server, a folder or memory, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from assistant.errors import IndexingError, system_reason

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.config import Settings


def connect(chroma_url: str | None, directory: Path | None) -> Client:
    """A client for a server, for a folder, or for memory only."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if chroma_url is not None:
        return _connect_to_server(chroma_url, settings)
    if directory is None:
        return cast("Client", chromadb.EphemeralClient(settings=settings))
    try:
        return cast("Client", chromadb.PersistentClient(directory / "chroma", settings=settings))
    except BaseException:
        # Chroma keeps what did not start and would hand it to the next opening.
        SharedSystemClient._identifier_to_system.pop(str(directory / "chroma"), None)
        raise


def _connect_to_server(chroma_url: str, settings: Settings) -> Client:
    import chromadb

    try:
        address = urlsplit(chroma_url)
        port = address.port or (443 if address.scheme == "https" else 8000)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(chroma_url)
    except ValueError as error:
        raise IndexingError(
            f"{chroma_url!r} is not the address of a Chroma server; "
            "expected http://host:port[/tenant/database]."
        ) from error
    place = [part for part in address.path.split("/") if part]
    try:
        client = chromadb.HttpClient(
            address.hostname,
            port,
            ssl=address.scheme == "https",
            headers={"x-chroma-token": address.username} if address.username else None,
            settings=settings,
            tenant=place[0] if place else "default_tenant",
            database=place[1] if len(place) > 1 else "default_database",
        )
        return cast("Client", client)
    except Exception as error:
        raise IndexingError(
            f"No Chroma server answers at {address.scheme}://{address.hostname}:{port}. "
            "Start one with `chroma run`, or unset ASSISTANT_CHROMA_URL to keep the vectors on "
            "this machine."
        ) from error


@contextmanager
def index_errors(directory: Path | None) -> Iterator[None]:
    """Chroma's, tantivy's and the disk's errors as one line that says what to do."""
    from chromadb.errors import ChromaError
    from httpx import TransportError

    try:
        yield
    except IndexingError:
        raise
    except TransportError as error:
        raise IndexingError(
            f"The Chroma server no longer answers ({error}). Start it again; nothing is lost."
        ) from error
    except OSError as error:
        raise IndexingError(
            f"Cannot write the index in {directory}: {system_reason(error)}. "
            "Free some space or set ASSISTANT_HOME to another folder; nothing is lost."
        ) from error
    except (ChromaError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IndexingError(
            f"The index in {directory or 'memory'} cannot be used ({reason}). "
            "It is made from the corpus and can be made anew: assistant index --rebuild"
        ) from error
