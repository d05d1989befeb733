"""How often the interval of ``migrate`` covers, and how often a bridge is certified that keeps less than is wanted.

    python -m benchmarks.migrate_coverage [RUNS]

Two models of one content: OLD is the content turned, with noise; NEW is the content. Each run draws rows, chooses among
rotation, ridge and canonical correlations as the verb does, and tests the best. The truth is what this very map keeps
on 10 fresh draws of as many queries, searched among as many rows as the index has (twice those that were searched), so
it holds the choice, the variation of the index and the error of carrying the share on to its size, which a bootstrap of
queries alone could miss. A false bridge is one that is certified and keeps less than is wanted: the share that is
wanted is the truth itself, where at most 2.5 % may be certified.
"""

from __future__ import annotations

import sys

import numpy as np

from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.migration.retention import RetentionJudge, retention_judge
from embedscope.migration.rows import Request, read_rows
from embedscope.migration.trials import measure
from embedscope.sources.options import ModelOptions
from embedscope.stats.neighbours import top_k
from embedscope.tasks.means import directions

DIMENSIONS, FRESH = 12, 10
CANDIDATES = "procrustes,ridge,cca:8"
HEAD = "| rows | noise | true share kept | interval covers | false bridges | standard error of these |"


def spaces(rng: np.random.Generator, n: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Old and new vectors (n, 12) of the same rows."""
    new = rng.normal(size=(n, DIMENSIONS)) / np.sqrt(1 + np.arange(DIMENSIONS) / 4)
    return new + noise * rng.normal(size=new.shape), new


def judge_of(old: np.ndarray, new: np.ndarray, seed: int) -> RetentionJudge:
    """The judge of these rows."""
    rows = read_rows(Request(old, new), ModelOptions(), Provenance(), Silent(), count_tokens=False)
    return retention_judge(rows, 10_000, seed)


def run(seed: int, n: int, noise: float) -> tuple[float, float, float]:
    """Lower end, upper end, and the truth."""
    rng = np.random.default_rng([seed, n, round(1000 * noise)])
    judge = judge_of(*spaces(rng, n, noise), seed)
    test = measure(judge, CANDIDATES, ("queries",), n, Silent()).best["queries"]
    fitted = test.trial.fitted
    assert fitted is not None
    asked, pool = len(judge.views["certify"].q_new), n
    truths = []
    for _ in range(FRESH):
        old, new = (directions(x) for x in spaces(rng, pool, noise))
        own = np.arange(asked)
        truth = top_k(new[:asked], new, 10, exclude=own).indices
        near = top_k(np.asarray(fitted.apply(new[:asked])), old, 10, exclude=own).indices
        truths.append((near[:, :, None] == truth[:, None, :]).any(axis=2).mean())
    return float(test.low or 0.0), float(test.high or 0.0), float(np.mean(truths))


def rates(runs: int, n: int, noise: float) -> tuple[float, float, float]:
    """Mean truth, share of runs whose interval covers it, share in which it lies below the lower end."""
    found = np.array([run(seed, n, noise) for seed in range(runs)])
    low, high, truth = found.T
    return float(truth.mean()), float(((low <= truth) & (truth <= high)).mean()), float((truth < low).mean())


def main(runs: int = 300) -> None:
    """Print the table."""
    print(HEAD)
    print("| --- " * 6 + "|")
    for n in (420, 1200):
        for noise in (0.02, 0.1, 0.4):
            truth, covers, above = rates(runs, n, noise)
            error = np.sqrt(0.05 * 0.95 / runs)
            print(f"| {n} | {noise} | {truth:.3f} | {covers:.3f} | {above:.3f} | {error:.3f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
