"""A score becomes a record: what was sampled stays so, and intervals of few units are wider."""

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.stats.bootstrap import interval
from embedscope.stats.score_records import score_bars, score_record


@pytest.mark.parametrize("of_score", [True, False])
@pytest.mark.parametrize("of_data", [True, False])
def test_what_was_sampled_anywhere_is_not_exact(of_score, of_data):
    record = score_record(Score(0.5, 9, exact=of_score), exact=of_data, source="x", metric="m")
    assert record.exact == (of_score and of_data)


def test_intervals_of_few_units_are_wider_than_percentiles():
    draws = 0.5 + 0.1 * np.random.default_rng(0).normal(size=1000)
    few, many = (score_bars(Score(0.5, 900, draws, facts={"units": units})) for units in (8, 900))
    assert few[0] == many[0] == interval(0.5, draws)[0]
    assert few[1] < many[1] - 0.02
    assert few[2] > many[2] + 0.02
