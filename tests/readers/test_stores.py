"""Vector stores, each against the real one: the same rows, ids and texts as were put in, in blocks."""

import pickle

import numpy as np
import pytest
from tests.readers.formats import write

from embedscope import measure
from embedscope.core.errors import EmbedscopeError, InputError, MissingExtraError
from embedscope.readers import ArrayStream, describe_stream, find_vectors, ids_of, is_vectors, open_vectors, texts_of

N, D = 3000, 12
FEW = 300  # Qdrant's local mode writes each point to the disk by itself
X = np.random.default_rng(5).standard_normal((N, D)).astype(np.float32)
NAMES = [f"doc{i:05}" for i in range(N)]
TEXTS = [f"the words of {i}" for i in range(N)]


def _lancedb(folder):
    lancedb = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    import pyarrow as pa

    vector = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), D)
    table = lancedb.connect(str(folder)).create_table("docs", pa.table({"id": NAMES, "text": TEXTS, "vector": vector}))
    table.add(pa.table({"id": ["gone"], "text": [""], "vector": pa.FixedSizeListArray.from_arrays(pa.array(X[0]), D)}))
    table.delete("id = 'gone'")
    return f"lancedb:{folder}/docs", "vector"


def _chroma(folder):
    chromadb = pytest.importorskip("chromadb", reason="the extra chroma is not installed")
    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    client.create_collection("docs", embedding_function=None).add(ids=NAMES, embeddings=X, documents=TEXTS)
    return f"chroma:{folder}/docs", "embedding"


def _qdrant(folder):
    qdrant = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    client, m = qdrant.QdrantClient(path=str(folder)), qdrant.models
    client.create_collection("docs", vectors_config=m.VectorParams(size=D, distance=m.Distance.DOT))
    points = [
        m.PointStruct(id=i, vector=x, payload={"text": t})
        for i, (x, t) in enumerate(zip(X[:FEW].tolist(), TEXTS, strict=False))
    ]
    client.upsert("docs", points)
    client.close()
    return f"qdrant:{folder}/docs", "vector"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        pgserver = pytest.importorskip("pgserver", reason="pgserver, a PostgreSQL of PyPI, is not installed")
    try:
        server = pgserver.get_server(str(folder / "pg"), cleanup_mode="stop")
    except Exception as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("create extension vector")
        connection.execute(f"create table docs(id text, body int, text text, emb vector({D}), half real[], at date)")
        with connection.cursor().copy("copy docs (id, text, emb, half) from stdin") as copy:
            for name, text, x in zip(NAMES, TEXTS, X, strict=True):
                copy.write_row((name, text, str(x.tolist()), (x / 2).tolist()))
        connection.execute('create table "Ragged"(emb vector)')
        connection.execute("""insert into "Ragged" values ('[1,2]'), ('[1,2,3]')""")
        connection.execute("create table holes(emb vector(2))")
        connection.execute("insert into holes values ('[1,2]'), (null)")
    yield server.get_uri()
    server.cleanup()


def address(uri, table):
    return uri.replace("/postgres?", f"/postgres/{table}?")


STORES = ["lancedb", "chroma", "qdrant", "postgresql"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    made = {}

    def store(name, request):
        if name not in made:
            if name == "postgresql":
                made[name] = address(request.getfixturevalue("database"), "docs"), "emb"
            else:
                made[name] = globals()[f"_{name}"](tmp_path_factory.mktemp(name))
        return made[name]

    return store


def rows(stream):
    parts = [b for shard in stream.shards() for b in shard.batches()]
    assert max(len(b.ids) for b in parts) <= 1024
    return {space: np.concatenate([b.spaces[space] for b in parts]) for space in stream.dims}


@pytest.mark.parametrize("name", STORES)
def test_rows_ids_and_texts_are_those_put_in(stores, request, monkeypatch, name):
    monkeypatch.setattr("embedscope.readers.stores.qdrant._PAGE", 64)
    source, column = stores(name, request)
    n = FEW if name == "qdrant" else N
    assert is_vectors(source)
    found = find_vectors(f"{source}::{column}")
    stream = pickle.loads(pickle.dumps(found.stream))  # as a worker gets it
    assert dict(stream.dims) == {column: D}
    assert stream.n_rows == n
    x = rows(stream)[column]
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, X[:n])
    np.testing.assert_array_equal(rows(stream)[column], X[:n])  # a second pass
    assert ids_of(stream).unique() == (tuple(map(str, range(n))) if name == "qdrant" else tuple(NAMES))
    assert texts_of(stream).values() == tuple(TEXTS[:n])
    assert describe_stream(stream).startswith(f"a collection of {name}, {n:,} rows")


@pytest.mark.parametrize("name", STORES)
def test_measured_as_the_array_is(stores, request, name):
    source, column = stores(name, request)
    got, wanted = measure(f"{source}::{column}"), measure(X[:FEW] if name == "qdrant" else X)
    assert [r.metric for r in got] == [r.metric for r in wanted]
    np.testing.assert_allclose([r.value for r in got], [r.value for r in wanted], rtol=1e-9)


@pytest.mark.parametrize("name", STORES)
def test_what_is_not_there_names_the_nearest(stores, request, name):
    source, _ = stores(name, request)
    with pytest.raises(EmbedscopeError, match="did you mean 'docs'"):
        open_vectors(source.replace("docs", "dosc"))
    with pytest.raises(EmbedscopeError, match="has no column 'nothing'"):
        open_vectors(f"{source}::nothing")


@pytest.mark.parametrize(
    ("name", "module"), [("lancedb", "lancedb"), ("chroma", "chromadb"), ("qdrant", "qdrant_client")]
)
def test_a_folder_that_is_none_is_not_made(tmp_path, name, module):
    pytest.importorskip(module, reason=f"the extra {name} is not installed")
    with pytest.raises(InputError, match="there is no folder"):
        open_vectors(f"{name}:{tmp_path}/none/docs")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbedscopeError, match=r"it holds none|is no \w+ store"):
        open_vectors(f"{name}:{tmp_path}/empty/docs")
    assert [p.name for p in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        ("lancedb:x/docs", "lancedb", "lancedb"),
        ("chroma:x/docs", "chromadb", "chroma"),
        ("qdrant:x/docs", "qdrant_client", "qdrant"),
        ("postgresql://localhost/db/docs", "psycopg", "postgres"),
    ],
)
def test_a_missing_extra_is_one_line_of_pip(monkeypatch, source, module, extra):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'pip install "embedscope\[{extra}\]"'):
        open_vectors(source)


@pytest.mark.parametrize("source", ["postgresql://me:secret@host/db/t::emb", "postgresql://host/db/t?password=secret"])
def test_a_password_does_not_get_into_results(source):
    with pytest.raises(InputError, match="PGPASSWORD") as caught:
        open_vectors(source)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "module"),
    [("lancedb:docs", "lancedb"), ("postgresql://localhost/db", "psycopg"), ("chroma:", "chromadb")],
)
def test_an_address_without_a_collection(source, module):
    pytest.importorskip(module, reason="its extra is not installed")
    with pytest.raises(InputError, match=r"names no (collection|table); wanted"):
        open_vectors(source)


@pytest.mark.filterwarnings("ignore:Failed to obtain server version")
@pytest.mark.parametrize(
    ("source", "module", "said"),
    [
        ("qdrant:http://127.0.0.1:9/docs", "qdrant_client", "no Qdrant server answers at http://127.0.0.1:9"),
        ("chroma:http://127.0.0.1:9/docs", "chromadb", "no Chroma server answers at http://127.0.0.1:9"),
        ("postgresql://127.0.0.1:9/db/docs", "psycopg", "cannot be read"),
    ],
)
def test_a_server_that_does_not_answer_is_one_sentence(source, module, said):
    pytest.importorskip(module, reason="its extra is not installed")
    with pytest.raises(InputError) as caught:
        open_vectors(source)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


def test_postgres_types_and_damage(database):
    stream = open_vectors(f"{address(database, 'docs')}::emb,half?ids=text")
    np.testing.assert_array_equal(rows(stream)["half"], X / 2)
    assert ids_of(stream).unique() == tuple(TEXTS)
    with pytest.raises(InputError, match="ragged: row 1 has 3 numbers, row 0 has 2"):
        rows(open_vectors(address(database, "Ragged")))
    with pytest.raises(InputError, match="null in row 1"):
        rows(open_vectors(address(database, "holes")))
    with pytest.raises(EmbedscopeError, match="has no column 'at'"):
        open_vectors(f"{address(database, 'docs')}::at")
    with pytest.raises(InputError, match="cannot be read"):
        open_vectors("postgresql:///db/docs?host=/nowhere")


def test_qdrant_named_vectors_and_points_without_one(tmp_path):
    qdrant = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    client, m = qdrant.QdrantClient(path=str(tmp_path)), qdrant.models
    both = {name: m.VectorParams(size=D, distance=m.Distance.COSINE) for name in ("a", "b")}
    client.create_collection("docs", vectors_config=both)
    client.upsert("docs", [m.PointStruct(id=i, vector={"a": X[i].tolist(), "b": X[i].tolist()}) for i in range(20)])
    client.upsert("docs", [m.PointStruct(id=20, vector={"a": X[20].tolist()})])
    client.close()
    with pytest.raises(InputError, match="holds 2 columns: a, b"):
        open_vectors(f"qdrant:{tmp_path}/docs")
    found = open_vectors(f"qdrant:{tmp_path}/docs::a")
    np.testing.assert_array_equal(rows(found)["a"], X[:21])  # a server would give them L2-normalised
    with pytest.raises(InputError, match="point 20 has no vector for b"):
        rows(open_vectors(f"qdrant:{tmp_path}/docs::b"))


def _fields_of_the_stores_names(folder, name):
    """Ten rows whose own fields are called as the parts of the store: its address, what holds them, hidden names."""
    fields = [{"id": f"sku{i}", "document": f"own {i}", "vector": i, "embedding": -i} for i in range(10)]
    if name == "qdrant":
        qdrant = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
        client, m = qdrant.QdrantClient(path=str(folder)), qdrant.models
        client.create_collection("docs", vectors_config=m.VectorParams(size=D, distance=m.Distance.DOT))
        client.upsert("docs", [m.PointStruct(id=i, vector=X[i].tolist(), payload=fields[i]) for i in range(10)])
        client.close()
        return f"qdrant:{folder}/docs", "payload", {"id", "vector"}
    chromadb = pytest.importorskip("chromadb", reason="the extra chroma is not installed")
    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("docs", embedding_function=None)
    collection.add(ids=NAMES[:10], embeddings=X[:10], documents=TEXTS[:10], metadatas=fields)
    return f"chroma:{folder}/docs", "metadata", {"id", "document", "embedding"}


@pytest.mark.parametrize("name", ["chroma", "qdrant"])
def test_fields_called_as_the_stores_own_parts_are_read_beside_them(tmp_path, name):
    source, whole, hidden = _fields_of_the_stores_names(tmp_path, name)
    stream = find_vectors(source).stream
    own = list(map(str, range(10))) if name == "qdrant" else NAMES[:10]
    assert ids_of(stream).unique() == tuple(own)
    np.testing.assert_array_equal(next(iter(rows(stream).values())), X[:10])
    for field in hidden:
        assert f"field {field} of the {whole} is the column {whole}.{field}" in describe_stream(stream)
    named = find_vectors(source, ids_column=f"{whole}.id").stream
    assert ids_of(named).unique() == tuple(f"sku{i}" for i in range(10))
    others = {column: values.values() for column, values in stream.row_columns.items()}
    wanted = {"id": [f"sku{i}" for i in range(10)], "document": [f"own {i}" for i in range(10)]}
    wanted |= {"vector": [str(i) for i in range(10)], "embedding": [str(-i) for i in range(10)]}
    held = {field: others.get(f"{whole}.{field}" if field in hidden else field) for field in wanted}
    held["document"] = held["document"] or texts_of(stream).values()
    assert {field: list(values) for field, values in held.items()} == wanted


def test_a_collection_that_changes_is_noticed(tmp_path):
    source, _ = _lancedb(tmp_path)
    stream = open_vectors(source)
    __import__("lancedb").connect(str(tmp_path)).open_table("docs").delete("id > 'doc02990'")
    with pytest.raises(InputError, match="should have 3,000 rows here and gave 2,991"):
        rows(stream)


def test_plain_arrays_stay_what_they_were():
    assert dict(ArrayStream({"vectors": X}).dims) == {"vectors": D}
    assert not is_vectors("st:all-MiniLM-L6-v2")


def test_a_repair_is_applied_to_a_collection(tmp_path):
    from embedscope.repairs.apply import apply_repair
    from embedscope.transforms import parse_chain
    from embedscope.transforms.repair import Origin, Repair

    source, column = _lancedb(tmp_path)
    made = Repair.from_chain(parse_chain("center").fit(X), source=Origin("minilm"))
    apply_repair(made, f"{source}::{column}", tmp_path / "out.npy")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), made.transform(X), atol=1e-6)


@pytest.mark.parametrize(
    ("form", "place", "address"),
    [
        ("lancedb", "", "lancedb:{}/docs"),
        ("lancedb", "/docs.lance", "lancedb:{}/docs"),
        ("chroma", "", "chroma:{}/docs"),
        ("chroma", "/chroma.sqlite3", "chroma:{}/docs"),
        ("qdrant", "", "qdrant:{}/docs"),
    ],
)
def test_a_store_without_its_scheme_is_told_its_address(tmp_path, form, place, address):
    _, folder = write(tmp_path, form)
    with pytest.raises(InputError) as error:
        find_vectors(f"{folder}{place}")
    assert str(error.value) == f"{folder}{place} belongs to a vector store, which is read as {address.format(folder)}"
