"""Ranks of judged documents among all documents, exact and blocked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.stats.correlation import DECIMALS
from embedscope.tasks._compare import Compare

Adjust = Callable[[Floats], Floats]
"""Scores (m, n) of m queries and all documents -> scores (m, n) to rank by, each query on its own."""

_BEYOND = np.iinfo(np.intp).max
_CELLS = 2**21  # scores in memory at once: 16 MB


def judged_ranks(
    queries: Floats,
    corpus: Floats,
    query: Index,
    document: Index,
    matching: Index,
    order: Index | None = None,
    adjust: Adjust | None = None,
    compare: Compare | None = None,
    skip: Index | None = None,
) -> Index:
    """Rank from 1 of each judged ``document`` (p,) among all rows of ``corpus`` for its ``query`` (p,).

    Inner products of rows of at most unit length, rounded to 12 decimals, so that equal vectors tie.

    Parameters
    ----------
    queries, corpus : (m, d) and (n, d), rows of unit length or shorter
    matching : (p,) 1 where the document matches, else 0; without ``order``, documents that match stand behind all
        others of the same score (the pessimistic rule), lower grades first where ``matching`` holds grades
    order : (n,) place of each document among equals (trec_eval: by id, descending), in place of the pessimistic rule
    adjust : what is done to the products before they are ranked
    compare : scores of blocks of queries and all documents in place of inner products
    skip : (m,) row of the corpus that is no result of a query, -1 for none; its rank is beyond every cutoff

    Returns
    -------
    (p,)
    """
    ranks = np.zeros(len(query), dtype=np.intp)
    by_query = np.argsort(query, kind="stable")
    asked, first = np.unique(query[by_query], return_index=True)
    last = np.append(first[1:], len(query))
    step = max(1, _CELLS // max(1, len(corpus)))
    for lo in range(0, len(asked), step):
        block = queries[asked[lo : lo + step]]
        products = block @ corpus.T if compare is None else compare(block, corpus)
        scores = np.round(products if adjust is None else adjust(products), DECIMALS)
        for row, (start, stop) in enumerate(zip(first[lo : lo + step], last[lo : lo + step], strict=True)):
            of = by_query[start:stop]
            left_out = -1 if skip is None else int(skip[asked[lo + row]])
            if left_out >= 0:
                scores[row, left_out] = -np.inf
            place = _pessimistic(len(corpus), document[of], matching[of]) if order is None else order
            ranks[of] = np.where(document[of] == left_out, _BEYOND, _ranks(scores[row], document[of], place))
    return ranks


def _pessimistic(n: int, document: Index, matching: Index) -> Index:
    """Place (n,) of documents among equals: unjudged ones first, then judged ones by grade, lowest first."""
    place = np.arange(n, dtype=np.intp)
    behind = np.lexsort((document, matching))
    graded = behind[matching[behind] > 0]
    place[document[graded]] = n + np.arange(len(graded))
    return place


def _ranks(scores: Floats, document: Index, place: Index) -> Index:
    out = np.empty(len(document), dtype=np.intp)
    for i, d in enumerate(document):
        above = np.count_nonzero(scores > scores[d])
        equal = np.flatnonzero(scores == scores[d])
        out[i] = 1 + above + np.count_nonzero(place[equal] < place[d])
    return out
