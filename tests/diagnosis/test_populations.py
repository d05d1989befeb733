"""Two models in one index are told from two kinds of input, and one population is left alone."""

import numpy as np
import pytest

from embedscope.diagnosis import diagnose
from embedscope.diagnosis._collect import _one_model
from embedscope.diagnosis.formats import formats
from embedscope.diagnosis.populations import are_unrelated, populations
from embedscope.stats.row_sets import RowSet


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def decaying(n, d, seed, shift=1.5):
    rng = np.random.default_rng(seed)
    scales = np.arange(1, d + 1) ** -0.7
    return rng.normal(size=(n, d)) * scales + shift * scales


def turn(x, seed):
    return x @ np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1],) * 2))[0]


@pytest.mark.parametrize("share", [0.06, 0.2, 0.5])
def test_rows_of_another_model_are_listed(share):
    n, k = 500, int(500 * share)
    x = unit(np.concatenate([decaying(n - k, 192, 1), turn(decaying(k, 192, 2), 3)]))
    order = np.random.default_rng(4).permutation(n)
    found = populations(RowSet(x[order]))
    assert found.two_models and abs(found.likeness) < 0.05
    right = found.smaller == (order >= n - k)
    assert max(right.mean(), 1 - right.mean() if share == 0.5 else 0) == 1.0


def test_a_split_without_turn_is_of_one_model():
    """Two clouds of one model never mix either; only the directions of their rows tell."""
    x, y = decaying(300, 64, 1), decaying(300, 64, 2)
    y[:, -8:] += 1.5
    found = populations(RowSet(unit(np.concatenate([x, y]))))
    assert not found.two_models and found.likeness > 0.3
    assert found.own == 1.0


@pytest.mark.parametrize("seed", range(2))
def test_one_population_is_left_alone(seed):
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(20, 48))[rng.integers(0, 20, size=500)] + 0.6 * rng.normal(size=(500, 48))
    for x in (decaying(500, 48, seed), rng.normal(size=(300, 32)), topics):
        assert populations(RowSet(unit(x))) is None


def test_likeness_of_two_models_is_by_chance():
    """Random rotations: mean 0 and the standard deviation that the docstring states."""
    from embedscope.diagnosis.populations import _chance, _likeness, _Set

    x, y = decaying(400, 32, 1, 0), decaying(400, 32, 2, 0)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    found = [_likeness(_Set.of([x]), _Set.of([turn(y, s)]))[0] for s in range(40)]
    assert np.std(found) == pytest.approx(_chance(32), rel=0.35)
    assert abs(np.mean(found)) < 3 * _chance(32) / 40**0.5 + 0.01
    assert _likeness(_Set.of([x]), _Set.of([y]))[0] == pytest.approx(1.0, abs=0.1)
    assert not are_unrelated(0.2, 0.01, 0.01)


def test_real_models_and_modalities(shared_data):
    x = np.load(shared_data / "clip500" / "features_clip.npy").astype(np.float64)
    y = np.load(shared_data / "clip500" / "features_convirt.npy").astype(np.float64)
    two = diagnose(np.concatenate([x[1], unit(y[1][:25])]))
    (verdict,) = [v for v in two.problems("serious") if v.rule.id == "two_populations"]
    assert verdict.reading.value == pytest.approx(25 / 525)
    rows = [int(r["row"]) for r in two.rows() if r["finding"] == "two_populations"]
    assert sorted(rows) == list(range(500, 525))
    kinds = populations(RowSet(unit(np.concatenate([x[0], x[1]]))))
    assert not kinds.two_models and 0.15 < kinds.likeness < 0.45
    assert min((kinds.smaller == (np.arange(1000) >= 500)).mean(), 1) in (0.0, 1.0)
    for side in (*x, *y):
        assert populations(RowSet(unit(side))) is None


def test_formats():
    x = np.random.default_rng(0).normal(size=(30, 300)).astype(np.float32)
    assert not formats(x)[0].any()
    for change, words in (
        (lambda r: r.astype(np.float16), "exact in float16"),
        (lambda r: np.rint(r * 30) / np.float32(30), "8-bit"),
        (unit, "unit length"),
        (lambda r: r * (np.arange(300) < 280), "padded"),
        (lambda r: (r.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32), "bfloat16"),
    ):
        y = x.copy()
        y[:7] = change(np.ascontiguousarray(y[:7]))
        members, how = formats(y)
        assert members.tolist() == [True] * 7 + [False] * 23 and words in how
    assert formats(x[:0])[1] == ""


@pytest.mark.parametrize(
    ("documents", "per", "d", "spread"), [(100, 10, 64, 0.5), (30, 10, 32, 0.2), (200, 10, 256, 0.5)]
)
def test_chunks_of_documents_are_no_two_models(documents, per, d, spread):
    """A few documents vary along the lines between them, which have nothing to do with those of other documents."""
    rng = np.random.default_rng(documents)
    x = np.repeat(rng.normal(size=(documents, d)), per, axis=0) + spread * rng.normal(size=(documents * per, d))
    found = populations(RowSet(x / np.linalg.norm(x, axis=1, keepdims=True)))
    assert found is None or not found.two_models


def test_sparse_rows_are_not_padded():
    rng = np.random.default_rng(3)
    sparse = rng.normal(size=(200, 120)) * (rng.random((200, 120)) < 0.1)
    assert not formats(sparse)[0].any()
    padded = rng.normal(size=(200, 120))
    padded[:20, 100:] = 0
    assert formats(padded)[0].sum() == 20 and formats(padded)[1] == "padded with zeros"


def test_rows_that_one_model_read_are_not_of_two() -> None:
    """What in vectors of unknown origin is two models is at most two kinds of input where one model read all rows."""
    rng = np.random.default_rng(0)
    scales = np.arange(1, 65) ** -0.7
    x, y = rng.normal(size=(300, 64)) * scales + 0.3, turn(rng.normal(size=(100, 64)) * scales, 1) - 0.3
    rows = RowSet(unit(np.concatenate([x, y])))
    found, known = populations(rows), populations(rows, one_model=True)
    assert found is not None and found.two_models
    assert known is None or not known.two_models
    assert _one_model("minilm") and _one_model(["minilm", "e5"])
    assert not _one_model(x) and not _one_model("vectors.npy") and not _one_model({"a": x})
