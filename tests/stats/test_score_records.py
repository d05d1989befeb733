"""A score becomes a record: what was sampled stays so, and intervals of few units are wider."""

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.stats.bootstrap import interval, units_of_score
from embedscope.stats.score_records import score_bars, score_record
from embedscope.tasks.means import mean_score


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


def test_units_of_unequal_size_are_worth_fewer() -> None:
    """Means over items of documents of 1 to 60 items: expanded for their number alone the interval covers .90."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(200):
        unit = np.repeat(np.arange(30), np.minimum(rng.zipf(1.8, 30), 60))
        score = mean_score(0.25 * rng.normal(size=30)[unit] + 0.05 * rng.normal(size=len(unit)), 0, (), unit)
        _, low, high = score_bars(score)
        assert low is not None and high is not None
        covered += low <= 0 <= high
    assert covered / 200 >= 0.93
    assert score.facts["units"] == 30 > units_of_score(score) == score.facts["effective_units"]
    equal = mean_score(rng.normal(size=60), 0, (), np.repeat(np.arange(30), 2))
    assert units_of_score(equal) == 30 and "effective_units" not in equal.facts
