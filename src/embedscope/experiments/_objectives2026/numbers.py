"""Numbers by arm and seed; the seeds are what error bars rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as distributions

from embedscope.core.records import Record
from embedscope.experiments._objectives2026.arms import Arm
from embedscope.experiments._objectives2026.run import Trained
from embedscope.experiments._tested import NO_ERROR, Estimate

TEST_NAMES = {
    "rg65": "RG-65",
    "wordsim353": "WordSim-353",
    "simlex999": "SimLex-999",
    "simverb3500": "SimVerb-3500",
    "valnorm": "ValNorm",
    "valnorm_vader": "ValNorm (VADER)",
    "stsb": "STS-B",
}


@dataclass(frozen=True)
class Place:
    """What is read: a measure, how a vector was read, the task it was taken on."""

    metric: str
    pooling: str
    task: str | None = None


TOKENS = Place("self_similarity", "native", "tokens")
TOP5 = Place("top5_share", "native", "tokens")
TOP8 = Place("top8_share", "native", "tokens")
SENTENCE_SIMILARITY = Place("sentence_self_similarity", "eos", "sentences")


@dataclass(frozen=True)
class Tested:
    """A mean over seeds with its 95 % interval by Student's t, and the two-sided p of 0; ``seeds`` it rests on."""

    estimate: Estimate
    p: float | None
    seeds: int


def over_seeds(values: Sequence[float]) -> Tested:
    """Mean of independent ``values``, one a seed; no interval from fewer than two, or where they do not vary.

    >>> over_seeds([0.1, 0.2, 0.3]).estimate.text()
    '0.200 (-0.048 to 0.448)'
    """
    mean = float(np.mean(values)) if values else None
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    if mean is None or spread < NO_ERROR:
        return Tested(Estimate(mean), None, len(values))
    error = spread / np.sqrt(len(values))
    reach = float(distributions.t.ppf(0.975, len(values) - 1)) * error
    p = float(2 * distributions.t.sf(abs(mean) / error, len(values) - 1))
    return Tested(Estimate(mean, mean - reach, mean + reach), p, len(values))


class Numbers:
    """The records of all networks by arm, seed, place and layer."""

    def __init__(self, networks: Iterable[Trained]) -> None:
        self.networks = tuple(networks)
        self.arms: tuple[Arm, ...] = tuple(dict.fromkeys(n.arm for n in self.networks))
        self.seeds = tuple(dict.fromkeys(n.seed for n in self.networks))
        self._values: dict[tuple[str, int, Place, str], float] = {}
        names: dict[str, None] = {}
        for network in self.networks:
            for r in network.records:
                if r.space is None or r.variant is not None or r.value is None:
                    continue
                place = Place(r.metric, r.pooling or "", r.task)
                self._values[network.arm.id, network.seed, place, r.space] = r.value
                names[r.space] = None
        layers = sorted(n for n in names if n.startswith("layer"))
        self.ladder = (*layers[:-1], "final") if "final" in names else tuple(layers)
        """Layers as wolfe2022 counts them for GPT-2: the last one is after the final norm."""
        self.spaces = (*layers, *(["final"] if "final" in names else []))
        self.tests = tuple(t for t in TEST_NAMES if any(p.metric == t for _, _, p, _ in self._values))

    def arm(self, name: str) -> Arm | None:
        """The arm of that name where it was run."""
        return next((a for a in self.arms if a.id == name), None)

    def at(self, arm: str, place: Place, space: str) -> dict[int, float]:
        """The number in one space by seed."""
        return {s: v for s in self.seeds if (v := self._values.get((arm, s, place, space))) is not None}

    def top(self, arm: str, place: Place) -> dict[int, float]:
        """The number in the top layer by seed."""
        return self.at(arm, place, self.ladder[-1])

    def over_layers(self, arm: str, place: Place) -> dict[int, float]:
        """The mean over the layers by seed."""
        return self._fold(arm, place, lambda values: float(np.mean(values)))

    def best(self, arm: str, place: Place) -> dict[int, float]:
        """The best over the layers by seed; all networks have equally many, so none is favoured."""
        return self._fold(arm, place, max)

    def _fold(self, arm: str, place: Place, fold: object) -> dict[int, float]:
        means = {}
        for seed in self.seeds:
            values = [v for s in self.ladder if (v := self._values.get((arm, seed, place, s))) is not None]
            if values:
                means[seed] = fold(values)  # type: ignore[operator]
        return means

    def held_out_scores(self, arm: str, what: str) -> dict[int, float]:
        """What the networks learned of held-out texts, by seed."""
        return {n.seed: float(v) for n in self.networks if n.arm.id == arm and (v := n.learned.get(what)) is not None}

    def records(self) -> tuple[Record, ...]:
        """Means over seeds of every measure in every space, with their standard error."""
        places = dict.fromkeys((p, s) for _, _, p, s in self._values)
        rows = []
        for arm in self.arms:
            for place, space in places:
                values = list(self.at(arm.id, place, space).values())
                if values:
                    rows.append(self._record(arm, place, space, values))
        return tuple(rows)

    def _record(self, arm: Arm, place: Place, space: str, values: Sequence[float]) -> Record:
        of = over_seeds(values)
        error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        return Record(
            arm.id,
            place.metric,
            of.estimate.value,
            pooling=place.pooling or None,
            space=space,
            task=place.task,
            stderr=error,
            ci_low=of.estimate.low,
            ci_high=of.estimate.high,
            n=len(values),
            units=len(values),
            note=f"mean over {len(values)} seeds; interval of Student's t over seeds",
        )


def paired_test(a: dict[int, float], b: dict[int, float]) -> Tested:
    """``a - b`` over the seeds of both, which share initial weights and the order of batches."""
    return over_seeds([a[s] - b[s] for s in a if s in b])
