"""Why a query is answered badly: where its relevant documents rank, what stands in front, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Action, Column, Document, Finding, Status, Table
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.near_ids import near_id
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Index
from embedscope.evaluation.explanation_charts import cosines_of_query, first_documents
from embedscope.evaluation.scoring import parse_transform
from embedscope.sources.options import ModelOptions
from embedscope.sources.retrieval_data import (
    Collection,
    RetrievalSpace,
    judged_rows,
    judgements_of,
    own_documents,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.stats.neighbours import top_k
from embedscope.tasks.means import check_apart, directions
from embedscope.transforms.repair import Repair

TOP = 10
HUB = 5
"""A document is a hub that is among the ten nearest of this many times as many queries as the average one."""

NEAR = 0.25
"""A relevant document that misses by less than this many of the query's own standard deviations misses narrowly."""

FAR = 1.0
"""One that lies less than this many above the query's mean is hardly told apart from unrelated documents."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """One query in one space.

    Attributes
    ----------
    what : how the vectors were read or changed
    cosines : (n,) with every document, -inf for one that is no result
    mean, spread : of the query's cosines with documents that are not relevant
    ranks : (r,) of the relevant documents, from 1, behind others of equal cosine
    """

    what: str
    cosines: Floats
    mean: float
    spread: float
    ranks: Index

    def z(self, rows: Any) -> Floats:
        """Cosines of documents ``rows`` in units of the query's own spread."""
        return np.asarray((self.cosines[rows] - self.mean) / (self.spread or 1.0))


def explain(  # noqa: PLR0913
    queries: Any,
    corpus: Any,
    qrels: Any,
    query: str,
    *,
    source: str | None = None,
    query_ids: Any = None,
    corpus_ids: Sequence[Any] = (),
    corpus_modality: Any = None,
    layers: str | None = None,
    pooling: str | None = None,
    transform: str | None = None,
    repair: str | Path | Repair | None = None,
    ignore_identical_ids: bool = False,
    allow_missing: bool = False,
    seed: int = 0,
    cache: bool = True,
    model: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Why the query with the id ``query`` ranks its relevant documents where it does, by cosine.

    Parameters
    ----------
    layers : several layers of a model are compared; the first one named is explained
    transform : chain, fitted on the corpus, whose effect on this query is given too
    repair : a repair, or its file, whose effect is given too

    Other parameters as of :func:`embedscope.evaluation.retrieval.retrieval`.

    Returns
    -------
    Result with ``best_rank``, ``margin`` and ``hubs_in_front``, and a document that says them in words

    Raises
    ------
    InputError, UnknownNameError
        if there is no such query, or nothing is relevant to it.
    """
    from embedscope.encoders import source_name

    source = source_name(source)
    provenance = Provenance(command, seed)
    asked = read_collection(queries, query_ids, provenance, "queries")
    named = list(corpus) if isinstance(corpus, list | tuple) else [corpus]
    pool = read_corpus(named, corpus_ids, corpus_modality, provenance)
    judged = judged_rows(judgements_of(qrels, provenance), asked, pool, allow_missing=allow_missing)
    row = _row_of(query, asked)
    mine = (judged.query == row) & (judged.grade > 0)
    if not mine.any():
        raise InputError(
            f"no document is judged relevant to '{query}', so there is no rank to explain; take another query"
        )
    relevant = judged.document[mine]
    skip = own_documents(asked, pool) if ignore_identical_ids else np.full(len(asked), -1)
    options = ModelOptions.of({**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "seed": seed})
    spaces = list(retrieval_spaces(asked, pool, source, options, provenance, progress or Silent()))
    first = spaces[0]
    _check(first, relevant, skip[row])
    if not np.any(np.asarray(first.queries)[row]) or not np.any(np.asarray(first.corpus)[relevant]):
        what = "the query" if not np.any(np.asarray(first.queries)[row]) else "every document relevant to the query"
        raise InputError(f"the vector of {what} '{query}' is zero, so it has no cosine and no rank; encode it again")
    rankings = [_ranking(s.space, s.queries, s.corpus, row, relevant, skip) for s in spaces]
    rankings += list(_rank_after_changes(first, row, relevant, skip, transform, repair))
    hubs = _occurrence(first, skip)
    provenance.settings = {"query": query, "layers": layers, "pooling": pooling, "transform": transform}
    explained = _Explained(query, row, asked, pool, relevant, rankings, hubs, first.source)
    return Result(tuple(explained.records()), provenance.as_dict(), explained.document())


def _check(space: RetrievalSpace, relevant: Index, own: int) -> None:
    """Refuse what holds no ranking: another width, or nothing that the relevant documents stand before or behind."""
    q, c = np.asarray(space.queries), np.asarray(space.corpus)
    if q.shape[1] != c.shape[1]:
        raise InputError(
            f"queries and corpus must have the same number of dimensions, got {q.shape[1]} and {c.shape[1]}; pass "
            "vectors of one model"
        )
    if len(c) == len(np.union1d(relevant, [own] if own >= 0 else relevant)):
        raise InputError("there is no document that is not relevant to the query, so no rank to explain; add documents")
    check_apart(directions(c), "the corpus")


def _row_of(query: str, asked: Collection) -> int:
    ids = list(asked.ids)
    if query in ids:
        return ids.index(query)
    raise UnknownNameError(f"no query has the id '{query}'; {near_id(query, ids)}")


def _ranking(what: str, queries: Any, corpus: Any, row: int, relevant: Index, skip: Index) -> Ranking:
    q, c = directions(queries[row : row + 1]), directions(corpus)
    cosines = c @ q[0]
    if skip[row] >= 0:
        cosines[skip[row]] = -np.inf
    others = np.isfinite(cosines)
    others[relevant] = False
    ranks = np.array([1 + int((cosines[others] >= cosines[d]).sum()) for d in relevant], dtype=np.intp)
    order = np.argsort(-cosines[relevant], kind="stable")
    ranks[order] += np.arange(len(relevant))
    rest = cosines[others]
    return Ranking(what, cosines, float(rest.mean()), float(rest.std()), ranks)


def _rank_after_changes(
    space: RetrievalSpace, row: int, relevant: Index, skip: Index, transform: str | None, repair: Any
) -> Iterator[Ranking]:
    """The same query after changes: both sides centred, the transform, the repair."""
    q, c = (np.asarray(x, dtype=np.float64) for x in (space.queries, space.corpus))
    unit_q, unit_c = directions(q), directions(c)
    yield _ranking("each side centred", unit_q - unit_q.mean(axis=0), unit_c - unit_c.mean(axis=0), row, relevant, skip)
    chain = parse_transform(transform)
    if chain is not None:
        chain.fit(c)
        yield _ranking(f"transform {transform}", chain.transform(q), chain.transform(c), row, relevant, skip)
    if repair is not None:
        applied = repair if isinstance(repair, Repair) else Repair.load(repair)
        kinds = ("query", "document") if "query" in applied.kinds else (None, None)
        name = "the repair" if isinstance(repair, Repair) else f"repair {Path(repair).name}"
        yield _ranking(name, applied.transform(q, kinds[0]), applied.transform(c, kinds[1]), row, relevant, skip)


def _occurrence(space: RetrievalSpace, skip: Index) -> Index:
    """Of each document, in how many queries' ten nearest it is."""
    q, c = directions(space.queries), directions(space.corpus)
    k = min(TOP, len(c) - 1)
    neighbours = top_k(q, c, k, exclude=skip).indices
    return np.bincount(neighbours.ravel(), minlength=len(c)).astype(np.intp)


@dataclass(frozen=True, eq=False)
class _Explained:
    query: str
    row: int
    asked: Collection
    pool: Collection
    relevant: Index
    rankings: list[Ranking]
    hubs: Index
    source: str

    @property
    def base(self) -> Ranking:
        return self.rankings[0]

    @property
    def best(self) -> int:
        """The relevant document that ranks first."""
        return int(self.relevant[np.argmin(self.base.ranks)])

    @property
    def in_front(self) -> Index:
        """Documents that are not relevant and stand before the best relevant one, first ones first."""
        order = np.argsort(-self.base.cosines, kind="stable")
        ahead = order[(self.base.cosines[order] >= self.base.cosines[self.best]) & ~np.isin(order, self.relevant)]
        return np.asarray(ahead[np.isfinite(self.base.cosines[ahead])], dtype=np.intp)

    @property
    def usual(self) -> float:
        """Mean number of queries that have a document among their ten nearest."""
        return float(self.hubs.mean())

    def is_hub(self, rows: Any) -> Any:
        return self.hubs[rows] >= max(HUB * self.usual, 2)

    @property
    def margin(self) -> float:
        """Best relevant less best other document, in units of the query's own spread; negative where it is beaten."""
        others = np.isfinite(self.base.cosines)
        others[self.relevant] = False
        return float(
            self.base.z(self.best) - self.base.z(int(np.flatnonzero(others)[np.argmax(self.base.cosines[others])]))
        )

    def records(self) -> Iterator[Record]:
        place: dict[str, Any] = {"source": self.source, "task": "explain", "subset": f"query:{self.query}"}
        n = len(self.pool)
        for ranking in self.rankings:
            yield Record(metric="best_rank", value=float(ranking.ranks.min()), space=ranking.what, n=n, **place)
        front = self.in_front
        yield Record(
            metric="margin", value=self.margin, space=self.base.what, n=n, note="in units of its own spread", **place
        )
        hubs = float(self.is_hub(front).sum()) if len(front) else 0.0
        yield Record(metric="hubs_in_front", value=hubs, space=self.base.what, n=len(front), **place)

    def document(self) -> Document:
        return Document(
            f"Query {self.query}",
            "Why does this query rank its relevant documents where it does?",
            tuple(self._findings()),
            tuple(table for table in (self._ranks(), self._front(), self._changes()) if table.rows),
            histograms=(cosines_of_query(self.base.cosines, self.best, int(self.base.ranks.min())),),
            dots=(first_documents(self.base.cosines, self.relevant, self.best, self._title),),
        )

    def _findings(self) -> Iterator[Finding]:
        base, front = self.base, self.in_front
        rank, n = int(base.ranks.min()), len(self.pool)
        z = float(base.z(self.best))
        name = self.pool.ids[self.best]
        text = f"Its best relevant document ({name}) has rank {rank:,} of {n:,}, {z:.1f} of the query's own standard "
        text += "deviations above its mean cosine."
        status: Status = "ok" if rank == 1 else "warning" if rank <= TOP else "serious"
        count = f"{len(self.relevant):,} relevant document{'s' if len(self.relevant) > 1 else ''}"
        yield Finding(text, status, f"{count}; mean cosine {base.mean:.3f}, standard deviation {base.spread:.3f}")
        if rank > 1:
            yield self._cause(front, z)
        yield self._effect(rank)

    def _cause(self, front: Index, z: float) -> Finding:
        hubs = int(self.is_hub(front).sum())
        gap = -self.margin
        if z < FAR:
            return Finding(
                "The model does not see the two as related: the relevant document lies among unrelated ones for this "
                "query. "
                "No change of the ranking finds it; other words, another model or another layer may.",
                "info",
                f"{len(front):,} documents are nearer",
            )
        if hubs and hubs >= len(front) / 2:
            return Finding(
                f"{hubs:,} of the {len(front):,} documents in front are hubs: near to many queries, whatever they ask.",
                "info",
                f"a document is among the ten nearest of {self.usual:.1f} queries on average, these of at least "
                f"{int(self.hubs[front][self.is_hub(front)].min())}",
                actions=(Action("a repair that centres, or a scorer such as csls (embedscope repair)"),),
            )
        if gap < NEAR:
            return Finding(
                f"It misses narrowly: the best other document is {gap:.2f} of the query's standard deviations nearer, "
                f"which a "
                "re-ranker of the first ten decides better than a cosine.",
                "info",
            )
        return Finding(
            f"Other documents are clearly nearer, by {gap:.2f} of the query's standard deviations, and {hubs:,} of the "
            f"{len(front):,} in front are hubs: look at them below, whether they answer the query and were not judged.",
            "info",
        )

    def _effect(self, rank: int) -> Finding:
        others = self.rankings[1:]
        best = min(others, key=lambda r: int(r.ranks.min()))
        to = int(best.ranks.min())
        if to < rank:
            return Finding(
                f"'{best.what}' brings it to rank {to:,}.",
                "info",
                detail="One query is an anecdote: embedscope repair tells whether a change helps on held-out queries.",
            )
        return Finding(
            f"None of {len(others):,} other way{'s' if len(others) > 1 else ''} to read or change the vectors "
            f"ranks it higher."
        )

    def _ranks(self) -> Table:
        order = np.argsort(self.base.ranks, kind="stable")[:TOP]
        rows = tuple(
            (self._title(int(self.relevant[i])), int(self.base.ranks[i]), float(self.base.cosines[self.relevant[i]]),
             float(self.base.z(self.relevant[i])), int(self.hubs[self.relevant[i]]))
            for i in order
        )  # fmt: skip
        return Table("relevant", "Its relevant documents", _HEADS, rows)

    def _front(self) -> Table:
        rows = tuple(
            (self._title(int(d)), i + 1, float(self.base.cosines[d]), float(self.base.z(d)), int(self.hubs[d]))
            for i, d in enumerate(self.in_front[:TOP])
        )
        caption = f"{len(self.in_front):,} in all; a hub is among the ten nearest of many queries."
        return Table("in_front", "Documents in front of the best relevant one", _HEADS, rows, caption)

    def _changes(self) -> Table:
        rows = tuple(
            (r.what, int(r.ranks.min()), float(r.z(self.best)), float(np.mean(1 / r.ranks))) for r in self.rankings
        )
        heads = (
            Column("space or change"),
            Column("best rank", 0, best="low"),
            Column("z of that document", 2, best="high"),
            Column("mean reciprocal rank of the relevant", 3, best="high"),
        )
        return Table("changes", "The same query in other spaces, and after changes", heads, rows)

    def _title(self, row: int) -> str:
        text = self.pool.texts[row] if self.pool.texts else ""
        short = text if len(text) <= 60 else f"{text[:59]}…"
        return f"{self.pool.ids[row]}: {short}" if short else str(self.pool.ids[row])


_HEADS = (
    Column("document"),
    Column("rank", 0),
    Column("cosine", 4),
    Column("z", 2, help="in units of the query's own spread over documents that are not relevant"),
    Column("near to", 0, help="queries that have it among their ten nearest"),
)
