"""Laws of every registered alignment and scorer: scikit-learn's checks, moments, files, documentation."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.stats import cross_gaussian
from embedscope.transforms.align import ALIGNMENTS, Alignment, ContrastiveHeads, load_alignment, parse_alignment
from embedscope.transforms.align.sides import push_moments
from embedscope.transforms.scorers import SCORERS, parse_scorer

PAGE = (Path(__file__).parents[2] / "docs" / "transforms.md").read_text(encoding="utf-8")
MOMENTS = [
    "none",
    "unit",
    "center",
    "center:joint",
    "shift",
    "procrustes",
    "procrustes:center",
    "procrustes:center:published",
    "lstsq",
    "lstsq:0.1",
    "lstsq:0.1:center",
    "wprocrustes",
    "wprocrustes:3",
    "wprocrustes:3:0.2",
    "cca",
    "cca:2",
    "cca:2:none",
    "cca:2:0.3",
    "pca",
    "pca:3",
    "pca:3:joint",
    "whiten",
    "whiten:3",
    "whiten:3:zca",
    "whiten:3:ledoit-wolf",
    "whiten:3:joint",
    "abtt:1",
    "own:abtt:1",
    "own:center+abtt:2/center",
    "center,procrustes",
    "center,whiten:4,procrustes,unit",
    "shift,lstsq:0.5:center,abtt:1",
    "center,cca:3:none,unit",
]
TRAINED = ["heads:5", "heads:learned", "heads:100:3", "center,heads:100:3,unit"]
NARROW = ["none", "center", "procrustes", "procrustes:center", "lstsq", "wprocrustes", "cca", "wprocrustes:3", "cca:2"]
WORDS = {"SCALE": "100", "K": "3", "RIDGE": "0.1", "SHRINKAGE": "0.1", "CHAIN": "center", "BETA": "30"}


def estimators():
    made = [ALIGNMENTS.get(name)() for name in ALIGNMENTS if name != "heads"]
    return [*made, Alignment(), Alignment((ALIGNMENTS.get("center")(),))]


_EQUAL = "needs sides of equal dimensions, and scikit-learn's regression data have one target"
NOT_CHECKED = {
    "ModalityShift": _EQUAL,
    "JointPCA": _EQUAL,
    "JointWhiten": _EQUAL,
    "JointRemoveTop": _EQUAL,
    "ContrastiveHeads": "needs torch, and a fit for each of fifty checks; its laws are checked below",
}
"""Estimators that scikit-learn's checks cannot run on, with the reason."""


def exceptions(estimator):
    """Checks that cannot hold for one alignment, with the reason."""
    failed = {}
    if estimator.name == "cca":  # scikit-learn knows its own CCA by the name of the class, and calls transform(X, y)
        for name in ("data_not_an_array", "general", "general(readonly_memmap=True)"):
            failed[f"check_transformer_{name}"] = "transform takes one side"
    if estimator.name in ("center", "own", "alignment"):
        for name in ("fit_score_takes_y", "pipeline_consistency"):
            failed[f"check_{name}"] = "sides of different dimensions keep them, so they have no cosines to score"
    return failed


@parametrize_with_checks(
    [e for e in estimators() if type(e).__name__ not in NOT_CHECKED], expected_failed_checks=exceptions
)
def test_estimator(estimator, check):
    check(estimator)


def test_every_estimator_is_checked_or_listed():
    checked = {type(e).__name__ for e in estimators()} - set(NOT_CHECKED)
    assert {ALIGNMENTS.get(name).__name__ for name in ALIGNMENTS} <= checked | set(NOT_CHECKED)


@pytest.mark.parametrize("text", ["procrustes", "lstsq:0.1", "center,cca:3,unit", "whiten:3"])
def test_the_type_of_the_rows_is_kept(text, sides):
    x, y = sides
    fitted = parse_alignment(text).fit(x, y)
    assert fitted.transform(x).dtype == fitted.transform_right(y).dtype == np.float64
    left, right = fitted.transform(x.astype(np.float32)), fitted.transform_right(y.astype(np.float32))
    assert left.dtype == right.dtype == np.float32
    assert_allclose(left, fitted.transform(x), rtol=1e-3, atol=1e-4)


def test_the_score_is_recall_of_the_pairs_both_ways(sides):
    from embedscope.tasks.retrieval import recall_both_ways

    x, y = sides
    fitted = parse_alignment("lstsq").fit(x, y)
    recall = recall_both_ways(fitted.transform(x), fitted.transform_right(y), ks=[1])
    assert fitted.score(x, y) == pytest.approx(np.mean([s.value for s in recall.values()]))
    assert parse_alignment("none").fit(x[:, :1], np.ones((300, 1))).score(
        x[:, :1] ** 2, np.ones((300, 1))
    ) == pytest.approx(1 / 300)
    with pytest.raises(InputError, match="a score needs equal ones"):
        parse_alignment("center").fit(x, y[:, :4]).score(x, y[:, :4])


def test_grid_search_tunes_a_step(sides):
    from sklearn.model_selection import GridSearchCV

    x, y = sides
    alignment = parse_alignment("center,lstsq:1000000")
    assert alignment.get_params()["lstsq__ridge"] == 1000000
    search = GridSearchCV(alignment, {"lstsq__ridge": [1e-3, 1e6]}, cv=3).fit(x, y)
    assert search.best_params_ == {"lstsq__ridge": 1e-3}


def example(usage):
    return ":".join(WORDS.get(word, word) for word in usage.split(":"))


def usages(registry):
    return [u for name in registry for u in registry.get(name).usage.replace(" or ", ", ").split(", ")]


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 2 * rng.standard_normal(6)
    return x, x @ rng.standard_normal((6, 6)) + rng.standard_normal((300, 6)) - 1


def quick(text):
    """The alignment of ``text``, with few steps where one is trained."""
    made = parse_alignment(text)
    for step in made.steps:
        if isinstance(step, ContrastiveHeads):
            pytest.importorskip("torch", reason="the extra hf is not installed")
            step.set_params(steps=20)
    return made


def test_every_name_has_its_class():
    assert sorted(ALIGNMENTS) == sorted(
        ["abtt", "cca", "center", "heads", "lstsq", "own", "pca", "procrustes", "shift", "whiten", "wprocrustes"]
    )
    assert all(ALIGNMENTS.get(name).name == name for name in ALIGNMENTS)
    assert {part.partition(":")[0] for text in MOMENTS + TRAINED for part in text.split(",")} == {
        *ALIGNMENTS,
        "none",
        "unit",
    }
    assert sorted(SCORERS) == ["csls", "inverted-softmax", "local-scaling"]
    assert all(SCORERS.get(name).name == name for name in SCORERS)


@pytest.mark.parametrize("usage", usages(ALIGNMENTS) + usages(SCORERS))
def test_docs_have_every_usage(usage):
    assert f"`{usage}`" in PAGE


@pytest.mark.parametrize("usage", usages(ALIGNMENTS))
def test_every_usage_is_understood(usage):
    text = parse_alignment(example(usage)).text
    assert parse_alignment(text).text == text


@pytest.mark.parametrize("usage", usages(SCORERS))
def test_every_scorer_is_understood(usage):
    text = parse_scorer(example(usage)).text
    assert parse_scorer(text).text == text


@pytest.mark.parametrize("text", MOMENTS + TRAINED)
def test_text_says_how_to_build_it_again(text):
    made = parse_alignment(text)
    assert made.text == text
    again = parse_alignment(made.text)
    assert [step.get_params() for step in again.steps] == [step.get_params() for step in made.steps]


@pytest.mark.parametrize("text", MOMENTS)
def test_moments_suffice(text, sides):
    x, y = sides
    rows, means = parse_alignment(text).fit(x, y), parse_alignment(text).fit_cross(cross_gaussian(x, y))
    assert_array_equal(means.transform(x), rows.transform(x))
    assert_array_equal(means.transform_right(y), rows.transform_right(y))
    one_by_one, right = x, y
    for step in parse_alignment(text).steps:
        fitted = clone(step).fit(one_by_one, right)
        one_by_one, right = fitted.transform(one_by_one), fitted.transform_right(right)
    if not rows.renormalise:
        assert_allclose(rows.transform(x), one_by_one, rtol=1e-7, atol=1e-8)
        assert_allclose(rows.transform_right(y), right, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("text", NARROW)
@pytest.mark.parametrize(("dx", "dy"), [(6, 4), (3, 6)])
def test_sides_of_different_width(text, dx, dy, sides):
    x, y = sides[0][:, :dx], sides[1][:, :dy]
    fitted = parse_alignment(text).fit(x, y)
    a, b = fitted.transform(x), fitted.transform_right(y)
    assert len(a) == len(b) == 300
    assert text in {"none", "center"} or a.shape == b.shape


@pytest.mark.parametrize("text", ["shift", "pca:2", "whiten:2", "abtt:1", "center:joint"])
def test_what_needs_equal_widths_says_so(text, sides):
    with pytest.raises(InputError, match="equal dimensions"):
        parse_alignment(text).fit(sides[0][:, :4], sides[1])


@pytest.mark.parametrize("text", MOMENTS)
def test_push_gives_the_moments_of_what_comes_out(text, sides):
    x, y = sides
    fitted = parse_alignment(text).fit(x, y)
    a, b = fitted.left_.apply(x), fitted.right_.apply(y)
    found, wanted = push_moments(cross_gaussian(x, y), fitted.left_, fitted.right_), cross_gaussian(a, b)
    for name in ("mean_x", "mean_y", "cxx", "cxy", "cyy"):
        values = getattr(wanted, name)
        assert_allclose(getattr(found, name), values, rtol=1e-8, atol=1e-8 * max(np.abs(values).max(), 1))


@pytest.mark.parametrize("text", MOMENTS + TRAINED)
def test_saved_and_loaded_gives_the_same_bits(tmp_path, text, sides):
    x, y = sides
    fitted = quick(text).fit(x, y)
    fitted.save(tmp_path / "a.safetensors")
    again = load_alignment(tmp_path / "a.safetensors")
    assert again.text == text
    assert_array_equal(again.transform(x), fitted.transform(x))
    assert_array_equal(again.transform_right(y), fitted.transform_right(y))
    assert (again.notes_, again.facts, again.n_pairs_) == (fitted.notes_, fitted.facts, 300)
    assert clone(again).text == text


@pytest.mark.parametrize("text", MOMENTS + TRAINED)
def test_one_map_a_side(text, sides):
    """Every alignment is one affine map of each side, apart from renormalising."""
    x, y = sides
    fitted = quick(text).fit(x, y)
    for side, rows in ((fitted.left_, x), (fitted.right_, y)):
        a, b = rows[:9], rows[9:18]
        assert_allclose(side.apply(0.3 * a + 0.7 * b), 0.3 * side.apply(a) + 0.7 * side.apply(b), atol=1e-9)
    out = fitted.transform(x)
    assert fitted.n_features_out_ == out.shape[1]
    if fitted.renormalise:
        assert_allclose(np.linalg.norm(out, axis=1), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("procrusts", "unknown alignment 'procrusts'; did you mean 'procrustes'?"),
        ("procrustes:3", "write procrustes, procrustes:center or procrustes:published"),
        ("lstsq:-1", "needs a number of 0 or more, as in lstsq:0.1"),
        ("lstsq:x", "needs a number of 0 or more"),
        ("lstsq:1:2", "is not understood; write lstsq"),
        ("cca:0", "whole number above 0"),
        ("cca:3:2", "shrinkage from 0 to 1"),
        ("cca:3:.1:4", "is not understood"),
        ("shift:1", "shift takes no number"),
        ("center:1", "write center or center:joint"),
        ("heads:x", "needs a scale above 0 or learned"),
        ("heads:1:2:3", "is not understood"),
        ("unit,center", "with unit as the last word"),
        ("center,,unit", "is not understood"),
        ("center,none", "or none alone"),
        ("whiten:2:lw", "whiten:128:zca"),
    ],
)
def test_alignments_that_are_not_understood(text, message):
    with pytest.raises((InputError, UnknownNameError), match=message.replace("?", r"\?")):
        parse_alignment(text)


@pytest.mark.parametrize("text", ["own:pca:2", "own:whiten:2", "own:center+whiten:3:ledoit-wolf"])
def test_a_basis_for_each_side_is_an_error(text, sides):
    with pytest.raises(InputError, match=r"unrelated bases.*fit one joint basis"):
        parse_alignment(text).fit(*sides)


@pytest.mark.parametrize("name", ["pca", "whiten", "abtt"])
def test_separate_bases_are_an_error(name, sides):
    with pytest.raises(
        InputError, match=r"basis must be 'joint', got 'separate': PCA and whitening .* unrelated bases"
    ):
        ALIGNMENTS.get(name)(basis="separate").fit(*sides)


def test_other_messages(tmp_path, sides):
    x, y = sides
    fitted = parse_alignment("procrustes").fit(x, y)
    with pytest.raises(ValueError, match="X has 5 features"):
        fitted.transform(x[:, :5])
    with pytest.raises(InputError, match="right side of 6 dimensions, got 5"):
        fitted.transform_right(y[:, :5])
    with pytest.raises(InputError, match="trained on rows, moments do not suffice"):
        parse_alignment("center,heads").fit_cross(cross_gaussian(x, y))
    inner = ALIGNMENTS.get("procrustes")(renormalise=True)
    with pytest.raises(InputError, match="a step of an alignment cannot renormalise"):
        Alignment((inner,)).fit(x, y)
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError, match="not a saved alignment"):
        load_alignment(tmp_path / "junk.safetensors")
