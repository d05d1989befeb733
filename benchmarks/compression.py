"""How often `compress` certifies a loss above the tolerance, and what it finds on real vectors.

    python -m benchmarks.compression --simulate         # false certificates, 1,000 runs of each law
    python -m benchmarks.compression --data FOLDER      # captions by minilm and e5, CLIP pairs (needs the models)
    python -m benchmarks.compression --ratio 1000000    # CPU time of 40 candidates over that of one pass

The null laws lose exactly the tolerance: at most 5 % may be certified. The others lose less: more is better.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from embedscope.certification.noninferiority import retention, stake

Floats = np.ndarray[Any, np.dtype[np.float64]]
Law = Callable[[np.random.Generator, int], Floats]
TOLERANCE = 0.01

NULL: Mapping[str, Law] = {
    "one query in 100 loses all": lambda rng, n: -(rng.random(n) < 0.01).astype(float),
    "each of ten results is lost with .01": lambda rng, n: -rng.binomial(10, 0.01, n) / 10,
    "normal, mean -.01, s.d. .1": lambda rng, n: np.clip(rng.normal(-0.01, 0.1, n), -1, 1),
    "gains and losses of 1, mean -.01": lambda rng, n: rng.choice([-1.0, 0.0, 1.0], n, p=[0.03, 0.95, 0.02]),
}
POWER: Mapping[str, Law] = {
    "nothing changes": lambda rng, n: np.zeros(n),
    "each of ten results is lost with .003": lambda rng, n: -rng.binomial(10, 0.003, n) / 10,
    "normal, mean -.002, s.d. .1": lambda rng, n: np.clip(rng.normal(-0.002, 0.1, n), -1, 1),
}
MORE = ",".join(f"{cut}:64{code}" for cut in ("first", "pca") for code in ("", "+float16", "+int8", "+binary"))
"""Candidates beside ``auto``, for 40."""
SIZES = (100, 400, 1000, 3000)


def certification_rate(law: Law, n: int, runs: int, units: int = 1) -> float:
    """Share of ``runs`` in which ``n`` certifying items, ``units`` of them equal, are certified."""
    held = 0
    for run in range(runs):
        rng = np.random.default_rng([11, run])
        first, second = (np.repeat(law(rng, m // units), units) for m in (n // 3, n))
        w = stake(first, np.arange(len(first)) // units, TOLERANCE)
        held += retention(second, np.arange(len(second)) // units, TOLERANCE, w).holds
    return held / runs


def bootstrap_rate(law: Law, n: int, runs: int) -> float:
    """The same for the lower end of a 95 % percentile interval, for comparison."""
    held = 0
    for run in range(runs):
        rng = np.random.default_rng([11, run])
        law(rng, n // 3)
        x = law(rng, n)
        means = rng.multinomial(n, np.full(n, 1 / n), size=400) @ x / n
        held += bool(np.quantile(means, 0.025) > -TOLERANCE)
    return held / runs


def simulate(runs: int) -> None:
    head = " | ".join(f"n = {n:,}" for n in SIZES)
    print(f"| law | loss is | {head} | by bootstrap |\n|---|---|{'---|' * (len(SIZES) + 1)}")
    for laws, said in ((NULL, "the tolerance"), (POWER, "less")):
        for name, law in laws.items():
            cells = " | ".join(f"{certification_rate(law, n, runs):.1%}" for n in SIZES)
            boot = " ".join(f"{bootstrap_rate(law, n, max(1, runs // 5)):.0%}" for n in SIZES[:3])
            print(f"| {name} | {said} | {cells} | {boot} |", flush=True)
    name, law = next(iter(NULL.items()))
    cells = " | ".join(f"{certification_rate(law, n, runs, units=5):.1%}" for n in SIZES)
    print(f"| {name}, five equal rows a unit | the tolerance | {cells} | |")


def captions(folder: Path, model: str, images: int) -> dict[str, Any]:
    """Four captions of each image as documents, the fifth as query."""
    from benchmarks._evidence import pooled

    lines = (folder / "captions" / "laps_coco" / "testall_caps.txt").read_text(encoding="utf-8").splitlines()
    x = np.asarray(pooled(model, lines[: 5 * images]), dtype=np.float32)
    queries = {f"q{i}": x[5 * i + 4] for i in range(images)}
    documents = {f"d{i}.{j}": x[5 * i + j] for i in range(images) for j in range(4)}
    qrels = {f"q{i}": {f"d{i}.{j}": 1 for j in range(4)} for i in range(images)}
    return {"source": documents, "queries": queries, "qrels": qrels, "groups": list(queries)}


def clip_pairs(folder: Path) -> dict[str, Any]:
    """Images of CLIP as the index, texts as queries."""
    images, texts = np.load(folder / "clip500" / "features_clip.npy")
    ids = [f"r{i}" for i in range(len(images))]
    return {
        "source": dict(zip(ids, images, strict=True)),
        "queries": dict(zip(ids, texts, strict=True)),
        "qrels": {i: {i: 1} for i in ids},
        "tolerance": 0.05,
    }


def real(folder: Path, images: int, candidates: str) -> None:
    import embedscope

    cases = {m: (lambda m=m: captions(folder, m, images)) for m in ("minilm", "e5")} | {
        "clip500": lambda: clip_pairs(folder)
    }
    for name, given in cases.items():
        outcome = embedscope.compress(**given(), candidates=candidates)
        document = outcome.result.document
        assert document is not None
        print(f"\n### {name}\n\n{document.findings[0].text}\n")
        tables = [t for t in document.tables if t.id in ("frontier", "beaten")]
        heads = tables[0].columns
        print("| " + " | ".join(c.title for c in heads) + " |\n|" + "---|" * len(heads))
        for row in (row for table in tables for row in table.rows):
            cells = ("" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in row)
            print(f"| {' | '.join(cells)} |")


def candidates_of(dim: int) -> Mapping[str, list[str]]:
    """About 40 candidates, by what they are: all of ``auto`` and some more; and as many of the codes of NumPy alone."""
    from embedscope.compression.candidates import OF_FAISS, expand_plans

    texts = [p.text for p in expand_plans(["auto", *MORE.split(",")], dim, ())[0]]
    others = [t for t in texts if not any(name in t for name in OF_FAISS)]
    more = [f"{cut}:{2 * dim // 3}{code}" for cut in ("first", "pca") for code in ("", "+float16", "+int8", "+binary")]
    return {"all of auto and 64 dimensions": texts[:40], "without those of FAISS": [*others, *more][:40]}


def ratio(rows: int, dim: int, runs: int = 3) -> None:
    """CPU time of ``compress`` over that of its one pass, on an index of ``rows`` rows in a file; medians of ``runs``.

    Libraries are loaded before, and the file is in memory.
    """
    import embedscope
    from embedscope.certification.judges.base import SplitOptions
    from embedscope.compression.compress import MAX_EVAL_ROWS, _hold_rows

    embedscope.compress(np.random.default_rng(0).normal(size=(600, 32)).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/index.npy"
        _write(path, rows, dim)
        _hold_rows(path, SplitOptions(0, MAX_EVAL_ROWS))
        for name, texts in candidates_of(dim).items():
            times = []
            for _ in range(runs):
                start = process_time()
                _hold_rows(path, SplitOptions(0, MAX_EVAL_ROWS))
                middle = process_time()
                embedscope.compress(path, candidates=texts)
                times.append((middle - start, process_time() - middle))
            one, whole = np.median(times, axis=0)
            over = np.median([b / a for a, b in times])
            print(f"| {rows:,} x {dim} | {len(texts)}, {name} | {one:.1f} s | {whole:.1f} s | {over:.2f} |", flush=True)


def _write(path: str, rows: int, dim: int) -> None:
    """An index in clusters whose variance decays, written block by block."""
    rng = np.random.default_rng(0)
    scale = (1 / np.sqrt(1 + np.arange(dim))).astype(np.float32)
    centres = rng.normal(size=(200, dim)).astype(np.float32)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, dim))
    for lo in range(0, rows, 50_000):
        n = min(50_000, rows - lo)
        out[lo : lo + n] = (centres[rng.integers(0, 200, n)] + rng.normal(size=(n, dim)).astype(np.float32)) * scale
    out.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ratio", type=int, nargs="*")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--candidates", default="auto")
    options = parser.parse_args()
    if options.ratio:
        print("| index | candidates | one pass | compress | ratio |\n|---|---|---|---|---|")
        for rows in options.ratio:
            ratio(rows, options.dim)
        return
    if options.simulate or options.data is None:
        simulate(options.runs)
    if options.data is not None:
        real(options.data, options.images, options.candidates)


if __name__ == "__main__":
    main()
