"""Word similarity: rank correlation of the cosine of two word vectors with human judgement."""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks.pairs import PairTask

IDS = ("rg65", "wordsim353", "simlex999", "simverb3500")

_CITE = {"rg65": "rubenstein1965", "wordsim353": "finkelstein2002", "simlex999": "hill2015", "simverb3500": "gerz2016"}


def _task(name: str) -> Task:
    about = {
        "kind": "word similarity",
        "unit": "word",
        "measure": "Spearman correlation of cosine and human score",
        "cite": _CITE[name],
        "default": True,
    }
    return PairTask(name, name, "words", "pairs", about)


ENTRIES = {name: _task(name) for name in IDS}
