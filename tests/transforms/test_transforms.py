"""Each transform against a naive computation and against scikit-learn; messages that users meet."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.transforms import Chain, load, parse_chain
from embedscope.transforms.abtt import RemoveTopComponents
from embedscope.transforms.affine import Spread
from embedscope.transforms.center import Center
from embedscope.transforms.whiten import Whiten


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(11)
    return rng.standard_normal((500, 12)) * np.geomspace(8, 0.1, 12) + 3


def test_center_against_numpy(x):
    assert_allclose(Center().fit(x).mean_, x.mean(axis=0), rtol=1e-14)


@pytest.mark.parametrize("k", [1, 3, 12])
def test_abtt_against_a_naive_svd(x, k):
    centred = x - x.mean(axis=0)
    _, _, vt = np.linalg.svd(centred, full_matrices=False)
    naive = centred.copy()
    for v in vt[:k]:
        naive -= np.outer(naive @ v, v)
    assert_allclose(RemoveTopComponents(k).fit_transform(x), naive, atol=1e-9)


def test_abtt_against_pca(x):
    pca = PCA(2).fit(x)
    rest = (x - pca.mean_) - pca.inverse_transform(pca.transform(x)) + pca.mean_
    assert_allclose(RemoveTopComponents(2).fit_transform(x), rest, atol=1e-9)


@pytest.mark.parametrize("k", [None, 5])
def test_whiten_against_pca(x, k):
    ours = Whiten(k).fit_transform(x)
    theirs = PCA(k, whiten=True, svd_solver="full").fit_transform(x)
    assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-8)
    assert_allclose(np.cov(ours.T), np.eye(ours.shape[1]), atol=1e-9)


def test_whiten_with_ledoit_wolf_against_scikit_learn(x):
    small = x[:9]
    fitted = Whiten(shrinkage="ledoit-wolf").fit(small)
    covariance, shrinkage = ledoit_wolf(small)
    assert fitted.shrinkage_ == pytest.approx(shrinkage)
    precision = fitted.components_ @ fitted.components_.T * len(small) / (len(small) - 1)
    assert_allclose(precision, np.linalg.inv(covariance), rtol=1e-8)
    assert Whiten(shrinkage="ledoit-wolf").fit(x).shrinkage_ == pytest.approx(ledoit_wolf(x)[1])


def test_a_component_has_its_largest_coordinate_positive(x):
    components = RemoveTopComponents(4).fit(x).components_
    assert (components[np.arange(4), np.abs(components).argmax(axis=1)] > 0).all()


def test_offset_does_not_spoil_the_result(x):
    assert_allclose(Whiten(3).fit_transform(x + 1e6), Whiten(3).fit_transform(x), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("centre", "unknown transform 'centre'; did you mean 'center'?"),
        ("whitn:3", "did you mean 'whiten'?"),
        ("center:3", "center takes no number"),
        ("abtt", "as in abtt:1"),
        ("abtt:0", "whole number above 0"),
        ("abtt:x", "'abtt:x' needs a whole number"),
        ("whiten:-2", "whole number above 0"),
        ("whiten:2:lw", "whiten:128:ledoit-wolf"),
        ("center,,abtt:1", "empty step"),
        ("", "empty step"),
    ],
)
def test_chains_that_are_not_understood(text, message):
    with pytest.raises((InputError, UnknownNameError), match=message.replace("?", r"\?")):
        parse_chain(text)


def test_too_many_components_say_what_to_do(x):
    with pytest.raises(InputError, match=r"whiten:20 wants 20 components, but .* rank 12; use whiten:12 or fewer"):
        parse_chain("whiten:20").fit(x)
    with pytest.raises(InputError, match=r"rank 4; use whiten:4 or fewer, or more rows than dimensions"):
        parse_chain("whiten").fit(x[:5])
    with pytest.raises(InputError, match=r"abtt:9 would remove 9 .* rank 4; use abtt:3 or fewer"):
        parse_chain("abtt:9").fit(x[:5])
    with pytest.raises(InputError, match="rank 11; use whiten:11"):
        parse_chain("abtt:1,whiten").fit(x)
    with pytest.raises(InputError, match="needs at least 2 rows, got 1"):
        parse_chain("abtt:1").fit_moments(Spread(1, x[0], np.zeros((12, 12))))
    with pytest.raises(InputError, match="9 rows are all equal"):
        parse_chain("abtt:1").fit(np.ones((9, 3)))
    with pytest.raises(InputError, match="put abtt before whiten"):
        parse_chain("whiten,abtt:1").fit(x)


def test_shrinkage_needs_fourth_moments(x):
    for text in ("whiten:3:ledoit-wolf", "center,whiten:3:ledoit-wolf"):
        rows, means = parse_chain(text).fit(x[:9]), parse_chain(text).fit_moments(Spread.of(x[:9]))
        assert_allclose(means.transform(x), rows.transform(x), atol=1e-9)
    with pytest.raises(InputError, match="not known after abtt or whiten"):
        parse_chain("abtt:1,whiten:3:ledoit-wolf").fit_moments(Spread.of(x))
    with pytest.raises(InputError, match="knows the shrinkages none, ledoit-wolf"):
        Whiten(shrinkage="oas").fit(x)
    with pytest.raises(InputError, match=r"whole number above 0, got 2\.5"):
        Whiten(k=2.5).fit(x)


def test_files_that_hold_no_chain(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3)}, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"junk")
    for name in ("a", "b", "none"):
        with pytest.raises(InputError, match="not a saved chain"):
            load(tmp_path / f"{name}.safetensors")


def test_the_empty_chain_is_the_identity(tmp_path, x):
    chain = Chain().fit(x)
    assert_allclose(chain.transform(x), x)
    chain.save(tmp_path / "id.safetensors")
    assert_allclose(load(tmp_path / "id.safetensors").transform(x), x)


def test_feature_names(x):
    assert Whiten(2).fit(x).get_feature_names_out().tolist() == ["whiten0", "whiten1"]
    assert Center().fit(x).get_feature_names_out().tolist()[:2] == ["x0", "x1"]
