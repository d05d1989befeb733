"""SimVerb-3500: similarity of verbs (Gerz et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("simverb3500",)


def _load(texts: Mapping[str, str]) -> Loaded:
    rows = [line.split("\t") for line in lines(texts["SimVerb-3500.txt"])]
    table, pairs = scored_pairs("words", "word", [(row[0], row[1], float(row[3])) for row in rows])
    return {"words": table}, {"pairs": pairs}


ENTRIES = {
    "simverb3500": Dataset(
        name="simverb3500",
        title="SimVerb-3500",
        version="2016",
        files=(
            File(
                "SimVerb-3500.txt",
                "b58f68454cf9354b94ecd8bfd778ff2cc784a25fc7dca02bc695319ad2b4157e",
                97778,
                url="http://people.ds.cam.ac.uk/dsg40/paper/simverb/simverb-3500-data.zip",
            ),
        ),
        licence="none stated",
        citation="gerz2016",
        homepage="http://people.ds.cam.ac.uk/dsg40/simverb.html",
        about="3,500 pairs of 827 verbs, similarity 0 to 10",
        loader=_load,
    )
}
