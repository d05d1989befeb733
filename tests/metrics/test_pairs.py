"""Metrics of two spaces: reference values on real CLIP pairs, naive formulas, other packages, declared laws."""

import numpy as np
import pytest
from scipy.spatial import procrustes

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.metrics import UndefinedError
from embedscope.metrics.pairs import PAIR_METRICS, Paired

TRANSFORMS = ("rotation", "translation", "scale", "row_scale")


def sides(n=200, d=12, e=12, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.geomspace(0.4, 2, d) + 0.5
    y = 0.6 * x @ rng.normal(size=(d, e)) + rng.normal(size=(n, e)) - 0.3
    return x, y


def value(name, x, y):
    return PAIR_METRICS.get(name)(x, y)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def apply_change(x, name, seed):
    rng = np.random.default_rng(seed)
    if name == "rotation":
        return x @ np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))[0]
    if name == "translation":
        return x + rng.normal(size=x.shape[1])
    return x * (3.7 if name == "scale" else rng.uniform(0.2, 5, (len(x), 1)))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", list(PAIR_METRICS))
def test_declared_invariances_hold_and_undeclared_fail(name, transform):
    metric, (x, y) = PAIR_METRICS.get(name), sides()
    before = metric(x, y)
    after = metric(apply_change(x, transform, 1), apply_change(y, transform, 1) if metric.joint else y)
    if transform in metric.invariant:
        assert after == pytest.approx(before, rel=1e-9)
    else:
        assert abs(after - before) > 1e-4 * abs(before)


@pytest.mark.parametrize("name", list(PAIR_METRICS))
def test_measured_is_the_value_within_its_interval_and_bounds(name):
    metric, (x, y) = PAIR_METRICS.get(name), sides()
    found, *_ = metric.measure(Paired.of(x, y))
    assert found.value == metric(x, y)
    assert found.ci_low < found.value < found.ci_high
    assert found.n == 200
    low, high = metric.bounds
    assert low is None or found.value >= low
    assert high is None or found.value <= high


OF_EQUAL_SIDES = {name: PAIR_METRICS.get(name).ideal for name in PAIR_METRICS} | {
    "relative_modality_gap": 0.0,
    "paired_cosine": 1.0,
    "unpaired_cosine": None,
}


@pytest.mark.parametrize("name", [name for name, wanted in OF_EQUAL_SIDES.items() if wanted is not None])
def test_equal_sides_give_the_ideal(name):
    x, _ = sides()
    assert PAIR_METRICS.get(name)(x, x) == pytest.approx(OF_EQUAL_SIDES[name], abs=1e-9)


def test_cosines_and_gap_by_the_definition():
    x, y = sides()
    u, v = unit(x), unit(y)
    cosines = u @ v.T
    off = ~np.eye(200, dtype=bool)
    assert value("paired_cosine", x, y) == pytest.approx(np.diag(cosines).mean(), rel=1e-12)
    assert value("unpaired_cosine", x, y) == pytest.approx(cosines[off].mean(), rel=1e-9)
    assert value("alignment", x, y) == pytest.approx((np.linalg.norm(u - v, axis=1) ** 2).mean(), rel=1e-12)
    assert value("modality_gap", x, y) == pytest.approx(np.linalg.norm(u.mean(0) - v.mean(0)), rel=1e-12)


def test_relative_gap_as_in_the_public_code_of_its_authors():
    """analysis/gap_precompute.py of lmb-freiburg/two-effects-one-trigger: distances are 1 - (cosine + 1) / 2."""
    x, y = sides()
    u, v = unit(x), unit(y)
    off = ~np.eye(200, dtype=bool)
    match = 1 - (np.diag(u @ v.T).mean() + 1) / 2
    within = [1 - ((w @ w.T)[off].mean() + 1) / 2 for w in (u, v)]
    assert value("relative_modality_gap", x, y) == pytest.approx(match / (match + np.mean(within)), rel=1e-9)


def naive_hsic(k, m):
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    ones = np.ones(n)
    middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + middle - 2 * (ones @ k @ m @ ones) / (n - 2)) / (n * (n - 3))


@pytest.mark.parametrize("n", [8, 200])
def test_cka_is_that_of_the_kernel_matrices(n):
    x, y = sides(n, 12, 7)
    k, m = x @ x.T, y @ y.T
    wanted = naive_hsic(k, m) / np.sqrt(naive_hsic(k, k) * naive_hsic(m, m))
    assert value("linear_cka", x, y) == pytest.approx(wanted, rel=1e-9)


def test_cka_of_unrelated_spaces_is_near_zero_where_the_biased_one_is_near_one():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 400)), rng.normal(size=(40, 400))
    assert abs(value("linear_cka", x, y)) < 0.15
    c = [v - v.mean(0) for v in (x, y)]
    biased = np.linalg.norm(c[0].T @ c[1]) ** 2 / (np.linalg.norm(c[0].T @ c[0]) * np.linalg.norm(c[1].T @ c[1]))
    assert biased > 0.8


def test_cka_is_undefined_where_the_unbiased_hsic_is_not_positive():
    x = np.eye(6)  # all off-diagonal products equal: nothing is left after centring
    with pytest.raises(UndefinedError, match="not above 0"):
        value("linear_cka", x, x[::-1])


def test_procrustes_of_scipy():
    x, y = sides()
    assert value("procrustes_distance", x, y) == pytest.approx(procrustes(x, y)[2], rel=1e-9)
    assert value("procrustes_distance", x, y[:, :5]) == pytest.approx(
        procrustes(x, np.hstack([y[:, :5], np.zeros((200, 7))]))[2], rel=1e-9
    )


def test_procrustes_bar_is_near_that_of_sixteen_decompositions():
    x, y = sides(400)
    paired = Paired.of(x, y)
    found, *_ = PAIR_METRICS.get("procrustes_distance").measure(paired)
    groups = paired.groups[0]
    left = np.array([value("procrustes_distance", x[groups != g], y[groups != g]) for g in range(16)])
    assert found.stderr == pytest.approx(np.sqrt(15 / 16 * ((left - left.mean()) ** 2).sum()), rel=0.15)


def test_cka_bar_is_that_of_sixteen_values():
    from embedscope.stats import jackknife

    x, y = sides(400)
    paired = Paired.of(x, y)
    found, *_ = PAIR_METRICS.get("linear_cka").measure(paired)
    groups = paired.groups[0]
    left = [value("linear_cka", x[groups != g], y[groups != g]) for g in range(16)]
    bar = jackknife(found.value, left, np.bincount(groups, minlength=16).tolist())
    assert found.stderr == pytest.approx(bar.stderr, rel=1e-6)


def test_overlap_by_all_distances():
    from scipy.spatial.distance import cdist

    x, y = sides()
    near = [np.argsort(cdist(v, v) + np.diag(np.full(200, np.inf)), axis=1)[:, :10] for v in (x, y)]
    wanted = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert value("knn_overlap", x, y) == pytest.approx(wanted, rel=1e-12)


def test_several_captions_of_an_image():
    x, y = sides(60)
    texts, own = np.repeat(y, 3, axis=0) + 0.1 * sides(180, seed=3)[0], np.repeat(np.arange(60), 3)
    order = np.random.default_rng(0).permutation(180)
    ids = np.arange(60, dtype=np.uint64), own[order].astype(np.uint64)
    paired = Paired.of(x, texts[order], ids)
    u, v = unit(x), unit(texts[order])
    cosines, match = u @ v.T, ids[0][:, None] == ids[1]
    found = {name: PAIR_METRICS.get(name).measure(paired)[0] for name in PAIR_METRICS}
    assert found["paired_cosine"].value == pytest.approx(cosines[match].mean(), rel=1e-9)
    assert found["unpaired_cosine"].value == pytest.approx(cosines[~match].mean(), rel=1e-9)
    assert found["modality_gap"].value == pytest.approx(np.linalg.norm(u.mean(0) - v.mean(0)), rel=1e-9)
    assert found["paired_cosine"].n == 180
    assert found["linear_cka"].n == 60
    assert "60 of 180 pairs" in found["linear_cka"].note


def test_zero_rows_are_left_out_and_counted():
    x, y = sides(50)
    x[3] = 0
    (found,) = PAIR_METRICS.get("paired_cosine").measure(Paired.of(x, y))
    assert found.n == 49
    assert found.note == "1 zero rows left out"


@pytest.mark.parametrize("name", list(PAIR_METRICS))
@pytest.mark.parametrize("x", [np.zeros((5, 4)), np.ones((1, 4)), np.ones((20, 4))], ids=["zero", "one", "equal"])
def test_degenerate_rows_give_a_number_or_a_reason(name, x):
    found = PAIR_METRICS.get(name).measure(Paired.of(x, x))
    assert found
    for m in found:
        assert m.value is not None or m.note.startswith("undefined: ")
        assert m.value is None or np.isfinite(m.value)


def test_sides_that_do_not_fit_are_refused():
    x, y = sides(20, 6, 9)
    with pytest.raises(InputError, match="the same dimensions"):
        value("modality_gap", x, y)
    with pytest.raises(InputError, match="must have the same number of rows; got 20 and 19"):
        value("linear_cka", x, y[1:])


@pytest.mark.shared_data
def test_reference_values_of_real_clip_pairs(shared_data):
    """Values of the specification, from features of 500 COCO pairs (clip500), renormalised, float64."""
    images, texts = np.load(shared_data / "clip500" / "features_clip.npy")
    assert value("modality_gap", images, texts) == pytest.approx(0.8514, abs=5e-5)
    assert value("paired_cosine", images, texts) == pytest.approx(0.3099, abs=5e-5)
    assert value("unpaired_cosine", images, texts) == pytest.approx(0.1616, abs=5e-5)
    for x, mean in ((images, 0.5315), (texts, 0.5152)):
        assert measure(x, metrics=["self_similarity"]).value(metric="self_similarity") == pytest.approx(mean, abs=5e-5)
    centred = [unit(x.astype(np.float64)) - unit(x.astype(np.float64)).mean(0) for x in (images, texts)]
    assert value("modality_gap", *centred) == pytest.approx(0.0279, abs=5e-5)
