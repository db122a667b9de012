"""The lexical index: BM25 over stemmed words, tolerant of misspelt names (tantivy)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assistant.statement import Statement
from assistant.words import STOPWORDS, content_words, word_analyzer

# Words this short differ by one edit too often ("model", "mode") to count as misspellings.
SHORTEST_MISSPELT = 5
# A near word counts as much less than the word itself as it differs, and never fully.
NEAR_WORD_WEIGHT = 0.7
# What one misspelt word may stand for; more only adds noise.
NEAR_WORDS = 3
WRITER_MEMORY = 50_000_000


@dataclass(frozen=True, slots=True)
class _Term:
    word: str
    weight: float


class LexicalIndex:
    """BM25 search over statements; derived from the vector store and rebuilt at will.

    Scores follow Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), and are
    divided by what a statement of average length scores that holds each word of the question
    once, so that they mean the same from question to question.
    """

    def __init__(self, directory: Path | None) -> None:
        """Open the index in a directory, or an empty one in memory when there is none."""
        import tantivy

        self._directory = directory
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_text_field("text", tokenizer_name="statement", index_option="freq")
        self._schema = schema.build()
        try:
            self._open()
        except ValueError:
            # Damaged: what it held is derived, and an empty one is rebuilt by whoever opens it.
            self._clear()

    def _open(self) -> None:
        import tantivy

        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
        path = str(self._directory) if self._directory else None
        self._index = tantivy.Index(self._schema, path=path)
        self._index.register_tokenizer("statement", word_analyzer())
        self._refresh()

    def _refresh(self) -> None:
        self._index.reload()
        self._searcher = self._index.searcher()
        self._vocabulary = [word for word, _ in self._searcher.terms_with_prefix("text", "")]

    def _clear(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._open()

    @property
    def fingerprint(self) -> str:
        """What the index was last built from.

        Empty when it was never finished, when it lost that, and when words are made otherwise now.
        """
        if self._directory is None or not self._searcher.num_docs:
            return ""
        file = self._directory / "fingerprint"
        made, _, analysis = file.read_text().partition(" ") if file.is_file() else ("", "", "")
        return made if analysis == _analysis() else ""

    def rebuild(self, statements: Iterable[Statement], fingerprint: str) -> None:
        """Replace the whole content; the fingerprint is written last, so a crash shows."""
        import tantivy

        self._clear()
        writer = self._index.writer(heap_size=WRITER_MEMORY, num_threads=1)
        for statement in statements:
            writer.add_document(tantivy.Document(id=statement.id, text=statement.searchable_text))
        writer.commit()
        writer.wait_merging_threads()
        self._refresh()
        if self._directory is not None:
            (self._directory / "fingerprint").write_text(f"{fingerprint} {_analysis()}")

    def search(self, question: str, limit: int) -> dict[str, float]:
        """The best statements for a question.

        Returns:
            Statement id to lexical score, 0..1, best first, at most `limit` of them.
        """
        import tantivy

        attainable = 0.0
        clauses = []
        for word in dict.fromkeys(content_words(question)):
            terms = self._terms_for(word)
            attainable += self._inverse_document_frequency(self._best_known(terms))
            alternatives = [
                tantivy.Query.boost_query(
                    tantivy.Query.term_query(self._schema, "text", term.word, "freq"), term.weight
                )
                for term in terms
            ]
            clauses.append(
                (tantivy.Occur.Should, tantivy.Query.disjunction_max_query(alternatives))
            )
        if not clauses:
            return {}
        found = self._searcher.search(tantivy.Query.boolean_query(clauses), limit, count=False)
        return {
            self._searcher.doc(address)["id"][0]: min(1.0, score / attainable)
            for score, address in found.hits
        }

    def _terms_for(self, word: str) -> list[_Term]:
        """The word and, where it may be misspelt here or in the corpus, words spelt nearly alike.

        Edits allowed follow Elasticsearch's `fuzziness: AUTO`: one from 5 letters on, two from 6.
        """
        terms = [_Term(word, 1.0)]
        if len(word) < SHORTEST_MISSPELT or not word.isalpha():
            return terms
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        edits = 1 if len(word) == SHORTEST_MISSPELT else 2
        near = process.extract(
            word, self._vocabulary, scorer=OSA.distance, score_cutoff=edits, limit=NEAR_WORDS + 1
        )
        for other, distance, _ in near:
            # The first letter is rarely the wrong one; holding it keeps unrelated words out.
            if other != word and other[0] == word[0] and not other.isdigit():
                terms.append(_Term(other, NEAR_WORD_WEIGHT ** int(distance)))
        return terms

    def _best_known(self, terms: list[_Term]) -> str:
        """The first of the terms that the corpus holds; a misspelt word weighs as what it means."""
        return next(
            (term.word for term in terms if self._searcher.doc_freq("text", term.word)),
            terms[0].word,
        )

    def _inverse_document_frequency(self, word: str) -> float:
        frequency = self._searcher.doc_freq("text", word)
        return math.log(1 + (self._searcher.num_docs - frequency + 0.5) / (frequency + 0.5))


def _analysis() -> str:
    """Stands for how words are made of a text; questions find only what was made the same way."""
    made = f"{importlib.metadata.version('tantivy')} {' '.join(sorted(STOPWORDS))}"
    return hashlib.sha256(made.encode()).hexdigest()[:16]
