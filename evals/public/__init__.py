"""Public data sets as question sets (BEIR layout with answers) and as claims (`support.jsonl`).

The data itself is not part of the project; `convert` reads it from a folder that holds one
folder per set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from evals.errors import EvalsError
from evals.public import beir, halueval, qed, squad2, support_sets, trec_cast, trec_qa

# Each reads its data, writes the output folder and says in a line what it wrote.
_CONVERTERS: Mapping[str, tuple[Callable[[Path, Path], str], ...]] = {
    "squad2_dev": (squad2.convert,),
    "qed": (qed.convert,),
    "halueval": (halueval.convert, halueval.convert_support),
    "cranfield": (beir.convert,),
    "vaswani_npl": (beir.convert,),
    "wice": (support_sets.convert_wice,),
    "fm2": (support_sets.convert_fm2,),
    "fever_symmetric": (support_sets.convert_fever_symmetric,),
    "begin": (support_sets.convert_begin,),
    "trec_cast": (trec_cast.convert,),
    "trec_qa": (trec_qa.convert,),
}
NAMES = tuple(_CONVERTERS)


def convert(name: str, data_folder: Path, output_folder: Path) -> tuple[str, ...]:
    """Convert one public set.

    Args:
        name: one of `NAMES`.
        data_folder: holds a folder of that name, or is that folder.
        output_folder: where the set is written; files of the same names are replaced.

    Returns:
        What was written, a line each.

    Raises:
        EvalsError: the data is not there, is not what was expected, or would be overwritten.
    """
    source = data_folder if data_folder.name == name else data_folder / name
    if not source.is_dir():
        raise EvalsError(
            f"{source}: no such folder; {name} is not part of the project, get it first"
        )
    if output_folder.resolve() == source.resolve():
        raise EvalsError(f"{output_folder}: is the data itself; choose another output folder")
    return tuple(converter(source, output_folder) for converter in _CONVERTERS[name])
