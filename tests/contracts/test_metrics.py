"""Laws of every registered metric: what it declares holds, what it does not declare does not, and the docs say it."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import embedscope.metrics
from embedscope.core.errors import EmbedscopeError, InputError, UnknownNameError
from embedscope.core.ids import hash_rows
from embedscope.metrics import DEFAULTS, METRICS, UndefinedError
from embedscope.metrics.pairs import PAIR_METRICS
from embedscope.stats import Grouped, statistic_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
TRANSFORMS = ("rotation", "translation", "scale", "row_scale")


def cloud(n=90):
    """Rows with a mean, unequal coordinates and lengths, and one zero row: nothing is invariant by accident."""
    rng = np.random.default_rng(11)
    x = (rng.normal(size=(n, 9)) * np.geomspace(0.3, 3, 9) + np.linspace(-1, 2, 9)) * rng.uniform(0.5, 3, (n, 1))
    x[4] = 0
    return x


def apply_change(x, name):
    rng = np.random.default_rng(12)
    if name == "rotation":
        return x @ np.linalg.qr(rng.normal(size=(x.shape[1],) * 2))[0]
    if name == "translation":
        return x + rng.normal(size=x.shape[1])
    return x * (3.7 if name == "scale" else rng.uniform(0.2, 5, (len(x), 1)))


def values(metric, x):
    out = metric(x)
    return out if isinstance(out, dict) else {metric.id: out}


def group(metric, x, n_groups=16):
    results = {need: statistic_of(need, x) for need in metric.needs.depends}
    ids = hash_rows(0, len(x))
    return Grouped(metric.needs, results, n_groups).update(x, ids, ids).result()


def on_every_rows():
    for name in METRICS:
        metric = METRICS.get(name)
        for rows in ("raw", "unit"):
            if rows == metric.rows or not metric.fixed_rows:
                yield pytest.param(metric.with_rows(rows), id=f"{name}-{rows}")


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("metric", list(on_every_rows()))
def test_declared_invariances_hold_and_undeclared_fail(metric, transform):
    assert metric.invariant <= set(TRANSFORMS)
    x = cloud(3000 if metric.id == "antihub_share" else 90)  # few rows have no antihubs
    before, after = values(metric, x), values(metric, apply_change(x, transform))
    if transform in metric.invariant:
        assert after == pytest.approx(before, rel=1e-9, abs=1e-12)
    else:
        assert abs(after[metric.id] - before[metric.id]) > 1e-4 * abs(before[metric.id])


@pytest.mark.parametrize("name", list(METRICS))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 40), d=st.integers(8, 12), offset=st.sampled_from([0, 1, 1e3]))
def test_bounds(name, seed, n, d, offset):
    metric = METRICS.get(name)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * rng.uniform(0.1, 4, d) + offset * rng.normal(size=d)
    try:
        value = values(metric, x)[metric.id]
    except UndefinedError:
        return
    low, high = (d if bound == "dim" else bound for bound in metric.bounds)
    assert low is None or value >= low - 1e-9 * max(1, abs(low))
    assert high is None or value <= high * (1 + 1e-9)


@pytest.mark.parametrize("name", list(METRICS))
def test_measured_is_the_value_with_an_interval_around_it(name):
    metric, x = METRICS.get(name), cloud()
    expected = values(metric, x)
    found = metric.measure(group(metric, x))
    assert [m.metric for m in found] == list(expected)
    for m in found:
        assert m.value == pytest.approx(expected[m.metric], rel=1e-9, abs=1e-12)
        assert (m.dim, m.rows, m.exact) == (9, metric.rows, True)
        if m.metric in metric.no_interval:
            assert (m.stderr, m.ci_low, m.ci_high) == (None, None, None)
        else:
            assert m.stderr > 0
            assert m.ci_low <= m.value <= m.ci_high
            assert m.ci_low < m.ci_high
            assert metric.caveat is None or metric.caveat in m.note
    for m in metric.measure(group(metric, x, 0)):
        assert (m.stderr, m.ci_low, m.ci_high) == (None, None, None)


@pytest.mark.parametrize("x", [np.zeros((5, 9)), np.ones((1, 9)), np.full((40, 9), 0.1)], ids=["zero", "one", "equal"])
@pytest.mark.parametrize("name", list(METRICS))
def test_degenerate_rows_give_a_number_or_a_reason(name, x):
    metric = METRICS.get(name)
    found = metric.measure(group(metric, x))
    assert found
    for m in found:
        if m.value is None:
            assert m.note.startswith("undefined: ")
            with pytest.raises(UndefinedError, match="undefined"):
                metric(x)
        else:
            assert np.isfinite(m.value)
            assert np.isfinite(list(values(metric, x).values())).all()


@pytest.mark.parametrize("name", list(METRICS))
def test_fast_precision_is_near_and_says_so(name):
    metric, x = METRICS.get(name), cloud().astype(np.float32)
    fast = metric.with_precision("fast")
    assert values(fast, x) == pytest.approx(values(metric, x), rel=1e-3, abs=1e-6)
    found = fast.measure(group(fast, x))
    multiplies = hasattr(metric.needs, "precision")
    assert {m.exact for m in found} == {not multiplies}
    assert not multiplies or "float32" in found[0].note


@pytest.mark.parametrize("name", list(METRICS))
def test_torch_and_integers_and_lists(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    metric = METRICS.get(name)
    x = np.random.default_rng(2).integers(-9, 10, (30, 9))
    assert values(metric, torch.from_numpy(x).float()) == pytest.approx(values(metric, x), rel=1e-9, abs=1e-12)
    assert values(metric, x.tolist()) == values(metric, x)


@pytest.mark.parametrize("name", list(METRICS))
def test_rows_override(name):
    metric = METRICS.get(name)
    assert metric.with_rows(metric.rows) is metric
    other = "unit" if metric.rows == "raw" else "raw"
    if metric.fixed_rows:
        with pytest.raises(InputError, match=f"defined on {metric.rows} rows only"):
            metric.with_rows(other)
    else:
        assert metric.with_rows(other).rows == other
        assert metric.with_rows(other).with_rows(metric.rows) == metric


def test_names_defaults_and_lazy_access():
    assert len(DEFAULTS) == 13
    assert set(DEFAULTS) <= set(METRICS)
    for name in METRICS:
        assert METRICS.get(name).name == name
        if name.isidentifier():
            assert getattr(embedscope.metrics, name) is METRICS.get(name)
    with pytest.raises(UnknownNameError, match="did you mean 'isoscore'"):
        METRICS.get("isoscor")
    with pytest.raises(AttributeError, match="no attribute 'isoscor'"):
        _ = embedscope.metrics.isoscor


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[np.nan, 1.0]], np.zeros((0, 3)), [["a"]]])
@pytest.mark.parametrize("name", list(METRICS))
def test_bad_input_is_refused(name, bad):
    with pytest.raises(EmbedscopeError):
        METRICS.get(name)(bad)


def read_documents():
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {section.partition("\n")[0].strip(): section.partition("\n")[2] for section in sections}


def fact(section, name):
    found = re.search(rf"^- {name}: (.+(?:\n  .+)*)", section, flags=re.MULTILINE)
    assert found, f"docs/metrics.md lacks '- {name}:'"
    return found.group(1)


def test_docs_list_every_metric_and_no_other():
    assert sorted(read_documents()) == sorted([*METRICS, *PAIR_METRICS])


@pytest.mark.parametrize("name", list(PAIR_METRICS))
def test_docs_say_what_the_metric_of_two_spaces_declares(name):
    metric, section = PAIR_METRICS.get(name), read_documents()[name]
    assert not section.lstrip().startswith("-"), "the definition comes first"
    assert set(fact(section, "Invariant under").split(", ")) == metric.invariant
    assert (fact(section, "Rows"), fact(section, "Space")) == (metric.rows, "one" if metric.joint else "two")
    assert fact(section, "Range").endswith(f"; ideal: { {None: 'none', 0.0: '0', 1.0: '1'}[metric.ideal] }")
    assert len(fact(section, "Pitfall")) > 5
    assert fact(section, "Source") == metric.cite
    assert metric.summary
    assert f"{{{metric.cite}," in (DOCS / "references.bib").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(METRICS))
def test_docs_say_what_the_metric_declares(name):
    metric, section = METRICS.get(name), read_documents()[name]
    assert not section.lstrip().startswith("-"), "the definition comes first"
    assert set(fact(section, "Invariant under").split(", ")) == metric.invariant
    assert fact(section, "Rows") == metric.rows + (" (fixed)" if metric.fixed_rows else "")
    ideal = {"dim": "d", None: "none", 0.0: "0", 1.0: "1", math.exp(-10): "e^-10"}[metric.ideal]
    assert fact(section, "Range").endswith(f"; ideal: {ideal}")
    assert len(fact(section, "Pitfall")) > 5
    assert fact(section, "Source") == metric.cite
    assert metric.summary
    assert f"{{{metric.cite}," in (DOCS / "references.bib").read_text(encoding="utf-8")
