"""The 25 pleasant and 25 unpleasant words of the Word Embedding Association Test (Caliskan et al. 2017)."""

from __future__ import annotations

from embedscope.core.tables import TextTable

PLEASANT = (
    "caress freedom health love peace cheer friend heaven loyal pleasure diamond gentle honest lucky rainbow diploma "
    "gift honor miracle sunrise family happy laughter paradise vacation"
)
UNPLEASANT = (
    "abuse crash filth murder sickness accident death grief poison stink assault disaster hatred pollute tragedy "
    "divorce jail poverty ugly cancer kill rotten vomit agony prison"
)


def attribute_tables() -> dict[str, TextTable]:
    """Tables ``pleasant`` and ``unpleasant``."""
    return {
        "pleasant": TextTable(tuple(PLEASANT.split()), "word"),
        "unpleasant": TextTable(tuple(UNPLEASANT.split()), "word"),
    }
