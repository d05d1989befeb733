"""What large data cost: processor time per row, states per shard, hubs of a million rows, a repair applied to a file.

The rows are those of `docs/scale.md`. EMBEDSCOPE_BENCH_SCALE makes them smaller; so many rows for hubs and `apply`,
more than 50,000, of which all are searched, are taken by `python -m benchmarks._section scale 200000`.
kiez 0.5.0 needs NumPy below 2 and scikit-learn below 1.6, so an environment of its own, whose Python
EMBEDSCOPE_BENCH_KIEZ names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks._rows import COMPARED, MissingError, Took, compare, header, least, peer, rows, scale, took
from benchmarks.measure import COVARIANCE, Made, MadeShard

DIM = 384


def write(path: Path, n: int) -> None:
    """Rows of 384 dimensions in a file."""
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, DIM))
    for start in range(0, n, 8192):
        part = out[start : start + 8192]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32) + 0.1
    out.flush()


def table(source: Path, out: Path) -> None:
    """The same rows with ids in Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    x = np.load(source, mmap_mode="r")
    schema = pa.schema([("id", pa.int64()), ("emb", pa.list_(pa.float32(), DIM))])
    with pq.ParquetWriter(out, schema) as file:
        for start in range(0, len(x), 65_536):
            block = np.array(x[start : start + 65_536])
            column = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), DIM)
            ids = pa.array(np.arange(start, start + len(block)))
            file.write_table(pa.table({"id": ids, "emb": column}, schema=schema))


def sync(path: Path) -> None:
    """Bring a file to the disk, as an output that is complete or absent must be."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def bare_npy(source: Path, out: Path, a: np.ndarray) -> None:
    """Read, one product in the precision of ``a``, write in float32."""
    x = np.load(source, mmap_mode="r")
    with out.open("wb") as file:
        for start in range(0, len(x), 8192):
            file.write((x[start : start + 8192].astype(a.dtype) @ a).astype(np.float32, copy=False).data)
    sync(out)


def bare_parquet(source: Path, out: Path, a: np.ndarray) -> None:
    """The same with Parquet and its ids."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, pq.read_schema(source)) as file:
        for batch in pq.ParquetFile(source).iter_batches(8192):
            x = batch.column(1).flatten().to_numpy().reshape(-1, DIM).astype(a.dtype, copy=False)
            y = (x @ a).astype(np.float32, copy=False)
            column = pa.FixedSizeListArray.from_arrays(pa.array(y.ravel()), DIM)
            file.write_table(pa.table({"id": batch.column(0), "emb": column}, schema=pq.read_schema(source)))
    sync(out)


def apply_rows(folder: Path, source: Path) -> None:
    """`apply` of a centred, rotated repair against reading, one product and writing; least of two rounds in turns.

    The map is float64, so that the limit is the same with a float64 product.
    """
    from embedscope.repairs.apply import apply_repair
    from embedscope.transforms import parse_chain
    from embedscope.transforms.repair import Repair

    n, free = len(np.load(source, mmap_mode="r")), shutil.disk_usage(folder).free
    if free < (wanted := _FILES * n * DIM * 4):
        raise MissingError(f"{wanted / 1e9:.0f} GB are needed in {folder.parent}, {free / 1e9:.0f} GB are free")
    fitted = parse_chain("center,abtt:2").fit(np.load(source, mmap_mode="r")[:5000])
    repair = Repair.from_chain(fitted, normalise_after=True)
    a = np.random.default_rng(1).standard_normal((DIM, DIM)).astype(np.float32)
    for suffix, bare in ((".npy", bare_npy), (".parquet", bare_parquet)):
        given = source.with_suffix(suffix)
        if suffix == ".parquet":
            peer("pyarrow", "'embedscope[parquet]'")
            table(source, given)
        ours: list[Took] = []
        theirs: dict[str, list[Took]] = {"float32": [], "float64": []}
        for _ in range(2):
            for dtype, times in theirs.items():
                b = a.astype(dtype)
                times.append(took(lambda g=given, f=bare, s=suffix, b=b: f(g, folder / f"bare{s}", b))[0])
            ours.append(took(lambda g=given, s=suffix: apply_repair(repair, g, folder / f"ours{s}"))[0])
        for out in ("bare", "ours"):
            (folder / f"{out}{suffix}").unlink()
        for dtype, target in (("float32", "1.25"), ("float64", "")):
            against = f"reading, a {dtype} product, writing"
            cells = compare(least(ours), least(theirs[dtype]))
            print(f"| `apply` to {n:,} x {DIM}, {suffix} | {against} | {cells} | {target} |", flush=True)


_FILES = 4.2
"""Files of the rows that there are at a time, and a little."""


def hubs(source: Path) -> None:
    """Skewness and hub share of all rows from 4,096 queries, against the bare product of these with all rows."""
    from embedscope.execution import local_engine
    from embedscope.geometry.measure import measure_stream
    from embedscope.readers import open_vectors

    x = np.load(source, mmap_mode="r")
    queries = np.array(x[:4096])

    def product() -> None:
        for start in range(0, len(x), 8192):
            queries @ np.array(x[start : start + 8192]).T

    theirs, _ = took(product)
    metrics = ["hubness_skew", "hub_share"]
    ours, found = took(
        lambda: measure_stream(open_vectors(str(source)), source="x", metrics=metrics, engine=local_engine([DIM]))
    )
    said = "; ".join(
        f"{r.metric} {r.value:.2g} [{r.ci_low:.2g}, {r.ci_high:.2g}]" for r in found if r.ci_low is not None
    )
    what = f"hubs of {len(x):,} x {DIM}: {said}"
    print(f"| {what} | bare float32 product of 4,096 queries | {compare(ours, theirs)} | 60 s |", flush=True)
    what = f"hubs of {len(x):,} x {DIM}"
    rows(what, 7, lambda: hnsw(what, x, ours))
    rows(what, 7, lambda: kiez(what, source, ours))


def hnsw(what: str, x: np.ndarray, ours: Took) -> None:
    """FAISS: an index of all rows, asked the same 4,096 queries."""
    faiss = peer("faiss", "'embedscope[faiss]'")

    def search() -> None:
        index = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
        for start in range(0, len(x), 65_536):
            index.add(_unit(np.array(x[start : start + 65_536])))
        index.search(_unit(np.array(x[:4096])), 11)

    theirs, _ = took(search)
    print(f"| {what} | FAISS HNSW32, made and asked 4,096 queries | {compare(ours, theirs)} | |", flush=True)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def kiez(what: str, source: Path, ours: Took) -> None:
    """kiez: the exact neighbours of the same 4,096 queries among all rows, and its score of hubness."""
    python = os.environ.get("EMBEDSCOPE_BENCH_KIEZ")
    if python is None:
        raise MissingError("kiez 0.5.0 needs an environment of its own; name its Python in EMBEDSCOPE_BENCH_KIEZ")
    code = """
import sys, time
import numpy as np
from kiez import Kiez
from kiez.analysis import hubness_score
x = np.load(sys.argv[1])
wall, cpu = time.perf_counter(), time.process_time()
search = Kiez(n_candidates=11, algorithm="SklearnNN", algorithm_kwargs={"algorithm": "brute", "metric": "cosine"})
near = search.fit(x[:4096], x).kneighbors(11, return_distance=False)
skew = hubness_score(near[:, 1:], len(x), k=10, return_value="k_skewness")
print(time.perf_counter() - wall, time.process_time() - cpu, skew)
"""
    done = subprocess.run([python, "-c", code, str(source)], check=True, capture_output=True, text=True)
    wall, cpu, skew = map(float, done.stdout.split()[-3:])
    against = f"kiez 0.5.0, exact, 4,096 queries; skewness {skew:.2g} without interval"
    print(f"| {what} | {against} | {compare(ours, Took(wall, cpu))} | |", flush=True)


def costs() -> None:
    """Processor time per row, bytes and merging time per shard, on one thread: what more workers divide."""
    import cloudpickle

    from embedscope.core.progress import Silent
    from embedscope.execution.passes import PassWork, _merge, passes_of
    from embedscope.geometry.metric_selection import select_metrics

    print()
    header("metrics, dimensions", "pass", "µs per row", "GFLOP/s of its products", "MB per state", "ms to merge it")
    for what, names in (("covariance", COVARIANCE), ("13 defaults", None)):
        for dim in (384, 1024):
            selected = select_metrics(names, None, "exact", "exact")
            known: dict[str, dict[object, object]] = {"vectors": {}}
            grouped = frozenset(m.needs for m in selected)
            n = scale(65_536, 4096)
            for number, needs in enumerate(passes_of([m.needs for m in selected]), start=1):
                work = PassWork(("vectors",), tuple(needs), known, grouped, Silent(), {"vectors": dim})
                shards = [MadeShard(Made(2 * n, dim), a, a + n) for a in (0, n)]
                parts, took = [], []
                for shard in shards:
                    begin = time.process_time()
                    parts.append(work(shard))  # type: ignore[arg-type]
                    took.append((time.process_time() - begin) / parts[-1].rows)
                size = len(cloudpickle.dumps(parts[1])) / 1e6
                begin = time.process_time()
                part = _merge(parts[0], parts[1])
                merging = time.process_time() - begin
                for need in needs:
                    known["vectors"][need] = part.states["vectors"][need].result().full
                rate = 2 * dim * dim / min(took) / 1e9
                cells = f"{min(took) * 1e6:.1f} | {rate:.0f} | {size:.1f} | {merging * 1e3:.0f}"
                print(f"| {what}, {dim} | {number} | {cells} |", flush=True)


def main() -> None:
    from threadpoolctl import threadpool_limits

    sizes = [int(sys.argv[1])] * 2 if sys.argv[1:] else [scale(1_000_000, 70_000), scale(5_000_000, 70_000)]
    header("what", "against", *COMPARED, "target")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "x.npy"
        calls: tuple[tuple[str, Callable[[], None]], ...] = (
            ("hubs of {:,} rows", lambda: hubs(source)),
            ("`apply` to {:,} rows", lambda: apply_rows(folder, source)),
        )
        for n, (what, call) in zip(sizes, calls, strict=True):
            write(source, n)
            rows(what.format(n), 7, call)
    with threadpool_limits(1):
        costs()


if __name__ == "__main__":
    main()
