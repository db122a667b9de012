"""Sets of claims with evidence, as `support.jsonl`: is the claim supported or not?

- WiCE (Kamoi et al., 2023; annotations ODC-BY): claims of Wikipedia and the pages they cite.
- FM2 (Eisenschlos et al., 2021; Apache-2.0): claims written to fool, with Wikipedia sentences.
- FEVER Symmetric (Schuster et al., 2019; CC BY-SA 3.0): claims that the evidence alone decides.
- BEGIN (Dziri et al., 2022; CC BY 4.0 / CDLA-Sharing): model replies and their knowledge snippet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from evals.errors import EvalsError
from evals.overlap import word_overlap
from evals.rows import Row, read_rows, read_text, write_rows

# (claim, evidence, label, split)
LabelledClaim = tuple[str, str, str, str]

_VERDICTS = {"SUPPORTS": "supported", "REFUTES": "not_supported"}
_BEGIN_LABELS = {
    "Fully attributable": "supported",
    "Not fully attributable": "not_supported",
    # A pleasantry that claims nothing is neither.
    "Generic": None,
}
_BEGIN_FILES = {
    "begin_dev_tc.tsv": "dev",
    "begin_dev_wow.tsv": "dev",
    "begin_test_wow.tsv": "test",
}
# How many of its nearest sentences stand in where no sentence of a page supports a claim.
_WICE_SENTENCES = 3


def write_claims(folder: Path, claims: Sequence[LabelledClaim], name: str) -> str:
    """Write `support.jsonl` and say what was written."""
    path = folder / "support.jsonl"
    write_rows(
        path,
        (
            {
                "_id": f"{name}-{number:05}",
                "claim": claim,
                "evidence": evidence,
                "label": label,
                "split": split,
            }
            for number, (claim, evidence, label, split) in enumerate(claims, start=1)
        ),
    )
    supported = sum(label == "supported" for _, _, label, _ in claims)
    return f"{path}: {supported} supported and {len(claims) - supported} other claims"


def convert_wice(source: Path, folder: Path) -> str:
    """WiCE: a claim that is only partly supported counts as not supported.

    The evidence is the first annotated set of supporting sentences. A claim that nothing
    supports has none, so the page's sentences nearest in words stand in.
    """
    claims: list[LabelledClaim] = []
    for split in ("dev", "test"):
        for row in read_rows(source / f"{split}.jsonl"):
            label = "supported" if row.text("label") == "supported" else "not_supported"
            claims.append((row.text("claim"), _wice_evidence(row), label, split))
    return write_claims(folder, claims, "wice")


def convert_fm2(source: Path, folder: Path) -> str:
    """FM2: the gold sentences under the title of their page."""
    claims: list[LabelledClaim] = []
    for split in ("dev", "test"):
        for row in read_rows(source / f"{split}.jsonl"):
            label = _VERDICTS.get(row.text("label"))
            if label is None:
                raise row.error(f"expected SUPPORTS or REFUTES, found {row.text('label')}")
            match row.values.get("gold_evidence"):
                case [*items] if items:
                    sentences = [
                        str(item["text"])
                        for item in items
                        if isinstance(item, dict) and "text" in item
                    ]
                case _:
                    raise row.error('expected sentences under "gold_evidence"')
            evidence = f"{row.text('wikipedia_page')}: {' '.join(sentences)}"
            claims.append((row.text("text"), evidence, label, split))
    return write_claims(folder, claims, "fm2")


def convert_fever_symmetric(source: Path, folder: Path) -> str:
    """FEVER Symmetric: each claim beside evidence that supports it, and some that refutes it."""
    claims: list[LabelledClaim] = []
    for split in ("dev", "test"):
        for row in read_rows(source / f"fever_symmetric_{split}.jsonl"):
            label = _VERDICTS.get(row.text("gold_label"))
            if label is None:
                raise row.error(f"expected SUPPORTS or REFUTES, found {row.text('gold_label')}")
            claims.append((row.text("claim"), row.text("evidence"), label, split))
    return write_claims(folder, claims, "fever_symmetric")


def convert_begin(source: Path, folder: Path) -> str:
    """BEGIN: a reply is the claim, its knowledge snippet the evidence; generic ones stay out."""
    claims: list[LabelledClaim] = []
    for name, split in _BEGIN_FILES.items():
        path = source / name
        # The quote signs in these files are text, not CSV quoting.
        rows = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
        for row in rows:
            try:
                label = _BEGIN_LABELS[row["begin_label"]]
                claim, evidence = row["response"], row["knowledge"]
            except KeyError as error:
                raise EvalsError(f"{path} line {rows.line_num}: unexpected {error}") from error
            if label and claim and evidence:
                claims.append((claim, evidence, label, split))
    return write_claims(folder, claims, "begin")


def _wice_evidence(row: Row) -> str:
    """The supporting sentences of a WiCE row, or the nearest ones where none supports it."""
    match row.values:
        case {"evidence": [*items], "supporting_sentences": [[*places], *_]}:
            sentences = [str(item) for item in items]
        case _:
            raise row.error('expected lists under "evidence" and "supporting_sentences"')
    chosen = [place for place in places if isinstance(place, int) and 0 <= place < len(sentences)]
    if not chosen:
        claim = row.text("claim")
        nearest = sorted(
            range(len(sentences)),
            key=lambda place: word_overlap(claim, sentences[place]),
            reverse=True,
        )
        chosen = sorted(nearest[:_WICE_SENTENCES])
    return " ".join(sentences[place] for place in chosen)
