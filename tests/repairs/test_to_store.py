"""Repaired vectors in new tables and collections of real stores: ids, texts and payload come along; all or nothing."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.repairs import stores
from tests.repairs.stores import NAMES, OTHER, TEXTS, N, X, rows

from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.progress import Silent
from embedscope.readers import ids_of, open_vectors, texts_of
from embedscope.repairs.apply import apply_repair
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

STORES = ["lancedb", "chroma", "qdrant", "postgresql"]
NARROW = Repair.from_chain(parse_chain("center,whiten:4").fit(X))
WANTED = NARROW.transform(X)


class Notes(Silent):
    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


@pytest.fixture
def new(request, tmp_path, monkeypatch):
    """A function that gives the address of something new in the store of a name."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def address(name, what="made"):
        pytest.importorskip(
            {"chroma": "chromadb", "qdrant": "qdrant_client", "postgresql": "psycopg"}.get(name, name),
            reason=f"the extra {name} is not installed",
        )
        if name == "postgresql":
            table = f"{what}_{abs(hash(request.node.name)) % 10**9}"
            return stores.address(request.getfixturevalue("database"), table)
        return f"{name}:{tmp_path}/{name}/{what}"

    return address


def close(name, got, wanted):
    if name == "chroma":
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", STORES)
def test_a_file_with_ids_beside_it(new, tmp_path, name):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.ids.txt").write_text("\n".join(str(7 * i) for i in range(N)) + "\n")
    done = apply_repair(NARROW, tmp_path / "x.npy", new(name))
    assert (done.path, done.rows, done.dim_out, done.n_bytes) == (new(name), N, 4, None)
    close(name, rows(new(name)), WANTED)
    assert sorted(map(int, ids_of(open_vectors(new(name))).unique())) == [7 * i for i in range(N)]
    with pytest.raises(InputError, match="is there already and nothing is overwritten"):
        apply_repair(NARROW, tmp_path / "x.npy", new(name))
    assert not list(tmp_path.rglob("unfinished"))


@pytest.mark.parametrize("name", STORES)
def test_a_table_keeps_its_columns(new, tmp_path, name):
    table = pa.table({"id": NAMES, "text": TEXTS, "n": list(range(N)), "emb": stores.lists(X)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=16)
    notes = Notes()
    apply_repair(NARROW, f"{tmp_path}/x.parquet", new(name), progress=notes)
    stream = open_vectors(new(name))
    x = np.concatenate([next(iter(b.spaces.values())) for s in stream.shards() for b in s.batches()])
    if name == "qdrant":
        assert (
            "ids that are no whole numbers or UUIDs became UUIDs, and stand in the payload as source_id" in notes.lines
        )
        stream = stream.naming("source_id", None)
    called = ids_of(stream).unique()
    assert sorted(called) == NAMES
    order = [NAMES.index(one) for one in called]
    close(name, x, WANTED[order])
    assert texts_of(stream).values() == tuple(TEXTS[i] for i in order)


@pytest.mark.parametrize("name", ["lancedb", "chroma", "qdrant"])
def test_a_copy_in_the_same_store_keeps_everything_else(new, tmp_path, name):
    source = getattr(stores, name)(tmp_path / name)
    apply_repair(NARROW, source, new(name, "docs_new"))
    with pytest.raises(InputError, match="replace its vectors with --in-place and no OUT"):
        apply_repair(NARROW, source, source)
    close(name, rows(new(name, "docs_new") + ("::vector" if name == "lancedb" else "")), WANTED)
    np.testing.assert_array_equal(rows(source), X)
    if name == "lancedb":
        made = __import__("lancedb").connect(str(tmp_path / name)).open_table("docs_new").to_arrow()
        assert made.column_names == ["id", "text", "n", "other", "vector"]
        assert made.column("n").to_pylist() == list(range(N))
        assert made.column("other").to_pylist() == OTHER.tolist()
    if name == "chroma":
        client = stores.chroma_client(tmp_path / name)
        old, made = (client.get_collection(what, embedding_function=None) for what in ("docs", "docs_new"))
        assert made.get() == old.get()
        assert made.configuration_json["hnsw"]["space"] == "l2"
    if name == "qdrant":
        client = stores.qdrant_client(tmp_path / name)
        points = client.scroll("docs_new", limit=N)[0]
        assert [p.payload for p in points] == [{"text": t, "n": i} for i, t in enumerate(TEXTS)]
        client.close()


def test_a_new_column_of_the_same_table(database, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = stores.postgresql(database, "two_columns")
    out = source.replace("::emb", "::emb_new")
    apply_repair(NARROW, source, out)
    np.testing.assert_array_equal(rows(out), WANTED)
    np.testing.assert_array_equal(rows(source), X)
    with pytest.raises(InputError, match="is there already"):
        apply_repair(NARROW, source, out)


@pytest.mark.parametrize("name", STORES)
def test_a_failure_leaves_nothing(new, tmp_path, name):
    table = pa.table({"id": NAMES, "emb": stores.lists(X)})
    broken = table.set_column(0, "id", pa.array([*NAMES[:-1], None]))
    pq.write_table(broken, tmp_path / "broken.parquet", row_group_size=16)
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError, match="is empty in row"):
        apply_repair(NARROW, f"{tmp_path}/broken.parquet", new(name))
    with pytest.raises(Exception, match=r"no (collection|table)|there is no|holds none"):
        open_vectors(new(name))
    assert not list(tmp_path.rglob("unfinished"))
    apply_repair(NARROW, f"{tmp_path}/x.parquet", new(name))
    assert len(rows(new(name))) == N


@pytest.mark.parametrize("name", ["chroma", "qdrant"])
def test_what_a_killed_run_left_is_replaced(new, tmp_path, monkeypatch, name):
    np.save(tmp_path / "x.npy", X)
    monkeypatch.setattr("embedscope.repairs.to_store._ROWS", 16)
    module = __import__(f"embedscope.readers.store_writers.{name}", fromlist=["x"])
    with monkeypatch.context() as patch:  # as if nothing could be cleaned up any more
        client = "chromadb.api.client.Client" if name == "chroma" else "qdrant_client.QdrantClient"
        patch.setattr(f"{client}.delete_collection", lambda *_: None)
        patch.setattr("embedscope.repairs.to_store._pieces", _ends_early)
        with pytest.raises(KeyboardInterrupt):
            apply_repair(NARROW, tmp_path / "x.npy", new(name))
    assert len(rows(new(name))) == 16
    assert module.ENTRIES[name].column in {"vector", "embedding"}
    apply_repair(NARROW, tmp_path / "x.npy", new(name))
    close(name, rows(new(name)), WANTED)
    assert not list(tmp_path.rglob("unfinished"))


def _ends_early(stream, size):
    yield X[:16]
    raise KeyboardInterrupt


def test_ids_beside_a_file_must_be_as_many(new, tmp_path):
    np.save(tmp_path / "x.npy", X)
    for n, said in ((N - 1, "fewer ids"), (N + 1, "more ids")):
        (tmp_path / "x.ids.txt").write_text("".join(f"{i}\n" for i in range(n)))
        with pytest.raises(InputError, match=said):
            apply_repair(NARROW, tmp_path / "x.npy", new("lancedb"))


def test_codes_and_names_that_are_taken_are_refused(new, tmp_path):
    pq.write_table(pa.table({"id": NAMES, "vector": stores.lists(X), "emb": stores.lists(X)}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"has a column vector beside its vectors; name another one: .*::NAME"):
        apply_repair(NARROW, f"{tmp_path}/x.parquet::emb", new("lancedb"))
    apply_repair(NARROW, f"{tmp_path}/x.parquet::emb", f"{new('lancedb')}::small")
    np.testing.assert_array_equal(rows(f"{new('lancedb')}::small"), WANTED)


def test_a_new_column_that_fails_is_dropped_and_one_that_was_killed_is_made_again(database, tmp_path, monkeypatch):
    import psycopg

    from embedscope.readers import store_of
    from embedscope.readers.store_writers.postgresql import PostgresWriter
    from embedscope.repairs.journal import journal_folder

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("embedscope.repairs.to_store._ROWS", 16)
    source = stores.postgresql(database, "broken_column")
    out = source.replace("::emb", "::emb_new")
    with monkeypatch.context() as patch:
        patch.setattr(PostgresWriter, "replace", lambda *_: 1 / 0)  # while the rows are still being read
        with pytest.raises(EmbedscopeError, match=r"cannot be written \(division by zero\)"):
            apply_repair(NARROW, source, out)
    with pytest.raises(EmbedscopeError, match="has no column 'emb_new'"):
        open_vectors(out)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table broken_column add column emb_new vector(7)")
    mark = journal_folder(store_of(out), "emb_new.new")
    mark.mkdir(parents=True)
    (mark / "unfinished").write_text("")
    apply_repair(NARROW, source, out)
    np.testing.assert_array_equal(rows(out), WANTED)
    assert not mark.exists()


def test_what_takes_long_is_said_before(tmp_path, monkeypatch):
    """A folder of Qdrant commits each point by itself; other stores are fast."""
    from embedscope.readers.store_writers import qdrant
    from embedscope.repairs.in_place import write_in_place

    monkeypatch.setattr(qdrant, "_MANY", 20)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    centre = Repair.from_chain(parse_chain("center").fit(stores.X))
    for make, wanted in ((stores.qdrant, 1), (stores.lancedb, 0)):
        lines: list[str] = []
        notes = type("Notes", (Silent,), {"note": lambda self, text: lines.append(text)})  # noqa: B023
        write_in_place(centre, make(tmp_path / make.__name__), progress=notes())
        assert sum("some 60 a second" in line for line in lines) == wanted
