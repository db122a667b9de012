"""The retrieval of this package as a LangChain retriever, for chains of your own."""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from assistant.retrieval import FOUND, Retriever


class StatementRetriever(BaseRetriever):
    """Finds statements as documents.

    Each holds a statement's text, with its id, source, line and scores as metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    statements: Retriever
    limit: int = FOUND

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # LangChain passes it
    ) -> list[Document]:
        return [
            Document(
                id=hit.statement.id,
                page_content=hit.statement.text,
                metadata={
                    **hit.statement.metadata,
                    "id": hit.statement.id,
                    "source": hit.statement.source,
                    "line": hit.statement.line,
                    "rank": hit.rank,
                    "score": hit.score,
                    "dense_score": hit.dense_score,
                    "lexical_score": hit.lexical_score,
                },
            )
            for hit in self.statements.search(query, self.limit)
        ]
