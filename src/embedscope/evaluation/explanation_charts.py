"""Charts of one query: its cosines with all documents, and the documents that come first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Bins, Dot, DotRow, Dots, Histogram, Mark
from embedscope.core.tables import Index

FIRST = 10
"""Documents that are shown by name."""

_BINS = 30


def cosines_of_query(cosines: Floats, best: int, rank: int) -> Histogram:
    """How near every document (n,) is to the query; -inf is no result. ``best`` is the first of the relevant ones."""
    known = cosines[np.isfinite(cosines)]
    low, high = float(known.min()), float(known.max())
    edges = np.linspace(low, high if high > low else low + 1e-6, _BINS + 1)
    heights = np.histogram(known, edges)[0]
    return Histogram(
        "query_cosines",
        "How near every document is to the query",
        "cosine with the query",
        "number of documents",
        tuple(edges.tolist()),
        (Bins("", tuple(float(h) for h in heights)),),
        marks=(
            Mark(float(known.mean()), "mean"),
            Mark(float(cosines[best]), f"the relevant one at rank {rank:,}" if rank > 1 else "the relevant one, first"),
        ),
        caption=f"{len(known):,} documents.",
    )


def first_documents(cosines: Floats, relevant: Index, best: int, name: Callable[[int], str]) -> Dots:
    """The first ten documents by cosine, and the relevant one that ranks first where it is not among them.

    ``name`` says what a document is called.
    """
    order = np.argsort(-cosines, kind="stable")
    shown = [int(d) for d in order[:FIRST] if np.isfinite(cosines[d])]
    if best not in shown:
        shown.append(best)
    wanted = {int(d) for d in relevant}
    rows = tuple(
        DotRow(name(d), (Dot(0 if d in wanted else 1, float(cosines[d])),), f"{cosines[d]:.4f}", d in wanted)
        for d in shown
    )
    return Dots(
        "first_documents",
        "The documents that come first",
        "cosine with the query",
        rows,
        ("relevant", "not judged relevant"),
        ("good", "quiet"),
    )
