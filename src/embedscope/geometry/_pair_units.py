"""Units of evidence of two sides whose rows match by position: declared, equal rows, blocks of the file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from embedscope.core.arrays import Hashes
from embedscope.core.ids import mix
from embedscope.core.records import Record
from embedscope.core.tables import Index, Score
from embedscope.metrics.pairs import Paired
from embedscope.stats.bootstrap import unit_facts
from embedscope.stats.units import DECLARED, Units, find_units, join
from embedscope.tasks.means import mean_draws


@dataclass(frozen=True, eq=False)
class PairUnits:
    """Which pairs stand or fall together: a unit of either side is one of the pairs.

    Attributes
    ----------
    labels : (n,) number of the unit of each pair
    units : how many there are and how they were found
    """

    labels: Index
    units: Units

    @classmethod
    def of(cls, paired: Paired, declared: Hashes | None = None) -> PairUnits | None:
        """The units of the pairs ``paired``, which match by position; None where every pair is one by itself."""
        sides = [find_units(x, groups=declared, near=False) for x in (paired.x, paired.y)]
        labels = join(len(paired.x), [side[0] for side in sides])
        sizes = np.bincount(labels)
        if len(sizes) == len(labels) and declared is None:
            return None
        ways = tuple(dict.fromkeys(way for _, side in sides for way in side.ways))
        order = max((side.order for _, side in sides), key=lambda order: order.block)
        return cls(labels, Units(len(labels), len(sizes), int(sizes.max()), ways or (DECLARED,), order))

    def apply(self, paired: Paired) -> Paired:
        """``paired`` with these units, unless they are too few for an interval."""
        if self.units.problem is not None:
            return paired
        units = mix(self.labels.astype(np.uint64))
        return replace(paired, units=(units, units))

    def regroup(self, score: Score, seed: int) -> Score:
        """``score``, a mean over pairs, with draws of whole units; without draws where its items are other pairs."""
        if score.items is None or score.value is None or self.units.problem is not None:
            return score
        if len(score.items) != len(self.labels):
            why = "; ".join(filter(None, [score.note, "no interval: units of evidence are not followed here"]))
            return replace(score, draws=None, note=why)
        known = np.isfinite(score.items)
        facts = {**(score.facts or {}), **unit_facts(self.labels[known], "units")}
        return replace(score, draws=mean_draws(score.items, seed, self.labels), facts=facts)

    def annotate(self, record: Record) -> Record:
        """``record`` with the number of units and how they were found, and no interval where they are too few."""
        if record.value is None or record.stderr is record.ci_low is None:
            return record
        problem = self.units.problem
        note = "; ".join(filter(None, [record.note, problem, self.units.note]))
        record = replace(record, note=note, units=self.units.units)
        return record if problem is None else replace(record, stderr=None, ci_low=None, ci_high=None)
