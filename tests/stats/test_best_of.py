"""The best of several scores: coverage where all are equal, monotone bounds, and fairness to numbers of scores."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.stats.best_of import best_difference, best_of
from embedscope.stats.bootstrap import expansion, pearson_draws


def layers(rng, n, k, truth=0.5, shared=0.7):
    """Scores of ``k`` layers whose true correlation with the gold values is ``truth`` in each."""
    gold = rng.normal(size=n)
    common = rng.normal(size=n)
    out = {}
    for j in range(k):
        noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=n)
        x = truth * gold + np.sqrt(1 - truth**2) * noise
        out[f"layer{j:02d}"] = Score(float(np.corrcoef(x, gold)[0, 1]), n, pearson_draws(x, gold, 0))
    return out


def test_interval_of_the_best_of_equal_layers_covers():
    """Nominal .95; a bootstrap of the maximum covers about .2 here."""
    rng = np.random.default_rng(0)
    bests = [best_of(layers(rng, 100, 13, shared=0.3)) for _ in range(120)]
    assert np.mean([b.low <= 0.5 <= b.high for b in bests]) >= 0.90
    assert np.mean([len(b.tied) for b in bests]) > 10


def test_a_model_with_more_layers_is_not_favoured():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(100):
        found = layers(rng, 100, 14, shared=0.3)
        names = list(found)
        delta = best_difference(best_of({n: found[n] for n in names[:13]}), best_of({names[13]: found[names[13]]}))
        wrong += not delta.low <= 0 <= delta.high
        assert (delta.p < 0.05) == (not delta.low <= 0 <= delta.high) or abs(delta.p - 0.05) < 0.01
    assert wrong <= 10


def test_a_true_difference_is_found():
    rng = np.random.default_rng(2)
    good, bad = layers(rng, 400, 5, truth=0.7), layers(rng, 400, 7, truth=0.2)
    delta, back = (best_difference(best_of(a), best_of(b)) for a, b in ((good, bad), (bad, good)))
    assert delta.low > 0.2
    assert delta.p < 0.01
    assert (back.value, back.low, back.high, back.p) == pytest.approx(
        (-delta.value, -delta.high, -delta.low, delta.p), abs=0.01
    )


def test_the_difference_of_two_bests_is_paired():
    """Two layers that differ by a hundredth of their noise: the interval is that of their difference, not of either."""
    rng = np.random.default_rng(6)
    gold = rng.normal(size=300)
    x = gold + rng.normal(size=300)
    near = x + 0.02 * rng.normal(size=300)
    a, b = (
        best_of({"only": Score(float(np.corrcoef(v, gold)[0, 1]), 300, pearson_draws(v, gold, 0))}) for v in (x, near)
    )
    delta = best_difference(a, b)
    assert delta.high - delta.low < 0.2 * (a.high - a.low)
    assert delta.stderr < 0.2 * a.stderr


def test_one_score_has_the_interval_of_fisher():
    ((name, score),) = layers(np.random.default_rng(3), 200, 1).items()
    best = best_of({name: score})
    z = np.arctanh(score.draws)
    reach = expansion(200) * np.quantile(np.abs(z - np.arctanh(score.value)), 0.95)
    assert (best.low, best.high) == pytest.approx(tuple(np.tanh(np.arctanh(score.value) + np.array([-1, 1]) * reach)))
    assert (best.tied, best.share) == ((), 1.0)


def test_scores_beyond_one_are_taken_as_they_are():
    rng = np.random.default_rng(4)
    losses = {k: Score(v, 50, v + 0.1 * rng.normal(size=1000)) for k, v in (("a", 2.0), ("b", 1.0))}
    best = best_of(losses)
    assert best.low == pytest.approx(1.78, abs=0.06)
    assert best.tied == ()


def test_undefined_and_unlike_scores():
    assert best_of({"only": Score(None, 0)}) is None
    assert best_of({"bare": Score(0.2, 5)}).low is None
    assert best_of({"low": Score(-0.5, 5), "lower": Score(-0.6, 5)}).name == "low"
    a, b = Score(0.5, 9, np.full(1000, 0.5)), Score(0.4, 9, np.full(500, 0.4))
    with pytest.raises(InputError, match="same number"):
        best_of({"a": a, "b": b})
    with pytest.raises(InputError, match="same number"):
        best_difference(best_of({"a": a}), best_of({"b": b}))
    constant = best_of({"a": a})
    assert (constant.low, constant.high) == pytest.approx((0.5, 0.5))
    assert best_difference(best_of({"bare": Score(0.2, 5)}), constant).value is None
