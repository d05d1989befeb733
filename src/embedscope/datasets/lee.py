"""Lee documents: how similar people find 50 short news documents (Lee, Pincombe & Welsh 2005)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedscope.core.tables import Pairs, TextTable
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("lee",)
_URL = "https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/"


def _load(texts: Mapping[str, str]) -> Loaded:
    """The ratings fill the upper triangle of a matrix; its 1,225 cells off the diagonal, row by row, are the pairs."""
    documents = TextTable(tuple(lines(texts["lee.cor"])), "document")
    matrix = np.array([[float(cell) for cell in line.split("\t")] for line in lines(texts["similarities0-1.txt"])])
    left, right = np.triu_indices(len(documents), k=1)
    return {"documents": documents}, {"pairs": Pairs("documents", left, right, matrix[left, right])}


ENTRIES = {
    "lee": Dataset(
        name="lee",
        title="Lee documents",
        version="2005",
        files=(
            File(
                "lee.cor",
                "a878f9a58f6743c32985c56c2f2f75988386216b38a4023a01fd3bcf7884d93e",
                24658,
                url=_URL + "lee.cor",
                package=("gensim", "test/test_data/lee.cor"),
                encoding="latin-1",
            ),
            File(
                "similarities0-1.txt",
                "23762bc6b728897144dda3d324a2c032dc1e059e1009806226d64b6dd123ed79",
                8738,
                url=_URL + "similarities0-1.txt",
                package=("gensim", "test/test_data/similarities0-1.txt"),
            ),
        ),
        licence="research use; no licence stated",
        citation="lee2005",
        homepage="https://github.com/piskvorky/gensim/tree/4.4.0/gensim/test/test_data",
        about="1,225 pairs of 50 documents, mean similarity 0.2 to 1",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
