"""VADER lexicon: valence of words, mean of ten ratings each (Hutto & Gilbert 2014)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedscope.core.tables import Labels, TextTable
from embedscope.datasets._weat import attribute_tables
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("vader",)


def _load(texts: Mapping[str, str]) -> Loaded:
    """Entries of letters only; of a repeated entry the last counts, as in the lexicon's own reader."""
    rows = [line.split("\t") for line in lines(texts["vader_lexicon.txt"])]
    valence = {row[0]: float(row[1]) for row in rows if row[0].isalpha()}
    words = TextTable(tuple(valence), "word")
    return {"words": words, **attribute_tables()}, {"valence": Labels("words", np.array(list(valence.values())))}


ENTRIES = {
    "vader": Dataset(
        name="vader",
        title="VADER lexicon",
        version="3.3.2",
        files=(
            File(
                "vader_lexicon.txt",
                "1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5",
                434304,
                url="https://raw.githubusercontent.com/cjhutto/vaderSentiment/master/vaderSentiment/vader_lexicon.txt",
                package=("vaderSentiment", "vader_lexicon.txt"),
            ),
        ),
        licence="MIT",
        citation="hutto2014",
        homepage="https://github.com/cjhutto/vaderSentiment",
        about="7,209 words of letters only (of 7,520 entries), valence -4 to 4; with the 50 words of WEAT",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
