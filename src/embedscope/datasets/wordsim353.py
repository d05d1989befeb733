"""WordSim-353: relatedness of words, judged by 13 to 16 people (Finkelstein et al. 2002)."""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("wordsim353",)


def _load(texts: Mapping[str, str]) -> Loaded:
    rows = [line.split("\t") for line in lines(texts["wordsim353.tsv"]) if not line.startswith(("#", "Word 1\t"))]
    table, pairs = scored_pairs("words", "word", [(a, b, float(score)) for a, b, score in rows])
    return {"words": table}, {"pairs": pairs}


ENTRIES = {
    "wordsim353": Dataset(
        name="wordsim353",
        title="WordSim-353",
        version="2002",
        files=(
            File(
                "wordsim353.tsv",
                "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
                7186,
                url="https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/wordsim353.tsv",
                package=("gensim", "test/test_data/wordsim353.tsv"),
                editions=(
                    File("combined.tab", "1edf400ed472e796b3be562cf7970b10d749a07874a96ddc77e75fd1006b446c", 7433),
                ),
            ),
        ),
        licence="CC-BY-4.0",
        citation="finkelstein2002",
        homepage="http://www.cs.technion.ac.il/~gabr/resources/data/wordsim353/",
        about="353 pairs of 437 words, relatedness 0 to 10; capitals kept, tiger-tiger is a pair",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
