"""Retrieval: recall@k of matching rows both ways, and nDCG, recall and MRR from relevance judgements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.core.wording import count
from embedscope.stats.neighbours import match_ranks
from embedscope.tasks._compare import prepare
from embedscope.tasks.means import check_index, directions, mean_score
from embedscope.tasks.ranks import Adjust, judged_ranks

Variant = Literal["hit", "recall"]
KS = (1, 5, 10)


def recall_at(
    queries: Any,
    corpus: Any,
    matches: tuple[npt.ArrayLike, npt.ArrayLike],
    ks: Sequence[int] = KS,
    *,
    variant: Variant = "hit",
    seed: int = 0,
    groups: Index | None = None,
) -> dict[int, Score]:
    """Recall@k of ``queries`` (m, d) among ``corpus`` (n, d) by cosine, 0 to 1, for each k.

    ``hit``: share of queries with any match among the top k (the rule of image-caption retrieval). ``recall``: mean
    share of a query's matches among its top k. Documents that match stand behind all others of the same cosine. Queries
    without a match are left out.

    Parameters
    ----------
    matches : (query, document) row numbers (p,), many to many
    groups : (m,) what a query belongs to (the image of a caption), numbered from 0; the bootstrap draws groups

    Raises
    ------
    InputError
        if the widths differ, row numbers are out of range, or a k is below 1.

    >>> x = np.eye(3)
    >>> recall_at(x, x[[1, 0, 2]], ([0, 1, 2], [0, 1, 2]), [1])[1].value
    0.3333333333333333
    """
    q, c, query, document = _check(queries, corpus, matches, ks)
    counts = np.bincount(query, minlength=len(q))
    notes = [f"{left} queries without a match left out"] if (left := int((counts == 0).sum())) else []
    notes += _zero_notes(q, c)
    if variant == "hit":
        best = match_ranks(q, c, query, document)
        shares = {k: (best <= k).astype(np.float64) for k in ks}
    else:
        query, document = np.unique(np.stack([query, document]), axis=1)
        counts = np.bincount(query, minlength=len(q))
        ranks = judged_ranks(q, c, query, document, np.ones_like(query))
        shares = {k: _share(ranks <= k, query, counts) for k in ks}
        notes.append("mean share of a query's matches among its top k")
    return {
        k: mean_score(np.where(counts > 0, share, np.nan), seed, _few(notes, k, len(c)), groups)
        for k, share in shares.items()
    }


def recall_both_ways(
    a: Any,
    b: Any,
    matches: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    ks: Sequence[int] = KS,
    *,
    names: tuple[str, str] = ("a", "b"),
    variant: Variant = "hit",
    seed: int = 0,
) -> dict[str, Score]:
    """``recall@k.a_to_b`` and ``recall@k.b_to_a`` of rows that belong together; row i with row i without ``matches``.

    Where every row of one side belongs to one row of the other (captions of an image), the bootstrap draws the latter,
    so that both directions rest on the same draws.
    """
    if matches is None:
        matches = np.arange(len(a)), np.arange(len(b))
    left = check_index(matches[0], len(a), "matches[0]")
    right = check_index(matches[1], len(b), "matches[1]")
    there = recall_at(a, b, (left, right), ks, variant=variant, seed=seed, groups=owners(left, right, len(a)))
    back = recall_at(b, a, (right, left), ks, variant=variant, seed=seed, groups=owners(right, left, len(b)))
    x, y = names
    scores = {f"recall@{k}.{x}_to_{y}": score for k, score in there.items()}
    return scores | {f"recall@{k}.{y}_to_{x}": score for k, score in back.items()}


def owners(row: Index, owner: Index, n: int) -> Index | None:
    """The one ``owner`` of each of ``n`` rows, None where owners are no fewer than rows or a row has not just one."""
    if len(row) != n or len(np.unique(row)) != n or len(np.unique(owner)) == n:
        return None
    owner_of = np.empty(n, dtype=np.intp)
    owner_of[row] = owner
    return owner_of


def judged_scores(  # noqa: PLR0913
    queries: Any,
    corpus: Any,
    judged: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    *,
    ks: Sequence[int] = (1, 10, 100),
    ndcg_k: int = 10,
    seed: int = 0,
    document_ids: Sequence[str] | None = None,
    adjust: Adjust | None = None,
    score: str = "cosine",
    skip: Index | None = None,
    groups: Index | None = None,
) -> dict[str, Score]:
    """``ndcg@10``, ``recall@k`` and ``mrr`` of rankings, 0 to 1, as trec_eval takes them.

    nDCG@k = sum over the top k of grade / log2(1 + rank), over the same sum in the best order [jarvelin2002]; a
    document is relevant where its grade is above 0, and negative grades count as 0. recall@k is the share of the
    relevant documents among the top k. MRR is the mean of 1 / rank of the first relevant document, without a cutoff.

    Parameters
    ----------
    queries, corpus : (m, d) and (n, d)
    judged : (query, document, grade), each (p,): row numbers and grades, each pair once
    document_ids : (n,) ids of the corpus; equal cosines are then put in descending order of the id, as trec_eval does;
        without them relevant documents stand behind all others of the same cosine
    adjust : what is done to blocks of cosines (queries by all documents) before they are ranked, as CSLS does
    score : "cosine", "dot", "euclidean" or "manhattan": what documents are ranked by
    skip : (m,) row of the corpus that is no result of a query, -1 for none: a query that is a document itself
    groups : (m,) what a query belongs to, numbered from 0; the bootstrap draws groups

    Returns
    -------
    Scores over the queries that are judged; a judged query without a relevant document counts as 0 and is noted

    Raises
    ------
    InputError
        if the widths differ, row numbers are out of range, a pair is judged twice, or a grade is not finite.

    >>> x = np.eye(2)
    >>> round(judged_scores(x, x, ([0], [1], [3.0]))["ndcg@10"].value, 4)
    0.6309
    """
    q, c, query, document = _check(queries, corpus, judged[:2], [*ks, ndcg_k])
    gain = np.asarray(judged[2], dtype=np.float64)
    _check_grades(query, document, gain)
    asked = np.bincount(query, minlength=len(q)) > 0
    relevant = gain > 0
    query, document, gain = query[relevant], document[relevant], gain[relevant]
    counts = np.bincount(query, minlength=len(q))
    level = np.unique(gain, return_inverse=True)[1].astype(np.intp) + 1
    x, y, compare = (q, c, None) if score == "cosine" else prepare(queries, corpus, score)
    ranks = judged_ranks(x, y, query, document, level, _places(document_ids, len(c)), adjust, compare, skip)
    items = {f"ndcg@{ndcg_k}": _ndcg(ranks, query, gain, ndcg_k, len(q))}
    items |= {f"recall@{k}": _share(ranks <= k, query, counts) for k in ks}
    reciprocal = np.zeros(len(q))
    np.maximum.at(reciprocal, query, 1.0 / ranks)
    items["mrr"] = reciprocal
    notes = _judged_notes(asked, counts) + (_zero_notes(q, c) if score == "cosine" else [])
    return {name: mean_score(np.where(asked, values, np.nan), seed, notes, groups) for name, values in items.items()}


def _ndcg(ranks: Index, query: Index, gain: Floats, k: int, n: int) -> Floats:
    gains = np.where(ranks <= k, gain / np.log2(1.0 + ranks), 0.0)
    order = np.lexsort((-gain, query))
    place = np.arange(len(query)) - np.searchsorted(query[order], query[order])  # 0 for the highest grade of a query
    ideal = np.where(place < k, gain[order] / np.log2(2.0 + place), 0.0)
    total = np.bincount(query[order], weights=ideal, minlength=n)
    gained = np.bincount(query, weights=gains, minlength=n)
    return np.asarray(np.divide(gained, total, out=np.zeros(n), where=total > 0))


def _share(among: npt.NDArray[np.bool_], query: Index, counts: npt.NDArray[Any]) -> Floats:
    hits = np.bincount(query, weights=among.astype(np.float64), minlength=len(counts))
    return np.asarray(np.divide(hits, counts, out=np.zeros(len(counts)), where=counts > 0))


def _places(ids: Sequence[str] | None, n: int) -> Index | None:
    """Place (n,) of each document among equals: ids in descending order of their bytes."""
    if ids is None:
        return None
    if len(ids) != n:
        raise InputError(f"{len(ids)} document ids for {n} rows; wanted one id per row, in the same order")
    encoded = [i.encode() for i in ids]
    place = np.empty(n, dtype=np.intp)
    place[sorted(range(n), key=encoded.__getitem__, reverse=True)] = np.arange(n)
    return place


def _check(
    queries: Any, corpus: Any, pairs: tuple[npt.ArrayLike, npt.ArrayLike], ks: Sequence[int]
) -> tuple[Floats, Floats, Index, Index]:
    q, c = directions(queries, "queries"), directions(corpus, "corpus")
    if q.shape[1] != c.shape[1]:
        raise InputError(f"queries have {q.shape[1]} dimensions and corpus {c.shape[1]}; encode both into one space")
    query, document = check_index(pairs[0], len(q), "queries"), check_index(pairs[1], len(c), "documents")
    if len(query) != len(document):
        raise InputError(f"{len(query)} query rows for {len(document)} document rows; wanted one of each a pair")
    if min(ks, default=1) < 1:
        raise InputError(f"k must be at least 1, got {sorted(ks)}")
    return q, c, query, document


def _check_grades(query: Index, document: Index, gain: Floats) -> None:
    if gain.shape != query.shape or not np.isfinite(gain).all():
        raise InputError(f"grades must be finite numbers of shape {query.shape}, got shape {gain.shape}")
    if len(np.unique(np.stack([query, document]), axis=1)[0]) != len(query):
        raise InputError("a document is judged twice for one query; keep one grade per pair")


def _few(notes: Sequence[str], k: int, n: int) -> list[str]:
    return [*notes, f"k {k} takes in all {n} documents"] if k >= n else list(notes)


def _zero_notes(q: Floats, c: Floats) -> list[str]:
    counted = ((int((~x.any(axis=1)).sum()), name) for x, name in ((q, "query"), (c, "document")))
    return [
        f"{count(n, name)} {'is a zero vector' if n == 1 else 'are zero vectors'}, with cosine 0 to all"
        for n, name in counted
        if n
    ]


def _judged_notes(asked: npt.NDArray[np.bool_], counts: npt.NDArray[Any]) -> list[str]:
    notes = []
    if empty := int((asked & (counts == 0)).sum()):
        verbs = "has no relevant document and counts" if empty == 1 else "have no relevant document and count"
        notes.append(f"{count(empty, 'judged query')} {verbs} as 0")
    if left := int((~asked).sum()):
        notes.append(f"{count(left, 'query')} without a judgement left out")
    return notes
