"""Do the intervals hold what they say? Nominal against actual coverage on populations whose truth is known.

    python -m benchmarks.coverage                     # prints the table
    python -m benchmarks.coverage --runs 300 --write  # also into docs/statistics.md

Every kind of interval is taken on many samples of a population; the share that holds the truth is its coverage, given
with its Monte Carlo error. The truth of a metric is its mean over samples of the same size where the metric is biased
(the interval covers sampling error, not bias, which notes give), else its value on a large sample.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.ids import mix
from embedscope.core.tables import Score
from embedscope.geometry.measure import measure
from embedscope.metrics.pairs import PAIR_METRICS
from embedscope.metrics.pairs.metric import Paired
from embedscope.stats.best_of import best_difference, best_of
from embedscope.stats.bootstrap import paired_difference, pearson_draws, shared_ends
from embedscope.stats.score_records import score_bars

Rng = np.random.Generator
DIM = 16
N = 1000
LEVEL = 0.95
PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
MARKS = "<!-- coverage: made by python -m benchmarks.coverage -->", "<!-- end of coverage -->"


@dataclass(frozen=True)
class Row:
    """Coverage of one kind of interval on one population."""

    interval: str
    population: str
    covered: int
    runs: int
    target: float = 0.90
    none: int = 0  # runs that give no interval, with the reason
    reason: str = ""  # why the target cannot be met

    @property
    def coverage(self) -> float:
        return self.covered / max(self.runs - self.none, 1)

    @property
    def error(self) -> float:
        return math.sqrt(max(self.coverage * (1 - self.coverage), 1 / self.runs) / self.runs)


def spectrum() -> np.ndarray:
    return 0.85 ** np.arange(DIM)


def isotropic(rng: Rng, n: int) -> np.ndarray:
    return rng.normal(size=(n, DIM))


def decaying(rng: Rng, n: int) -> np.ndarray:
    return rng.normal(size=(n, DIM)) * spectrum() + 0.3


def near_directions(rng: Rng, n: int) -> np.ndarray:
    """A cone whose leading directions turn from sample to sample."""
    return rng.normal(size=(n, DIM)) * np.arange(1, DIM + 1) ** -0.4 + 0.2


def heavy(rng: Rng, n: int) -> np.ndarray:
    return rng.standard_t(3, size=(n, DIM))


def clusters(rng: Rng, n: int, size: int) -> np.ndarray:
    """Chunks of ``size`` rows around centres drawn from the decaying cloud, in the order of the file."""
    centres = decaying(rng, n // size) * (1 + rng.random((n // size, 1)))
    return np.repeat(centres, size, axis=0) + 0.3 * rng.normal(size=(n // size * size, DIM))


METRICS = ("self_similarity", "self_similarity_centered", "mean_norm", "norm_cv", "top5_share", "isoscore")
METRICS += ("participation_ratio_unbiased", "effective_rank", "stable_rank", "coordinate_std", "i1", "i2")
CLUSTERED = ("mean_norm", "top5_share", "self_similarity")
SIZED = ("mean_norm", "self_similarity", "participation_ratio_unbiased")
HELD = ("hubness_skew", "antihub_share", "robin_hood", "uniformity")


def measure_records(x: np.ndarray, metrics: tuple[str, ...], declared: np.ndarray | None = None) -> dict[str, Any]:
    return {r.metric: r for r in measure(x, metrics=list(metrics), groups=declared) if r.metric in metrics}


def count_covered(records: list[dict[str, Any]], truth: dict[str, float], name: str, runs: int) -> int:
    found = [r[name] for r in records[:runs]]
    return sum(r.ci_low is not None and r.ci_low <= truth[name] <= r.ci_high for r in found)


def geometry(runs: int, rng: Rng) -> Iterator[Row]:
    """Jackknife over groups of independent rows; the truth is the mean over twice as many samples of the same size."""
    for population, draw in (("isotropic", isotropic), ("decaying", decaying), ("heavy-tailed (t3)", heavy)):
        records = [measure_records(draw(rng, N), METRICS) for _ in range(2 * runs)]
        truth = {m: float(np.mean([r[m].value for r in records])) for m in METRICS}
        for name in METRICS:
            none = sum(r[name].ci_low is None for r in records[:runs])
            hits = count_covered(records, truth, name, runs)
            said = "its note says that it is too narrow" if (name, draw) == ("norm_cv", heavy) else ""
            yield Row(f"{name}: jackknife over 16 groups", population, hits, runs, none=none, reason=said)
    records = [measure_records(near_directions(rng, N), ("i1",)) for _ in range(2 * runs)]
    hits = count_covered(records, {"i1": float(np.mean([r["i1"].value for r in records]))}, "i1", runs)
    yield Row("i1: jackknife over 16 groups", "leading eigenvalues near each other", hits, runs)
    few = max(runs, 10)
    records = [measure_records(decaying(rng, 400), HELD) for _ in range(2 * few)]
    truth = {m: float(np.mean([r[m].value for r in records])) for m in HELD}
    for name in HELD:
        yield Row(f"{name}: {_how(name)} groups", "decaying, n = 400", count_covered(records, truth, name, few), few)


def _how(name: str) -> str:
    return "jackknife over" if name == "uniformity" else "subsamples of"


def dependent(runs: int, rng: Rng) -> Iterator[Row]:
    """Chunks, declared, undeclared in file order, and shuffled."""
    large = measure_records(clusters(rng, 200_000, 1), CLUSTERED)
    truth = {m: large[m].value for m in CLUSTERED}
    for size, n in ((5, 1000), (20, 1000), (20, 4000), (50, 4000)):
        names = mix(np.arange(n, dtype=np.uint64) // np.uint64(size))
        samples = [clusters(rng, n, size) for _ in range(runs)]
        order = rng.permutation(n)
        for layout, records in (
            ("declared", [measure_records(x[order], CLUSTERED, names[order]) for x in samples]),
            ("undeclared, file order", [measure_records(x, CLUSTERED) for x in samples]),
            ("undeclared, shuffled", [measure_records(x[order], CLUSTERED) for x in samples]),
        ):
            hidden = layout == "undeclared, shuffled"
            target, why = (0.0, "cannot be detected") if hidden else (0.90, "")
            for name in CLUSTERED:
                where = f"{size} rows a chunk, n = {n:,}, {layout}"
                yield Row(
                    f"{name}: jackknife over units",
                    where,
                    count_covered(records, truth, name, runs),
                    runs,
                    target,
                    reason=why,
                )
    yield from dependent_neighbours(max(runs, 10), rng)
    yield from unequal(runs, rng)


def unequal(runs: int, rng: Rng) -> Iterator[Row]:
    """Declared documents of 1 to 60 rows (Zipf), or one that holds a third of all rows."""
    large = measure_records(clusters(rng, 200_000, 1), SIZED)
    for where, draw in (
        ("100 documents of 1 to 60 rows (Zipf), declared", lambda: np.minimum(rng.zipf(1.8, 100), 60)),
        ("200 rows and a document of 100, declared", lambda: np.append(np.ones(200, int), 100)),
    ):
        records = []
        for _ in range(runs):
            unit = np.repeat(np.arange(len(sizes := draw())), sizes)
            x = clusters(rng, len(sizes), 1)[unit] + 0.3 * rng.normal(size=(len(unit), DIM))
            order = rng.permutation(len(unit))
            records.append(measure_records(x[order], SIZED, mix(unit[order].astype(np.uint64))))
        for name in SIZED:
            value = large[name].value if name != "mean_norm" else float(np.mean([r[name].value for r in records]))
            hits = count_covered(records, {name: value}, name, runs)
            yield Row(f"{name}: jackknife over units", where, hits, runs)


def dependent_neighbours(runs: int, rng: Rng) -> Iterator[Row]:
    """Neighbours and pairs of chunks, those inside a chunk left out.

    The truth of ``uniformity`` is that of single rows, since it does not depend on n; that of the others is the mean
    over samples of the same size, as in ``geometry``.
    """
    single = measure_records(clusters(rng, 8000, 1), ("uniformity",))["uniformity"].value
    size, n = 10, 600
    names = mix(np.arange(n, dtype=np.uint64) // np.uint64(size))
    samples = [clusters(rng, n, size) for _ in range(runs)]
    order = rng.permutation(n)
    for layout, records in (
        ("declared", [measure_records(x[order], HELD, names[order]) for x in samples]),
        ("undeclared, file order", [measure_records(x, HELD) for x in samples]),
    ):
        truth = {m: float(np.mean([r[m].value for r in records])) for m in HELD} | {"uniformity": single}
        for name in HELD:
            where = f"{size} rows a chunk, n = {n:,}, {layout}"
            yield Row(f"{name}: {_how(name)} units", where, count_covered(records, truth, name, runs), runs)


def pairs(runs: int, rng: Rng) -> Iterator[Row]:
    """Metrics of two matched spaces."""
    names = ("modality_gap.unbiased", "paired_cosine", "unpaired_cosine", "relative_modality_gap", "linear_cka")
    shift = np.zeros(DIM)
    shift[0] = 1.0

    def draw(n: int) -> dict[str, Any]:
        x = decaying(rng, n)
        y = x + 0.5 * rng.normal(size=(n, DIM)) + shift
        wanted = dict.fromkeys(name.partition(".")[0] for name in names)
        paired = replace(Paired.of(x, y), values_only=True)
        return {m.metric: m for name in wanted for m in PAIR_METRICS.get(name).measure(paired)}

    records = [draw(500) for _ in range(runs)]
    large = draw(20_000)
    for name in names:
        hits = sum(r[name].ci_low <= large[name].value <= r[name].ci_high for r in records)
        yield Row(f"{name}: jackknife over pairs", "two decaying clouds, n = 500", hits, runs)


def layers(rng: Rng, n: int, k: int, share: float) -> dict[str, Score]:
    gold, common = rng.normal(size=(2, n))
    found = {}
    for j in range(k):
        x = 0.5 * gold + math.sqrt(0.75) * (math.sqrt(share) * common + math.sqrt(1 - share) * rng.normal(size=n))
        found[f"{j:02d}"] = Score(float(np.corrcoef(x, gold)[0, 1]), n, pearson_draws(x, gold, 0))
    return found


def scores(runs: int, rng: Rng) -> Iterator[Row]:
    """Bootstraps of task scores: one score, the best of several, differences, pairs that share words, few items."""
    for n in (65, 353):
        one = better = fair = 0
        for _ in range(runs):
            found = layers(rng, n, 14, 0.5)
            first, *rest = found
            _, low, high = score_bars(found[first])
            one += low <= 0.5 <= high
            best = best_of({k: found[k] for k in rest})
            better += best.low <= 0.5 <= best.high
            delta = best_difference(best, best_of({first: found[first]}))
            fair += delta.low <= 0 <= delta.high
        yield Row("one score: expanded percentiles, items drawn", f"correlation .5, n = {n}", one, runs)
        yield Row("best of 13 equal layers: simultaneous band", f"correlation .5, n = {n}", better, runs, 0.93)
        yield Row("best of 13 minus 1 layer: band of differences", f"no difference, n = {n}", fair, runs, 0.93)
    root = np.linalg.cholesky([[1, 0.5], [0.5, 1]])
    for share in (0.0, 0.2, 0.5):
        hits = 0
        for _ in range(runs):
            left = rng.integers(0, 100, 300)
            right = (left + 1 + rng.integers(0, 99, 300)) % 100
            words, noise = rng.normal(size=(100, 2)) @ root.T, rng.normal(size=(300, 2)) @ root.T
            x, gold = (math.sqrt(share / 2) * (words[left] + words[right]) + math.sqrt(1 - share) * noise).T
            low, high = np.quantile(pearson_draws(x, gold, 0, shared_ends(left, right)), [0.025, 0.975])
            hits += low <= 0.5 <= high
        yield Row("score of pairs: bootstrap of words", f"100 words, 300 pairs, word effect {share:g}", hits, runs)
    for n in (8, 12, 50):
        counts = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(1000)], axis=1) / n
        hits, many = 0, 5 * runs
        for _ in range(many):
            gains = rng.normal(size=n)
            a, b = Score(float(gains.mean()), n, gains @ counts), Score(0.0, n, np.zeros(1000))
            delta = paired_difference(a, b, units=n)
            hits += delta.low <= 0 <= delta.high
        yield Row("certified gain: expanded percentiles", f"no gain, {n} items", hits, many, 0.95)


PARTS: dict[str, Callable[[int, Rng], Iterator[Row]]] = {
    "geometry": geometry,
    "dependent": dependent,
    "pairs": pairs,
    "scores": scores,
}


def simulate(runs: int, seed: int = 0, parts: tuple[str, ...] = tuple(PARTS)) -> list[Row]:
    """Coverage of every kind of interval."""
    return [row for part in parts for row in PARTS[part](runs, np.random.default_rng([seed, len(part)]))]


def describe(row: Row) -> str:
    if row.none > row.runs / 2:
        return f"no interval in {row.none} runs"
    some = f", no interval in {row.none} runs" if row.none else ""
    return f"{row.coverage:.3f} (s.e. {row.error:.3f}){some}{'; ' * bool(row.reason)}{row.reason}"


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| interval | population | nominal | covered | runs |", "|---|---|---|---|---|"]
    lines += [f"| {r.interval} | {r.population} | {LEVEL} | {describe(r)} | {r.runs} |" for r in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", default=",".join(PARTS), help="which parts, with commas")
    parser.add_argument("--write", action="store_true", help="put the table into docs/statistics.md")
    given = parser.parse_args()
    found = table(simulate(given.runs, given.seed, tuple(given.parts.split(","))))
    print(found)
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        PAGE.write_text(f"{before}{MARKS[0]}\n{found}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
