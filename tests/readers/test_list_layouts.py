"""Lists of every Arrow layout, and float32 numbers in base64, give the same rows."""

import base64
import json

import numpy as np
import pyarrow as pa
import pytest

from embedscope.core.errors import InputError
from embedscope.readers import find_vectors, is_vectors

X = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)


def rows(path):
    stream = find_vectors(str(path)).stream
    return np.concatenate([next(iter(b.spaces.values())) for s in stream.shards() for b in s.batches()])


@pytest.mark.parametrize("layout", ["list_", "large_list", "list_view", "large_list_view"])
def test_lists_of_every_layout(tmp_path, layout):
    if not hasattr(pa, layout):
        pytest.skip(f"this Arrow has no {layout}")
    column = pa.array(X.tolist(), getattr(pa, layout)(pa.float32()))
    if layout.endswith("view"):  # the lists of a view may lie in any order
        order = np.arange(50)[::-1]
        made = {"list_view": pa.ListViewArray, "large_list_view": pa.LargeListViewArray}[layout]
        kind = np.int32 if layout == "list_view" else np.int64
        starts, flat = pa.array((9 * order).astype(kind)), pa.array(X[::-1].ravel())
        column = made.from_arrays(starts, pa.array(np.full(50, 9, kind)), flat)
    table = pa.table({"v": column})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as file:
        file.write_table(table)
    np.testing.assert_array_equal(rows(tmp_path / "x.arrow"), X)


def test_base64_as_servers_send_it(tmp_path):
    coded = [base64.b64encode(row.tobytes()).decode() for row in X]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"id": i, "embedding": text}) + "\n" for i, text in enumerate(coded)))
    assert is_vectors(str(path))
    found = rows(path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, X)
    coded[3] = "no vector"
    path.write_text("".join(json.dumps({"embedding": text}) + "\n" for text in coded))
    with pytest.raises(InputError, match="float32 numbers in base64, but not in row 3"):
        rows(path)
    other = [base64.b64encode(np.random.default_rng(i).bytes(36)).decode() for i in range(50)]
    path.write_text("".join(json.dumps({"digest": text}) + "\n" for text in other))
    assert not is_vectors(str(path)), "other bytes in base64 are no vectors"
