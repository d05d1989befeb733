"""Judging by classes: nearest class mean, a linear probe, and classes that the fit never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.certification.fitting import fit_kinds
from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.split import HELD, Part, check_size
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index, Score
from embedscope.tasks._means import directions, mean_score
from embedscope.tasks.probe import linear_probe
from embedscope.tasks.zeroshot import class_scores, class_vectors, true_ranks
from embedscope.transforms.repair import SINGLE, Repair

NEAREST, PROBE, KNOWN, NEW = "nearest_class", "linear_probe", "nearest_class.known", "nearest_class.new"
ZEROSHOT = Objective(NEAREST, (PROBE, NEW), (KNOWN,))
BY_PROBE = Objective(PROBE, (NEAREST, NEW), (KNOWN,))


@dataclass(frozen=True)
class LabelJudge(SpaceJudge):
    """One class a row.

    A row belongs to the class whose mean of fitting rows lies nearest. ``known`` and ``new`` are the same with a
    candidate that was fitted on rows of half of the classes alone, on held-out rows of these and of the other classes,
    all classes standing to choice. Rows of classes without a fitting row are left out.

    Attributes
    ----------
    label : (n,) class of every row of the source
    known : (c,) whether a class is one of the known half
    probe : whether the decision is on the linear probe instead
    """

    label: Index
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    probe: bool = False

    def __post_init__(self) -> None:
        for part in HELD:
            check_size(len(self._rows(part)), part, "labelled rows")
        if len(self._trained) < 2:
            raise InputError(f"labels need at least two classes with rows to fit, got {len(self._trained)}")

    @property
    def aim(self) -> Objective:
        """Nearest class mean, or the probe."""
        return BY_PROBE if self.probe else ZEROSHOT

    @property
    def _trained(self) -> Index:
        return np.unique(self.label[self.parts.rows["fit"].places])

    def _rows(self, part: Part) -> Index:
        """Rows of ``part`` whose class has a row that fits."""
        return np.flatnonzero(np.isin(self.label[self.parts.rows[part].places], self._trained))

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Accuracies, 0 to 1."""
        rows = self._rows(part)
        label = self.label[self.parts.rows[part].places[rows]]
        fit, held = directions(self.moved(candidate, "fit")), directions(self.moved(candidate, part)[rows])
        ranks = self._ranks(fit, held, label)
        scores = {NEAREST: mean_score((ranks <= 1).astype(np.float64), self.seed)}
        scores[PROBE] = self._probe(fit, held, label)
        scores |= self._halves(candidate, part, rows, label)
        names = [self.named(i) for i in self.parts.rows[part].places[rows].tolist()]
        return Outcome(scores, Items("rank of its class", names, ranks.astype(np.float64), lower=True))

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
        """Known and new classes, with a candidate fitted on the known ones alone."""
        mine = self.known[label]
        if "known" not in self.parts.moments or not mine.any() or mine.all():
            return {}
        made = None if candidate.repair is None else self._on_known(candidate.repair.header.candidate)
        fit = directions(self.applied(made, self.parts.rows["fit"].x))
        held = directions(self.applied(made, self.parts.rows[part].x[rows]))
        hits = (self._ranks(fit, held, label) <= 1).astype(np.float64)
        return {
            name: mean_score(np.where(side, hits, np.nan), self.seed, [f"{kind} classes, fitted on the known ones"])
            for name, side, kind in ((KNOWN, mine, "known"), (NEW, ~mine, "new"))
        }

    def _on_known(self, text: str) -> Repair:
        return fit_kinds(text, {SINGLE: self.parts.moments["known"]}, self.made)


def known_half(n_classes: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which half of the classes is known, by hash.

    >>> int(known_half(10, 0).sum())
    5
    """
    order = np.argsort(combine(hash_rows(0, n_classes), seed), kind="stable")
    found = np.zeros(n_classes, dtype=bool)
    found[order[: n_classes // 2]] = True
    return found
