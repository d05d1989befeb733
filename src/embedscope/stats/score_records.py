"""A score as a record: its bootstrap interval, whether it is exact, its notes."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import expanded_level, interval, units_of_score
from embedscope.stats.uncertainty import Interval, at_least_binomial


def score_bars(score: Score) -> tuple[float | None, float | None, float | None]:
    """Standard error and the two ends of the 95 % bootstrap interval; None where the score has no draws.

    Percentiles are expanded for few units, see :func:`embedscope.stats.bootstrap.expanded_level`. Where every item
    scores 0, or every one 1, the interval is Wilson's, as of shares elsewhere.

    >>> score_bars(Score(0.5, 10))
    (None, None, None)
    """
    if score.value is None or score.draws is None:
        return None, None, None
    units = units_of_score(score)
    stderr, low, high = interval(score.value, score.draws, expanded_level(units))
    if low == high and score.value in (0, 1) and score.items is not None and units:
        known = score.items[np.isfinite(score.items)]
        if (known == score.value).all():  # replicates that are all equal say nothing about the next item
            found = at_least_binomial(Interval(0.0, low, high), score.value, units)
            return found.stderr, found.low, found.high
    return stderr, low, high if high is None or score.highest is None else max(high, score.highest)


def score_record(score: Score, *, note: str | None = None, exact: bool = True, **place: Any) -> Record:
    """The record of ``score``.

    Parameters
    ----------
    note : joined in front of the note of the score
    exact : False where the data were sampled; a score that is not exact stays so
    place : the other fields of the record (``source``, ``metric``, ``space``, ...)

    >>> record = score_record(Score(0.5, 10, note="2 pairs left out"), source="x", metric="rg65", note="static:100")
    >>> record.value, record.n, record.note
    (0.5, 10, 'static:100; 2 pairs left out')
    """
    stderr, low, high = score_bars(score)
    return Record(
        value=score.value,
        stderr=stderr,
        ci_low=low,
        ci_high=high,
        n=score.n,
        exact=exact and score.exact,
        note="; ".join(filter(None, (note, score.note))) or None,
        units=score.facts.get("units"),
        facts=score.facts or None,
        **place,
    )
