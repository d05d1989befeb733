"""Judging by the user's own queries and relevance judgements; queries and each kind of document have their own mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.certification import candidates
from embedscope.certification.fitting import FitContext, fit_kinds, fit_sides, moments_of
from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.certification.split import HELD, PARTS, Part, check_size, part_numbers
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.tables import Index, Score
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.stats.moments import Gaussian
from embedscope.tasks._means import directions
from embedscope.tasks._ranks import Adjust
from embedscope.tasks.mixed import mixed_scores
from embedscope.tasks.retrieval import judged_scores
from embedscope.transforms.repair import Repair
from embedscope.transforms.scorers import parse_scorer

QUERY, DOCUMENT = "query", "document"
POOL = 10
"""Documents kept, in rows held out: the index is larger than what asks it."""

MIXED = Objective("mixed_ndcg@10", ("pure_ndcg@10",), ("recall@10",))
PURE_OF_MIXED = Objective("pure_ndcg@10", ("mixed_ndcg@10",), ("recall@10",))
PLAIN = Objective("ndcg@10", (), ("recall@1", "recall@10", "recall@100", "mrr"))

Judgements = tuple[Index, Index, Floats]
_JOINT_STEPS = {"center", "pca", "whiten", "abtt", "none"}


@dataclass(frozen=True, eq=False)
class Asked:
    """Queries and documents as they came.

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
    """Judged queries: a part of them fits, selects or certifies; the index is the same for all."""

    asked: Asked
    rows: Mapping[Part, Index]
    pool: Index
    moments: Mapping[str, Gaussian]
    made: FitContext
    seed: int
    mixed: bool = True
    more: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Queries."""
        return "judged queries"

    @property
    def aim(self) -> Objective:
        """NDCG@10 of the mixed index where there are kinds, else of the index."""
        if not self.asked.kinds:
            return PLAIN
        return MIXED if self.mixed else PURE_OF_MIXED

    @property
    def undecidable(self) -> str | None:
        """Never."""
        return None

    @property
    def sizes(self) -> Mapping[str, int]:
        """Judged queries by part."""
        return {part: len(self.rows[part]) for part in PARTS}

    @property
    def widths(self) -> Mapping[str, int]:
        """Width of queries and of each kind of document."""
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
            return fit_kinds(text, self.moments, self.made)
        if self.asked.kinds:
            raise InputError(f"{text} maps queries to one kind of document, and this index has several; use center")
        cross, sides = self._answers()
        return fit_sides(text, cross, sides, (QUERY, DOCUMENT), self.made)

    def _answers(self) -> tuple[CrossGaussian, tuple[Floats, Floats]]:
        query, document, grade = self.asked.judged
        mine = np.isin(query, self.rows["fit"]) & (grade > 0)
        if not mine.any():
            raise InputError("no query that fits has a relevant document; try center or abtt:1, which need none")
        sides = self.asked.queries[query[mine]], self.asked.corpus[document[mine]]
        x, y = (directions(s) if self.made.normalize else np.asarray(s, dtype=np.float64) for s in sides)
        return CrossMoments().update(x, y).result(), (x, y)

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of the queries of ``part`` on the whole index."""
        rows = self.rows[part]
        queries, corpus = self.moved(candidate, part)
        kinds = self._kinds
        ids = [self.asked.corpus_ids[i] for i in self.pool]
        judged = self.judged(part)
        adjust = self._adjust(candidate, part, corpus)
        scores = dict(judged_scores(queries, corpus, judged, seed=self.seed, document_ids=ids, adjust=adjust))
        if kinds:
            found = mixed_scores(queries, corpus, judged, kinds, seed=self.seed, document_ids=ids)
            scores |= found | {"pure_ndcg@10": _mean([s for k, s in found.items() if k.startswith("pure_ndcg")])}
        items = scores["ndcg@10"].items
        names = [self.asked.query_ids[i] for i in rows]
        values = np.full(len(rows), np.nan) if items is None else items
        return Outcome(scores, Items("nDCG@10", names, values))

    @property
    def _kinds(self) -> Sequence[str]:
        """Kind of every document of the pool, empty where there is one."""
        return [self.asked.kinds[i] for i in self.pool] if self.asked.kinds else []

    def moved(self, candidate: Candidate, part: Part) -> tuple[Floats, Floats]:
        """Queries of ``part`` and documents of the pool as ``candidate`` leaves them."""
        queries = self._moved(candidate, self.asked.queries[self.rows[part]], QUERY)
        return queries, self._documents(candidate, self._kinds)

    def _adjust(self, candidate: Candidate, part: Part, corpus: Floats) -> Adjust | None:
        """What the scorer does to cosines; its bank are queries that fit, or, transductive, those that ask."""
        if candidate.scorer is None:
            return None
        if self.asked.kinds:
            raise InputError(
                f"{candidate.scorer} is tried on one kind of document, and this index has several; use center"
            )
        of = self.rows[part if candidate.transductive else "fit"]
        bank = directions(self._moved(candidate, self.asked.queries[of], QUERY))
        return parse_scorer(candidate.scorer).fit(directions(corpus), bank).adjust

    def _documents(self, candidate: Candidate, kinds: Sequence[str]) -> Floats:
        rows = self.asked.corpus[self.pool]
        if not kinds:
            return self._moved(candidate, rows, DOCUMENT)
        of = np.asarray(kinds, dtype=object)
        blocks = {kind: self._moved(candidate, rows[of == kind], kind) for kind in dict.fromkeys(kinds)}
        out = np.empty((len(rows), next(iter(blocks.values())).shape[1]))
        for kind, block in blocks.items():
            out[of == kind] = block
        return out

    def _moved(self, candidate: Candidate, x: npt.NDArray[np.floating], kind: str) -> Floats:
        rows = np.asarray(x, dtype=np.float64)
        return rows if candidate.repair is None else np.asarray(candidate.repair.transform(rows, kind))

    def judged(self, part: Part) -> Judgements:
        """Judgements of the queries of ``part`` about documents of the pool, numbered anew."""
        rows = self.rows[part]
        query, document, grade = self.asked.judged
        place_q = np.full(len(self.asked.queries), -1, dtype=np.intp)
        place_d = np.full(len(self.asked.corpus), -1, dtype=np.intp)
        place_q[rows], place_d[self.pool] = np.arange(len(rows)), np.arange(len(self.pool))
        kept = (place_q[query] >= 0) & (place_d[document] >= 0)
        return place_q[query[kept]], place_d[document[kept]], grade[kept]


def query_judge(
    asked: Asked, made: FitContext, seed: int, max_eval_rows: int, mixed: bool, notes: Sequence[str]
) -> QueryJudge:
    """Parts by the hash of the query's id; moments of queries that fit and of every kind of document.

    Documents are the index that will be searched, so all of them fit; queries that select or certify fit nothing.
    """
    judged = np.unique(asked.judged[0])
    hashes = hash_texts([asked.query_ids[i] for i in judged])
    numbers = part_numbers(hashes, seed)
    order = combine(hashes, seed + 1)
    rows: dict[Part, Index] = {}
    said = list(notes)
    for number, part in enumerate(PARTS):
        mine = judged[numbers == number]
        best = np.argsort(order[numbers == number], kind="stable")[: max_eval_rows // 2]
        rows[part] = np.sort(mine[best]) if part in HELD else mine
        if len(rows[part]) < len(mine):
            said.append(f"{len(rows[part]):,} of the {len(mine):,} queries that are to {part} were kept, by their hash")
        check_size(len(rows[part]), part, "judged queries")
    pool = _pool(asked, rows, POOL * max_eval_rows, seed)
    if len(pool) < len(asked.corpus):
        said.append(
            f"{len(pool):,} of {len(asked.corpus):,} documents were searched: all that are judged for the queries "
            "held out, others by their hash; scores are higher than in the whole index"
        )
    kinds = np.asarray(asked.kinds, dtype=object)
    moments = {QUERY: moments_of(asked.queries[rows["fit"]], made.normalize)}
    if not asked.kinds:
        moments[DOCUMENT] = moments_of(asked.corpus, made.normalize)
    for kind in dict.fromkeys(asked.kinds):
        moments[str(kind)] = moments_of(asked.corpus[kinds == kind], made.normalize)
    return QueryJudge(asked, rows, pool, moments, made, seed, mixed, tuple(said))


def _pool(asked: Asked, rows: Mapping[Part, Index], limit: int, seed: int) -> Index:
    """Documents that are searched: judged ones of held-out queries, and others up to ``limit`` by their hash."""
    n = len(asked.corpus)
    if n <= limit:
        return np.arange(n)
    query, document, _ = asked.judged
    needed = np.unique(document[np.isin(query, np.concatenate([rows[part] for part in HELD]))])
    order = np.argsort(combine(hash_texts(asked.corpus_ids), seed), kind="stable")
    others = order[~np.isin(order, needed)][: max(0, limit - len(needed))]
    return np.sort(np.concatenate([needed, others]))


def _mean(scores: Sequence[Score]) -> Score:
    """Mean over kinds; a kind that no query of this part asks for is left out."""
    known = [s for s in scores if s.value is not None and s.draws is not None]
    if not known:
        return Score(None, 0, note="undefined: no kind has a judged document")
    value = float(np.mean([s.value for s in known if s.value is not None]))
    draws = np.mean([s.draws for s in known if s.draws is not None], axis=0)
    return Score(value, sum(s.n for s in known), draws, note=f"mean over {len(known)} kinds, each searched alone")
