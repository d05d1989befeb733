"""SimLex-999: similarity, as distinct from relatedness, of words (Hill, Reichart & Korhonen 2015)."""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("simlex999",)


def _load(texts: Mapping[str, str]) -> Loaded:
    rows = [line.split("\t") for line in lines(texts["simlex999.txt"]) if not line.startswith(("#", "word1\t"))]
    scores = [float(row[2] if len(row) == 3 else row[3]) for row in rows]  # the official file has the part of speech
    table, pairs = scored_pairs("words", "word", [(r[0], r[1], s) for r, s in zip(rows, scores, strict=True)])
    return {"words": table}, {"pairs": pairs}


ENTRIES = {
    "simlex999": Dataset(
        name="simlex999",
        title="SimLex-999",
        version="2015",
        files=(
            File(
                "simlex999.txt",
                "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
                18126,
                url="https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/simlex999.txt",
                package=("gensim", "test/test_data/simlex999.txt"),
                editions=(
                    File("SimLex-999.txt", "ca00ff8515a36cde32d13c2b83def23f5a167b67db93ebfcfb7dae039ba22c0b", 44050),
                ),
            ),
        ),
        licence="none stated",
        citation="hill2015",
        homepage="https://www.cl.cam.ac.uk/~fh295/simlex.html",
        about="999 pairs of 1,028 words, similarity 0 to 10",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
