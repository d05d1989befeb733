"""Every export gives, in the library that it is for, what Repair.transform gives."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from embedscope.core.errors import InputError, MissingExtraError, UnknownNameError
from embedscope.exports import EXPORTS, Order, find_export
from embedscope.exports.export import check_model
from embedscope.exports.faiss import faiss_index
from embedscope.exports.numpy import numpy_snippet
from embedscope.exports.onnx import onnx_model
from embedscope.repairs.apply import reindexing
from embedscope.transforms import parse_chain
from embedscope.transforms.align import Side, parse_alignment
from embedscope.transforms.repair import KindMap, Repair

D = 12
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(200, D)) @ RNG.normal(size=(D, D)) + 2).astype(np.float32)
Y = X @ RNG.normal(size=(D, D)).astype(np.float32)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def of(text: str, before: bool = True, after: bool = True) -> Repair:
    chain = parse_chain(text).fit(unit(X) if before else X)
    return Repair.from_chain(chain, normalise_before=before, normalise_after=after)


REPAIRS = {
    "centre": of("center"),
    "whiten": of("center,whiten:7"),
    "abtt of raw rows": of("abtt:2", before=False),
    "no normalising": of("pca:5", before=False, after=False),
    "identity": Repair.identity(D),
    "shift alone": Repair({"vectors": KindMap(Side(D, None, None, np.arange(D) / 9.0), True, True)}),
    "mean and shift": Repair({"vectors": KindMap(Side(D, np.ones(D), None, np.arange(D) / 9.0), normalise_after=True)}),
    "procrustes": Repair.from_alignment(parse_alignment("procrustes:center,unit").fit(X, Y), ("vectors", "other")),
    "far from the origin": Repair.from_chain(parse_chain("center,whiten").fit(X + 1000), normalise_after=True),
}


def rows(name: str) -> np.ndarray:
    return (X[:40] + (1000 if name == "far from the origin" else 0)).astype(np.float32)


each = pytest.mark.parametrize("name", REPAIRS)


@each
def test_onnx_in_onnxruntime(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra onnx")
    ort = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    repair = REPAIRS[name]
    find_export("onnx").write(Order(repair, Path("r.safetensors"), tmp_path / "r.onnx", "vectors"))
    session = ort.InferenceSession(str(tmp_path / "r.onnx"), providers=["CPUExecutionProvider"])
    for n in (40, 1):
        (got,) = session.run(None, {"vectors": rows(name)[:n]})
        np.testing.assert_allclose(got, repair.transform(rows(name)[:n], "vectors"), atol=1e-6)
    (zero,) = session.run(None, {"vectors": np.zeros((1, D), np.float32)})
    assert np.isfinite(zero).all()


@each
def test_faiss_added_searched_and_read_again(name: str, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss", reason="needs the extra faiss")
    repair = REPAIRS[name]
    out = tmp_path / "r.faiss"
    find_export("faiss").write(Order(repair, Path("r.safetensors"), out, "vectors"))
    index = faiss.read_index(str(out))
    assert isinstance(index, faiss.IndexPreTransform)
    assert (index.d, index.ntotal) == (D, 0)
    index.add(rows(name))
    wanted = repair.transform(rows(name), "vectors")
    held = faiss.downcast_index(index.index).reconstruct_n(0, 40)
    np.testing.assert_allclose(held, wanted, atol=1e-6)
    scores, found = index.search(rows(name)[:5], 3)
    products = wanted[:5].astype(np.float64) @ wanted.T
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1)[:, :3], rtol=1e-6, atol=1e-6)
    assert (found[:, 0] == products.argmax(axis=1)).all()


def test_faiss_in_front_of_an_index_of_ones_own() -> None:
    faiss = pytest.importorskip("faiss", reason="needs the extra faiss")
    index = faiss_index(of("pca:8"), inner=faiss.IndexHNSWFlat(8, 16, faiss.METRIC_INNER_PRODUCT))
    index.add(X)
    assert (index.search(X[:20], 1)[1][:, 0] == np.arange(20)).mean() > 0.9
    with pytest.raises(InputError, match="the index has 5 dimensions, the repair gives 8"):
        faiss_index(of("pca:8"), inner=faiss.IndexFlatIP(5))


@each
def test_numpy_snippet_runs_in_ten_lines(name: str, tmp_path: Path) -> None:
    repair = REPAIRS[name]
    repair.save(tmp_path / "r.safetensors")
    text = numpy_snippet(repair, tmp_path / "r.safetensors", "vectors")
    assert len(text.splitlines()) == 10
    space: dict = {}
    exec(text, space)
    np.testing.assert_allclose(space["repair"](rows(name)), repair.transform(rows(name), "vectors"), atol=1e-6)
    for kind in repair.kinds:
        wanted = repair.transform(rows(name).astype(np.float64), kind)
        np.testing.assert_allclose(space["repair"](rows(name), kind), wanted, atol=1e-12)


def test_kinds_and_names_are_checked(tmp_path: Path) -> None:
    sides = Repair.centre_kinds({"query": np.ones(D), "document": np.ones(D)})
    with pytest.raises(InputError, match="maps for query, document; name one"):
        find_export("onnx").write(Order(sides, Path("r"), tmp_path / "r.onnx"))
    lines = find_export("faiss").write(Order(sides, Path("r"), tmp_path / "r.faiss", "document"))
    assert any("repair query vectors with --kind query" in line for line in lines)
    assert any("rank by inner product" in line for line in reindexing(of("center", after=False), "vectors"))
    assert not any("rank by inner product" in line for line in reindexing(sides, "document"))
    with pytest.raises(UnknownNameError, match="unknown export 'fais'; did you mean 'faiss'"):
        find_export("fais")
    with pytest.raises(InputError, match="add --model MODEL"):
        check_model(find_export("sentence-transformers"), "sentence-transformers", None)
    with pytest.raises(InputError, match="leave out --model"):
        check_model(find_export("onnx"), "onnx", "minilm")
    assert set(EXPORTS) == {"faiss", "numpy", "onnx", "pgvector", "sentence-transformers"}


@pytest.mark.parametrize(("make", "module"), [(onnx_model, "onnx"), (faiss_index, "faiss")])
def test_missing_library_gives_the_line_to_install_it(
    make: object, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent: dict[str, ModuleType | None] = {module: None}
    monkeypatch.setattr(sys, "modules", sys.modules | absent)
    with pytest.raises(MissingExtraError, match=rf'pip install "embedscope\[{module}\]"'):
        make(of("center"))
