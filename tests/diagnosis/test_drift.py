"""A resample of one distribution passes the check, a shifted one fails; what cannot be compared is said."""

import numpy as np
import pytest

import embedscope
from embedscope import measure
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.diagnosis import diagnose
from embedscope.diagnosis.drift import drift
from embedscope.diagnosis.remeasure import remeasure
from embedscope.diagnosis.thresholds import tolerances


def cloud(seed, n=1500, shift=0.3):
    return np.random.default_rng(seed).normal(size=(n, 12)) * np.geomspace(0.5, 2, 12) + shift


def outcomes(found):
    return {c.record.metric: c.outcome for c in found.changes}


def test_same_distribution_passes_and_rarely_fails():
    before = measure(cloud(0))
    failed = sum(bool(drift(before, remeasure(before, cloud(seed))).drifted) for seed in range(1, 21))
    assert failed <= 4  # 5 % in all; 20 runs share one baseline


def test_same_rows_are_the_same():
    before = measure(cloud(0))
    found = drift(before, remeasure(before, cloud(0)))
    assert set(outcomes(found).values()) == {"same"}
    assert "agree with baseline within error" in found.result.document.findings[0].text


def test_shift_fails_and_a_tolerance_allows_it():
    before = measure(cloud(0), metrics=["self_similarity", "norm_cv"])
    now = remeasure(before, cloud(1, shift=0.5))
    found = drift(before, now)
    assert outcomes(found)["self_similarity"] == "drift"
    wide = drift(before, now, {"self_similarity": 0.5, "norm_cv": 0.5})
    assert not wide.drifted


def test_zero_rows_are_compared_as_shares():
    x, y = cloud(0), cloud(1)
    y[:60] = 0
    before = measure(x, metrics=["zero_rows"])
    assert outcomes(drift(before, remeasure(before, y))) == {"zero_rows": "drift"}
    fewer = x.copy()
    fewer[:30] = 0
    half = measure(fewer, metrics=["zero_rows"])
    assert outcomes(drift(half, remeasure(half, np.concatenate([fewer, fewer])))) == {"zero_rows": "same"}


def run_of(values):
    records = [Record("x", name, value, stderr=0.1, n=100, dim=4) for name, value in values.items()]
    return Result(tuple(records))


def test_p_values_are_corrected_over_all_numbers():
    """A difference of p = .02 is drift where it is the only number, and not where it is one of four."""
    names = ["self_similarity", "mean_norm", "norm_cv", "isoscore"]
    old, new = dict.fromkeys(names, 1.0), dict.fromkeys(names, 1.0) | {"mean_norm": 1.0 + 2.45 * 0.1 * 2**0.5}
    single = drift(run_of({"mean_norm": 1.0}), run_of({"mean_norm": new["mean_norm"]}))
    (alone,) = single.drifted
    assert 0.0125 < alone.p < 0.05
    nudged = new | {name: 1.001 for name in names if name != "mean_norm"}
    found = drift(run_of(old), run_of(nudged))
    assert not found.drifted
    assert min(c.p for c in found.changes if c.p is not None) == pytest.approx(4 * alone.p)


def test_sizes_that_decide_a_metric_are_not_drift():
    before = measure(cloud(0), metrics=["participation_ratio", "self_similarity", "participation_ratio_unbiased"])
    found = drift(before, remeasure(before, cloud(1, n=80)))
    assert outcomes(found)["participation_ratio"] == "rows differ"
    assert outcomes(found)["participation_ratio_unbiased"] == "same"
    assert any("measure as many rows" in s.why for s in found.result.document.skipped)


def test_other_sizes_of_one_population_pass():
    """Version 0.1.0 called 25 of 25 such comparisons of 500 with 4,000 rows drift, for numbers that depend on n."""
    failed = 0
    for seed in range(12):
        before = measure(cloud(seed, n=400))
        failed += bool(drift(before, remeasure(before, cloud(100 + seed, n=2500))).drifted)
    assert failed <= 2  # 5 % of 12 are 0.6; 3 or more have p = .02


@pytest.mark.parametrize("n", [400, 2500])
def test_a_shift_is_found_whatever_the_sizes(n):
    before = measure(cloud(0, n=1500))
    for moved in (cloud(1, n=n, shift=0.5), cloud(1, n=n) * 1.1, cloud(1, n=n) * np.geomspace(2, 0.5, 12)):
        assert drift(before, remeasure(before, moved)).drifted


def test_numbers_without_a_right_error_bar_are_listed_and_not_tested():
    before = measure(cloud(0), metrics=["i1", "self_similarity"])
    found = drift(before, remeasure(before, cloud(1)))
    assert outcomes(found)["i1"] == "no error bar"
    assert drift(before, remeasure(before, cloud(1)), {"i1": 0.0}).changes


def test_chunks_in_file_order_are_not_drift():
    """Undeclared dependence made .82 of such checks fail."""

    def chunks(seed, n):
        rng = np.random.default_rng(seed)
        return np.repeat(rng.normal(size=(n // 10, 12)) + 0.5, 10, axis=0) + 0.5 * rng.normal(size=(n, 12))

    before = measure(chunks(0, 2000))
    failed = sum(bool(drift(before, remeasure(before, chunks(seed, 3000))).drifted) for seed in range(1, 9))
    assert failed <= 2


def test_missing_and_other_widths_and_unknown_tolerance():
    x = cloud(0, n=200)
    before = diagnose(x, queries=cloud(2, n=50)).result
    found = drift(before, remeasure(before, x))
    assert {c.record.metric for c in found.drifted} >= {"query_shift", "query_contrast"}
    assert all(c.outcome == "missing" for c in found.drifted)
    plain = measure(x)
    with pytest.raises(InputError, match="have 12 dimensions, those of array have 8"):
        drift(plain, remeasure(plain, x[:, :8]))
    with pytest.raises(UnknownNameError, match="did you mean 'isoscore'"):
        drift(plain, plain, {"isoscor": 1})


def test_pair():
    x = cloud(0, n=200)
    before = diagnose(pair=(x, x + 0.1 * cloud(1, n=200))).result
    again = remeasure(before, pair=(x, x + 0.1 * cloud(1, n=200)))
    assert not drift(before, again).drifted
    moved = remeasure(before, pair=(x, x + 2))
    assert "modality_gap" in {c.record.metric for c in drift(before, moved).drifted}
    with pytest.raises(InputError, match="of a pair: pass --pair"):
        remeasure(before, x)


@pytest.mark.parametrize("value", [float("nan"), -1.0, float("inf")])
def test_a_tolerance_of_no_size_is_refused_in_python_too(value):
    """Nothing exceeds nan, so it let any drift pass."""
    x = cloud(0, n=60)
    with pytest.raises(InputError, match=r"the tolerance of mean_norm is .*; wanted a number of 0 or more"):
        embedscope.check(x, baseline=measure(x, metrics=["mean_norm"]), tolerance={"mean_norm": value})


def test_tolerances_are_checked_before_anything_is_measured(tmp_path):
    baseline = measure(cloud(0, n=60), metrics=["mean_norm", "isoscore"])
    with pytest.raises(UnknownNameError, match="the baseline has no metric 'i1'; known: mean_norm, isoscore"):
        embedscope.check(tmp_path / "absent.npy", baseline=baseline, tolerance={"i1": 0.1})


@pytest.mark.parametrize("text", ["isoscore", "isoscore=a", "isoscore=-1"])
def test_bad_tolerance(text):
    with pytest.raises(InputError, match="METRIC=VALUE"):
        tolerances([text])


def test_rows_of_length_one_in_float16_are_no_drift() -> None:
    """Stored in float16 their lengths vary by 7e-5, exactly by nothing before; twice as much spread of norms is one."""
    rng = np.random.default_rng(0)
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in rng.normal(size=(2, 600, 24)))
    baseline = measure(x)
    assert not drift(baseline, measure(y.astype(np.float16))).drifted
    longer = measure(y * (1 + 0.004 * rng.normal(size=(600, 1))))
    assert [c.record.metric for c in drift(baseline, longer).drifted] == ["norm_cv"]


def turn(x, seed):
    return x @ np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1],) * 2))[0]


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_a_turned_copy_is_drift_whatever_the_sizes(shift):
    """Every other number is the same after a rotation; the variance tells where there is no mean direction."""
    before = diagnose(cloud(0, n=300, shift=shift)).result
    now = remeasure(before, turn(cloud(1, n=200, shift=shift), 2))
    (change,) = drift(before, now).drifted
    assert change.record.metric.partition(".")[0] in ("mean_along", "variance_along")
    assert "The vectors lie along other directions" in drift(before, now).result.document.findings[0].text
    again = drift(before, remeasure(before, cloud(1, n=200, shift=shift)))
    assert not again.drifted
    assert sum(c.record.metric.startswith(("mean_along", "variance_along")) for c in again.changes) == 1


def test_numbers_along_fixed_directions_are_one_test():
    names = [f"{name}.{k}" for name in ("mean_along", "variance_along") for k in range(1, 9)]
    old = dict.fromkeys(names, 1.0)
    (alone,) = drift(run_of({"mean_norm": 1.0}), run_of({"mean_norm": 1.0 + 5 * 0.1 * 2**0.5})).drifted
    (change,) = drift(run_of(old), run_of(old | {"mean_along.3": 1.0 + 5 * 0.1 * 2**0.5})).drifted
    assert change.record.metric == "mean_along.3" and change.p == pytest.approx(16 * alone.p)


def test_documents_of_other_number_are_not_drift():
    """Of 43 and of 150 documents in file order: blocks cut through documents, so pairs across blocks are alike."""
    rng = np.random.default_rng(0)
    before, now = (
        measure(
            np.repeat(rng.normal(size=(n, 48)), 6, axis=0) + 0.6 * rng.normal(size=(6 * n, 48)),
            metrics=["participation_ratio_unbiased", "self_similarity"],
        )
        for n in (150, 43)
    )
    found = drift(before, now)
    assert outcomes(found) == {"participation_ratio_unbiased": "rows differ", "self_similarity": "same"}


def test_what_got_worse_stands_before_what_got_better_and_both_are_called_so() -> None:
    def run(cosine: float, ratio: float) -> Result:
        values = {"self_similarity": cosine, "participation_ratio": ratio}
        return Result(tuple(Record("x", m, v, stderr=0.01, n=100, dim=8) for m, v in values.items()))

    made = drift(run(0.8, 6.0), run(0.6, 3.0))
    texts = [f.text for f in made.result.document.findings]
    assert texts == [
        "participation_ratio fell from 6 to 3, for the worse.",
        "self_similarity fell from 0.8 to 0.6, for the better.",
    ]
    assert made.result.document.headline.text.endswith(texts[0])
    assert [f.status for f in made.result.document.findings] == ["serious", "warning"]
    assert made.result.document.headline.status == "serious"
    (table,) = made.result.document.tables
    assert all(float(row[-1]) > 0 for row in table.rows), "a p value is never cut to 0"


@pytest.mark.parametrize(
    ("metric", "old", "new"),
    [("dot_overlap", 0.15, 0.65), ("rogue_contribution", 0.6, 0.0), ("paired_cosine", 0.2, 0.3)],
)
def test_a_metric_that_a_rule_reads_beside_another_has_a_direction(metric: str, old: float, new: float) -> None:
    """Removing a coordinate that made most of the mean cosine was serious drift, neither better nor worse."""

    def run(value: float) -> Result:
        return Result((Record("x", metric, value, stderr=0.01, n=100, dim=8),))

    assert drift(run(old), run(new)).result.document.findings[0].status == "warning"
    assert drift(run(new), run(old)).result.document.findings[0].status == "serious"


def test_as_many_rows_of_fewer_units_are_not_said_to_be_more_rows() -> None:
    """Without its duplicates the same number of rows is more units, and the advice was to measure as many rows."""
    x = cloud(0, n=300)
    x[-30:] = x[:30]
    found = drift(measure(x), measure(x + 0.05 * cloud(1, n=300)))
    assert outcomes(found)["participation_ratio"] == "units differ"
    assert "rows differ" not in outcomes(found).values()
    reasons = [s.why for s in found.result.document.skipped]
    assert any("units of evidence" in why for why in reasons) and not any("measure as many" in why for why in reasons)


def test_a_change_for_the_better_alone_is_drift_and_a_warning_wherever_it_is_said() -> None:
    import io

    from embedscope.interchange.github import step_summary
    from embedscope.interchange.junit import check_cases
    from embedscope.reports import print_document, render_html
    from embedscope.reports.console import SafeConsole

    def run(cosine: float) -> Result:
        return Result((Record("x", "self_similarity", cosine, stderr=0.01, n=100, dim=8),))

    better, worse = drift(run(0.8), run(0.6)), drift(run(0.6), run(0.8))
    for made, status, icon in ((better, "warning", ":warning:"), (worse, "serious", ":x:")):
        assert [c.outcome for c in made.drifted] == ["drift"], "the exit code is 1 for either"
        document = made.result.document
        assert (document.headline.status, document.findings[0].status) == (status, status)
        assert f"- **{status}**: self_similarity" in made.result.to_markdown()
        assert step_summary(made).startswith(f"### {icon} Drift in x: 1 ")
        assert f'type="{status}"' in check_cases(made) and 'failures="1"' in check_cases(made)
        assert f'<div class="answer {status}">' in render_html(made.result)
        out = io.StringIO()
        print_document(made.result, SafeConsole(file=out, width=100, highlight=False), explain=True)
        assert (
            f" {status}  1 of 1 number drifted (1 for the {'better' if status == 'warning' else 'worse'})"
            in out.getvalue()
        )
