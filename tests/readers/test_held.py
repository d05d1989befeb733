"""What a worker holds of a file beside its blocks, which a bound on memory counts: pages, batches, chunks, lines."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.execution import memory_budget
from embedscope.readers import held_bytes, open_vectors
from embedscope.readers._arrow_messages import record_batches
from embedscope.readers._lazy import _in_bands

N, D = 6000, 8
X = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
BYTES = X.nbytes


def _table(**columns):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), D)
    return pa.table({"vector": lists} | columns)


def _arrow(path, rows, compression=None, new=pa.ipc.new_file):
    options = pa.ipc.IpcWriteOptions(compression=compression)
    table = _table(text=[f"row {i}" * 9 for i in range(N)])
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize(("rows", "compression", "wanted"), [(N, None, 1), (N // 3, None, 1 / 3), (N, "zstd", 2)])
def test_the_largest_batch_of_arrow(tmp_path, new, rows, compression, wanted):
    path = _arrow(tmp_path / "x.arrow", rows, compression, new)
    assert held_bytes(open_vectors(f"{path}::vector")) == wanted * BYTES
    with path.open("rb") as file:
        found, _ = record_batches(file, path.stat().st_size, indexed=new is pa.ipc.new_file)
    assert [message.rows for message in found] == [rows] * (N // rows)
    with pa.OSFile(str(path)) as source:
        for message in found:
            source.seek(message.place)
            assert pa.ipc.read_message(source).type == "record batch"


def test_a_batch_is_not_read_to_count_its_rows(tmp_path):
    """The body of the batch is no longer what its buffers say, which only reading it finds."""
    path = _arrow(tmp_path / "x.arrow", N, "zstd")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert open_vectors(f"{path}::vector").n_rows == N


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_the_largest_page_of_parquet(tmp_path, compression):
    """With one page a row group of n rows is n d float32, and some bytes of levels; it is held twice."""
    held = {}
    for size in (1 << 12, 1 << 30):
        path = tmp_path / f"{size}.parquet"
        pq.write_table(
            _table(), path, row_group_size=N, data_page_size=size, use_dictionary=False, compression=compression
        )
        held[size] = held_bytes(open_vectors(str(path)))
    assert 1.8 * BYTES < held[1 << 30] < 2.1 * BYTES
    assert held[1 << 12] < BYTES


def test_lines_of_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in X.round(6).tolist()))
    assert held_bytes(open_vectors(str(path))) >= 6 * path.stat().st_size - 100


def test_a_compressed_chunk_of_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    for name, options in {"a": {"chunks": (N, D), "compression": "gzip"}, "b": {"chunks": (N, D)}, "c": {}}.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.create_dataset("x", data=X, **options)
    assert [held_bytes(open_vectors(f"{tmp_path / name}.h5")) for name in "abc"] == [2 * BYTES, 0, 0]


def test_spaces_and_files_together(tmp_path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    for name in "ab":
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            for space in ("x", "y"):
                file.create_dataset(space, data=X, chunks=(N, D), compression="gzip")
    assert held_bytes(open_vectors(f"{tmp_path}/a.h5::*")) == 4 * BYTES
    assert held_bytes(open_vectors(f"{tmp_path}/*.h5::x")) == 2 * BYTES


@pytest.mark.parametrize(("band", "step"), [(100, 7), (100, 30), (7, 100), (1000, 333), (1, 10)])
def test_a_band_is_decompressed_once(band, step):
    x, asked = np.arange(1000)[:, None], []

    def rows(start, stop):
        asked.append(start)
        return x[start:stop]

    read = _in_bands(rows, band, 1000)
    np.testing.assert_array_equal(np.concatenate([read(a, min(a + step, 1000)) for a in range(0, 1000, step)]), x)
    assert len(asked) == len(set(asked)) == -(-1000 // band)


def test_shards_are_whole_bands(tmp_path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    x = np.zeros((100_000, 2), np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(60_000, 2), compression="gzip")
    assert [(s.start, s.stop) for s in open_vectors(f"{tmp_path}/x.h5").shards()] == [(0, 60_000), (60_000, 100_000)]


def test_a_bound_counts_what_is_held_before_a_row_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_budget, "_used_bytes", lambda: 0)
    x = np.random.default_rng(0).standard_normal((100_000, 64)).astype(np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 64)
    with (
        pa.OSFile(str(tmp_path / "x.arrow"), "wb") as file,
        pa.ipc.new_file(file, pa.schema([("vector", lists.type)])) as writer,
    ):
        writer.write_table(pa.table({"vector": lists}))
    np.save(tmp_path / "x.npy", x)
    says = {}
    for name in ("x.npy", "x.arrow"):
        with pytest.raises(InputError, match="too little") as caught:
            measure(str(tmp_path / name), metrics=["mean_norm"], memory="2MB")
        says[name] = int(re.search(r"takes ([\d,]+) MB in all", str(caught.value))[1].replace(",", ""))
    assert says["x.arrow"] - says["x.npy"] == pytest.approx(x.nbytes / 1e6, abs=1)
