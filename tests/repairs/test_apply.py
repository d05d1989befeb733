"""Applying a repair gives, in every format and layout, what Repair.transform gives, and never harms what it reads."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.repairs import stores

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.progress import Silent
from embedscope.readers import open_vectors
from embedscope.repairs.apply import apply_repair, reindexing
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Origin, Repair

N, D = 3000, 8
X = (np.random.default_rng(0).normal(size=(N, D)) + 2).astype(np.float32)


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done = 0

    def note(self, text: str) -> None:
        self.lines.append(text)

    def advance(self, n: int) -> None:
        self.done += n


def repair() -> Repair:
    chain = parse_chain("center,whiten:5").fit(X)
    return Repair.from_chain(chain, normalise_after=True, source=Origin("minilm"))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedscope.repairs._shard_writer.VALUES", 1500 * D)


def read(path: Path) -> np.ndarray:
    batches = [b for s in open_vectors(str(path)).shards() for b in s.batches()]
    return np.concatenate([next(iter(b.spaces.values())) for b in batches])


@pytest.mark.parametrize("suffix", ["npy", "parquet", "safetensors"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_npy_to_every_format(tmp_path: Path, suffix: str, dtype: type) -> None:
    np.save(tmp_path / "x.npy", X.astype(dtype))
    done = apply_repair(repair(), tmp_path / "x.npy", tmp_path / f"out.{suffix}")
    got, wanted = read(done.path), repair().transform(X.astype(dtype))
    assert got.dtype == wanted.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(got, wanted, atol=1e-7)
    assert (done.rows, done.dim_in, done.dim_out) == (N, D, 5)
    assert done.n_bytes == done.path.stat().st_size
    if suffix == "npy":
        np.testing.assert_array_equal(np.load(done.path), got)
    if suffix == "safetensors":
        from safetensors.numpy import load_file

        np.testing.assert_array_equal(load_file(done.path)["vectors"], got)


@pytest.mark.parametrize("out", ["out.npy", "folder", "lancedb"])
def test_zero_rows_stay_zero_and_are_counted_and_named(tmp_path: Path, out: str) -> None:
    x = X.copy()
    x[[3, *range(1600, 1614)]] = 0
    np.save(tmp_path / "x.npy", x)
    if out == "lancedb":
        pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    target = f"lancedb:{tmp_path}/db/docs" if out == "lancedb" else str(tmp_path / out)
    progress = Notes()
    done = apply_repair(repair(), tmp_path / "x.npy", target, progress=progress)
    got = np.asarray(read(Path(target)) if out != "lancedb" else stores.rows(target))
    wanted = repair().transform(X)
    wanted[~x.any(axis=1)] = 0
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    np.testing.assert_array_equal(repair().transform(x).any(axis=1), x.any(axis=1))
    assert done.zero_rows == 15
    names = ", ".join(map(str, [3, *range(1600, 1611)]))
    assert f"15 rows are zero and stay zero: {names} and 3 more" in progress.lines


def shards(folder: Path, cuts: tuple[int, ...] = (0, 700, 701, N)) -> pa.Table:
    folder.mkdir()
    ids = pa.array([f"row {i}" for i in range(N)])
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), D)
    meta = pa.array([{"year": i} for i in range(N)])
    table = pa.table({"id": ids, "emb": vectors, "meta": meta})
    for i, (a, b) in enumerate(itertools.pairwise(cuts)):
        pq.write_table(table.slice(a, b - a), folder / f"part_{i}.parquet", row_group_size=400)
    return table


def test_parquet_folder_keeps_its_other_columns(tmp_path: Path) -> None:
    table = shards(tmp_path / "in")
    done = apply_repair(repair(), tmp_path / "in", tmp_path / "out.parquet")
    out = pq.read_table(done.path)
    assert out.column_names == ["id", "meta", "emb"]
    assert out.column("id").equals(table.column("id"))
    assert out.column("meta").to_pylist() == table.column("meta").to_pylist()
    np.testing.assert_allclose(np.stack(out.column("emb").to_numpy()), repair().transform(X), atol=1e-7)


def test_parquet_to_npy_says_what_is_not_kept(tmp_path: Path) -> None:
    shards(tmp_path / "in")
    notes = Notes()
    apply_repair(repair(), f"{tmp_path}/in/*.parquet", tmp_path / "out.npy", progress=notes)
    assert "the columns id, meta are not written to .npy; the rows stay in their order" in notes.lines
    assert notes.done == N
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), repair().transform(X), atol=1e-7)


def test_parquet_shards_that_differ_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    table = shards(tmp_path / "in")
    pq.write_table(table.drop_columns(["id"]).slice(0, 5), tmp_path / "in" / "part_9.parquet")
    with pytest.raises(InputError, match=r"part_9.parquet has no column id"):
        apply_repair(repair(), tmp_path / "in", tmp_path / "out.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_folder_of_npy_shards_gives_one_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i, part in enumerate(np.split(X, [1000, 1001])):
        np.save(tmp_path / "in" / f"x_{i}.npy", part)
    apply_repair(repair(), tmp_path / "in", tmp_path / "out.npy")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), repair().transform(X), atol=1e-7)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks, size = [], 0
    for n in (20_000, 20_000, 640_000):  # the first one imports what is needed
        np.save(tmp_path / "x.npy", np.tile(X, (n // N + 1, 1))[:n])
        size = (tmp_path / "x.npy").stat().st_size
        tracemalloc.start()
        apply_repair(repair(), tmp_path / "x.npy", tmp_path / "out.npy")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + size / 5  # some more blocks of a megabyte, and not the file


def test_a_row_with_nan_leaves_the_old_file(tmp_path: Path) -> None:
    bad = X.copy()
    bad[2900, 3] = np.nan
    np.save(tmp_path / "x.npy", bad)
    (tmp_path / "out.npy").write_bytes(b"before")
    with pytest.raises(InputError, match="nan or inf"):
        apply_repair(repair(), tmp_path / "x.npy", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npy", "x.npy"]


def test_refusals(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X[:, :4])
    repair().save(tmp_path / "r.safetensors")
    source, saved = tmp_path / "x.npy", tmp_path / "r.safetensors"
    with pytest.raises(InputError, match=r"x.npy have 4 dimensions, the repair takes vectors of minilm with 8"):
        apply_repair(saved, source, tmp_path / "out.npy")
    with pytest.raises(InputError, match="another model: got name 'gpt2', wanted 'minilm'"):
        apply_repair(saved, source, tmp_path / "out.npy", model="gpt2")
    with pytest.raises(UnknownNameError, match="did you mean 'vectors'"):
        apply_repair(saved, source, tmp_path / "out.npy", kind="vector")
    with pytest.raises(InputError, match=r"must end in .npy, .parquet, .safetensors"):
        apply_repair(saved, source, tmp_path / "out.csv")
    with pytest.raises(InputError, match="which is read; write elsewhere"):
        apply_repair(saved, source, source)
    with pytest.raises(InputError, match="which is read; write elsewhere"):
        apply_repair(saved, tmp_path, tmp_path / "sub" / "out.npy")
    with pytest.raises(InputError, match="is the repair itself"):
        apply_repair(saved, source, saved)
    with pytest.raises(InputError, match=r"spaces a, b; name one, .*x.npz::a"):
        np.savez(tmp_path / "x.npz", a=X, b=X)
        apply_repair(saved, f"{tmp_path}/x.npz::*", tmp_path / "out.npy")


def test_what_reindexing_means() -> None:
    lines = reindexing(repair(), "vectors", 3_000_000)
    assert "re-index all 3,000,000 vectors, 60.0 MB in float32, 8 -> 5 dimensions" in lines[0]
    assert "repair queries with the same file" in lines[-1]
    sides = Repair.centre_kinds({"document": np.ones(8), "query": np.ones(8)})
    assert reindexing(sides, "document")[-1] == "repair the query vectors with the same file and --kind query"
    assert "changes nothing" in reindexing(Repair.identity(4), "vectors")[0]


APPLIED = """
import sys
from pathlib import Path
from embedscope.repairs.apply import apply_repair
apply_repair(sys.argv[1], sys.argv[2], sys.argv[3])
print(1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_row_group_as_large_as_the_file_is_not_held(tmp_path: Path) -> None:
    x = np.tile(X, (40, 8))
    words = np.random.default_rng(0).integers(0, 256, (len(x), 400), dtype=np.uint8)
    table = pa.table(
        {
            "text": pa.array([row.tobytes().hex() for row in words]),
            "emb": pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), x.shape[1]),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=len(x))
    assert (tmp_path / "x.parquet").stat().st_size > 50e6
    made = Repair.from_chain(parse_chain("center").fit(x[:N]), source=Origin("minilm"))
    made.save(tmp_path / "r.safetensors")
    names = [str(tmp_path / name) for name in ("r.safetensors", "x.parquet", "out.parquet")]
    done = subprocess.run([sys.executable, "-c", APPLIED, *names], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 280e6  # 500 MB with the group held
    assert pq.read_table(tmp_path / "out.parquet", columns=["text"]).equals(table.select(["text"]))


def test_each_file_of_a_folder_becomes_a_file(tmp_path: Path) -> None:
    """Small files are read together; written they stay apart, so that they can be swapped one by one."""
    cuts = (0, 700, 701, N)
    shards(tmp_path / "in", cuts)
    apply_repair(repair(), tmp_path / "in::emb", tmp_path / "out")
    parts = sorted((tmp_path / "out").iterdir())
    assert [pq.read_metadata(part).num_rows for part in parts] == [700, 1, 2299]
    assert pq.read_table(parts[1]).column("id").to_pylist() == ["row 700"]
    with pytest.raises(InputError, match=r"out is there already.*out\.unfinished, which the same command completes"):
        apply_repair(repair(), tmp_path / "in::emb", tmp_path / "out")
    (tmp_path / "again.unfinished").mkdir()
    (tmp_path / "again.unfinished" / "plan.json").write_bytes(b"\xff" + b"[" * 100_000)
    with pytest.raises(InputError, match=r"again\.unfinished was left by a run with another repair"):
        apply_repair(repair(), tmp_path / "in::emb", tmp_path / "again")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_decimal_digits_become_float32(tmp_path: Path, suffix: str) -> None:
    text = (
        "".join(f"{json.dumps({'id': str(i), 'vector': row.tolist()})}\n" for i, row in enumerate(X[:50]))
        if suffix == "jsonl"
        else "\n".join([",".join(f"d{i}" for i in range(D)), *(",".join(map(str, row)) for row in X[:50])]) + "\n"
    )
    (tmp_path / f"x.{suffix}").write_text(text)
    done = apply_repair(repair(), tmp_path / f"x.{suffix}", tmp_path / "out.npy")
    assert np.load(done.path).dtype == np.float32
    np.testing.assert_allclose(np.load(done.path), repair().transform(X[:50]), atol=1e-6)
