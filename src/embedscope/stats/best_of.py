"""The best of several scores, with an interval that is valid for a maximum, and differences of such maxima.

A bootstrap of the maximum covers far too rarely where scores are nearly equal: the maximum of the replicates lies above
the true maximum. Instead one bootstrap of the items gives a *simultaneous band* over all scores: with c the 95 %
quantile of max_j |s*_j - s_j| / se_j, all true scores lie in s_j -+ c se_j together, so the true maximum lies between
the largest lower end and the largest upper end, whichever score it belongs to and however many there are. Scores
between -1 and 1 are taken on Fisher's scale, atanh. Romano & Wolf (2005) [romano2005].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import LEVEL, Difference, expansion, interval, units_of_score

_NEAR_ONE = 1.0 - 1e-9
_SAME = 1e-12


@dataclass(frozen=True)
class Best:
    """The highest of several scores.

    Attributes
    ----------
    name, value : the highest one; ties go to the first
    stderr : standard error of that score alone
    low, high : interval of the maximum of the true scores, None where there are no draws
    tied : names that are not distinguishable from the best: their upper end reaches the largest lower end
    share : share of draws in which the same one is highest
    names, values, draws : all scores, (k,) and (k, n_draws)
    units : fewest units that one of them is drawn from; the band is wider where they are few
    """

    name: str
    value: float
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    tied: tuple[str, ...] = ()
    share: float | None = None
    names: tuple[str, ...] = ()
    values: Floats | None = None
    draws: Floats | None = None
    units: int = 0


def best_of(scores: Mapping[str, Score], level: float = LEVEL) -> Best | None:
    """The highest score with the interval of the maximum; None where no score is defined.

    Raises
    ------
    InputError
        if the scores do not carry equally many draws.

    >>> draws = np.random.default_rng(0).normal(size=(2, 1000)) / 100
    >>> best = best_of({"a": Score(0.5, 9, 0.5 + draws[0]), "b": Score(0.1, 9, 0.1 + draws[1])})
    >>> best.name, best.tied, round(best.low, 2), round(best.high, 2)
    ('a', (), 0.47, 0.53)
    """
    known = {k: s for k, s in scores.items() if s.value is not None}
    if not known:
        return None
    names = tuple(known)
    values = np.array([float(s.value or 0.0) for s in known.values()])
    top = int(values.argmax())
    if len({None if s.draws is None else s.draws.shape for s in known.values()}) != 1:
        raise InputError("all scores need the same number of bootstrap draws; score them with the same options")
    if known[names[top]].draws is None:
        return Best(names[top], float(values[top]), names=names)
    draws = np.stack([np.asarray(s.draws, dtype=np.float64) for s in known.values()])
    share = float((np.where(np.isfinite(draws), draws, -np.inf).argmax(axis=0) == top).mean())
    stderr = interval(float(values[top]), draws[top])[0]
    there, back = _scale(values, draws)
    units = min(units_of_score(s) for s in known.values())
    low, high = _band(there(values), there(draws), level, units)
    if low is None or high is None:
        return Best(
            names[top], float(values[top]), stderr, share=share, names=names, values=values, draws=draws, units=units
        )
    least = low.max()
    tied = tuple(n for i, n in enumerate(names) if i != top and high[i] >= least)
    ends = float(back(low.max())), float(back(high.max()))
    return Best(names[top], float(values[top]), stderr, *ends, tied, share, names, values, draws, units)


def best_difference(a: Best, b: Best, level: float = LEVEL) -> Difference:
    """The highest of ``a`` less the highest of ``b``, scored on the same items; None where there are no draws.

    max a - max b = max_i min_j (a_i - b_j), which is monotone in every difference: a simultaneous band over all k_a k_b
    paired differences bounds it, for any numbers of scores on the two sides. p is that of the largest statistic,
    max_ij |d*_ij - d_ij| / se_ij, against max_i min_j d_ij / se_ij (or the same of b - a), with one draw added.

    Raises
    ------
    InputError
        if the two do not carry equally many draws.
    """
    value = a.value - b.value
    if a.draws is None or b.draws is None or a.values is None or b.values is None:
        return Difference(None)
    if a.draws.shape[1] != b.draws.shape[1]:
        raise InputError("both scores need the same number of bootstrap draws; score them with the same options")
    shape = len(a.values), len(b.values)
    values = (a.values[:, None] - b.values).ravel()
    draws = (a.draws[:, None] - b.draws[None]).reshape(len(values), -1)
    top = int(a.values.argmax()) * shape[1] + int(b.values.argmax())
    stderr = interval(float(values[top]), draws[top])[0]
    largest, errors = _largest(values, draws)
    if largest is None or errors is None or stderr is None:
        return Difference(value)
    wider = _wider(min(a.units, b.units))
    reach = wider * float(np.quantile(largest, level)) * errors
    low, high = ((values + sign * reach).reshape(shape).min(axis=1).max() for sign in (-1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(errors > 0, values / errors, np.where(values == 0, 0.0, np.inf * np.sign(values)))
    ratio = ratio.reshape(shape)
    statistic = max(ratio.min(axis=1).max(), (-ratio).min(axis=0).max())
    p = (1 + int((wider * largest >= statistic).sum())) / (1 + len(largest))
    return Difference(value, stderr, float(low), float(high), min(1.0, p))


def less_best(main: Score, others: Mapping[str, Score]) -> tuple[str, Score]:
    """``main`` less the highest of ``others`` on the same items, all of which are defined, and the name of that one.

    The replicates take the highest of each draw, so the lower end of the interval pays for the choice. Its upper end is
    no lower than that of a simultaneous band over all differences: the highest of several equal scores is ahead of
    ``main`` by luck.

    >>> draws = np.random.default_rng(0).normal(size=(3, 1000)) / 100
    >>> a, b, c = (Score(v, 90, v + d) for v, d in zip((0.5, 0.3, 0.4), draws, strict=True))
    >>> name, gain = less_best(a, {"b": b, "c": c})
    >>> name, round(gain.value, 2), gain.highest > 0.12
    ('c', 0.1, True)
    """
    best = max(others, key=lambda name: others[name].value or 0.0)
    top = others[best]
    drawn = [s.draws for s in others.values() if s.draws is not None]
    own, other = best_of({"": main}), best_of(others)
    high = None if own is None or other is None else best_difference(own, other).high
    items = None if main.items is None or top.items is None else main.items - top.items
    draws = None if main.draws is None or not drawn else main.draws - np.max(drawn, axis=0)
    return best, Score((main.value or 0.0) - (top.value or 0.0), main.n, draws, items, highest=high)


def _scale(values: Floats, draws: Floats) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Fisher's scale and back where all scores lie between -1 and 1; else the scores as they are."""
    known = draws[np.isfinite(draws)]
    if np.abs(values).max() <= 1 and np.abs(known).max(initial=0.0) <= 1 + _SAME:
        return (lambda x: np.arctanh(np.clip(x, -_NEAR_ONE, _NEAR_ONE))), np.tanh
    return (lambda x: x), (lambda x: x)


def _wider(units: int) -> float:
    return expansion(units) if units > 1 else 1.0


def _band(values: Floats, draws: Floats, level: float, units: int) -> tuple[Floats | None, Floats | None]:
    largest, errors = _largest(values, draws)
    if largest is None or errors is None:
        return None, None
    reach = _wider(units) * float(np.quantile(largest, level)) * errors
    return values - reach, values + reach


def _largest(values: Floats, draws: Floats) -> tuple[Floats | None, Floats | None]:
    """Largest studentised deviation (n,) of each draw in which all scores are defined, and standard errors (k,)."""
    known = draws[:, np.isfinite(draws).all(axis=0)]
    if known.shape[1] < max(2, draws.shape[1] / 2):
        return None, None
    errors = known.std(axis=1, ddof=1)
    varies = errors > _SAME
    if not varies.any():
        return np.zeros(known.shape[1]), np.zeros(len(errors))
    off = np.abs(known[varies] - values[varies, None]) / errors[varies, None]
    return off.max(axis=0), np.where(varies, errors, 0.0)
