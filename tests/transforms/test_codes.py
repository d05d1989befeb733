"""Codes against sentence-transformers and FAISS, to the bit where both claim the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.transforms.align.sides import Side
from embedscope.transforms.codes import Binary, Int8, RaBitQ, fit_code
from embedscope.transforms.repair import Header, KindMap, Repair


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(2000, 48)).astype(np.float32)
    x[:, 3] = 0.1  # a constant coordinate
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("precision", ["int8", "ubinary"])
def test_codes_of_sentence_transformers(rows: np.ndarray, precision: str) -> None:
    quantization = pytest.importorskip("sentence_transformers.util.quantization")
    code = fit_code("int8" if precision == "int8" else "binary", rows[:500])
    wanted = quantization.quantize_embeddings(rows, precision, calibration_embeddings=rows[:500])
    np.testing.assert_array_equal(code.encode(rows), wanted)


def test_int8_is_the_scalar_quantiser_of_faiss(rows: np.ndarray) -> None:
    faiss = pytest.importorskip("faiss")
    index = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    code = fit_code("int8", rows)
    theirs = index.sa_encode(rows).astype(np.int16) - 128
    ours = code.encode(rows)
    # both cut at the same places; a value on the edge of a step may fall to either side by rounding
    assert np.abs(theirs - ours).max() <= 1
    assert (theirs != ours)[:, np.ptp(rows, axis=0) > 0].mean() < 1e-3
    back = index.sa_decode((ours.astype(np.int16) + 128).astype(np.uint8))
    moving = np.ptp(rows, axis=0) > 0
    np.testing.assert_allclose(code.decode(ours)[:, moving], back[:, moving], atol=1e-6)


def test_float16_and_bits_by_hand() -> None:
    x = np.array([[0.1, -0.2, 0.0, 1.0]])
    assert fit_code("float16", x).decode(fit_code("float16", x).encode(x)).tolist() == x.astype(np.float16).tolist()
    assert Binary(4).encode(x).tolist() == [[0b10010000]]
    assert Binary(4).decode(Binary(4).encode(x)).tolist() == [[1, -1, -1, 1]]


def test_int8_by_hand_and_clipped() -> None:
    code = Int8(np.array([[0.0], [2.55]]))
    assert code.encode(np.array([[0.005], [0.015], [9.0], [-9.0]])).ravel().tolist() == [-128, -127, 127, -128]
    assert code.decode(np.array([[-128]], dtype=np.int8))[0, 0] == pytest.approx(0.005)


def test_product_quantiser_decodes_as_faiss_does(rows: np.ndarray) -> None:
    pytest.importorskip("faiss")
    code = fit_code("pq:8", rows)
    stored = code.encode(rows)
    assert stored.shape == (2000, 8)
    np.testing.assert_array_equal(code.decode(stored), code.quantiser().decode(stored))
    apart = ((rows[:, None, :6] - code.centroids[0][None]) ** 2).sum(axis=2)  # naive: the nearest centroid
    chosen = apart[np.arange(2000), stored[:, 0]]
    np.testing.assert_allclose(chosen, apart.min(axis=1), atol=1e-6)


def test_rabitq_scores_are_those_of_its_index(rows: np.ndarray) -> None:
    faiss = pytest.importorskip("faiss")
    rows = rows + 0.05  # a centre that matters
    code = fit_code("rabitq", rows)
    theirs = faiss.IndexRaBitQ(48, faiss.METRIC_INNER_PRODUCT)
    theirs.qb = 0
    theirs.train(rows)
    theirs.add(rows)
    scores, found = theirs.search(rows[:20], 50)
    stored = code.encode(rows)
    ours = rows[:20] @ code.decode(stored).T + code.offsets(stored, code.decode(stored))
    np.testing.assert_allclose(np.take_along_axis(ours, found, axis=1), scores, atol=1e-5)
    assert code.n_bytes == theirs.code_size == 14


@pytest.mark.parametrize("text", ["float16", "int8", "binary", "pq:8", "rabitq"])
def test_saved_and_read_again(rows: np.ndarray, tmp_path: Path, text: str) -> None:
    if text.startswith(("pq", "rabitq")):
        pytest.importorskip("faiss")
    made = KindMap(Side(48), True, False, code=fit_code(text, rows))
    repair = Repair({"query": KindMap(Side(48), True), "document": made}, Header(candidate=text))
    repair.save(tmp_path / "c.safetensors")
    again = Repair.load(tmp_path / "c.safetensors")
    stored = again.store(rows, "document")
    assert stored.dtype == made.code.dtype
    assert stored.shape[1] == made.code.width
    np.testing.assert_array_equal(stored, repair.store(rows, "document"))
    np.testing.assert_array_equal(again.store(rows, "query"), again.transform(rows, "query"))
    assert not again.is_identity


def test_errors(rows: np.ndarray) -> None:
    with pytest.raises(UnknownNameError, match="int8"):
        fit_code("int9", rows)
    with pytest.raises(InputError, match="takes no number"):
        fit_code("int8:4", rows)
    with pytest.raises(InputError, match="as in pq:48"):
        fit_code("pq", rows)
    with pytest.raises(InputError, match=r"\(2, d\)"):
        Int8(np.zeros(3))
    with pytest.raises(InputError, match="multiple"):
        pytest.importorskip("faiss")
        fit_code("pq:7", rows)
    assert isinstance(RaBitQ(np.zeros(16)).dim, int)


def test_centroids_are_as_good_as_those_of_faiss() -> None:
    """The error of the product quantiser is within 1 % of that of FAISS's training, on rows in clusters."""
    faiss = pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(40, 16))[rng.integers(0, 40, 3000)] + 0.4 * rng.normal(size=(3000, 16))).astype(np.float32)
    code = fit_code("pq:4", x, 0)
    ours = ((code.decode(code.encode(x)) - x) ** 2).sum(axis=1).mean()
    theirs = faiss.ProductQuantizer(16, 4, 8)
    theirs.cp.niter, theirs.cp.min_points_per_centroid = 10, 1
    theirs.train(x)
    error = ((theirs.decode(theirs.compute_codes(x)) - x) ** 2).sum(axis=1).mean()
    assert ours == pytest.approx(error, rel=0.01)


def test_a_centroid_without_rows_is_moved() -> None:
    """300 rows of which only 10 differ: the other centroids stay finite, and these ten are read back exactly."""
    pytest.importorskip("faiss")
    x = np.repeat(np.random.default_rng(1).normal(size=(10, 4)).astype(np.float32), 30, axis=0)
    code = fit_code("pq:2", x, 0)
    assert np.isfinite(code.centroids).all()
    np.testing.assert_allclose(code.decode(code.encode(x)), x, atol=0.01)
