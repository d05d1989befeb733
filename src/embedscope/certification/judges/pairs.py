"""Judging by pairs: retrieval in both directions and the mixed index, on pairs that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from embedscope.certification import candidates
from embedscope.certification.evidence import Evidence
from embedscope.certification.fitting import FitContext, fit_sides
from embedscope.certification.judges._match_cosines import N_OTHERS, pair_cosines
from embedscope.certification.judges._pair_scores import WEIGHTED, K, Mapped, both_ways, pair_scores
from embedscope.certification.judges.base import (
    Candidate,
    Items,
    MatchCosines,
    Objective,
    Outcome,
    restrict_mean,
)
from embedscope.certification.judges.pair_classes import ONE_PART, PairClasses, class_score_names, halves
from embedscope.certification.pair_rows import PairParts, cross_moments, size_notes
from embedscope.certification.regions import find_regions
from embedscope.certification.remote import Mask, closeness, copies_of_fitted
from embedscope.certification.split import HELD, Part, check_size, too_few_units
from embedscope.certification.trade import APART, ASKING, apart, partway, share_of
from embedscope.core.arrays import Floats
from embedscope.core.errors import EmbedscopeError
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import N_DRAWS
from embedscope.stats.cross import CrossGaussian
from embedscope.tasks.means import directions
from embedscope.transforms.repair import Repair

PURE = Objective("recall@1", ("mixed_ndcg@10",), ("same_modality_share",))
MIXED = Objective("mixed_ndcg@10", ("recall@1",), ("same_modality_share",))
TRADED = Objective(WEIGHTED, (), ("recall@1", "mixed_ndcg@10", "same_modality_share"))
WIDTHS = "the two sides differ in dimensions and have no cosines: the original counts as a random ranking"


@dataclass(frozen=True)
class PairJudge:
    """Pairs of two kinds of vector; see ``pair_scores`` for what is taken.

    Attributes
    ----------
    parts : moments and rows
    names : of the two kinds
    mixed : whether the decision is on the mixed index (nDCG@10), with pure retrieval as guard; else the reverse
    classes : of the pairs; unseen classes are a guard then, and seen ones are reported
    weight : of the mixed index against recall@1, in place of ``mixed``; nothing is a guard then
    """

    parts: PairParts
    evidence: Evidence
    names: tuple[str, str]
    context: FitContext
    mixed: bool = False
    seed: int = 0
    classes: PairClasses | None = None
    weight: float | None = None

    def __post_init__(self) -> None:
        for part in HELD:
            rows = self.parts.rows[part]
            n = self._n_units(part) if self.evidence.declared else len(rows.left)
            check_size(n, part, "pairs", self.evidence.units)
            if self.classes is not None:
                self.classes.of(rows)

    @property
    def what(self) -> str:
        """Pairs."""
        return "pairs"

    @property
    def objective(self) -> Objective:
        """Pure or mixed retrieval."""
        plain = TRADED if self.weight is not None else MIXED if self.mixed else PURE
        if self.classes is None:
            return plain
        seen, unseen = class_score_names(plain.main)
        return Objective(plain.main, (*plain.guards, unseen), (*plain.shown, seen))

    @property
    def undecidable(self) -> str | None:
        """Too few units of evidence."""
        return too_few_units({part: self._n_units(part) for part in HELD}, "pairs")

    def _n_units(self, part: Part) -> int:
        rows = self.parts.rows[part]
        return len(np.unique(rows.cluster_x[rows.left]))

    @property
    def sizes(self) -> Mapping[str, int]:
        """Pairs by part."""
        return {"fit": self.parts.cross.n} | {part: len(self.parts.rows[part].left) for part in HELD}

    @property
    def widths(self) -> Mapping[str, int]:
        """Dimensions of both sides."""
        return dict(zip(self.names, self.parts.cross.widths, strict=True))

    @property
    def notes(self) -> Sequence[str]:
        """What was left out."""
        return (*size_notes(self.parts), *([] if self._alike else [WIDTHS]), *self._of_classes)

    @property
    def _of_classes(self) -> Sequence[str]:
        """That classes cannot be seen and held out at once."""
        if self.classes is None:
            return ()
        held = [np.isin(self.classes.label[self.parts.rows[p].names_x], self._fitted).any() for p in HELD]
        return () if all(held) else (ONE_PART,)

    @cached_property
    def _fitted(self) -> Index:
        """Seen classes with pairs that fit."""
        if self.classes is None:
            return np.empty(0, dtype=np.intp)
        rows = self.parts.rows["fit"]
        seen = np.unique(self.classes.label[rows.names_x[rows.left]])
        return seen[self.classes.seen[seen]]

    @property
    def _by_gain(self) -> bool:
        """Whether items are what the mixed index gives."""
        return self.mixed or bool(self.weight)

    @cached_property
    def _alike(self) -> bool:
        dx, dy = self.parts.cross.widths
        return dx == dy

    def auto(self) -> list[str]:
        """Centring, shift, joint bases and maps of one side into the other."""
        return candidates.pairs(self.parts.cross.widths, self.parts.cross.n, self.weight is not None)

    def fit(self, text: str) -> Repair:
        """An alignment of both kinds, from the moments of the pairs that fit."""
        if text.startswith(APART):
            return apart(text, self.names, self.parts.cross.widths, self.context)
        rows = self.parts.rows["fit"]
        return self._fit_on(text, self.parts.cross, rows.left, rows.right)

    def _fit_on(self, text: str, cross: CrossGaussian, left: Index, right: Index) -> Repair:
        rows = self.parts.rows["fit"]
        sides = rows.x[left], rows.y[right]
        scaled = (directions(sides[0]), directions(sides[1])) if self.context.normalize else sides
        chain, share = share_of(text)
        fits = fit_sides(chain, cross, scaled, self.names, self.context)
        return fits if share is None else partway(fits, share)

    def transform(self, candidate: Candidate, part: Part) -> Mapped:
        """Rows of ``part`` as ``candidate`` leaves them, with the bank of its scorer."""
        of = self.parts.rows[part if candidate.transductive else "fit"]
        return self._transform(candidate, part, (of.x, of.y))

    def _transform(self, candidate: Candidate, part: Part, of: tuple[Floats, Floats]) -> Mapped:
        rows = self.parts.rows[part]
        bank = None if candidate.scorer is None else self._transform_rows(candidate, *of)
        asking = None
        if candidate.repair is not None and ASKING + self.names[0] in candidate.repair.kinds:
            sides = zip(self.names, (rows.x, rows.y), strict=True)
            x, y = (candidate.repair.transform(np.asarray(r, dtype=np.float64), ASKING + n) for n, r in sides)
            asking = x, y
        return Mapped(*self._transform_rows(candidate, rows.x, rows.y), candidate.scorer, bank, asking)

    def _transform_rows(self, candidate: Candidate, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if candidate.repair is None:
            return x, y
        return candidate.repair.transform(x, self.names[0]), candidate.repair.transform(y, self.names[1])

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of both kinds of index; items are what the decision is on."""
        rows = self.parts.rows[part]
        names = [f"{k} {i}" for k, of in zip(self.names, (rows.names_x, rows.names_y), strict=True) for i in of]
        title = f"nDCG@{K}, mixed index" if self._by_gain else "rank of its match"
        if candidate.repair is None and not self._alike:
            return self._chance(part, title, names)
        result = pair_scores(self.transform(candidate, part), rows, self.names, self.seed, self.weight)
        values = result.gains if self._by_gain else result.ranks
        scores = result.scores | self._halves(candidate, part)
        return Outcome(scores, Items(title, names, values, lower=not self._by_gain))

    def _halves(self, candidate: Candidate, part: Part) -> dict[str, Score]:
        """Seen and unseen classes, with the candidate fitted on the seen ones alone."""
        if self.classes is None or self.parts.seen is None:
            return {}
        rows, fit = self.parts.rows[part], self.parts.rows["fit"]
        mine, repair = self.classes.pairs_seen(fit), candidate.repair
        left, right = fit.left[mine], fit.right[mine]
        if repair is not None and ASKING + self.names[0] not in repair.kinds:
            repair = self._fit_on(repair.header.candidate, self.parts.seen, left, right)
        again = replace(candidate, repair=repair)
        bank = (rows.x, rows.y) if candidate.transductive else (fit.x[np.unique(left)], fit.y[np.unique(right)])
        result = pair_scores(self._transform(again, part, bank), rows, self.names, self.seed)
        return halves(result, rows, self.classes, self._fitted, self.objective.main, self.mixed, self.seed)

    def _chance(self, part: Part, title: str, names: Sequence[str]) -> Outcome:
        """What random rankings give, for sides that have no cosines with each other."""
        rows = self.parts.rows[part]
        n, m = len(rows.x), len(rows.y)
        pool = n + m - 1
        weights = float((1 / np.log2(2.0 + np.arange(min(K, pool)))).sum())
        a, b = self.names
        value = {"recall@1": (1 / n + 1 / m) / 2, f"recall@1.{a}_to_{b}": 1 / m, f"recall@1.{b}_to_{a}": 1 / n}
        value |= {"recall@10": (min(1.0, K / n) + min(1.0, K / m)) / 2, "mixed_ndcg@10": weights / pool}
        if self.weight is not None:
            value[WEIGHTED] = (1 - self.weight) * value["recall@1"] + self.weight * value["mixed_ndcg@10"]
        if self.classes is not None:
            value |= dict.fromkeys(class_score_names(self.objective.main), value[self.objective.main])
        score = Score(None, n + m, np.zeros(N_DRAWS), note="by chance: the sides differ in dimensions")
        asks_y = np.where(np.arange(n + m) < n, 1 / m, 1 / n)
        items = {"recall@1": asks_y, "mixed_ndcg@10": np.full(n + m, value["mixed_ndcg@10"])}
        items |= {WEIGHTED: np.full(n + m, value[WEIGHTED])} if WEIGHTED in value else {}
        scores = {k: replace(score, value=v, draws=np.full(N_DRAWS, v), items=items.get(k)) for k, v in value.items()}
        scores["same_modality_share"] = Score(None, 0, note="undefined: the sides differ in dimensions")
        return Outcome(scores, Items(title, names, np.full(n + m, np.nan), lower=not self._by_gain))

    def item_units(self, part: Part) -> Index:
        """Units of the rows of both sides."""
        rows = self.parts.rows[part]
        return np.concatenate([rows.cluster_x, rows.cluster_y])

    def closeness(self) -> Floats:
        """Cosine of each certifying row of either side with the nearest fitted row of that side."""
        held, fit = self.parts.rows["certify"], self.parts.rows["fit"]
        return np.concatenate([closeness(held.x, fit.x), closeness(held.y, fit.y)])

    def copies_of_fitted(self) -> int:
        """Certifying rows of either side that have a near-duplicate among the fitted rows held."""
        held, fit = self.parts.rows["certify"], self.parts.rows["fit"]
        return copies_of_fitted(held.x, fit.x) + copies_of_fitted(held.y, fit.y)

    def restrict(self, score: Score, items: Mask, part: Part) -> Score:
        """The mean over some rows."""
        return restrict_mean(score, items, self.item_units(part), self.seed)

    def without_region(self, candidate: Candidate, before: Score) -> tuple[Score, Score] | None:
        """The main score, each pair under a fit of the held fitted pairs that lie in other regions than its own.

        Regions are those of both sides at once; a scorer keeps its bank. None for maps that are not fitted on pairs.
        """
        repair = candidate.repair
        if repair is None or ASKING + self.names[0] in repair.kinds or self.evidence.declared:
            return None
        rows, fit = self.parts.rows["certify"], self.parts.rows["fit"]
        both = [np.hstack([directions(r.x[r.left]), directions(r.y[r.right])]) for r in (fit, rows)]
        regions = find_regions(both[0], both[1], self.seed)
        ends = rows.left, len(rows.x) + rows.right
        of, region = (np.full(len(rows.x) + len(rows.y), unknown, dtype=np.intp) for unknown in (-1, 0))
        for end in ends:
            of[end], region[end] = regions.held, regions.region
        items = np.full(len(of), np.nan)
        for fold in np.unique(regions.held):
            left, right = (side[regions.fitted != fold] for side in (fit.left, fit.right))
            moments = cross_moments(fit.x[left], fit.y[right], self.context.normalize)
            try:
                again = replace(candidate, repair=self._fit_on(repair.header.candidate, moments, left, right))
            except EmbedscopeError as error:
                return before, Score(None, 0, note=f"undefined: a fit without one region fails: {error}")
            after = self.outcome(again, "certify").scores[self.objective.main].items
            if after is not None:
                items[of == fold] = after[of == fold]
        old = np.full(len(of), np.nan) if before.items is None else np.where(np.isfinite(items), before.items, np.nan)
        drawn = replace(rows, cluster_x=region[: len(rows.x)], cluster_y=region[len(rows.x) :])
        units = {"units": len(np.unique(regions.region))}
        scores = (both_ways(old, drawn, self.seed), both_ways(items, drawn, self.seed))
        return replace(scores[0], facts=units), replace(scores[1], facts=units)

    def match_cosines(self, candidate: Candidate) -> MatchCosines | None:
        """Cosines of pairs, and of rows of different units; None for a scorer or sides without cosines."""
        if candidate.scorer is not None or (candidate.repair is None and not self._alike):
            return None
        select, certify = (self._cosines(candidate, part) for part in HELD)
        others = f"{N_OTHERS} rows that do not match for each that does, drawn by hash"
        return MatchCosines(select, certify, "a match", others)

    def _cosines(self, candidate: Candidate, part: Part) -> tuple[Floats, Floats]:
        mapped = self.transform(candidate, part)
        x = mapped.x if mapped.asking is None else mapped.asking[0]
        return pair_cosines(directions(x), directions(mapped.y), self.parts.rows[part], self.seed)
