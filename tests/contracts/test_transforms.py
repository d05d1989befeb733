"""Laws of every registered transform: scikit-learn's own checks, and what the pipeline relies on."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedscope.core.errors import InputError
from embedscope.core.registry import Registry
from embedscope.transforms import TRANSFORMS, Chain, load, parse_chain
from embedscope.transforms.affine import Spread

TEXTS = ["center", "abtt:1", "abtt:3", "whiten", "whiten:4", "whiten:4:ledoit-wolf", "whiten:4:zca", "pca", "pca:3"]
TEXTS += ["standardize", "drop:2"]
CHAINS = ["center,abtt:2,whiten:3", "whiten:5,center"]


def estimators():
    return (
        [TRANSFORMS.get(name)() for name in TRANSFORMS]
        + [TRANSFORMS.get("whiten")(shrinkage="ledoit-wolf")]
        + [Chain(), Chain((TRANSFORMS.get("center")(),))]
    )


@parametrize_with_checks(estimators())
def test_estimator(estimator, check):
    check(estimator)


def step(text):
    return parse_chain(text).steps[0]


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(5)
    return rng.standard_normal((300, 8)) @ rng.standard_normal((8, 8)) + 4 * rng.standard_normal(8)


def test_every_name_has_its_class():
    assert isinstance(TRANSFORMS, Registry)
    assert list(TRANSFORMS) == ["abtt", "center", "drop", "pca", "standardize", "whiten"]
    assert all(TRANSFORMS.get(name).name == name for name in TRANSFORMS)
    assert {text.partition(":")[0] for text in TEXTS} == set(TRANSFORMS)


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_docs_have_every_transform(name):
    page = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    assert all(f"`{usage}`" in page for usage in TRANSFORMS.get(name).usage.replace(" or ", ", ").split(", "))


@pytest.mark.parametrize("text", TEXTS)
def test_text_says_how_to_build_it_again(text):
    assert step(text).text == text
    assert step(step(text).text).get_params() == step(text).get_params()


@pytest.mark.parametrize("text", TEXTS + CHAINS)
def test_moments_suffice(text, x):
    rows, means = parse_chain(text).fit(x), parse_chain(text).fit_moments(Spread.of(x))
    assert_allclose(means.transform(x), rows.transform(x), atol=1e-9)
    assert means.n_features_out_ == rows.n_features_out_ == rows.transform(x).shape[1]


@pytest.mark.parametrize("text", TEXTS)
def test_push_gives_the_moments_of_what_comes_out(text, x):
    fitted = step(text).fit(x)
    other = x[:100] ** 2
    pushed, wanted = fitted.push(Spread.of(other)), Spread.of(fitted.transform(other))
    assert_allclose(pushed.mean, wanted.mean, rtol=1e-9, atol=1e-9)
    assert_allclose(pushed.scatter, wanted.scatter, rtol=1e-9, atol=1e-8 * np.abs(wanted.scatter).max())


@pytest.mark.parametrize("text", TEXTS + CHAINS)
def test_it_is_affine_and_centres(text, x):
    chain = parse_chain(text).fit(x)
    a, b = x[:7], x[7:14]
    assert_allclose(chain.transform(0.3 * a + 0.7 * b), 0.3 * chain.transform(a) + 0.7 * chain.transform(b), atol=1e-9)
    assert_allclose(chain.transform(x).mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("text", TEXTS + CHAINS)
def test_saved_and_loaded_gives_the_same_bits(tmp_path, text, x):
    chain = parse_chain(text).fit(x)
    chain.save(tmp_path / "chain.safetensors")
    again = load(tmp_path / "chain.safetensors")
    assert again.text == text
    assert_array_equal(again.transform(x), chain.transform(x))
    assert clone(again).text == text


@pytest.mark.parametrize("text", TEXTS)
def test_one_transform_is_saved_as_a_chain_of_one(tmp_path, text, x):
    fitted = step(text).fit(x)
    fitted.save(tmp_path / "one.safetensors")
    assert_array_equal(load(tmp_path / "one.safetensors").transform(x), fitted.transform(x))


@pytest.mark.parametrize("text", TEXTS + CHAINS)
def test_the_type_of_the_rows_is_kept(text, x):
    chain = parse_chain(text).fit(x)
    single = chain.transform(x.astype(np.float32))
    assert single.dtype == np.float32 and chain.transform(x).dtype == np.float64
    assert_allclose(single, chain.transform(x), rtol=1e-3, atol=1e-4)
    assert chain.transform(x.astype(np.int64)).dtype == np.float64


@pytest.mark.parametrize(
    "text", ["center", "pca", "whiten", "whiten:8:zca", "pca:8", "whiten:8,center", "center,pca:8"]
)
def test_what_has_an_inverse_comes_back(text, x):
    chain = parse_chain(text).fit(x)
    back = chain.inverse_transform(chain.transform(x))
    assert_allclose(back, x, atol=1e-8)
    assert chain.inverse_transform(chain.transform(x).astype(np.float32)).dtype == np.float32


def test_a_narrow_inverse_is_the_nearest_row_and_abtt_has_none(x):
    chain = parse_chain("pca:3").fit(x)
    back = chain.inverse_transform(chain.transform(x))
    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    assert_allclose(back, (x - x.mean(axis=0)) @ axes[:3].T @ axes[:3] + x.mean(axis=0), atol=1e-9)
    with pytest.raises(AttributeError, match="abtt:1 has no inverse_transform"):
        parse_chain("center,abtt:1").fit(x).inverse_transform(x)
    with pytest.raises(InputError, match="have 8 dimensions, pca:3 gives 3"):
        chain.inverse_transform(x)


def test_parameters_of_steps_have_names():
    chain = parse_chain("center,whiten:128")
    params = chain.get_params()
    assert params["whiten__k"] == 128 and params["center"] is chain.steps[0]
    assert "whiten__k" not in chain.get_params(deep=False)
    assert chain.set_params(whiten__k=64).text == "center,whiten:64"
    assert clone(chain).text == "center,whiten:64"
    assert chain.set_params(center=TRANSFORMS.get("abtt")(2)).text == "abtt:2,whiten:64"
    twice = parse_chain("center,abtt:1,center,abtt:2")
    assert twice.set_params(abtt_2__k=5).text == "center,abtt:1,center,abtt:5"
    with pytest.raises(ValueError, match="Invalid parameter"):
        chain.set_params(whiten__kk=1)


def test_grid_search_tunes_a_step(x):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    y = (x[:, 0] + 0.3 * x[:, 1] > 0).astype(int)
    search = GridSearchCV(
        make_pipeline(parse_chain("center,pca:1"), LogisticRegression(max_iter=500)), {"chain__pca__k": [1, 8]}, cv=3
    ).fit(x, y)
    assert search.best_params_ == {"chain__pca__k": 8}
