"""Drift: numbers that differ from a stored run beyond the error bars of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from embedscope.core.document import Action, Column, Document, Finding, Skipped, Table
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.core.wording import count
from embedscope.diagnosis.change import UNCOMPARED, Change, Outcome
from embedscope.diagnosis.direction import gravity, towards
from embedscope.diagnosis.drift_charts import add_charts
from embedscope.diagnosis.sample_size import FREE, JUMPY, ORIENTATION, gap
from embedscope.diagnosis.thresholds import near_or_all
from embedscope.diagnosis.unrelated import UNRELATED
from embedscope.diagnosis.where import UNNAMED, Where
from embedscope.metrics.orientation import MEAN
from embedscope.stats.bootstrap import holm
from embedscope.stats.uncertainty import degrees_of

ALPHA = 0.05
RESOLUTION = 1e-6
"""Relative difference that rounding of float32 vectors explains."""

STORED = dict.fromkeys(("norm_cv", "mean_norm"), 2.0**-11)
"""The same of norms, which rows of one length have exactly until they are stored in float16."""

DEGREES = 15
"""Of freedom of a jackknife over 16 groups of equal size, the most there are."""

_WORST = ("missing", "undefined", "worse", "changed", "better")
"""Where a number that failed moved to, the worst first."""

_Key = tuple[str | None, ...]


@short_repr
@dataclass(frozen=True)
class Drift:
    """The result of now, whose document compares it with the baseline, and every change."""

    result: Result
    changes: tuple[Change, ...]

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()

    @property
    def drifted(self) -> tuple[Change, ...]:
        """What fails the check."""
        return tuple(c for c in self.changes if c.failed)


def drift(
    baseline: Result,
    now: Result,
    tolerance: Mapping[str, float] | None = None,
    name: str = "baseline",
    where: Where = UNNAMED,
) -> Drift:
    """Compare the records of ``now`` with those of ``baseline``.

    A number drifts where |new - old| exceeds its tolerance (0) beyond sqrt(se_old^2 + se_new^2): Welch's t with the
    degrees of freedom of either side, at most 15, Holm over all numbers, 5 % in all [holm1979]. Both runs count as
    independent samples, so for the same rows embedded twice it finds only changes that are larger than that. Zero rows
    are compared as shares. A number without an error bar fails only where its tolerance is given. Where the numbers of
    rows differ, only numbers free of n are compared; see ``embedscope.diagnosis.sample_size``.

    Parameters
    ----------
    tolerance : by metric
    name, where : what the baseline is called, and what was measured now, as a command takes it

    Raises
    ------
    InputError
        if dimensions differ, or the baseline has several sources and none has the name of the new one.
    UnknownNameError
        for a tolerance of a metric that the baseline does not hold.
    """
    check_tolerances(baseline, tolerance or {})
    allowed = dict(tolerance or {})
    old, new = _by_key(_one_source(baseline.records, now.records)), _by_key(now.records)
    old = _match_spaces(old, new)
    changes = _one_orientation(_change(old.get(key), new.get(key), allowed) for key in dict.fromkeys([*old, *new]))
    tested = [i for i, c in enumerate(changes) if c.p is not None]
    for i, p in zip(tested, holm([changes[i].p or 0.0 for i in tested]) if tested else [], strict=True):
        changes[i] = replace(changes[i], p=p, outcome="drift" if p < ALPHA else "same")
    changes.sort(key=lambda c: (not c.failed, _WORST.index(towards(c)) if c.failed else 0))
    outcome = Drift(now, tuple(changes))
    provenance = {**now.provenance, "baseline": {k: baseline.provenance.get(k) for k in ("command", "started")}}
    document = add_charts(_document(outcome, name, allowed), changes, name, where)
    return replace(outcome, result=replace(now, provenance=provenance, document=document))


def check_tolerances(baseline: Result, tolerance: Mapping[str, float]) -> None:
    """Raise where a tolerance is no number of 0 or more, or of a metric that ``baseline`` does not hold.

    Cheap, so that it can be called before anything is measured.
    """
    known = list(dict.fromkeys(r.metric for r in baseline.records))
    for metric, value in tolerance.items():
        if not 0 <= value < math.inf:
            raise InputError(f"the tolerance of {metric} is {value:g}; wanted a number of 0 or more")
        if metric not in known:
            raise UnknownNameError(f"the baseline has no metric '{metric}'; {near_or_all(metric, known)}")


def _one_orientation(changes: Iterable[Change]) -> list[Change]:
    """The changes, of the numbers along fixed directions of a space only the one of least p, times their number.

    They are one question, whether the space was turned, so they count once among the numbers of Holm's correction.
    """
    kept: list[Change] = []
    turned: dict[tuple[str | None, ...], list[Change]] = {}
    for c in changes:
        if c.record.metric in ORIENTATION:
            turned.setdefault((c.record.source, c.record.space, c.record.pooling), []).append(c)
        else:
            kept.append(c)
    for family in turned.values():
        least = min(family, key=lambda c: (not c.failed, 1.0 if c.p is None else c.p))
        kept.append(least if least.p is None else replace(least, p=min(1.0, len(family) * least.p)))
    return kept


def _one_source(old: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """Records of the baseline that the new ones are compared with."""
    seen = {(_key(r)): r.source for r in old}
    if len(seen) == len(old):
        return list(old)
    names = list(dict.fromkeys(r.source for r in old))
    now = {r.source for r in new}
    if not now & set(names):
        raise InputError(f"the baseline holds {len(names)} sources ({', '.join(names)}); save one result per source")
    return [r for r in old if r.source in now]


def _key(r: Record) -> _Key:
    return (r.space, r.pooling, r.metric, r.variant, r.rows, r.transform)


def _by_key(records: Iterable[Record]) -> dict[_Key, Record]:
    """Records by what they measure, without numbers of coordinates and what is asked of some spaces only."""
    return {
        _key(r): r
        for r in records
        if not r.compares and not r.metric.endswith("_coordinate") and r.metric not in _ASKED_OF_SOME
    }


_ASKED_OF_SOME = {"leading_overlap", *UNRELATED}


def _match_spaces(old: Mapping[_Key, Record], new: Mapping[_Key, Record]) -> dict[_Key, Record]:
    """The baseline with its one space named as the new one, where each has one."""
    before, after = {k[0] for k in old}, {k[0] for k in new}
    if len(before) == len(after) == 1:
        return {(next(iter(after)), *k[1:]): r for k, r in old.items()}
    return dict(old)


def _change(old: Record | None, new: Record | None, allowed: Mapping[str, float]) -> Change:
    if old is None or new is None:
        return Change(old, new, "missing" if new is None else "new")
    if old.dim != new.dim:
        raise InputError(
            f"the vectors of the baseline have {old.dim} dimensions, those of {new.source} have {new.dim}: another "
            "model or transform, so nothing can be compared; save a new baseline"
        )
    if old.value is None or new.value is None:
        return Change(old, new, "same" if old.value is new.value else "undefined")
    tolerance = allowed.get(new.metric)
    apart = abs(new.value - old.value) - (tolerance or 0.0)
    if apart <= STORED.get(new.metric, RESOLUTION) * max(1.0, abs(old.value)):
        return Change(old, new, "same")
    return _test_change(old, new, apart, known=tolerance is not None)


def _test_change(old: Record, new: Record, apart: float, *, known: bool) -> Change:
    """A change with its p value, or the reason why there is none; ``known``: a tolerance was given."""
    if new.metric == "zero_rows":
        return Change(old, new, "same", _p_of_shares(old, new))
    if old.stderr is None or new.stderr is None:
        free = old.n == new.n or new.metric in FREE
        return Change(old, new, "drift" if known else "no error bar" if free else "rows differ")
    if known:
        return Change(old, new, "same", _p_value(apart, old.stderr, new.stderr, _degrees(old), _degrees(new)))
    difference = gap(old, new)
    if difference is None:
        sizes: Outcome = "units differ" if old.n == new.n else "rows differ"
        return Change(old, new, "no error bar" if new.metric in JUMPY else sizes)
    errors = difference.stderr_old, difference.stderr_new
    return Change(old, new, "same", _p_value(difference.apart, *errors, _degrees(old), _degrees(new)))


def _degrees(record: Record) -> int:
    """Degrees of freedom of the standard error of ``record``: fewer than 15 where its units are of unequal size."""
    if record.stderr is None or record.ci_low is None or record.ci_high is None:
        return DEGREES
    return degrees_of(record.stderr, record.ci_low, record.ci_high, DEGREES)


def _p_value(apart: float, a: float, b: float, df_a: int = DEGREES, df_b: int = DEGREES) -> float:
    """Two-sided p of a difference ``apart`` with standard errors ``a`` and ``b``, by Welch's t."""
    from scipy.special import stdtr

    spread = math.hypot(a, b)
    if spread == 0:
        return 0.0 if apart > 0 else 1.0
    degrees = spread**4 / (a**4 / df_a + b**4 / df_b)
    return min(1.0, float(2 * stdtr(degrees, -apart / spread)))


def _p_of_shares(old: Record, new: Record) -> float:
    """p of two counts out of their rows, by the normal approximation with the pooled share."""
    n, m = max(old.n or 1, 1), max(new.n or 1, 1)
    x, y = old.value or 0.0, new.value or 0.0
    share = (x + y) / (n + m)
    spread = math.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return math.erfc(abs(x / n - y / m) / spread / math.sqrt(2)) if spread else 1.0


def _document(drifted: Drift, name: str, allowed: Mapping[str, float]) -> Document:
    rows = tuple(
        (
            c.outcome,
            c.record.space,
            " ".join(filter(None, (c.record.metric, c.record.variant, c.record.pooling))),
            c.old.value if c.old else None,
            c.new.value if c.new else None,
            _difference(c),
            _error(c),
            None if c.p is None else f"{c.p:.2g}",
        )
        for c in drifted.changes
    )
    digits = (None, None, None, 4, 4, 4, 4, None)
    heads = ("verdict", "space", "metric", "baseline", "now", "difference", "± s.e.", "p (Holm)")
    table = Table("drift", "Baseline and now", tuple(Column(h, d) for h, d in zip(heads, digits, strict=True)), rows)
    findings = [_finding(c) for c in drifted.drifted]
    if not findings:
        compared = sum(c.outcome == "same" for c in drifted.changes)
        numbers = count(compared, "number")
        findings = [
            Finding(f"No drift: {numbers} {'agrees' if compared == 1 else 'agree'} with {name} within error.", "ok")
        ]
    uncompared = [c for c in drifted.changes if c.outcome in UNCOMPARED]
    skipped = [
        Skipped(", ".join(dict.fromkeys(c.record.metric for c in uncompared if c.outcome == outcome)), reason)
        for outcome, reason in UNCOMPARED.items()
        if any(c.outcome == outcome for c in uncompared)
    ]
    skipped += [Skipped(f"{metric} within {value:g}", "tolerance given") for metric, value in allowed.items()]
    skipped += [Skipped(name, note) for name, note in _units(drifted.changes)]
    return Document(f"Drift against {name}", "", tuple(findings), (table,), skipped=tuple(skipped))


def _units(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """How many units of evidence stand behind the numbers of either run, where they are fewer than rows."""
    said = []
    for name, records in (("baseline", [c.old for c in changes]), ("now", [c.new for c in changes])):
        counted = {(r.n, r.units) for r in records if r is not None and r.units is not None and r.units != r.n}
        said += [
            (name, f"{n or 0:,} rows in {count(units, 'unit')} of evidence") for n, units in sorted(counted, key=str)
        ]
    return said


def _finding(c: Change) -> Finding:
    place = f"{c.record.metric} of {c.record.space}" if c.record.space else c.record.metric
    if c.new is None:
        missing = Action("measure what the baseline had (--queries, spaces)")
        return Finding(f"{place} is missing now.", "serious", actions=(missing,))
    if c.outcome == "undefined":
        return Finding(
            f"{place} is undefined in one of the two runs: {c.new.note or (c.old and c.old.note)}", "serious"
        )
    old, new = (c.old.value if c.old else None) or 0.0, c.new.value or 0.0
    if c.record.metric in ORIENTATION:
        return _turn_finding(c, old, new)
    error = "" if _error(c) is None else f", error bar ± {_error(c):.2g}, p = {c.p:.2g}"
    verb = "rose" if new > old else "fell"
    way = towards(c)
    judged = f", for the {way}" if way in ("better", "worse") else ""
    return Finding(
        f"{place} {verb} from {old:.4g} to {new:.4g}{judged}.", gravity([c]), f"difference {new - old:+.3g}{error}"
    )


def _turn_finding(c: Change, old: float, new: float) -> Finding:
    """The rows lie along other directions: a rotation leaves every other number as it was."""
    what, _, k = c.record.metric.partition(".")
    name = "mean" if what == MEAN else "variance"
    space = "" if c.record.space in (None, "vectors") else f" of {c.record.space}"
    return Finding(
        f"The vectors{space} lie along other directions: the {name} along "
        f"fixed direction {k} was {old:.4g} and is {new:.4g}.",
        "serious",
        f"difference {new - old:+.3g}, error bar ± {_error(c) or 0.0:.2g}, p = {c.p or 0.0:.2g}",
        actions=(
            Action("vectors of another model, or turned since: embed queries and documents with one model again"),
        ),
    )


def _difference(c: Change) -> float | None:
    known = c.old and c.new and c.old.value is not None and c.new.value is not None
    return c.new.value - c.old.value if known else None  # type: ignore[union-attr,operator]


def _error(c: Change) -> float | None:
    known = c.old and c.new and c.old.stderr is not None and c.new.stderr is not None
    return math.hypot(c.old.stderr, c.new.stderr) if known else None  # type: ignore[union-attr,arg-type]
