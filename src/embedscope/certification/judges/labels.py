"""Judging by classes: nearest class mean, a linear probe, and classes that the fit never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.certification.fitting import fit_kinds
from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome, regroup
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.split import HELD, Part, check_size
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index, Score
from embedscope.tasks.means import directions, mean_score
from embedscope.tasks.probe import linear_probe
from embedscope.tasks.zeroshot import class_scores, class_vectors, true_ranks
from embedscope.transforms.repair import SINGLE, Repair

NEAREST, PROBE, SEEN, UNSEEN = "nearest_class", "linear_probe", "nearest_class.seen", "nearest_class.unseen"
ZEROSHOT = Objective(NEAREST, (PROBE, UNSEEN), (SEEN,))
BY_PROBE = Objective(PROBE, (NEAREST, UNSEEN), (SEEN,))


@dataclass(frozen=True)
class LabelJudge(SpaceJudge):
    """One class per row.

    A row belongs to the class whose mean of fitting rows lies nearest. ``seen`` and ``unseen`` are the same with a
    candidate that was fitted on rows of half of the classes alone, on held-out rows of these and of the other classes;
    all classes may be chosen. Rows of classes without a fitting row are left out.

    Attributes
    ----------
    label : (n,) class of every row of the source
    seen : (c,) whether a class is one of the seen half
    probe : whether the decision is on the linear probe instead
    """

    label: Index
    seen: np.ndarray[tuple[int], np.dtype[np.bool_]]
    probe: bool = False

    def __post_init__(self) -> None:
        for part in HELD:
            rows = self.rows_of_items(part)
            n = len(np.unique(self.item_units(part))) if self.evidence.declared else len(rows)
            check_size(n, part, "labelled rows", self.evidence.units)
        if len(self._trained) < 2:
            raise InputError(f"labels need at least two classes with rows to fit, got {len(self._trained)}")

    @property
    def objective(self) -> Objective:
        """Nearest class mean, or the probe."""
        return BY_PROBE if self.probe else ZEROSHOT

    @property
    def _trained(self) -> Index:
        return np.unique(self.label[self.parts.rows["fit"].places])

    def rows_of_items(self, part: Part) -> Index:
        """Rows of ``part`` whose class has a row that fits."""
        return np.flatnonzero(np.isin(self.label[self.parts.rows[part].places], self._trained))

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Accuracies, 0 to 1."""
        rows = self.rows_of_items(part)
        label = self.label[self.parts.rows[part].places[rows]]
        fit, held = directions(self.transform(candidate, "fit")), directions(self.transform(candidate, part)[rows])
        ranks = self._ranks(fit, held, label)
        units = self.item_units(part)
        scores = {NEAREST: mean_score((ranks <= 1).astype(np.float64), self.seed, (), units)}
        scores[PROBE] = regroup(self._probe(fit, held, label), units, self.seed)
        scores |= self._halves(candidate, part, rows, label)
        names = [self.describe_row(i) for i in self.parts.rows[part].places[rows].tolist()]
        return Outcome(scores, Items("rank of its class", names, ranks.astype(np.float64), lower=True, noun="row"))

    @property
    def _fit_label(self) -> Index:
        return self.label[self.parts.rows["fit"].places]

    def _probe(self, fit: Floats, held: Floats, label: Index) -> Score:
        return linear_probe(fit, self._fit_label, held, label, ks=[1], seed=self.seed).top[1]

    def _ranks(self, fit: Floats, held: Floats, label: Index) -> Index:
        """Rank of the right class of each held row among all classes with rows that fit."""
        means = class_vectors([fit[self._fit_label == c] for c in self._trained])
        return true_ranks(class_scores(held, means), np.searchsorted(self._trained, label).astype(np.intp))

    def _halves(self, candidate: Candidate, part: Part, rows: Index, label: Index) -> dict[str, Score]:
        """Seen and unseen classes, with a candidate fitted on the seen ones alone."""
        mine = self.seen[label]
        if "seen" not in self.parts.moments or not mine.any() or mine.all():
            return {}
        repair = None if candidate.repair is None else self._fit_on_seen(candidate.repair.header.candidate)
        fit = directions(self.apply_repair(repair, self.parts.rows["fit"].x))
        held = directions(self.apply_repair(repair, self.parts.rows[part].x[rows]))
        hits = (self._ranks(fit, held, label) <= 1).astype(np.float64)
        units = self.item_units(part)
        return {
            name: mean_score(
                np.where(side, hits, np.nan), self.seed, [f"{which} classes, fitted on the seen ones"], units
            )
            for name, side, which in ((SEEN, mine, "seen"), (UNSEEN, ~mine, "unseen"))
        }

    def _fit_on_seen(self, text: str) -> Repair:
        return fit_kinds(text, {SINGLE: self.parts.moments["seen"]}, self.context)


def seen_half(n_classes: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which half of the classes a candidate sees, by hash.

    >>> int(seen_half(10, 0).sum())
    5
    """
    order = np.argsort(combine(hash_rows(0, n_classes), seed), kind="stable")
    seen = np.zeros(n_classes, dtype=bool)
    seen[order[: n_classes // 2]] = True
    return seen
