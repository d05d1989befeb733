"""Mixed index: what a pool of several kinds of document (text, image) gives first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.neighbours import top_k
from embedscope.tasks.means import directions, mean_score
from embedscope.tasks.retrieval import judged_scores

K = 10
_TIE, _BLOCK = 1e-12, 512
INDEX_STAYS = "the interval is over queries, with the index as it is"


def same_modality_share(
    a: Any, b: Any, *, k: int = K, names: tuple[str, str] = ("a", "b"), seed: int = 0
) -> dict[str, Score]:
    """Share of the top ``k`` of a mixed index that has the query's own modality, 0 to 1, by who asks.

    Every row of ``a`` (n, d) and of ``b`` (m, d) asks once and is left out of its own answer. Chance is
    (n_q - 1) / (N - 1), stated in the note; 1 means that the other modality is never found in a mixed pool.

    Returns
    -------
    Scores by name of the modality that asks; where cosines tie at the last place, the mean over orders of the tied rows

    >>> x = np.array([[1.0, 0.0], [0.9, 0.1]])
    >>> same_modality_share(x, -x, k=1)["a"].value
    1.0
    """
    u, v = directions(a, names[0]), directions(b, names[1])
    pool = np.concatenate([u, v])
    if not 1 <= k < len(pool):
        raise InputError(f"k must be from 1 to {len(pool) - 1} in an index of {len(pool)}, got {k}")
    own = _share_of_first(pool, len(u), k)
    scores = {}
    for name, share, n, rows in (
        (names[0], own, len(u), slice(0, len(u))),
        (names[1], 1.0 - own, len(v), slice(len(u), len(pool))),
    ):
        chance = (n - 1) / (len(pool) - 1)
        note = f"queries: {name}, each left out of its own results; chance {chance:.4f}"
        scores[name] = mean_score(share[rows], seed, [note, INDEX_STAYS])
    return scores


def _share_of_first(pool: Floats, n: int, k: int) -> Floats:
    """Share of the first ``n`` rows among the ``k`` nearest others of each row of ``pool`` (m, d), (m,).

    Where cosines tie at the last place it is the mean over all orders of the tied rows.
    """
    first = np.where(np.arange(len(pool)) < n, 1.0, 0.0)
    near = top_k(pool, pool, min(k + 1, len(pool) - 1), exclude=np.arange(len(pool)))
    share = np.asarray(first[near.indices[:, :k]].mean(axis=1))
    tied = np.flatnonzero(near.scores[:, k - 1] - near.scores[:, -1] < _TIE) if near.scores.shape[1] > k else first[:0]
    for start in range(0, len(tied), _BLOCK):
        rows = tied[start : start + _BLOCK].astype(np.intp)
        cosines = pool[rows] @ pool.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        last = near.scores[rows, k - 1, None]
        above, level = cosines > last + _TIE, np.abs(cosines - last) <= _TIE
        share[rows] = (above @ first + (k - above.sum(axis=1)) * (level @ first) / level.sum(axis=1)) / k
    return share


def kind_shares(
    queries: Any,
    corpus: Any,
    kinds: Sequence[str],
    *,
    k: int = K,
    seed: int = 0,
    skip: Index | None = None,
    groups: Index | None = None,
) -> dict[str, Score]:
    """Share of each kind of document among the top ``k`` of ``corpus`` (n, d) for ``queries`` (m, d), 0 to 1.

    ``kinds`` (n,) names the modality of each document; ``skip`` and ``groups`` are those of
    ``judged_scores``. Chance is the share of the modality in the corpus, stated in the note.

    >>> kind_shares([[1.0, 0.0]], np.eye(2), ["text", "image"], k=1)["text"].value
    1.0
    """
    q, c, of = directions(queries, "queries"), directions(corpus, "corpus"), _kinds(kinds, len(corpus))
    neighbours = top_k(q, c, min(k, len(c) - (skip is not None)), exclude=skip).indices
    return {
        name: mean_score((of[neighbours] == name).mean(axis=1), seed, [f"chance {(of == name).mean():.4f}"], groups)
        for name in dict.fromkeys(kinds)
    }


def mixed_scores(
    queries: Any,
    corpus: Any,
    judged: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    kinds: Sequence[str],
    *,
    k: int = K,
    seed: int = 0,
    document_ids: Sequence[str] | None = None,
    skip: Index | None = None,
    groups: Index | None = None,
) -> dict[str, Score]:
    """nDCG@k of the mixed pool beside the pools of one kind, and the share of each kind among the top k.

    Parameters
    ----------
    judged, document_ids, skip, groups : as of ``judged_scores``
    kinds : (n,) modality of each document

    Returns
    -------
    ``mixed_ndcg@10``, then for each kind ``pure_ndcg@10.KIND`` (that kind's documents and judgements alone, queries
    with a relevant document among them), ``mixed_ndcg@10.KIND`` (the same queries and judgements in the
    mixed pool: what the other kinds cost) and ``kind_share@10.KIND``; Li et al. 2025 [li2025]

    Raises
    ------
    InputError
        if there is not one kind per document, or fewer than two kinds.
    """
    of = _kinds(kinds, len(corpus))
    names = list(dict.fromkeys(kinds))
    if len(names) < 2:
        raise InputError(f"a mixed index needs at least two kinds of document, got {', '.join(names)}; name the others")
    query, document, grade = (np.asarray(part) for part in judged)
    q, c = np.asarray(queries), np.asarray(corpus)
    shared: dict[str, Any] = {"seed": seed, "groups": groups}
    shares = kind_shares(q, c, kinds, k=k, skip=skip, **shared)

    def ndcg(rows: npt.NDArray[Any], pairs: npt.NDArray[Any]) -> Score:
        place = np.cumsum(rows) - 1
        ids = None if document_ids is None else [document_ids[i] for i in np.flatnonzero(rows).tolist()]
        mine = query[pairs], place[document[pairs]], grade[pairs]
        left_out = None if skip is None else np.where((skip >= 0) & rows[skip], place[skip], -1)
        return judged_scores(q, c[rows], mine, ks=(), ndcg_k=k, document_ids=ids, skip=left_out, **shared)[f"ndcg@{k}"]

    everything = np.ones(len(c), dtype=bool)
    scores = {f"mixed_ndcg@{k}": ndcg(everything, np.ones(len(query), dtype=bool))}
    for name in names:
        rows = of == name
        asked = np.unique(query[(grade > 0) & rows[document]])
        pairs = rows[document] & np.isin(query, asked)
        scores[f"pure_ndcg@{k}.{name}"] = ndcg(rows, pairs)
        scores[f"mixed_ndcg@{k}.{name}"] = ndcg(everything, pairs)
        scores[f"kind_share@{k}.{name}"] = shares[name]
    return scores


def _kinds(kinds: Sequence[str], n: int) -> npt.NDArray[Any]:
    if len(kinds) != n:
        raise InputError(f"{len(kinds)} modalities for {n} documents; wanted one per row, in the same order")
    return np.asarray(kinds, dtype=object)
