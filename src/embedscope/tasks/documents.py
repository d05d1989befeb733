"""Document similarity: correlation of the cosine of two document vectors with human judgement."""

from __future__ import annotations

from embedscope.tasks.pairs import PairTask

IDS = ("lee",)

ENTRIES = {
    "lee": PairTask(
        "lee",
        "lee",
        "documents",
        "pairs",
        {
            "kind": "document similarity",
            "unit": "document",
            "measure": "Spearman correlation of cosine and mean rating over all 1,225 pairs of 50 documents "
            "(lee.pearson: Pearson); the bootstrap draws documents",
            "cite": "lee2005",
            "default": True,
        },
        pearson=True,
    )
}
