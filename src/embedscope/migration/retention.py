"""The judge of a migration: how much of the full re-embedding a bridge keeps, on rows and queries that fitted nothing.

The truth is the new model on both sides: new queries among new rows. A bridge answers with new queries mapped among old
rows (direction ``queries``), or with new queries among old rows mapped (direction ``documents``). Kept are the share of
the ten nearest in common (``overlap@10``) and, with judgements, nDCG@10 and recall@10 over those of the truth. That a
mapped row finds its own pair (``pair_recall@1``) is shown, and decides nothing: it is .99 where a third of the
neighbours are lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.certification.evidence import Evidence, Known, Survey, find_evidence
from embedscope.certification.judges.queries import JudgedQueries, query_evidence
from embedscope.certification.remote import closeness, remote_half
from embedscope.certification.split import HELD, LEAST, Part, assign_parts, keep_clusters, number_labels
from embedscope.core.arrays import Floats, Hashes
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.tables import Index, Score
from embedscope.core.wording import count
from embedscope.migration.index_size import HARDER, K, extrapolate, overlap_between, overlap_in_parts, thinned_ndcg
from embedscope.migration.maps import MapPairs
from embedscope.migration.overlap import as_share, overlap_score
from embedscope.migration.rows import Judged, MigrationRows
from embedscope.stats.neighbours import top_k
from embedscope.tasks.means import mean_score
from embedscope.tasks.retrieval import judged_scores
from embedscope.transforms.repair import KindMap

Direction = Literal["queries", "documents"]
DIRECTIONS: tuple[Direction, ...] = ("queries", "documents")

LEAST_POOL = 100
"""Rows that are searched at least: among fewer, ten in common are no evidence."""

OVERLAP, NDCG, RECALL, PAIR = "overlap@10", "ndcg@10", "recall@10", "pair_recall@1"


@dataclass(frozen=True, eq=False)
class Kept:
    """What an answer keeps of the full re-embedding.

    Attributes
    ----------
    main : the score that decides: nDCG@10 over that of the truth with judgements, else the overlap
    scores : ``overlap@10``; with judgements ``ndcg@10`` and ``recall@10`` of the answer, and both as ``.kept`` shares
    near : (m, 11) rows of the pool that the answer has nearest
    """

    main: Score
    scores: Mapping[str, Score]
    near: Index


@dataclass(frozen=True, eq=False)
class View:
    """What is asked and searched in one part: queries of both models, the pool of both, and what is relevant.

    Attributes
    ----------
    own : (m,) row of the pool that a query is itself, -1 for none
    units : (m,) unit of evidence of each query, numbered from 0
    judged : (query, row of the pool, grade), None without judgements
    truth : (m, 11) rows of the pool that the full re-embedding has nearest
    pool_units : (n,) unit of evidence of each row of the pool; None where only candidates are compared
    """

    q_old: Floats | None
    q_new: Floats
    d_old: Floats
    d_new: Floats
    own: Index
    units: Index
    judged: Judged | None
    truth: Index
    full: Mapping[str, Score]
    names: tuple[str, ...] = ()
    pool_units: Index | None = None


@dataclass(frozen=True, eq=False)
class RetentionJudge:
    """Rows of both models in three parts, and what each part asks.

    A candidate is chosen by maps that three quarters of ``fit`` fitted, on the quarter that selects; then it is fitted
    anew on all of ``fit``. So everything that is not in ``fit`` certifies.

    Attributes
    ----------
    fit : (K,) rows that fit the map that is tested, in an order whose beginnings are samples of whole units
    fit_queries : (j,) queries that fit it, where there are queries apart from the rows
    select, select_queries : those of them that select, and fit no map that is compared on them
    views : what the parts ``select`` and ``certify`` ask
    judged_by : where judgements come from, in words; empty without
    """

    rows: MigrationRows
    evidence: Evidence
    fit: Index
    fit_queries: Index
    select: Index
    select_queries: Index
    views: Mapping[Part, View]
    judged_by: str
    notes: tuple[str, ...]
    seed: int
    _fits: dict[tuple[Direction, bool], MapPairs] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What is asked, in words."""
        return "held-out queries" if self.rows.new_queries is not None else "held-out rows"

    @property
    def main(self) -> str:
        """Name of the score that decides."""
        return f"{NDCG}.kept" if self.judged_by else OVERLAP

    def pairs(self, direction: Direction, *, choosing: bool = False) -> MapPairs:
        """Rows that fit maps of ``direction``: queries too where maps are for queries and both models embedded them.

        ``choosing`` leaves out those that select.
        """
        key = direction, choosing
        if key not in self._fits:
            rows, asked = self.fit, self.fit_queries
            if choosing:
                rows, asked = (x[~np.isin(x, y)] for x, y in ((rows, self.select), (asked, self.select_queries)))
            old, new = self.rows.old[rows], self.rows.new[rows]
            if direction == "documents":
                self._fits[key] = MapPairs(old, new, self.seed)
            else:
                if self.rows.old_queries is not None and self.rows.new_queries is not None:
                    old = _interleave(old, self.rows.old_queries[asked])
                    new = _interleave(new, self.rows.new_queries[asked])
                self._fits[key] = MapPairs(new, old, self.seed)
        return self._fits[key]

    def measure(self, direction: Direction, fitted: KindMap, part: Part) -> Kept:
        """What the bridge ``fitted`` keeps on ``part``."""
        view = self.views[part]
        return self._answer(view, *self._transform(view, direction, fitted))

    def _transform(self, view: View, direction: Direction, fitted: KindMap) -> tuple[Floats, Floats]:
        """Queries and rows as the bridge compares them."""
        if direction == "queries":
            return np.asarray(fitted.apply(view.q_new)), view.d_old
        return view.q_new, np.asarray(fitted.apply(view.d_old))

    def stays(self, part: Part) -> Kept | None:
        """What the old model alone keeps: old queries among old rows; None where its queries are not known."""
        view = self.views[part]
        return None if view.q_old is None else self._answer(view, view.q_old, view.d_old)

    def pair_recall(self, direction: Direction, fitted: KindMap, part: Part) -> Score | None:
        """Share of rows that find their own pair first; None where queries are apart from the rows."""
        view = self.views[part]
        if (view.own < 0).all():
            return None
        nearest = top_k(*self._transform(view, direction, fitted), 1)
        return mean_score((nearest.indices[:, 0] == view.own).astype(np.float64), self.seed, (), view.units)

    def at_index(self, direction: Direction, fitted: KindMap, kept: Kept, rows: int) -> Score:
        """What the bridge ``fitted`` keeps on the certifying part as it is predicted among ``rows`` rows.

        With more rows the ten nearest lie closer together and more others stand in front of what is relevant, and a
        map's error costs more; see :mod:`embedscope.migration.index_size`.
        """
        view = self.views["certify"]
        searched = len(view.d_new)
        if rows <= searched:
            return kept.main
        times = rows / searched
        score = (
            self._judge_at(direction, fitted, kept, times)
            if view.judged
            else self._near_at(direction, fitted, kept, times)
        )
        facts = {**score.facts, "measured": kept.main.value, "searched": searched}
        return replace(score, exact=False, facts=facts)

    def _near_at(self, direction: Direction, fitted: KindMap, kept: Kept, times: float) -> Score:
        """The overlap: fewer neighbours stand for ten, less what so few are harder."""
        view, k = self.views["certify"], max(1.0, K / times)
        parts = min(K, max(2, round(times)))
        answer = self._transform(view, direction, fitted)
        assert view.pool_units is not None
        in_parts = overlap_in_parts((view.q_new, view.d_new), answer, view.own, view.pool_units, parts, self.seed)
        more = None
        if in_parts is not None:
            more = (
                HARDER
                * math.log(min(K, times))
                / math.log(parts)
                * (overlap_between(kept.near, view.truth, K) - in_parts)
            )
        score = as_share(extrapolate(self._overlap(view, kept.near, k, more), kept.main))
        return replace(score, facts={**score.facts, "k": k})

    def _judge_at(self, direction: Direction, fitted: KindMap, kept: Kept, times: float) -> Score:
        """The share of nDCG@10: from all, a half and a quarter of the others, on to as many times as many."""
        view = self.views["certify"]
        assert view.judged is not None
        shares = (1.0, 0.5, 0.25)
        sides = (self._transform(view, direction, fitted), (view.q_new, view.d_new))
        means = [
            [
                mean_score(items, self.seed, (), view.units)
                for items in thinned_ndcg(q, x, view.judged, view.own, shares)
            ]
            for q, x in sides
        ]
        all_, half, quarter = (ratio(a, b) for a, b in zip(*means, strict=True))
        steps = math.log2(times)
        if any(s.value is None or s.draws is None for s in (kept.main, all_, half, quarter)):
            return kept.main
        bend = all_.value - 2 * half.value + quarter.value  # type: ignore[operator]
        curved = steps * (steps + 1) / 2 if bend < 0 else 0.0

        if steps * (all_.value - half.value) + curved * bend >= 0:  # type: ignore[operator]
            return kept.main  # it does not fall with the rows, and is not believed to rise

        def move(x: Any, a: Any, b: Any, c: Any) -> Any:
            return x + steps * (a - b) + curved * (a - 2 * b + c)

        four = (kept.main, all_, half, quarter)
        return replace(kept.main, value=float(move(*(s.value for s in four))), draws=move(*(s.draws for s in four)))

    def remote(self, kept: Kept) -> Score | None:
        """The overlap on the half of the certifying units that lie farthest from any fitted row, as NEW sees them."""
        view, items = self.views["certify"], kept.scores[OVERLAP].items
        if items is None:
            return None
        half = remote_half(closeness(view.q_new, self.rows.new[self.fit]), view.units)
        return mean_score(np.where(half.items, items, np.nan), self.seed, (), view.units)

    def _overlap(self, view: View, near: Index, k: float, more: Floats | None = None) -> Score:
        return overlap_score(near, view.truth, k, view.own, view.units, view.pool_units, self.seed, more)

    def _answer(self, view: View, queries: Floats, rows: Floats) -> Kept:
        near = top_k(queries, rows, K + 1, exclude=view.own).indices
        scores = {OVERLAP: as_share(self._overlap(view, near, K))}
        if view.judged is None:
            return Kept(scores[OVERLAP], scores, near)
        own = judged_scores(queries, rows, view.judged, ks=(K,), seed=self.seed, skip=view.own, groups=view.units)
        for name in (NDCG, RECALL):
            scores[name] = own[name]
            scores[f"{name}.kept"] = ratio(own[name], view.full[name])
        return Kept(scores[f"{NDCG}.kept"], scores, near)


def ratio(a: Score, b: Score) -> Score:
    """``a / b`` of two means over the same items, with the ratio in every draw; undefined where b is 0."""
    if a.value is None or not b.value or a.draws is None or b.draws is None:
        return Score(None, a.n, note="undefined: the full re-embedding finds nothing relevant")
    draws = np.divide(a.draws, b.draws, out=np.full(len(a.draws), np.nan), where=b.draws > 0)
    return Score(a.value / b.value, a.n, draws, facts=a.facts)


def retention_judge(rows: MigrationRows, max_eval_rows: int, seed: int) -> RetentionJudge:
    """The rows in parts by unit of evidence: a half fits, a quarter of which first selects, and a half certifies.

    Rows that fit are never searched for the test, since a map knows them. What selects searches its own rows and those
    that certify: these are documents to it, and what they ask is not looked at.

    Raises
    ------
    InputError
        if a part is too small, or fewer than 100 rows are left to be searched.
    """
    n, asks_rows, notes = len(rows.old), rows.new_queries is None, list(rows.notes)
    hashes = hash_texts(rows.ids)
    declared = None if rows.groups is None else np.tile(rows.groups, 2)
    known = Known(np.tile(hashes, 2), declared=declared, by_position=True)
    evidence = find_evidence([Survey.of(rows.old), Survey.of(rows.new)], known)
    clusters = evidence.clusters[:n]
    fits = assign_parts(clusters, seed) == 0
    order = np.lexsort((hashes, combine(clusters, seed + 2)))
    fit, held = order[fits[order]], np.flatnonzero(~fits)
    if len(held) > max_eval_rows // 2:
        keep = keep_clusters(clusters[held], max_eval_rows // 2, seed)
        notes.append(f"{int(keep.sum()):,} of the {len(held):,} rows that are to certify were kept, by their hash")
        held = held[keep]
    _check_pool(len(held), clusters, max_eval_rows)
    pool_units = number_labels(clusters[held])
    judged, by = _relevance(rows)
    none = np.empty(0, dtype=np.intp)
    views: dict[Part, View]
    if asks_rows:
        select, fit_queries, select_queries = _selecting(fit, clusters, max_eval_rows // 2, seed), none, none
        for name, asks in (("select", select), ("certify", held)):
            _check_units(clusters[asks], name, "rows", evidence)
        both = np.sort(np.concatenate([select, held]))
        views = {
            "select": _view(rows, select, both, clusters, judged, seed, None, rows_ask=True),
            "certify": _view(rows, held, held, clusters, judged, seed, pool_units, rows_ask=True),
        }
    else:
        evidence, q_clusters, more = _query_units(rows, judged)
        notes += more
        every, limit = np.arange(len(q_clusters)), len(q_clusters)
        fit_queries = np.flatnonzero(assign_parts(q_clusters, seed) == 0)
        if rows.old_queries is None:  # queries of one model fit nothing: a quarter selects, all others certify
            fit_queries = _selecting(every, q_clusters, limit, seed)
            select_queries = fit_queries
        else:
            select_queries = _selecting(fit_queries, q_clusters, limit, seed)
        select = none
        asked: dict[Part, Index] = {"select": select_queries, "certify": np.setdiff1d(every, fit_queries)}
        for name in HELD:
            mine = asked[name]
            if judged is not None:
                mine = mine[np.isin(mine, judged[0][np.isin(judged[1], held) & (judged[2] > 0)])]
            asked[name] = mine[keep_clusters(q_clusters[mine], max_eval_rows // 2, seed)]
            _check_units(q_clusters[asked[name]], name, "queries", evidence)
        drawn: dict[Part, Index | None] = {"select": None, "certify": pool_units}
        views = {
            name: _view(rows, asked[name], held, q_clusters, judged, seed, drawn[name], rows_ask=False) for name in HELD
        }
    if judged is not None and len(held) < n:
        notes.append(
            f"{len(held):,} of {n:,} rows are searched, those that fit nothing; judgements of others are left out, for "
            "the full re-embedding and for every bridge alike"
        )
    said = (*evidence.notes, *notes)
    return RetentionJudge(rows, evidence, fit, fit_queries, select, select_queries, views, by, said, seed)


def _selecting(fit: Index, clusters: Hashes, limit: int, seed: int) -> Index:
    """The quarter of ``fit`` that selects, in the order of the rows, at most ``limit`` of them.

    Whole units, and eight of them where these are half of the units or fewer.
    """
    own = clusters[fit]
    chosen = assign_parts(own, seed + 3) == 1
    names = np.unique(own)
    if len(np.unique(own[chosen])) < LEAST <= len(names) // 2:
        chosen = np.isin(own, names[np.argsort(combine(names, seed + 3), kind="stable")[:LEAST]])
    mine = fit[chosen]
    return np.sort(mine[keep_clusters(clusters[mine], limit, seed)])


def _check_units(clusters: Hashes, part: str, what: str, evidence: Evidence) -> None:
    """Raise ``InputError`` where a part holds fewer units of evidence than a bootstrap needs, with the reason."""
    units = len(np.unique(clusters))
    if units < LEAST:
        why = f" ({note})" if (note := evidence.units.note) else ""
        raise InputError(
            f"the {what} that {part} form {count(units, 'unit')} of evidence, at least {LEAST} are needed{why}; pass "
            f"more {what}, best a random sample of the index in random order"
        )


def _relevance(rows: MigrationRows) -> tuple[Judged | None, str]:
    """Judgements, or what belongs together where rows ask themselves, and where these come from."""
    if rows.judged is not None:
        return rows.judged, "relevance judgements"
    if rows.groups is None or rows.new_queries is not None:
        return None, ""
    order = np.argsort(rows.groups, kind="stable")
    sizes = np.bincount(rows.groups)
    if (sizes > 1).sum() < 4 * LEAST_FELLOWS:
        return None, ""
    left, right = [], []
    for members in np.split(order, np.cumsum(sizes)[:-1]):
        if 1 < len(members) <= MOST_FELLOWS:
            a, b = np.meshgrid(members, members, indexing="ij")
            apart = a != b
            left.append(a[apart])
            right.append(b[apart])
    if not left:
        return None, ""
    query, row = np.concatenate(left), np.concatenate(right)
    return (query, row, np.ones(len(query))), "rows of one group count as relevant to each other"


LEAST_FELLOWS = 8
MOST_FELLOWS = 50
"""Groups of a part at least, and rows of a group at most, for which groups say what is relevant."""


def _query_units(rows: MigrationRows, judged: Judged | None) -> tuple[Evidence, Hashes, list[str]]:
    """Units of evidence of queries apart from the rows: equal, near-duplicate, or with a relevant row in common."""
    assert rows.new_queries is not None
    if judged is None:
        evidence = find_evidence([Survey.of(rows.new_queries)], Known(hash_texts(rows.query_ids)))
        return evidence, evidence.clusters, []
    data = JudgedQueries(rows.new_queries, rows.new, rows.query_ids, rows.ids, (), judged)
    asked = np.unique(judged[0])
    evidence, notes = query_evidence(data, asked, None)
    clusters = hash_texts(rows.query_ids)
    clusters[asked] = evidence.clusters
    return evidence, clusters, notes


def _view(
    rows: MigrationRows,
    asks: Index,
    pool: Index,
    clusters: Hashes,
    judged: Judged | None,
    seed: int,
    pool_units: Index | None,
    *,
    rows_ask: bool,
) -> View:
    q_old = rows.old if rows_ask else rows.old_queries
    q_new = rows.new if rows_ask else rows.new_queries
    assert q_new is not None
    own = np.full(len(asks), -1, dtype=np.intp)
    if rows_ask:
        own = np.searchsorted(pool, asks)
    d_new, units = rows.new[pool], number_labels(clusters[asks])
    mine = None
    full: dict[str, Score] = {}
    if judged is not None:
        place_q, place_d = (np.full(n, -1, dtype=np.intp) for n in (len(q_new), len(rows.old)))
        place_q[asks], place_d[pool] = np.arange(len(asks)), np.arange(len(pool))
        kept = (place_q[judged[0]] >= 0) & (place_d[judged[1]] >= 0)
        mine = place_q[judged[0][kept]], place_d[judged[1][kept]], judged[2][kept]
        full = judged_scores(q_new[asks], d_new, mine, ks=(K,), seed=seed, skip=own, groups=units)
    truth = top_k(q_new[asks], d_new, K + 1, exclude=own).indices
    names = tuple((rows.ids if rows_ask else rows.query_ids)[i] for i in asks)
    old = None if q_old is None else q_old[asks]
    return View(old, q_new[asks], rows.old[pool], d_new, own, units, mine, truth, full, names, pool_units)


def _interleave(rows: Floats, queries: Floats) -> Floats:
    """Rows and queries in one sequence whose beginnings hold both in their proportion."""
    both = np.concatenate([rows, queries])
    place = np.concatenate([(np.arange(len(x)) + 0.5) / max(len(x), 1) for x in (rows, queries)])
    return np.asarray(both[np.argsort(place, kind="stable")])


def _check_pool(held: int, clusters: npt.NDArray[np.uint64], max_eval_rows: int) -> None:
    """Refuse fewer than 100 rows that are searched, and say why they are so few."""
    if held >= LEAST_POOL:
        return
    n, units = len(clusters), len(np.unique(clusters))
    if max_eval_rows < 2 * LEAST_POOL:
        raise InputError(
            f"max_eval_rows is the number of rows that select and certify, at least {2 * LEAST_POOL}; got "
            f"{max_eval_rows}"
        )
    if units < n / 2:
        raise InputError(
            f"the {n:,} rows form {count(units, 'unit')} of evidence (rows of one group, or nearly equal), which leave "
            f"{held:,} rows that fit nothing, at least {LEAST_POOL} are needed; pass more rows that differ, or "
            "finer groups"
        )
    raise InputError(
        f"{n:,} rows leave {held:,} that fit nothing and can be searched, at least {LEAST_POOL} are needed to tell ten "
        "in common from chance; pass 250 rows of both models or more, best a thousand"
    )
