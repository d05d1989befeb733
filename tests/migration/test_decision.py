"""The verdict: what it takes for a learning curve to advise more pairs."""

from __future__ import annotations

import numpy as np
import pytest

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
    given, reason = _verdict(TEST, 0.7, curve(share), 2400, 300)
    assert given == verdict and "keeps 0.570 (0.540 to 0.610)" in reason
    outlook = _outlook(given, 0.7, curve(share), 2400)
    if given == "re-embed":
        assert f"at about 1,640 pairs, in only {share:.0%} of its resamplings" in outlook
    else:
        assert "the curve reaches 0.7 at about 1,640" in reason and outlook == ""


def test_the_outlook_says_why_more_pairs_would_not_help() -> None:
    assert "only beyond 1,000 pairs" in _outlook("re-embed", 0.7, curve(0.2), 1000)
    ends_below = Prediction("ridge", 0.66, None, None, None, 0.0)
    assert "at most 0.660" in _outlook("re-embed", 0.7, ends_below, 2400)
    assert _outlook("re-embed", 0.7, None, 2400) == ""
