"""Google analogies: a is to b as c is to d, in 14 relations (Mikolov et al. 2013)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedscope.core.tables import Quadruples, TextTable
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import distinct, lines

IDS = ("google_analogies",)


def _load(texts: Mapping[str, str]) -> Loaded:
    questions: list[list[str]] = []
    sections: list[str] = []
    section = ""
    for line in lines(texts["questions-words.txt"]):
        if line.startswith(":"):
            section = line[1:].strip()
        else:
            questions.append(line.split())
            sections.append(section)
    index = distinct(word for words in questions for word in words)
    rows = np.array([[index[word] for word in words] for words in questions], dtype=np.intp)
    return {"words": TextTable(tuple(index), "word")}, {"questions": Quadruples("words", rows, tuple(sections))}


ENTRIES = {
    "google_analogies": Dataset(
        name="google_analogies",
        title="Google analogies",
        version="2013",
        files=(
            File(
                "questions-words.txt",
                "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
                603955,
                url="http://download.tensorflow.org/data/questions-words.txt",
                package=("gensim", "test/test_data/questions-words.txt"),
            ),
        ),
        licence="none stated",
        citation="mikolov2013",
        homepage="https://arxiv.org/abs/1301.3781",
        about="19,544 questions over 905 words in 14 sections",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
