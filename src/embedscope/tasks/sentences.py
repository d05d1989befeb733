"""Sentence similarity: correlation of the cosine of two sentence vectors with human judgement.

The score of a year is taken over all its scored pairs together, not as a mean over its sources.
"""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks.pairs import PairTask

IDS = ("stsb", "stsb:published", "sts12", "sts13", "sts14", "sts15", "sts16")


def _about(measure: str, cite: str, default: bool) -> dict[str, object]:
    return {"kind": "sentence similarity", "unit": "sentence", "measure": measure, "cite": cite, "default": default}


def _year(name: str) -> Task:
    about = _about(
        f"Spearman correlation of cosine and human score over all scored pairs of the year ({name}.pearson: Pearson)",
        f"agirre20{name[-2:]}",
        False,
    )
    return PairTask(name, name, "sentences", "pairs", about, pearson=True)


ENTRIES = {
    "stsb": PairTask(
        "stsb",
        "stsb",
        "test",
        "test",
        _about("Spearman correlation of cosine and human score, test set (stsb.pearson: Pearson)", "cer2017", True),
        pearson=True,
    ),
    "stsb:published": PairTask(
        "stsb:published",
        "stsb",
        "published",
        "published",
        _about(
            "as stsb, on the 1,273 rows that the authors of wolfe2022 read, their scores ranked as strings",
            "wolfe2022",
            False,
        ),
    ),
    **{name: _year(name) for name in IDS[2:]},
}
