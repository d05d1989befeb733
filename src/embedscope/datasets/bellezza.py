"""Bellezza lexicon: pleasantness of words, judged by students (Bellezza, Greenwald & Banaji 1986)."""

from __future__ import annotations

import csv
from collections.abc import Mapping

import numpy as np

from embedscope.core.tables import Labels, TextTable
from embedscope.datasets._weat import attribute_tables
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("bellezza",)


def _load(texts: Mapping[str, str]) -> Loaded:
    rows = list(csv.DictReader(lines(texts["Bellezza_Lexicon.csv"])))
    words = TextTable(tuple(row["word"] for row in rows), "word")
    gold = np.array([float(row["combined_pleasantness"]) for row in rows])
    return {"words": words, **attribute_tables()}, {"valence": Labels("words", gold)}


ENTRIES = {
    "bellezza": Dataset(
        name="bellezza",
        title="Bellezza lexicon",
        version="1986",
        files=(
            File(
                "Bellezza_Lexicon.csv",
                "730f4cf3909efbd6ba87d37fd9e1e9a1d7eb632497c8c27e24623a19ffaa84e0",
                15097,
                url="https://github.com/wolferobert3/clip_contrastive_acl_2022/raw/main/data/acl_data_submission.zip",
            ),
        ),
        licence="MIT (repository that distributes it)",
        citation="bellezza1986",
        homepage="https://github.com/wolferobert3/clip_contrastive_acl_2022",
        about="399 words, pleasantness 1 to 5; with the 25 pleasant and 25 unpleasant words of WEAT",
        loader=_load,
    )
}
