"""Bridges of ``migrate`` in other libraries: a residual MLP where it fits, SQL in a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.exports import Order, find_export
from embedscope.exports.numpy import numpy_snippet
from embedscope.exports.pgvector import sql_expression
from embedscope.transforms.align import Side
from embedscope.transforms.repair import Hidden, KindMap, Repair

RNG = np.random.default_rng(0)
D, K, H = 6, 4, 5
X = RNG.normal(size=(30, D)) + 0.3
SIDE = Side(D, RNG.normal(size=D), RNG.normal(size=(D, K)), RNG.normal(size=K))
LAYER = Hidden(RNG.normal(size=(D, H)), RNG.normal(size=H), RNG.normal(size=(H, K)))
AFFINE = Repair({"old": KindMap(SIDE, True, True), "new": KindMap(Side(K))})
DEEP = Repair({"old": KindMap(SIDE, True, True, hidden=LAYER), "new": KindMap(Side(K))})


def naive(x: np.ndarray) -> np.ndarray:
    """The map of ``DEEP``, row by row."""
    out = []
    for row in x:
        u = row / np.sqrt(sum(row**2))
        y = (u - SIDE.mean) @ SIDE.matrix + SIDE.shift
        y = y + np.array([max(0.0, v) for v in u @ LAYER.hidden_in + LAYER.hidden_bias]) @ LAYER.hidden_out
        out.append(y / np.sqrt(sum(y**2)))
    return np.array(out)


def test_the_layer_is_what_it_says_and_is_saved(tmp_path: Path) -> None:
    np.testing.assert_allclose(DEEP.transform(X, "old"), naive(X), atol=1e-12)
    DEEP.save(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(Repair.load(tmp_path / "b.safetensors").transform(X, "old"), DEEP.transform(X, "old"))
    with pytest.raises(InputError, match="hidden layer of a repair must have the shapes"):
        KindMap(SIDE, hidden=Hidden(np.ones((D, H)), np.ones(H + 1), np.ones((H, K))))


def test_numpy(tmp_path: Path) -> None:
    DEEP.save(tmp_path / "b.safetensors")
    space: dict = {}
    exec(numpy_snippet(DEEP, tmp_path / "b.safetensors", "old"), space)
    np.testing.assert_allclose(space["repair"](X), naive(X), atol=1e-12)
    np.testing.assert_allclose(space["repair"](X[:, :K], "new"), X[:, :K], atol=1e-12)


def test_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra onnx")
    ort = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    find_export("onnx").write(Order(DEEP, Path("r"), tmp_path / "r.onnx", "old"))
    session = ort.InferenceSession(str(tmp_path / "r.onnx"), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"vectors": X.astype(np.float32)})
    np.testing.assert_allclose(got, naive(X), atol=1e-6)


def test_sentence_transformers_modules() -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra hf")
    import torch

    from embedscope.exports.sentence_transformers import _modules, _steps

    features = {"sentence_embedding": torch.tensor(X, dtype=torch.float32)}
    for step in _steps(_modules(), DEEP.kinds["old"]):
        features = step(features)
    np.testing.assert_allclose(features["sentence_embedding"].detach().numpy(), naive(X), atol=1e-6)


def test_faiss_and_sql_refuse_what_they_cannot_hold(tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="needs the extra faiss")
    for name in ("faiss", "pgvector"):
        with pytest.raises(InputError, match="--candidates procrustes,ridge"):
            find_export(name).write(Order(DEEP, Path("r"), tmp_path / "r", "old"))


def test_sql_in_postgresql(tmp_path_factory: pytest.TempPathFactory) -> None:
    psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        pgserver = pytest.importorskip("pgserver", reason="pgserver, a PostgreSQL of PyPI, is not installed")
    try:
        server = pgserver.get_server(str(folder / "pg"), cleanup_mode="stop")
    except Exception as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    centred = Repair.centre_kinds({"old": np.arange(D) / 10})
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("create extension vector")
            version = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()[0]
            connection.execute(f"create table t(id int, embedding vector({D}))")
            for i, row in enumerate(X):
                connection.execute("insert into t values (%s, %s)", (i, str(row.tolist())))
            if tuple(map(int, version.split(".")[:2])) < (0, 7):  # l2_normalize is of 0.7
                connection.execute(
                    "create function l2_normalize(v vector) returns vector language sql immutable as $$ select "
                    "(select array_agg(x / nullif(vector_norm(v), 0)) from unnest(v::real[]) as x)::vector $$"
                )
            for repair in (AFFINE, centred):
                wanted = repair.transform(X, "old")
                expression = sql_expression(repair, "old")
                found = connection.execute(f"select ({expression})::real[] from t order by id").fetchall()
                np.testing.assert_allclose(np.array([row[0] for row in found]), wanted, atol=1e-6)
    finally:
        server.cleanup()
