"""A statement: the unit that is embedded, retrieved and cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the corpus.

    Attributes:
        id: stable from content and place, or the row's own `id`/`_id` in a JSONL file.
        text: the statement, verbatim; citations are slices of it.
        source: the file it came from, relative to the corpus.
        line: its line in that file, from 1.
        metadata: the other keys of its JSONL row (`title` among them), unchanged.
    """

    id: str
    text: str
    source: str = ""
    line: int = 0
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def searchable_text(self) -> str:
        """What retrieval sees: the title, where there is one, and the text."""
        title = self.metadata.get("title")
        return f"{title}\n{self.text}" if isinstance(title, str) and title else self.text

    def to_dict(self) -> dict[str, JsonValue]:
        """The statement as plain JSON values."""
        return {
            "id": self.id,
            "text": self.text,
            "source": self.source,
            "line": self.line,
            "metadata": dict(self.metadata),
        }
