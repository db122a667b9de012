"""The statement index: vectors in Chroma, words in the lexical index, kept in step with a corpus.

Chroma is the source of truth. The lexical index is derived from the same statements and rebuilt
when its fingerprint disagrees, so a process killed at any moment leaves nothing that the next
opening does not mend.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.chroma import connect, index_errors
from assistant.corpus import Corpus
from assistant.embedder import Embedder, Vectors
from assistant.errors import IndexingError
from assistant.lexical import LexicalIndex
from assistant.lock import DirectoryLock
from assistant.statement import Statement

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

BATCH = 128


def silent(what: str, done: int, total: int) -> None:
    """The progress nobody watches."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What bringing the index in step with the corpus took, in statements."""

    added: int
    changed: int
    removed: int
    unchanged: int
    embedded: int


class StatementIndex:
    """Dense and lexical search over the statements of one corpus."""

    def __init__(
        self,
        corpus: Corpus,
        embedder: Embedder,
        home: Path | None = None,
        chroma_url: str | None = None,
        progress: Progress = silent,
        rebuild: bool = False,
    ) -> None:
        """Open the index of a corpus and bring it in step with the corpus.

        Args:
            corpus: the statements to be found.
            embedder: makes the vectors; the index remembers which one did.
            home: the folder that holds the indexes; None keeps everything in memory.
            chroma_url: a Chroma server that holds the vectors instead of `home`.
            progress: told of every batch.
            rebuild: throw away what was there and embed every statement again.

        Raises:
            IndexingError: another process has the index open, another embedder made it, or it
                cannot be read or written.
        """
        self.statements = {statement.id: statement for statement in corpus.statements}
        self.fingerprint = _index_fingerprint(corpus.statements, embedder)
        self._embedder = embedder
        self._directory = index_directory(corpus, home) if home else None
        with index_errors(self._directory), ExitStack() as held:
            if self._directory:
                held.enter_context(DirectoryLock(self._directory))
            self._collection = self._open(chroma_url, rebuild, held)
            self.report = self._sync(progress)
            self._lexical = LexicalIndex(self._directory / "lexical" if self._directory else None)
            if self._lexical.fingerprint != self.fingerprint:
                self._lexical.rebuild(corpus.statements, self.fingerprint)
            self._held = held.pop_all()

    def embed(self, question: str) -> Vectors:
        """The question's vector, of shape (dimension,)."""
        return self._embedder.embed_question(question)

    def dense(self, question: Vectors, limit: int) -> dict[str, float]:
        """Statement id to cosine similarity, clipped to 0..1, best first."""
        with index_errors(self._directory):
            found = self._collection.query(
                query_embeddings=question[np.newaxis],
                n_results=min(limit, len(self.statements)),
                include=["distances"],
            )
        distances = (found["distances"] or [[]])[0]
        return {
            identity: min(1.0, max(0.0, 1.0 - distance))
            for identity, distance in zip(found["ids"][0], distances, strict=True)
        }

    def similarities(self, question: Vectors, identities: Sequence[str]) -> dict[str, float]:
        """Cosine similarity, clipped to 0..1, of a question and the statements named."""
        with index_errors(self._directory):
            vectors = self._vectors(identities)
        return {
            identity: min(1.0, max(0.0, float(vector @ question)))
            for identity, vector in vectors.items()
        }

    def lexical(self, question: str, limit: int) -> dict[str, float]:
        """Statement id to lexical score, 0..1, best first."""
        with index_errors(self._directory):
            return self._lexical.search(question, limit)

    def close(self) -> None:
        """Give the directory back; in memory, forget everything. Once is enough."""
        with index_errors(self._directory):
            self._held.close()

    def _open(self, chroma_url: str | None, rebuild: bool, held: ExitStack) -> Collection:
        if self._directory and rebuild:
            shutil.rmtree(self._directory / "chroma", ignore_errors=True)
        client = held.enter_context(closing(connect(chroma_url, self._directory)))
        name = _collection_name(self._directory, chroma_url)
        if rebuild and chroma_url and name in {each.name for each in client.list_collections()}:
            client.delete_collection(name)
        collection = client.get_or_create_collection(
            name,
            configuration={"hnsw": {"space": "cosine"}},
            metadata={"embedder": self._embedder.name},
            embedding_function=None,
        )
        made_by = (collection.metadata or {}).get("embedder")
        if made_by != self._embedder.name:
            raise IndexingError(
                f"This corpus was indexed with the embedder {made_by!r}, not "
                f"{self._embedder.name!r}. Ask for {made_by!r} again, or embed everything anew "
                "with: assistant index --rebuild"
            )
        if self._directory is None:
            held.callback(client.delete_collection, name)
        return collection

    def _sync(self, progress: Progress) -> SyncReport:
        rows = self._collection.get(include=["metadatas"])
        known = dict(zip(rows["ids"], rows["metadatas"] or [], strict=True))
        # Chroma opens without its vector files; reading some vectors shows that they are there.
        self._vectors(rows["ids"][:: len(known) // BATCH + 1])
        pending = [
            statement
            for identity, statement in self.statements.items()
            if (known.get(identity) or {}).get("fingerprint") != _fingerprint(statement)
        ]
        removed = [identity for identity in known if identity not in self.statements]
        # A row whose text is about to change cannot lend its vector to another statement.
        rewritten = {
            statement.id
            for statement in pending
            if (known.get(statement.id) or {}).get("embedded") != _embedded(statement)
        }
        lenders = {
            str(metadata["embedded"]): identity
            for identity, metadata in known.items()
            if metadata and identity not in rewritten
        }
        embedded = 0
        for start in range(0, len(pending), BATCH):
            progress("Embedding statements", start, len(pending))
            embedded += self._write(pending[start : start + BATCH], lenders)
        if pending:
            progress("Embedding statements", len(pending), len(pending))
        for start in range(0, len(removed), BATCH):
            self._collection.delete(ids=removed[start : start + BATCH])
        added = sum(statement.id not in known for statement in pending)
        return SyncReport(
            added=added,
            changed=len(pending) - added,
            removed=len(removed),
            unchanged=len(self.statements) - len(pending),
            embedded=embedded,
        )

    def _write(self, batch: Sequence[Statement], lenders: dict[str, str]) -> int:
        """Store a batch, embedding only text that no row holds yet; returns how many were."""
        borrowed = {
            statement.id: lenders[_embedded(statement)]
            for statement in batch
            if _embedded(statement) in lenders
        }
        stored = self._vectors(sorted(set(borrowed.values())))
        vectors = {identity: stored[lender] for identity, lender in borrowed.items()}
        new = [statement for statement in batch if statement.id not in borrowed]
        if new:
            embedded = self._embedder.embed_statements([each.searchable_text for each in new])
            vectors |= {each.id: vector for each, vector in zip(new, embedded, strict=True)}
        self._collection.upsert(
            ids=[statement.id for statement in batch],
            documents=[statement.text for statement in batch],
            embeddings=np.stack([vectors[statement.id] for statement in batch]),
            # The same keys in every row: Chroma's upsert merges metadata, old keys would survive.
            metadatas=[
                {
                    "fingerprint": _fingerprint(statement),
                    "embedded": _embedded(statement),
                    "source": statement.source,
                    "line": statement.line,
                    "metadata": json.dumps(dict(statement.metadata), ensure_ascii=False),
                }
                for statement in batch
            ],
        )
        return len(new)

    def _vectors(self, identities: Sequence[str]) -> dict[str, Vectors]:
        if not identities:
            return {}
        rows = self._collection.get(ids=list(identities), include=["embeddings"])
        vectors = np.asarray(rows["embeddings"], dtype=np.float32)
        return dict(zip(rows["ids"], vectors, strict=True))


def _collection_name(directory: Path | None, chroma_url: str | None) -> str:
    """The corpus's name in Chroma; on a server, which others may use, unlike any other."""
    if directory is None:
        return uuid.uuid4().hex
    if chroma_url is None:
        return f"statements-{directory.name}"
    file = directory / "collection"
    if not file.is_file():
        file.write_text(f"statements-{directory.name}-{uuid.uuid4().hex[:8]}")
    return file.read_text()


def index_directory(corpus: Corpus, home: Path) -> Path:
    """Where a corpus has its index: a name a person recognises, unique by where the corpus lies."""
    readable = "".join(mark if mark.isascii() and mark.isalnum() else "-" for mark in corpus.name)
    place = hashlib.sha256(str(corpus.path).encode(errors="surrogateescape")).hexdigest()[:8]
    return home / "indexes" / f"{readable.strip('-')[:40] or 'corpus'}-{place}"


def _index_fingerprint(statements: Sequence[Statement], embedder: Embedder) -> str:
    """Stands for the exact statements and embedder of an index."""
    digest = hashlib.sha256(embedder.name.encode())
    for identity, fingerprint in sorted((each.id, _fingerprint(each)) for each in statements):
        digest.update(f"\n{identity} {fingerprint}".encode())
    return digest.hexdigest()[:16]


def _fingerprint(statement: Statement) -> str:
    return hashlib.sha256(json.dumps(statement.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def _embedded(statement: Statement) -> str:
    """Stands for the text a vector was made from."""
    return hashlib.sha256(statement.searchable_text.encode()).hexdigest()[:16]
