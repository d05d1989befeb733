"""CCA and whitened Procrustes against scikit-learn, numpy and scipy; joint bases against numpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import orthogonal_procrustes, sqrtm
from sklearn import cross_decomposition
from sklearn.covariance import LedoitWolf

from embedscope.core.errors import InputError
from embedscope.transforms.align import CCA, JointPCA, JointWhiten, WhitenedProcrustes, parse_alignment
from embedscope.transforms.pca import PCA
from embedscope.transforms.whiten import Whiten


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(3)
    common = rng.standard_normal((400, 3))
    x = np.hstack([common, rng.standard_normal((400, 4))]) @ rng.standard_normal((7, 7)) + 5
    y = np.hstack([common + 0.5 * rng.standard_normal((400, 3)), rng.standard_normal((400, 2))])
    return x, y @ rng.standard_normal((5, 5)) - 2


def test_correlations_are_the_cosines_between_subspaces(sides):
    """Björck and Golub: the canonical correlations are the singular values of Q_x' Q_y."""
    x, y = sides
    qx, qy = (np.linalg.qr(a - a.mean(0))[0] for a in sides)
    wanted = np.linalg.svd(qx.T @ qy, compute_uv=False)
    fitted = CCA(shrinkage="none").fit(x, y)
    assert_allclose(fitted.correlations_, wanted, atol=1e-12)
    a, b = fitted.transform(x), fitted.transform_right(y)
    both = np.corrcoef(a.T, b.T)
    assert_allclose(both[:5, 5:], np.diag(wanted), atol=1e-10)
    assert_allclose(both[:5, :5], np.eye(5), atol=1e-10)


def test_cca_against_scikit_learn(sides):
    x, y = sides
    a, b = cross_decomposition.CCA(3, max_iter=20_000, tol=1e-14).fit_transform(x, y)
    wanted = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(3)]
    fitted = CCA(3, shrinkage="none").fit(x, y)
    assert_allclose(fitted.correlations_, wanted, atol=1e-6)
    ours = fitted.transform(x)
    assert_allclose([abs(np.corrcoef(a[:, i], ours[:, i])[0, 1]) for i in range(3)], 1, atol=1e-5)


@pytest.mark.parametrize("shrinkage", [0.3, "ledoit-wolf"])
def test_regularised_cca_against_its_definition(sides, shrinkage):
    x, y = sides
    roots = []
    for rows in sides:
        c = np.cov(rows.T)
        a = LedoitWolf().fit(rows).shrinkage_ if shrinkage == "ledoit-wolf" else shrinkage
        roots.append(np.linalg.inv(sqrtm((1 - a) * c + a * np.trace(c) / len(c) * np.eye(len(c))).real))
    cross = np.cov(x.T, y.T)[:7, 7:]
    u, s, vt = np.linalg.svd(roots[0] @ cross @ roots[1], full_matrices=False)
    fitted = CCA(2, shrinkage=shrinkage).fit(x, y)
    assert_allclose(fitted.correlations_, s[:2], atol=1e-10)
    a, b = fitted.transform(x), fitted.transform_right(y)
    wanted = (x - x.mean(0)) @ roots[0] @ u[:, :2], (y - y.mean(0)) @ roots[1] @ vt[:2].T
    assert_allclose(a @ b.T, wanted[0] @ wanted[1].T, atol=1e-8)
    assert_allclose(a @ a.T, wanted[0] @ wanted[0].T, atol=1e-8)


@pytest.mark.parametrize("k", [None, 4])
def test_whitened_procrustes_step_by_step(sides, k):
    x, y = sides
    wx, wy = Whiten(k).fit_transform(x), Whiten(k).fit_transform(y)
    width = max(wx.shape[1], wy.shape[1])
    wx, wy = (np.pad(w, ((0, 0), (0, width - w.shape[1]))) for w in (wx, wy))
    rotation, _ = orthogonal_procrustes(wx, wy)
    fitted = WhitenedProcrustes(k).fit(x, y)
    assert_allclose(fitted.transform_right(y), wy, atol=1e-9)
    cosines = fitted.transform(x) @ fitted.transform_right(y).T
    assert_allclose(cosines, wx @ rotation @ wy.T, atol=1e-9)
    assert_allclose(np.cov(fitted.transform(x).T)[:3, :3], np.eye(3), atol=1e-9)


def test_all_canonical_directions_and_whitened_procrustes_differ_by_a_turn(sides):
    x, y = sides[0][:, :5], sides[1]
    a, b = CCA(shrinkage="none").fit(x, y), WhitenedProcrustes().fit(x, y)
    assert_allclose(a.transform(x) @ a.transform_right(y).T, b.transform(x) @ b.transform_right(y).T, atol=1e-8)


def test_too_many_components(sides):
    x, y = sides
    with pytest.raises(
        InputError, match="cca:6 wants 6 pairs of directions, these 400 pairs have 5; use cca:5 or fewer"
    ):
        CCA(6).fit(x, y)
    with pytest.raises(
        InputError, match=r"wants 6 components .* rank is 5; use 5 or fewer, more pairs, or a shrinkage"
    ):
        WhitenedProcrustes(6).fit(x, y)
    with pytest.raises(InputError, match="shrinkage from 0 to 1, 'none' or 'ledoit-wolf', got 2"):
        CCA(2, shrinkage=2).fit(x, y)


def test_joint_bases_are_those_of_both_sides_together(sides):
    x, y = sides[0][:, :5], sides[1]
    together = np.vstack([x - x.mean(0), y - y.mean(0)])
    fitted = JointPCA(3).fit(x, y)
    wanted = PCA(3).fit(together)
    assert_allclose(fitted.transform(x), wanted.transform(x - x.mean(0)), atol=1e-9)
    assert_allclose(fitted.transform_right(y), wanted.transform(y - y.mean(0)), atol=1e-9)
    joint = JointWhiten(3, mean="joint").fit(x, y)
    whole = Whiten(3).fit(np.vstack([x, y]))
    assert_allclose(joint.transform(x), whole.transform(x), atol=1e-9)
    assert_allclose(joint.transform_right(y), whole.transform(y), atol=1e-9)


def test_zca_is_the_symmetric_root_of_the_inverse_covariance(sides):
    x = sides[0]
    wanted = (x - x.mean(0)) @ np.linalg.inv(sqrtm(np.cov(x.T)).real)
    assert_allclose(Whiten(form="zca").fit_transform(x), wanted, atol=1e-8)


@pytest.mark.shared_data
def test_separate_bases_ruin_retrieval_and_a_joint_one_does_not(shared_data):
    """The values of the specification: raw .66, one joint basis .47 (whitening to 128), a basis for each side .008."""
    image, text = np.load(shared_data / "clip500" / "features_clip.npy").astype(np.float64)
    image, text = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (image, text))

    def recall(x, y):
        x, y = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
        cosines = x @ y.T
        return float(((cosines >= np.diag(cosines)[:, None]).sum(axis=1) == 1).mean())

    joint = parse_alignment("whiten:128").fit(image[:250], text[:250])
    assert recall(joint.transform(image[250:]), joint.transform_right(text[250:])) == pytest.approx(0.47, abs=0.01)
    apart = [PCA(128).fit(side[:250]).transform(side[250:]) for side in (image, text)]
    assert recall(*apart) == pytest.approx(0.008, abs=0.005)
    centred = parse_alignment("center").fit(image, text)
    rows = centred.transform(image), centred.transform_right(text)
    assert recall(*rows) == pytest.approx(0.542, abs=0.001)
    assert recall(*rows[::-1]) == pytest.approx(0.500, abs=0.001)
