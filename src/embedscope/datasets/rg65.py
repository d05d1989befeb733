"""RG-65: similarity of nouns, judged by 51 people (Rubenstein & Goodenough 1965)."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("rg65",)


def _load(texts: Mapping[str, str]) -> Loaded:
    rows = [(left, right, float(score)) for left, right, score in list(csv.reader(lines(texts["rg65.csv"])))[1:]]
    table, pairs = scored_pairs("words", "word", rows)
    return {"words": table}, {"pairs": pairs}


ENTRIES = {
    "rg65": Dataset(
        name="rg65",
        title="RG-65",
        version="1965",
        files=(
            File(
                "rg65.csv",
                "f9a83a159d905503289b540844cd9d49e66a86da5ba3aeb7524db6731b3e12ef",
                1232,
                package=("embedscope", "datasets/rg65.csv"),
            ),
        ),
        licence="facts published in the article; no licence stated",
        citation="rubenstein1965",
        homepage="https://doi.org/10.1145/365628.365657",
        about="65 pairs of 48 nouns, similarity 0 to 4",
        loader=_load,
    )
}
