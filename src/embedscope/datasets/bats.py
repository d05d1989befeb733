"""BATS 3.0: forty relations of fifty words each, in four kinds, with every right answer (Gladkova et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedscope.core.tables import Matches, Quadruples, Relation, TextTable
from embedscope.datasets.dataset import Dataset, Loaded, read_file_table
from embedscope.datasets.text import distinct, lines

IDS = ("bats",)
Entry = tuple[str, tuple[str, ...]]
"""A word and its answers, the first one used in questions."""


def entries(text: str) -> list[Entry]:
    r"""Words with their answers: ``word<TAB>answer/answer``; a slash at the end adds no answer.

    >>> entries("close\tdistant/far/")
    [('close', ('distant', 'far'))]
    """
    rows = [line.split("\t") for line in lines(text)]
    return [(word, tuple(answer for answer in answers.split("/") if answer)) for word, answers in rows]


def _load(texts: Mapping[str, str]) -> Loaded:
    """Questions a : b :: c : d for every ordered two of a relation; ``answers RELATION`` has all right d of c."""
    by_name = {name: entries(text) for name, text in texts.items()}
    index = distinct(word for rows in by_name.values() for left, answers in rows for word in (left, *answers))
    questions, sections = [], []
    relations: dict[str, Relation] = {}
    for name, rows in by_name.items():
        heads = [(index[left], index[answers[0]]) for left, answers in rows]
        asked = [(*one, *other) for one in heads for other in heads if one != other]
        questions += asked
        sections += [name] * len(asked)
        known = np.array([(index[left], index[a]) for left, answers in rows for a in answers], dtype=np.intp)
        relations[f"answers {name}"] = Matches("words", "words", known[:, 0], known[:, 1])
    relations["questions"] = Quadruples("words", np.array(questions, dtype=np.intp), tuple(sections))
    return {"words": TextTable(tuple(index), "word")}, relations


ENTRIES = {
    "bats": Dataset(
        name="bats",
        title="BATS",
        version="3.0",
        files=read_file_table(
            Path(__file__).with_name("bats_files.csv"),
            "https://s3.amazonaws.com/blackbirdprojects/tut_vsm/BATS_3.0.zip",
        ),
        licence="none stated",
        citation="gladkova2016",
        homepage="https://vecto.space/projects/BATS/",
        about="98,000 questions of 40 relations with 50 words each, with lists of right answers",
        loader=_load,
    )
}
