"""The verdict: what it takes for a learning curve to advise more pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.migration.curve import Prediction
from embedscope.migration.decision import _outlook, _verdict
from embedscope.migration.retention import Kept
from embedscope.migration.trials import Certified, Trial

KEPT = Score(0.57, 300)
TEST = Certified(
    Trial("queries", "ridge:1", None, None),
    Kept(KEPT, {}, np.zeros((300, 11), dtype=np.intp)),
    KEPT,
    0.54,
    0.61,
    None,
    None,
)


def curve(share: float, enough: int | None = 1640) -> Prediction:
    return Prediction("ridge", 0.92, enough, 1028, None, share)


@pytest.mark.parametrize(("share", "verdict"), [(0.6, "re-embed"), (0.79, "re-embed"), (0.87, "pilot more pairs")])
def test_more_pairs_are_advised_where_most_resamplings_of_the_curve_reach_what_is_wanted(
    share: float, verdict: str
) -> None:
    given, reason, advice = _verdict(TEST, 0.7, curve(share), 2400, 300, (600, "rows"))
    assert given == verdict and "keeps 0.570 (0.540 to 0.610)" in reason
    outlook = _outlook(given, 0.7, curve(share), 2400)
    if given == "re-embed":
        assert f"at about 1,640 pairs, in only {100 * share:.0f} % of its resamplings" in outlook
    else:
        assert "the curve reaches 0.7 at about 1,640" in reason and outlook == ""
        assert advice == "embed about 3,280 rows with both models, half of which fit"


@pytest.mark.parametrize("enough", [None, 7, 1640])
@pytest.mark.parametrize("what", ["rows", "queries"])
def test_where_an_interval_is_too_wide_the_advice_is_the_number_of_the_reason(enough: int | None, what: str) -> None:
    """The advice was twice what the learning curve takes, in one run 14 rows where 500 were too few."""
    wide = replace(TEST, kept=replace(TEST.kept, main=Score(0.72, 300)), main=Score(0.72, 300), low=0.68, high=0.76)
    given, reason, advice = _verdict(wide, 0.7, curve(0.9, enough), 2400, 300, (610, what))
    assert given == "pilot more pairs"
    assert f"about 2,500 {what} of both models would narrow it" in reason
    assert advice == f"embed about 2,500 {what} with both models" + (", half of which fit" if what == "rows" else "")


def test_no_fewer_rows_are_advised_than_there_are() -> None:
    near = replace(TEST, low=0.54, high=0.71)
    given, _, advice = _verdict(near, 0.7, curve(0.9, 7), 2400, 300, (600, "rows"))
    assert (given, advice) == ("pilot more pairs", "embed about 1,200 rows with both models, half of which fit")


def test_the_outlook_says_why_more_pairs_would_not_help() -> None:
    assert "only beyond 1,000 pairs" in _outlook("re-embed", 0.7, curve(0.2), 1000)
    ends_below = Prediction("ridge", 0.66, None, None, None, 0.0)
    assert "at most 0.660" in _outlook("re-embed", 0.7, ends_below, 2400)
    assert _outlook("re-embed", 0.7, None, 2400) == ""


def test_vectors_as_they_are_alone_have_a_verdict_with_its_reason() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6))
    outcome = embedscope.migrate(x, rng.normal(size=(300, 6)), candidates="none")
    assert outcome.verdict == "re-embed" and outcome.repair is None
    reason = outcome.result["migrate"].facts["reason"]
    assert reason.startswith("vectors as they are keep 0.0") and reason.endswith("and no map was tried")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"index_rows": 0}, "at least 300 rows, got 0"),
        ({"index_rows": 299}, "at least 300 rows, got 299"),
        ({"tokens_per_row": -1.0}, "--tokens-per-row is a number of 0 or more, got -1"),
        ({"price_per_million_tokens": float("nan")}, "--price-per-million-tokens is a number of 0 or more, got nan"),
        ({"max_eval_rows": 0}, "--max-eval-rows is a number of rows, at least 1; got 0"),
        ({"max_eval_rows": 5}, r"at least 200; got 5"),
        ({"groups": [None] * 300}, r"groups has no value for row 0 \(None\)"),
        ({"groups": np.full(300, np.nan)}, r"groups has no value for row 0 \(nan\)"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(given: dict[str, object], message: str) -> None:
    x = np.random.default_rng(0).normal(size=(300, 6))
    with pytest.raises(InputError, match=message):
        embedscope.migrate(x, x, candidates="none", **given)


def test_one_model_stays_whatever_candidates_are_named() -> None:
    x = np.random.default_rng(1).normal(size=(1200, 12))
    outcome = embedscope.migrate(x, 3 * x, candidates="procrustes")
    assert outcome.verdict == "stay" and outcome.repair is None
    assert embedscope.migrate(x, -x, candidates="procrustes").verdict == "bridge"


@pytest.mark.parametrize("moved", [0, 200, 400])
def test_where_rows_do_not_match_embedding_again_comes_with_a_warning(moved: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 12)) * np.arange(1, 13) ** -0.3
    y = x @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    y[:moved] = y[:moved][rng.permutation(moved)]
    outcome = embedscope.migrate(x, np.tanh(3 * y), candidates="procrustes", retain=0.99)
    said = [f.text for f in outcome.result.document.findings if f.status == "warning"]
    assert outcome.verdict == "re-embed"
    assert any("OLD and NEW may not hold the same rows in the same order" in text for text in said) == (moved > 0)
