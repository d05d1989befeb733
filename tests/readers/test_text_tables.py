"""Tables of text that hold vectors, or texts alone, and the ids that files bring to retrieval."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.readers import is_vectors
from embedscope.sources.open import is_file
from embedscope.sources.retrieval_data import read_collection


@pytest.mark.parametrize(
    ("name", "content", "vectors"),
    [
        ("a.jsonl", '{"_id": "1", "title": "", "text": "in 2 [3]"}', False),
        ("b.jsonl", '{"_id": "1", "embedding": [0.1, 2]}', True),
        ("c.jsonl", "[0.1, 2]", True),
        ("d.jsonl", '{"v0": 1, "v1": 2.5}', True),
        ("e.jsonl", "nothing of the kind", True),
        ("f.csv", "id,text\n1,a 2 b\n", False),
        ("g.csv", "id,e0,e1\n1,2,3\n", True),
        ("h.csv", 'word,vec\na,"[0.1, 2]"\n', True),
        ("i.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n", False),
    ],
)
def test_tables_of_text_are_looked_into(tmp_path, name, content, vectors):
    (tmp_path / name).write_text(content)
    assert is_vectors(f"{tmp_path}/{name}") == vectors


def test_ids_of_files_reach_retrieval(tmp_path):
    rows = [{"id": f"d{i}", "emb": [i, 1.5]} for i in range(5)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(
        pa.table({"id": [f"d{i}" for i in range(5)], "emb": [[i, 1.5] for i in range(5)]}), tmp_path / "x.parquet"
    )
    for name in ("x.jsonl", "x.parquet"):
        found = read_collection(f"{tmp_path}/{name}", None, Provenance())
        assert found.ids == ("d0", "d1", "d2", "d3", "d4")
        np.testing.assert_array_equal(found.x, [[i, 1.5] for i in range(5)])
    (tmp_path / "t.jsonl").write_text('{"_id": "a", "text": "words"}\n')
    assert read_collection(f"{tmp_path}/t.jsonl", None, Provenance()).texts == ("words",)


def test_what_is_no_source_is_told_by_what_it_is(tmp_path):
    (tmp_path / "texts.csv").write_text("id,text\n1,a\n")
    with pytest.raises(InputError, match=r"To embed the texts in text, name a model and pass the file with --texts"):
        is_file(f"{tmp_path}/texts.csv")
    (tmp_path / "v.vec").write_text("1 2\na 1 2\n")
    with pytest.raises(InputError, match=f"gensim:{tmp_path}/v.vec"):
        is_file(f"{tmp_path}/v.vec")
    assert is_file(f"{tmp_path}/none.jsonl"), "its reader says that it does not exist"
