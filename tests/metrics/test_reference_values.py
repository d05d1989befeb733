"""Values against closed forms, independent packages and published numbers."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from embedscope import metrics
from embedscope.core.errors import InputError
from embedscope.metrics import METRICS


def cloud(n=70, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.geomspace(0.2, 2, d) + rng.normal(size=d)


@pytest.fixture
def clip(shared_data):
    """Real image and text vectors of one CLIP model, renormalised in float64."""
    x = np.load(shared_data / "clip500" / "features_clip.npy").astype(np.float64)
    return x / np.linalg.norm(x, axis=2, keepdims=True)


def test_self_similarity_is_the_mean_cosine_of_scipy():
    x = cloud()
    assert metrics.self_similarity(x) == pytest.approx(1 - pdist(x, "cosine").mean(), abs=1e-13)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    centred = 1 - pdist(unit - unit.mean(0), "cosine").mean()
    assert metrics.self_similarity_centered(x) == pytest.approx(centred, abs=1e-13)
    by_raw = 1 - pdist(x - x.mean(0), "cosine").mean()
    assert METRICS.get("self_similarity_centered:raw_mean")(x) == pytest.approx(by_raw, abs=1e-13)


def test_self_similarity_reaches_both_ends():
    simplex = np.eye(6) - 1 / 6
    assert metrics.self_similarity(simplex) == pytest.approx(-1 / 5, abs=1e-14)
    assert metrics.self_similarity(np.ones((5, 3)) * np.arange(1, 6)[:, None]) == pytest.approx(1, abs=1e-14)


def test_zero_rows_are_left_out_of_cosines_and_counted():
    x = cloud()
    holed = np.insert(x, [0, 30, 70], 0.0, axis=0)
    for name in ("self_similarity", "self_similarity_centered", "i1", "i2", "top5_share"):
        assert METRICS.get(name)(holed) == pytest.approx(METRICS.get(name)(x), rel=1e-12)
    assert metrics.zero_rows(holed) == 3
    assert metrics.mean_norm(holed) == pytest.approx(np.linalg.norm(holed, axis=1).mean())


def test_parts_of_coordinates_sum_to_the_mean_cosine():
    from embedscope.stats import UnitSum, statistic_of

    x = cloud()
    x[:, 5] += 10
    assert statistic_of(UnitSum(), x).parts.sum() == pytest.approx(metrics.self_similarity(x), abs=1e-14)
    found = metrics.rogue_contribution(x)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    outer = np.outer(unit[:, 5], unit[:, 5])
    assert found["rogue_contribution.top1_coordinate"] == 5
    assert found["rogue_contribution"] == pytest.approx((outer.sum() - np.trace(outer)) / (70 * 69), abs=1e-14)


@pytest.mark.parametrize("k", [1, 5, 8])
def test_top_shares_against_a_plain_loop(k):
    x = cloud()
    share = np.mean([np.linalg.norm(sorted(abs(r))[-k:]) / np.linalg.norm(r) for r in x])
    signed = np.mean([np.linalg.norm(sorted(r)[-k:]) for r in x]) / np.mean([np.linalg.norm(r) for r in x])
    assert metrics.top_share(k)(x) == pytest.approx(share, rel=1e-13)
    assert metrics.top_share(k, "published")(x) == pytest.approx(signed, rel=1e-13)


def test_top_share_of_equal_coordinates_and_its_refusals():
    assert metrics.top5_share(np.ones((3, 20))) == pytest.approx(np.sqrt(5 / 20), abs=1e-14)
    with pytest.raises(metrics.UndefinedError, match="at least 5 coordinates, got 3"):
        metrics.top5_share(np.eye(3))
    with pytest.raises(InputError, match="k >= 1"):
        metrics.top_share(0)


def test_one_large_negative_coordinate_hides_from_the_signed_share():
    """The signed share reads .30 where the share by absolute value is .92 (spec of wolfe2022)."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 100))
    x[:, 3] = -20
    assert metrics.top5_share(x) > 0.9
    assert METRICS.get("top5_share:published")(x) < 0.3


@pytest.mark.parametrize(("n", "d"), [(400, 20), (15, 40)])
def test_isoscore_against_its_package_and_the_naive_algorithm(n, d):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from IsoScore import IsoScore

    x = cloud(n, d)
    with torch.no_grad():
        package = float(IsoScore.IsoScore(x)) if n > d else None
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T)).clip(0)[::-1]
    normed = eigenvalues * np.sqrt(d) / np.linalg.norm(eigenvalues)
    defect = np.linalg.norm(normed - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    naive = ((d - defect**2 * (d - np.sqrt(d))) ** 2 - d) / (d * (d - 1))
    assert metrics.isoscore(x) == pytest.approx(naive, abs=1e-12)
    assert package is None or metrics.isoscore(x) == pytest.approx(package, abs=1e-6)
    assert metrics.isoscore(x) == pytest.approx((metrics.participation_ratio(x) - 1) / (d - 1), abs=1e-14)


@pytest.mark.parametrize(("n", "expected"), [(100, 0.28), (20_000, 0.99)])
def test_isoscore_of_isotropic_rows_needs_many_of_them(n, expected):
    """Published behaviour of an isotropic space of 256 coordinates (spec of the metrics)."""
    from embedscope.stats import Grouped

    x = np.random.default_rng(0).normal(size=(n, 256))
    ids = np.arange(n, dtype=np.uint64)
    (found,) = metrics.isoscore.measure(Grouped(metrics.isoscore.needs, {}, 0).update(x, ids, ids).result())
    assert found.value == pytest.approx(expected, abs=0.01)
    assert (found.note is None) == (n >= 2560)
    assert found.note is None or "below 10 d = 2560" in found.note


def test_participation_ratio_is_biased_and_its_unbiased_form_is_not():
    """An isotropic space of 64 coordinates reads 52.5 +- .3 at n = 300 (spec of the metrics)."""
    draws = [np.random.default_rng(s).normal(size=(300, 64)) for s in range(40)]
    plain = np.array([metrics.participation_ratio(x) for x in draws])
    unbiased = np.array([metrics.participation_ratio_unbiased(x) for x in draws])
    assert plain.mean() == pytest.approx(52.8, abs=0.4)
    assert unbiased.mean() == pytest.approx(64, abs=0.3)


def test_unbiased_trace_of_the_squared_covariance_is_the_u_statistic():
    """tr C^2 over all quadruples of different rows, by brute force (himeno2014)."""
    from itertools import permutations

    x = cloud(7, 3)
    brute = np.mean([((x[i] - x[j]) @ (x[k] - x[m])) ** 2 / 4 for i, j, k, m in permutations(range(7), 4)])
    expected = np.trace(np.cov(x.T)) ** 2 / brute
    assert metrics.participation_ratio_unbiased(x) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(70, 12), (12, 40), (300, 30)])
def test_ranks_against_a_singular_value_decomposition(n, d):
    x = cloud(n, d)
    s = np.linalg.svd(x, compute_uv=False)
    p = s / s.sum()
    assert metrics.effective_rank(x) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-11)
    assert metrics.stable_rank(x) == pytest.approx((s**2).sum() / s[0] ** 2, rel=1e-12)
    c = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    assert metrics.stable_rank_centered(x) == pytest.approx(c.sum() / c[0], rel=1e-11)
    assert metrics.participation_ratio(x) == pytest.approx(c.sum() ** 2 / (c**2).sum(), rel=1e-11)


def test_effective_rank_of_few_directions_has_no_rounding_in_it():
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.normal(size=(200, 5)))[0]
    coordinates = np.linalg.qr(rng.normal(size=(400, 5)))[0]
    assert metrics.effective_rank(coordinates @ basis.T) == pytest.approx(5, abs=1e-9)


def test_coordinate_and_length_spread_against_numpy():
    x = cloud()
    std, length = x.std(axis=0), np.linalg.norm(x, axis=1)
    assert metrics.coordinate_std(x) == pytest.approx(
        {
            "coordinate_std": std.mean(),
            "coordinate_std.std": std.std(),
            "coordinate_std.cv": std.std() / std.mean(),
        },
        rel=1e-12,
    )
    assert metrics.mean_norm(x) == pytest.approx(length.mean(), rel=1e-13)
    assert metrics.norm_cv(x) == pytest.approx(length.std() / length.mean(), rel=1e-12)


def naive_z(x, directions):
    z = np.exp(x @ directions).sum(axis=0)
    return z.min() / z.max(), z.std() / z.mean()


def test_partition_function_against_its_definition():
    x = cloud()
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    vectors = np.linalg.svd(u)[2].T
    i1, i2 = naive_z(u, np.hstack([vectors, -vectors]))
    assert metrics.i1(x) == pytest.approx(i1, rel=1e-10)
    assert metrics.i2(x) == pytest.approx(i2, rel=1e-10)
    assert np.exp(-2) <= metrics.i1(x) <= 1


def test_long_raw_rows_do_not_overflow():
    x = 2000 * cloud()
    assert metrics.i1.with_rows("raw")(x) == pytest.approx(0, abs=1e-12)
    assert np.isfinite(metrics.i2.with_rows("raw")(x))


@pytest.mark.shared_data
def test_mean_cosine_of_real_clip_vectors(clip):
    """.5315 and .5152 (spec of the metrics)."""
    assert metrics.self_similarity(clip[0]) == pytest.approx(0.5315, abs=5e-5)
    assert metrics.self_similarity(clip[1]) == pytest.approx(0.5152, abs=5e-5)


@pytest.mark.shared_data
@pytest.mark.parametrize("side", [0, 1])
def test_partition_function_of_real_clip_vectors(clip, side):
    """Table 1 of tyshchuk2023 (.83, .03; centred .99 to 1.00, .00) follows the published variant, not ours."""
    x = clip[side]
    published = METRICS.get("i1:published"), METRICS.get("i2:published")
    assert published[0](x) == pytest.approx(0.83, abs=0.005)
    assert published[1](x) == pytest.approx(0.03, abs=0.005)
    assert 0.2 < metrics.i1(x) < 0.26
    centred = x - x.mean(axis=0)
    assert published[0].with_rows("raw")(centred) == pytest.approx(0.999, abs=0.001)
    assert published[1].with_rows("raw")(centred) == pytest.approx(0.0, abs=5e-4)
    assert published[0](centred) == pytest.approx(0.99, abs=0.005)
    vectors = np.linalg.eigh(x.T @ x)[1]
    assert naive_z(x, np.hstack([vectors, -vectors]))[0] == pytest.approx(metrics.i1(x), rel=1e-9)
