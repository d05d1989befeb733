"""What is kept in a larger index: nDCG against the usual one and against rows that are drawn, parts of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.migration.index_size import extrapolate, overlap_in_parts, thinned_ndcg
from embedscope.tasks.means import directions
from embedscope.tasks.retrieval import judged_scores


@pytest.fixture(scope="module")
def judged() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """30 queries, 200 rows, three relevant rows of grades 1 to 3 for each query but the last."""
    rng = np.random.default_rng(0)
    rows = directions(rng.normal(size=(200, 5)))
    queries = directions(rows[:30] + 0.5 * rng.normal(size=(30, 5)))
    query, row = np.repeat(np.arange(29), 3), (np.arange(29)[:, None] * 5 + [0, 1, 2]).ravel()
    return queries, rows, (query, row, np.tile([3.0, 1.0, 2.0], 29))


def test_with_all_rows_it_is_the_usual_ndcg(judged) -> None:
    queries, rows, judgements = judged
    (whole,) = thinned_ndcg(queries, rows, judgements, np.full(30, -1), (1.0,))
    wanted = judged_scores(queries, rows, judgements, ks=(10,), seed=0)["ndcg@10"].items
    assert whole[:29].tolist() == pytest.approx(wanted[:29].tolist())
    assert np.isnan(whole[29])


def test_with_a_half_it_is_the_mean_over_rows_that_are_drawn(judged) -> None:
    queries, rows, judgements = judged
    (half,) = thinned_ndcg(queries, rows, judgements, np.full(30, -1), (0.5,))
    rng, relevant = np.random.default_rng(1), judgements[1][:3]
    drawn = []
    for _ in range(400):
        some = np.union1d(np.flatnonzero(rng.random(200) < 0.5), relevant)
        one = (np.zeros(3, dtype=np.intp), np.searchsorted(some, relevant), judgements[2][:3])
        drawn.append(thinned_ndcg(queries[:1], rows[some], one, np.array([-1]), (1.0,))[0][0])
    assert np.mean(drawn) == pytest.approx(half[0], abs=0.03)


def test_parts_of_the_same_space_have_all_in_common_and_small_ones_none() -> None:
    x = directions(np.random.default_rng(2).normal(size=(80, 4)))
    own = np.arange(80)
    same = overlap_in_parts((x, x), (x, x), own, own, 4, 0)
    assert same is not None and same.tolist() == [1.0] * 80
    assert overlap_in_parts((x[:8], x[:8]), (x[:8], x[:8]), own[:8], own[:8], 4, 0) is None


def test_the_error_of_carrying_on_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    draws = 0.7 + 0.01 * rng.normal(size=2000)
    found = extrapolate(Score(0.7, 500, draws), Score(0.75, 500, draws + 0.05))
    assert found.value == 0.7 and found.draws is not None
    assert np.std(found.draws) == pytest.approx(np.hypot(np.std(draws), 0.2 * 0.05), rel=1e-3)
    same = extrapolate(Score(0.7, 500, draws), Score(0.7, 500, draws))
    np.testing.assert_allclose(same.draws, draws)
