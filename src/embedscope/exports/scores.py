"""A calibration of scores for code that does not install this package: NumPy functions, SQL expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.calibration.scores import ScoreCalibration
from embedscope.core.errors import InputError
from embedscope.core.wording import percent
from embedscope.transforms.calibration import BETA_END, Beta, Isotonic, Platt


def numpy_scores(scores: ScoreCalibration) -> str:
    """Source of ``percentile``, ``z``, ``probability`` and a constant for every certified threshold; needs numpy alone.

    Numbers are written in full, so that the functions give the same values as the calibration.
    """
    u = scores.unrelated
    lines = [
        f'"""What a cosine means: {_about(scores)}"""',
        "import numpy as np",
        f"MEAN, SD = {u.moments.mean!r}, {u.moments.sd!r}  # of the cosine of unrelated pairs",
        f"LEVELS = np.array({_list(u.tail.levels)})",
        f"COSINES = np.array({_list(u.tail.cosines)})",
        "def z(cosine): return (np.asarray(cosine, dtype=np.float64) - MEAN) / SD",
        "def percentile(cosine): return 100 * np.interp(cosine, COSINES, LEVELS)  # of unrelated pairs",
    ]
    if scores.curve is not None:
        lines += [
            f"def probability(cosine):  # of a match, among {scores.about.get('population', 'the judged pairs')}",
            f"    c = np.asarray(cosine, dtype=np.float64)\n    return {_numpy_curve(scores.curve)}",
        ]
    for name, value, note in _thresholds(scores):
        lines.append(f"{name.upper()} = {value!r}  # {note}")
    return "\n".join(lines) + "\n"


def sql_scores(scores: ScoreCalibration, cosine: str = "cosine") -> str:
    """SQL expressions of the column ``cosine``: z, the probability, and the condition of every certified threshold.

    They need EXP and LN, which PostgreSQL, DuckDB, SQLite (with its mathematical functions) and others have. With
    pgvector the cosine is ``1 - (a <=> b)``.
    """
    u = scores.unrelated
    note = f"-- What a cosine means: {_about(scores)}\n-- With pgvector, cosine is 1 - (a <=> b).\n"
    parts = [f"{note}SELECT *,\n  ({cosine} - {u.moments.mean!r}) / {u.moments.sd!r} AS z"]
    parts.append(f"{_steps(cosine, u.tail.cosines, 100 * u.tail.levels)} AS percentile")
    if scores.curve is not None:
        parts.append(f"{_sql_curve(scores.curve, cosine)} AS probability")
    for name, value, about in _thresholds(scores):
        parts.append(f"{cosine} >= {value!r} AS {name} /* {about} */")
    return ",\n  ".join(parts) + "\nFROM scored_pairs;\n"


def _about(scores: ScoreCalibration) -> str:
    """Source and version, on one line that closes neither a comment nor a string."""
    text = f"{scores.about.get('source', 'vectors')}, embedscope {scores.about.get('version', '')}"
    return "".join(ch for ch in text if ch.isprintable()).replace('"', "'").replace("*/", "* /").replace("\\", "/")


def _list(values: Any) -> str:
    return repr([float(v) for v in values])


def _thresholds(scores: ScoreCalibration) -> list[tuple[str, float, str]]:
    names = {"precision": "precise", "recall": "recalled", "max_false_merge": "mergeable"}
    return [
        (names[t.promise], t.cosine, f"{t.promise} {t.target:g} with {percent(t.confidence, 0)} confidence")
        for t in scores.thresholds
        if t.cosine is not None
    ]


def _numpy_curve(curve: Any) -> str:
    if isinstance(curve, Platt):
        return f"1 / (1 + np.exp(-({curve.slope!r} * c + {curve.intercept!r})))"
    if isinstance(curve, Beta):
        share = f"np.clip((1 + c) / 2, {BETA_END!r}, {1 - BETA_END!r})"
        logit = f"{curve.a!r} * np.log({share}) - {curve.b!r} * np.log1p(-{share}) + {curve.intercept!r}"
        return f"1 / (1 + np.exp(-({logit})))"
    if isinstance(curve, Isotonic):
        return f"np.interp(c, {_list(curve.cosines)}, {_list(curve.probabilities)})"
    raise InputError(f"a curve of type {type(curve).__name__} has no export; calibrate again")


def _sql_curve(curve: Any, c: str) -> str:
    if isinstance(curve, Platt):
        return f"1.0 / (1.0 + EXP(-({curve.slope!r} * {c} + {curve.intercept!r})))"
    if isinstance(curve, Beta):
        low, high = repr(BETA_END), repr(1 - BETA_END)
        share = f"(1 + {c}) / 2"
        s = f"(CASE WHEN {share} < {low} THEN {low} WHEN {share} > {high} THEN {high} ELSE {share} END)"
        return f"1.0 / (1.0 + EXP(-({curve.a!r} * LN({s}) - {curve.b!r} * LN(1 - {s}) + {curve.intercept!r})))"
    if isinstance(curve, Isotonic):
        return _steps(c, curve.cosines, curve.probabilities)
    raise InputError(f"a curve of type {type(curve).__name__} has no export; calibrate again")


def _steps(c: str, x: npt.ArrayLike, y: npt.ArrayLike) -> str:
    """Linear interpolation as CASE WHEN, held constant beyond the ends."""
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    keep = _needed_corners(xs, ys)
    xs, ys = xs[keep], ys[keep]
    parts = [f"WHEN {c} <= {float(xs[0])!r} THEN {float(ys[0])!r}"]
    for a, b, p, q in zip(xs[:-1], xs[1:], ys[:-1], ys[1:], strict=True):
        slope = float((q - p) / (b - a)) if b > a else 0.0
        parts.append(f"WHEN {c} <= {float(b)!r} THEN {float(p)!r} + ({c} - {float(a)!r}) * {slope!r}")
    return f"CASE {' '.join(parts)} ELSE {float(ys[-1])!r} END"


def _needed_corners(x: Any, y: Any) -> list[int]:
    """Corners without which the interpolation would differ: those on the line of their neighbours are left out."""
    kept = [0]
    for i in range(1, len(x) - 1):
        a, b = kept[-1], i + 1
        if x[b] == x[a]:
            continue
        line = y[a] + (x[i] - x[a]) * (y[b] - y[a]) / (x[b] - x[a])
        if abs(line - y[i]) > 1e-12 or x[i] == x[a] or x[i] == x[b]:
            kept.append(i)
    return [*kept, len(x) - 1] if len(x) > 1 else kept
