"""Judging by the user's own queries and relevance judgements; queries and each kind of document have their own mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification import candidates
from embedscope.certification.evidence import Evidence, Known, Survey, declared_units, find_evidence
from embedscope.certification.fitting import FitContext, fit_kinds, fit_sides, moments_of
from embedscope.certification.judges._match_cosines import N_OTHERS, few_judged, judged_cosines
from embedscope.certification.judges.base import (
    Candidate,
    Items,
    MatchCosines,
    Objective,
    Outcome,
    SplitOptions,
    regroup,
    restrict_mean,
)
from embedscope.certification.remote import Mask, closeness, copies_of_fitted
from embedscope.certification.split import (
    HELD,
    PARTS,
    Part,
    assign_parts,
    check_size,
    connected_components,
    number_labels,
    too_few_units,
)
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.tables import Index, Score
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.stats.moments import Gaussian
from embedscope.tasks.means import directions
from embedscope.tasks.mixed import mixed_scores
from embedscope.tasks.ranks import Adjust
from embedscope.tasks.retrieval import judged_scores
from embedscope.transforms.repair import Repair
from embedscope.transforms.scorers import parse_scorer

QUERY, DOCUMENT = "query", "document"
POOL = 10
"""Documents kept, as a multiple of the held-out rows: an index is larger than the queries that search it."""

FEWEST = 5
LARGE = 0.05
"""Share of all queries in one unit, and not fewer than 5, from which on shared documents join none."""

MIXED = Objective("mixed_ndcg@10", ("pure_ndcg@10",), ("recall@10",))
PURE_OF_MIXED = Objective("pure_ndcg@10", ("mixed_ndcg@10",), ("recall@10",))
PLAIN = Objective("ndcg@10", (), ("recall@1", "recall@10", "recall@100", "mrr"))

Judgements = tuple[Index, Index, Floats]
_JOINT_STEPS = {"center", "pca", "whiten", "abtt", "standardize", "drop", "none"}


@dataclass(frozen=True, eq=False)
class JudgedQueries:
    """Queries, documents and judgements as they were given.

    Attributes
    ----------
    queries, corpus : (m, d), (n, d)
    query_ids, corpus_ids : names of the rows
    kinds : (n,) kind of each document, empty where there is one kind
    judged : (query, document, grade), each (p,)
    """

    queries: npt.NDArray[np.floating]
    corpus: npt.NDArray[np.floating]
    query_ids: Sequence[str]
    corpus_ids: Sequence[str]
    kinds: Sequence[str]
    judged: Judgements


@dataclass(frozen=True)
class QueryJudge:
    """Judged queries: a part of them fits, selects or certifies; the index is the same for all.

    Attributes
    ----------
    units : (m,) number of the unit of evidence of each query
    rows : queries of each part
    pool : documents that are searched
    """

    data: JudgedQueries
    evidence: Evidence
    units: Index
    rows: Mapping[Part, Index]
    pool: Index
    moments: Mapping[str, Gaussian]
    context: FitContext
    seed: int
    mixed: bool = True
    more: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Queries."""
        return "judged queries"

    @property
    def objective(self) -> Objective:
        """NDCG@10 of the mixed index where there are kinds, else of the index."""
        if not self.data.kinds:
            return PLAIN
        return MIXED if self.mixed else PURE_OF_MIXED

    @property
    def undecidable(self) -> str | None:
        """Too few units of evidence."""
        return too_few_units({part: len(np.unique(self.units[self.rows[part]])) for part in HELD}, self.what)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Judged queries by part."""
        return {part: len(self.rows[part]) for part in PARTS}

    @property
    def widths(self) -> Mapping[str, int]:
        """Dimensions of queries and of each kind of document."""
        return {kind: g.dim for kind, g in self.moments.items()}

    @property
    def notes(self) -> Sequence[str]:
        """What was left out."""
        return self.more

    def auto(self) -> list[str]:
        """Centring by kind and jointly, removal of top components, whitening."""
        alone = candidates.one_space(next(iter(self.widths.values())))
        return [alone[0], "center:joint", *alone[1:]]

    def fit(self, text: str) -> Repair:
        """A chain for all kinds; or an alignment of queries with the documents that answer those that fit."""
        steps = {step.partition(":")[0] for step in text.split(",")}
        if steps <= _JOINT_STEPS:
            return fit_kinds(text, self.moments, self.context)
        if self.data.kinds:
            raise InputError(f"{text} maps queries to one kind of document, and this index has several; use center")
        cross, sides = self._answers()
        return fit_sides(text, cross, sides, (QUERY, DOCUMENT), self.context)

    def _answers(self) -> tuple[CrossGaussian, tuple[Floats, Floats]]:
        query, document, grade = self.data.judged
        mine = np.isin(query, self.rows["fit"]) & (grade > 0)
        if not mine.any():
            raise InputError("no query that fits has a relevant document; try center or abtt:1, which need none")
        sides = self.data.queries[query[mine]], self.data.corpus[document[mine]]
        x, y = (directions(s) if self.context.normalize else np.asarray(s, dtype=np.float64) for s in sides)
        return CrossMoments().update(x, y).result(), (x, y)

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of the queries of ``part`` on the whole index."""
        rows = self.rows[part]
        queries, corpus = self.transform(candidate, part)
        kinds = self._kinds
        ids = [self.data.corpus_ids[i] for i in self.pool]
        judged = self.judgements_of(part)
        adjust = self._adjust(candidate, part, corpus)
        scores = dict(judged_scores(queries, corpus, judged, seed=self.seed, document_ids=ids, adjust=adjust))
        if kinds:
            scores |= mixed_scores(queries, corpus, judged, kinds, seed=self.seed, document_ids=ids)
        units = self.item_units(part)
        scores = {name: regroup(score, units, self.seed) for name, score in scores.items()}
        if kinds:
            scores["pure_ndcg@10"] = _mean([s for name, s in scores.items() if name.startswith("pure_ndcg")])
        items = scores["ndcg@10"].items
        names = [self.data.query_ids[i] for i in rows]
        values = np.full(len(rows), np.nan) if items is None else items
        return Outcome(scores, Items("nDCG@10", names, values))

    def item_units(self, part: Part) -> Index:
        """Units of the queries of ``part``."""
        return number_labels(self.units[self.rows[part]])

    def closeness(self) -> Floats:
        """Cosine of each certifying query with the nearest fitted one."""
        return closeness(self.data.queries[self.rows["certify"]], self.data.queries[self.rows["fit"]])

    def copies_of_fitted(self) -> int:
        """Certifying queries that have a near-duplicate among the fitted ones."""
        return copies_of_fitted(self.data.queries[self.rows["certify"]], self.data.queries[self.rows["fit"]])

    def restrict(self, score: Score, items: Mask, part: Part) -> Score:
        """The mean over some queries."""
        return restrict_mean(score, items, self.item_units(part), self.seed)

    def without_region(self, candidate: Candidate, before: Score) -> tuple[Score, Score] | None:
        """Nothing: candidates are fitted on rows alone, not on what they are judged by."""
        return None

    def match_cosines(self, candidate: Candidate) -> MatchCosines | None:
        """Cosines of queries with relevant documents and with others; None for a scorer or several kinds."""
        if candidate.scorer is not None or self.data.kinds:
            return None
        drawn = few_judged(self.data.judged[0], self.data.judged[2])
        select, certify = (self._cosines(candidate, part, drawn) for part in HELD)
        others = f"{N_OTHERS} documents that nobody judged for the query, drawn by hash, for each that is relevant"
        return MatchCosines(
            select, certify, "relevance", others if drawn else "documents that were judged not relevant"
        )

    def _cosines(self, candidate: Candidate, part: Part, drawn: bool) -> tuple[Floats, Floats]:
        u, v = (directions(x) for x in self.transform(candidate, part))
        return judged_cosines(u, v, self.judgements_of(part), self.seed, drawn=drawn)

    @property
    def _kinds(self) -> Sequence[str]:
        """Kind of every document of the pool, empty where there is one."""
        return [self.data.kinds[i] for i in self.pool] if self.data.kinds else []

    def transform(self, candidate: Candidate, part: Part) -> tuple[Floats, Floats]:
        """Queries of ``part`` and documents of the pool as ``candidate`` leaves them."""
        queries = self._transform_rows(candidate, self.data.queries[self.rows[part]], QUERY)
        return queries, self._documents(candidate, self._kinds)

    def _adjust(self, candidate: Candidate, part: Part, corpus: Floats) -> Adjust | None:
        """What the scorer does to cosines; its bank are queries that fit, or, transductive, those that ask."""
        if candidate.scorer is None:
            return None
        if self.data.kinds:
            raise InputError(f"{candidate.scorer} takes one kind of document, and this index has several; use center")
        of = self.rows[part if candidate.transductive else "fit"]
        bank = directions(self._transform_rows(candidate, self.data.queries[of], QUERY))
        return parse_scorer(candidate.scorer).fit(directions(corpus), bank).adjust

    def _documents(self, candidate: Candidate, kinds: Sequence[str]) -> Floats:
        rows = self.data.corpus[self.pool]
        if not kinds:
            return self._transform_rows(candidate, rows, DOCUMENT)
        of = np.asarray(kinds, dtype=object)
        blocks = {kind: self._transform_rows(candidate, rows[of == kind], kind) for kind in dict.fromkeys(kinds)}
        out = np.empty((len(rows), next(iter(blocks.values())).shape[1]))
        for kind, block in blocks.items():
            out[of == kind] = block
        return out

    def _transform_rows(self, candidate: Candidate, x: npt.NDArray[np.floating], kind: str) -> Floats:
        rows = np.asarray(x, dtype=np.float64)
        return rows if candidate.repair is None else np.asarray(candidate.repair.transform(rows, kind))

    def judgements_of(self, part: Part) -> Judgements:
        """Judgements of the queries of ``part`` about documents of the pool, numbered anew."""
        rows = self.rows[part]
        query, document, grade = self.data.judged
        place_q = np.full(len(self.data.queries), -1, dtype=np.intp)
        place_d = np.full(len(self.data.corpus), -1, dtype=np.intp)
        place_q[rows], place_d[self.pool] = np.arange(len(rows)), np.arange(len(self.pool))
        kept = (place_q[query] >= 0) & (place_d[document] >= 0)
        return place_q[query[kept]], place_d[document[kept]], grade[kept]


def query_judge(
    data: JudgedQueries,
    context: FitContext,
    options: SplitOptions,
    mixed: bool,
    notes: Sequence[str],
    groups: npt.NDArray[Any] | None = None,
) -> QueryJudge:
    """Parts by the unit of the query; moments of queries that fit and of every kind of document.

    Documents are the index that will be searched, so all of them fit; queries that select or certify fit nothing.
    """
    judged = np.unique(data.judged[0])
    evidence, more = query_evidence(data, judged, groups)
    numbers = assign_parts(evidence.clusters, options.seed)
    order = combine(hash_texts([data.query_ids[i] for i in judged]), options.seed + 1)
    rows: dict[Part, Index] = {}
    said = [*notes, *more]
    units = np.full(len(data.queries), -1, dtype=np.intp)
    units[judged] = number_labels(evidence.clusters)
    for number, part in enumerate(PARTS):
        mine = judged[numbers == number]
        best = np.argsort(order[numbers == number], kind="stable")[: options.max_eval_rows // 2]
        rows[part] = np.sort(mine[best]) if part in HELD else mine
        if len(rows[part]) < len(mine):
            said.append(
                f"{len(rows[part]):,} of the {len(mine):,} queries that are to {part} were kept, chosen by their hash"
            )
        n = len(np.unique(units[rows[part]])) if evidence.declared else len(rows[part])
        check_size(n, part, "judged queries", evidence.units)
    pool = _pool(data, rows, POOL * options.max_eval_rows, options.seed)
    if len(pool) < len(data.corpus):
        said.append(
            f"{len(pool):,} of {len(data.corpus):,} documents were searched: all that are judged for held-out queries, "
            "others chosen by their hash; scores are higher than in the whole index"
        )
    kinds = np.asarray(data.kinds, dtype=object)
    moments = {QUERY: moments_of(data.queries[rows["fit"]], context.normalize)}
    if not data.kinds:
        moments[DOCUMENT] = moments_of(data.corpus, context.normalize)
    for kind in dict.fromkeys(data.kinds):
        moments[str(kind)] = moments_of(data.corpus[kinds == kind], context.normalize)
    return QueryJudge(data, evidence, units, rows, pool, moments, context, options.seed, mixed, tuple(said))


def query_evidence(data: JudgedQueries, judged: Index, groups: npt.NDArray[Any] | None) -> tuple[Evidence, list[str]]:
    """Units of the judged queries: declared, equal, near-duplicates, and queries that share a relevant document.

    Where shared documents would join more than 5 % of the queries into one unit (a document relevant to many), they
    join none, and a note says so.
    """
    n = len(judged)
    declared = None if groups is None else declared_units(groups, len(data.queries), len(data.queries), "queries")
    query, document, grade = data.judged
    relevant = grade > 0
    place = np.searchsorted(judged, query[relevant])
    joined = connected_components(n + len(data.corpus), place, n + document[relevant])[:n]
    shared, more = len(np.unique(joined)) < n, []
    if shared and np.bincount(joined).max() > max(LARGE * n, FEWEST):
        more = [
            "queries that share a relevant document were not kept together: that would join "
            f"{np.bincount(joined).max():,} of {n:,} queries"
        ]
        shared = False
    ids = hash_texts([data.query_ids[i] for i in judged])
    links = [(np.unique(joined, return_index=True)[1][joined], np.arange(n))] if shared else []
    known = Known(ids, links, None if declared is None else declared[judged], named="shared documents")
    return find_evidence([Survey.of(data.queries[judged])], known), more


def _pool(data: JudgedQueries, rows: Mapping[Part, Index], limit: int, seed: int) -> Index:
    """Documents that are searched: judged ones of held-out queries, and others up to ``limit`` by their hash."""
    n = len(data.corpus)
    if n <= limit:
        return np.arange(n)
    query, document, _ = data.judged
    needed = np.unique(document[np.isin(query, np.concatenate([rows[part] for part in HELD]))])
    order = np.argsort(combine(hash_texts(data.corpus_ids), seed), kind="stable")
    others = order[~np.isin(order, needed)][: max(0, limit - len(needed))]
    return np.sort(np.concatenate([needed, others]))


def _mean(scores: Sequence[Score]) -> Score:
    """Mean over kinds; a kind that no query of this part asks for is left out."""
    defined = [s for s in scores if s.value is not None and s.draws is not None and s.items is not None]
    if not defined:
        return Score(None, 0, note="undefined: no kind has a judged document")
    value = float(np.mean([s.value for s in defined if s.value is not None]))
    draws = np.mean([s.draws for s in defined if s.draws is not None], axis=0)
    items = np.stack([s.items for s in defined if s.items is not None])
    scored = np.isfinite(items).sum(axis=0)
    mean = np.divide(np.nansum(items, axis=0), scored, out=np.full(items.shape[1], np.nan), where=scored > 0)
    return Score(value, sum(s.n for s in defined), draws, mean, f"mean over {len(defined)} kinds, each searched alone")
