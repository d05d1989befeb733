"""Axes: ranges and round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from embedscope.core.document import Figure, Series


@dataclass(frozen=True)
class Axis:
    """A range with its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    powers: bool = False

    def share(self, value: float) -> float:
        """Where ``value`` lies between the ends: 0 at ``low``, 1 at ``high``."""
        return (value - self.low) / (self.high - self.low)

    def labels(self) -> tuple[str, ...]:
        """Ticks as text, of as many decimal places each, a true minus sign; or the powers of two they stand for."""
        if self.powers:
            return tuple(f"{2.0**t:,.6g}" for t in self.ticks)
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else 1.0
        digits = next(d for d in range(16) if math.isclose(step, round(step, d), rel_tol=1e-6) or d == 15)
        return tuple(f"{t:.{digits}f}".replace("-", "\N{MINUS SIGN}") for t in self.ticks)


def steps(low: float, high: float, count: int, *, whole: bool = False) -> tuple[float, ...]:
    """About ``count`` round numbers (1, 2, 2.5 or 5 times a power of ten) from ``low`` to ``high``.

    >>> steps(0, 1, 5)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    >>> steps(0, 31, 6, whole=True)
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    factors = (1.0, 2.0, 5.0, 10.0) if whole else (1.0, 2.0, 2.5, 5.0, 10.0)
    step = min((f * power for f in factors), key=lambda s: abs(math.log(s / raw)))
    if whole:
        step = max(1.0, round(step))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(i * step, 12) + 0.0 for i in range(first, last + 1))


def x_axis(figures: Iterable[Figure], count: int) -> Axis:
    """Range of the x values of all ``figures``; whole ticks where all values are whole."""
    shown = list(figures)
    values = [x for f in shown for s in f.series for x in s.x]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if shown and shown[0].powers:
        low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
        return Axis(low, high, tuple(float(t) for t in range(int(low), int(high) + 1)), powers=True)
    whole = all(float(v).is_integer() for v in values)
    if low == high:
        return Axis(low - 0.5, high + 0.5, (low,))
    return Axis(low, high, steps(low, high, count, whole=whole))


def y_axis(figure: Figure, count: int) -> Axis:
    """``y_range`` where it is given, else the range of values and bands, to zero where that is near.

    Values within -1 and 1 (cosines, correlations, shares) keep that bound.
    """
    if figure.y_range is not None and figure.y_range[0] < figure.y_range[1]:
        low, high = figure.y_range
        return Axis(low, high, steps(low, high, count))
    values = [v for s in figure.series for v in _values(s)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.06 or abs(low) * 0.1 or 0.5
    bound = 1.0 if max(abs(low), abs(high)) <= 1.0 else math.inf
    low = 0.0 if 0.0 <= low < 0.6 * high else max(low - pad, -bound)
    high = 0.0 if low < 0.0 and 0.6 * low < high <= 0.0 else min(high + pad, bound)
    return Axis(low, high, steps(low, high, count))


def _values(series: Series) -> list[float]:
    parts = (series.y, series.low or (), series.high or ())
    return [v for part in parts for v in part if v is not None]
