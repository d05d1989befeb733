"""What a diagnosis says of cosines is what `calibrate` says of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope import calibrate
from embedscope.diagnosis import diagnose
from embedscope.diagnosis.unrelated import UNRELATED
from embedscope.reports.glossary import definitions


def cone(n: int = 600, d: int = 64, shift: float = 6.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def with_equal_rows() -> np.ndarray:
    x = cone()
    x[:40] = x[100:140]
    return x


def with_near_duplicates() -> np.ndarray:
    x = cone(shift=1.0)
    x[::7] = x[1::7][: len(x[::7])] + 1e-3 * np.random.default_rng(1).normal(size=x[::7].shape)
    return x


def in_clusters() -> np.ndarray:
    rng = np.random.default_rng(2)
    return (rng.normal(size=(60, 32))[rng.permutation(np.arange(900) % 60)] + 0.05 * rng.normal(size=(900, 32))) + 1


def in_chunks() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.repeat(rng.normal(size=(150, 32)), 4, axis=0) + rng.normal(size=(600, 32)) + 1


def with_zero_rows() -> np.ndarray:
    x = cone(shift=1.0)
    x[::9] = 0
    return x


CASES = {
    "zero rows": with_zero_rows,
    "cone": cone, "equal rows": with_equal_rows, "near-duplicates": with_near_duplicates, "clusters": in_clusters,
    "chunks in file order": in_chunks, "float32": lambda: cone(shift=1.0).astype(np.float32),
}  # fmt: skip


def compare(diagnosed, calibrated) -> None:
    said = {r.metric: r for r in diagnosed.result.records}
    meant = {r.metric: r for r in calibrated.result.records}
    for name in ("unrelated_cosine", "unrelated_sd"):
        assert said[name].value == pytest.approx(meant[name].value, abs=1e-6)
    assert said["unrelated_pairs"].value == meant["unrelated_above.0.01"].n
    cut = meant["unrelated_above.0.01"].facts["cosine"]
    assert said["unrelated_reached"].value == pytest.approx(cut, abs=1e-6)
    near = said["nearest_cosine"].value
    calibration = calibrated.calibration
    assert said["nearest_cosine.z"].value == pytest.approx(float(calibration.unrelated.z(near)), rel=1e-4)
    above = 1 - float(calibration.unrelated.tail.share_below(near))
    assert said["nearest_cosine.unrelated_above"].value == pytest.approx(above, rel=0.05, abs=2e-4)
    floor = next(f for f in diagnosed.result.document.findings if f.text.startswith("Unrelated rows have"))
    sentence = next(f.text for f in calibrated.result.document.findings if f.text.startswith("Unrelated pairs have"))
    assert f"1 % of them reach {cut:.3f}" in sentence
    assert f"1 % of unrelated pairs reach {cut:.3f}" in floor.text
    assert f"1 % of {meant['unrelated_above.0.01'].n:,} sampled unrelated pairs reach" in floor.evidence


@pytest.mark.parametrize("case", list(CASES))
def test_a_cosine_means_what_calibrate_says(case: str) -> None:
    x = CASES[case]()
    compare(diagnose(x), calibrate(x))


def test_declared_groups_are_left_out_alike() -> None:
    x, groups = np.repeat(cone(300, shift=1.0), 3, axis=0), np.arange(900) // 3
    x = x + 0.5 * np.random.default_rng(5).normal(size=x.shape)
    compare(diagnose(x, groups=groups), calibrate(x, groups=groups))


def test_the_nearest_rows_are_placed_among_unrelated_pairs() -> None:
    made = diagnose(cone())
    said = {r.metric: r for r in made.result.records}
    finding = next(f for f in made.result.document.findings if "nearer in cosine" in f.text)
    share = said["nearest_cosine.unrelated_above"]
    assert f"of unrelated pairs reach its mean cosine of {said['nearest_cosine'].value:.3f} (z " in finding.text
    assert f"{100 * share.value:.2f} % [{100 * share.ci_low:.2f} %, " in finding.evidence
    assert share.ci_low < share.value < share.ci_high


def test_no_pairs_are_sampled_where_nothing_is_said_of_cosines() -> None:
    made = diagnose(cone(shift=0.0))
    assert not {r.metric for r in made.result.records} & set(UNRELATED)


def test_the_glossary_explains_the_numbers() -> None:
    assert set(UNRELATED) <= set(definitions())


def test_rows_that_are_all_alike_have_no_spread_to_speak_of() -> None:
    made = diagnose(np.ones((60, 8)))
    assert not {r.metric for r in made.result.records} & set(UNRELATED)
