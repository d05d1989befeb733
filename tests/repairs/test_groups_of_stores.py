"""``--groups COLUMN`` takes a column of any table: of stores, of text files, of folders of shards."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.repairs.stores import NAMES, TEXTS, N, X

import embedscope
from embedscope.core.errors import InputError
from embedscope.sources.grouped_stream import read_groups


@pytest.mark.parametrize("name", ["lancedb", "chroma", "qdrant", "postgresql"])
def test_columns_of_stores_are_groups(collection, name):
    source = collection(name)
    found = read_groups("n", source)
    assert sorted(map(int, found)) == list(range(N))
    assert sorted(read_groups("document" if name == "chroma" else "text", source)) == sorted(TEXTS)
    with pytest.raises(InputError, match=r"no column of .*its columns are .*n"):
        read_groups("chapter", source)
    record = embedscope.measure(source, groups="n", metrics="mean_norm")[0]
    assert record.value == pytest.approx(np.linalg.norm(X, axis=1).mean(), rel=1e-5)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "arrow", "folder"])
def test_columns_of_tables_are_groups(tmp_path, suffix):
    group = [str(i // 3) for i in range(N)]
    place = tmp_path / f"x.{suffix}"
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), X.shape[1])
    table = pa.table({"id": NAMES, "group": group, "vector": vectors})
    if suffix == "jsonl":
        rows = [{"id": i, "group": g, "vector": x.tolist()} for i, g, x in zip(NAMES, group, X, strict=True)]
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == "csv":
        head = ",".join(["id", "group", *(f"d{i}" for i in range(X.shape[1]))])
        lines = [",".join([i, g, *map(str, x)]) for i, g, x in zip(NAMES, group, X, strict=True)]
        place.write_text("\n".join([head, *lines]) + "\n")
    elif suffix == "arrow":
        with pa.ipc.new_file(place, table.schema) as file:
            file.write_table(table)
    else:
        place = tmp_path / "shards"
        place.mkdir()
        for i in range(2):
            pq.write_table(table.slice(i * 10, 10 if i == 0 else N), place / f"{i}.parquet")
    assert read_groups("group", str(place)).tolist() == group
    assert embedscope.measure(place, groups="group", metrics="i1")[0].units == len(set(group))
