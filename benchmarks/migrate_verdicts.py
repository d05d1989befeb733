"""Verdicts of ``migrate`` on real pairs of models against what the full re-embedding shows on rows it never saw.

    python -m benchmarks.migrate_verdicts FOLDER [--sample 1000] [--rest 1000] [--retain 0.95,0.7]

FOLDER holds one NAME.npy for each model, all of the same rows (one text a row) in a random order. Of
each ordered pair of models the tool sees the first ``sample`` rows. The truth is measured on the next ``rest`` rows,
which it never sees: what the vectors as they are keep, what the chosen map keeps, and what the same candidate keeps
that all of the sample (twice the pairs) fits. A verdict agrees where

- stay: vectors as they are keep at least ``retain`` on the rest;
- bridge: the chosen map does;
- pilot more pairs: the chosen map is within 0.02 of ``retain``, or the map of twice the pairs closes at least a third
  of what is lacking;
- re-embed: none of these holds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

import embedscope
from embedscope.core.arrays import Floats
from embedscope.migration.maps import MapPairs, fit_map
from embedscope.stats.neighbours import top_k
from embedscope.tasks._means import directions
from embedscope.transforms.repair import KindMap

HEAD = (
    "| old | new | wanted | verdict | candidate | direction | kept (95 %) | on the rest | as they are "
    "| twice the pairs | agrees |"
)
CLOSE = 0.02


@dataclass(frozen=True)
class Case:
    """One verdict and what it is compared with."""

    old: str
    new: str
    retain: float
    verdict: str
    candidate: str
    direction: str
    kept: float
    low: float
    high: float
    rest: float
    swap: float | None
    more: float

    @property
    def agrees(self) -> bool:
        """Whether the rest shows what the verdict says."""
        if self.verdict == "stay":
            return self.swap is not None and self.swap >= self.retain
        if self.verdict == "bridge":
            return self.rest >= self.retain
        close = abs(self.rest - self.retain) <= CLOSE
        grows = self.rest < self.retain and self.more - self.rest >= (self.retain - self.rest) / 3
        if self.verdict == "pilot more pairs":
            return close or grows
        return self.rest < self.retain and not (self.swap is not None and self.swap >= self.retain)

    def row(self) -> str:
        """The case as a row of the table."""
        swap = "" if self.swap is None else f"{self.swap:.3f}"
        return (
            f"| {self.old} | {self.new} | {self.retain:g} | {self.verdict} | {self.candidate} | {self.direction} | "
            f"{self.kept:.3f} ({self.low:.3f} to {self.high:.3f}) | {self.rest:.3f} | {swap} | {self.more:.3f} | "
            f"{'yes' if self.agrees else 'no'} |"
        )


def kept(old: Floats, new: Floats, fitted: KindMap, direction: str) -> float:
    """Share of the ten nearest of the full re-embedding that a map keeps among these rows."""
    own = np.arange(len(old))
    truth = top_k(new, new, 10, exclude=own).indices
    queries, pool = (fitted.apply(new), old) if direction == "queries" else (new, fitted.apply(old))
    near = top_k(np.asarray(queries), np.asarray(pool), 10, exclude=own).indices
    return float((near[:, :, None] == truth[:, None, :]).any(axis=2).mean())


def cases(spaces: dict[str, Floats], sample: int, rest: int, retains: list[float], candidates: str) -> Iterator[Case]:
    """Every ordered pair of models at every share that is wanted."""
    seen, unseen = slice(0, sample), slice(sample, sample + rest)
    for a, b in permutations(spaces, 2):
        old, new = spaces[a], spaces[b]
        for retain in retains:
            outcome = embedscope.migrate(old[seen], new[seen], retain=retain, candidates=candidates, force=True)
            record = outcome.result["migrate"]
            text, direction = str(record.transform), str(record.space)
            made = outcome.repair
            assert made is not None
            moved = made.kinds["new" if direction == "queries" else "old"]
            x, y = directions(old[unseen]), directions(new[unseen])
            swap = None
            if x.shape[1] == y.shape[1]:
                swap = kept(x, y, fit_map("none", MapPairs(x[:2], y[:2])), "queries")
            both = directions(old[seen]), directions(new[seen])
            pairs = MapPairs(*(both[::-1] if direction == "queries" else both))
            yield Case(
                a,
                b,
                retain,
                outcome.verdict,
                text,
                direction,
                float(record.value or 0),
                float(record.ci_low or 0),
                float(record.ci_high or 0),
                kept(x, y, moved, direction),
                swap,
                kept(x, y, fit_map(text, pairs), direction),
            )


def main() -> None:
    """Print the table and how many verdicts agree."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--rest", type=int, default=1000)
    parser.add_argument("--retain", default="0.95")
    parser.add_argument("--candidates", default="auto")
    given = parser.parse_args()
    spaces = {p.stem: np.asarray(np.load(p), dtype=np.float64) for p in sorted(given.folder.glob("*.npy"))}
    retains = [float(v) for v in given.retain.split(",")]
    print(HEAD)
    print("| --- " * 11 + "|")
    found = []
    for case in cases(spaces, given.sample, given.rest, retains, given.candidates):
        found.append(case)
        print(case.row(), flush=True)
    print(f"\n{sum(c.agrees for c in found)} of {len(found)} verdicts agree.")


if __name__ == "__main__":
    main()
