"""Drift: what differs from a stored run beyond the error bars of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from embedscope.core.document import Column, Document, Finding, Skipped, Table
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.stats.bootstrap import holm

ALPHA = 0.05
RESOLUTION = 1e-6
"""Relative difference that rounding of float32 vectors explains."""

DEGREES = 15
"""Of freedom of a jackknife over 16 groups."""

BY_ROWS = (
    "effective_rank",
    "participation_ratio",
    "isoscore",
    "hubness_skew",
    "antihub_share",
    "robin_hood",
    "hub_share",
    "intrinsic_dimension",
    "copy_share",
    "float16_ties",
    "int8_overlap",
    "knn_overlap",
    "recall",
    "contrastive_loss",
    "same_modality_share",
    "query_hub_share",
    "query_nearest_cosine",
    "query_contrast",
)
"""Metrics whose value depends on the number of rows, so that other sizes are no drift."""

Outcome = Literal["same", "drift", "no error bar", "rows differ", "missing", "new", "undefined"]
_Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Change:
    """One number then and now; ``p`` after Holm over all that were tested."""

    old: Record | None
    new: Record | None
    outcome: Outcome
    p: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the check fails for it."""
        return self.outcome in ("drift", "missing", "undefined")

    @property
    def record(self) -> Record:
        """The newer record that there is."""
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True)
class Drift:
    """The result of now, whose document compares it with the baseline, and every change."""

    result: Result
    changes: tuple[Change, ...]

    @property
    def drifted(self) -> tuple[Change, ...]:
        """What fails the check."""
        return tuple(c for c in self.changes if c.failed)


def drift(baseline: Result, now: Result, tolerance: Mapping[str, float] | None = None, name: str = "baseline") -> Drift:
    """Compare the records of ``now`` with those of ``baseline``.

    A number drifts where |new - old| exceeds its tolerance (0) beyond sqrt(se_old^2 + se_new^2): Welch's t with 15
    degrees of freedom a side, Holm over all numbers, 5 % in all [holm1979]. Both runs count as independent samples, so
    of the same rows embedded twice it sees only what is larger than that. Zero rows are compared as shares. A number
    without an error bar fails only where its tolerance is given; one whose value depends on n is not compared where
    the rows differ by more than a tenth.

    Raises
    ------
    InputError
        if widths differ, or the baseline has several sources and none is called as the one of now.
    UnknownNameError
        for a tolerance of a metric that the baseline has not.
    """
    allowed = dict(tolerance or {})
    old, new = _by_key(_one_source(baseline.records, now.records)), _by_key(now.records)
    old = _spaces_matched(old, new)
    for metric in allowed:
        if metric not in {r.metric for r in old.values()}:
            raise UnknownNameError.for_name("metric", metric, {r.metric for r in old.values()})
    changes = [_change(old.get(key), new.get(key), allowed) for key in dict.fromkeys([*old, *new])]
    tested = [i for i, c in enumerate(changes) if c.p is not None]
    for i, p in zip(tested, holm([changes[i].p or 0.0 for i in tested]) if tested else [], strict=True):
        changes[i] = replace(changes[i], p=p, outcome="drift" if p < ALPHA else "same")
    changes.sort(key=lambda c: not c.failed)
    made = Drift(now, tuple(changes))
    provenance = {**now.provenance, "baseline": {k: baseline.provenance.get(k) for k in ("command", "started")}}
    return replace(made, result=replace(now, provenance=provenance, document=_document(made, name, allowed)))


def _one_source(old: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """Records of the baseline that the new ones are compared with."""
    seen = {(_key(r)): r.source for r in old}
    if len(seen) == len(old):
        return list(old)
    names = list(dict.fromkeys(r.source for r in old))
    now = {r.source for r in new}
    if not now & set(names):
        raise InputError(f"the baseline holds {len(names)} sources ({', '.join(names)}); save one result a source")
    return [r for r in old if r.source in now]


def _key(r: Record) -> _Key:
    return (r.space, r.pooling, r.metric, r.variant, r.rows, r.transform)


def _by_key(records: Iterable[Record]) -> dict[_Key, Record]:
    """Records by what they are of; places of coordinates are no quantities and stay out."""
    return {_key(r): r for r in records if not r.compares and not r.metric.endswith("_coordinate")}


def _spaces_matched(old: Mapping[_Key, Record], new: Mapping[_Key, Record]) -> dict[_Key, Record]:
    """The baseline with its one space called as the one space of now, where each has one."""
    before, after = {k[0] for k in old}, {k[0] for k in new}
    if len(before) == len(after) == 1:
        return {(next(iter(after)), *k[1:]): r for k, r in old.items()}
    return dict(old)


def _change(old: Record | None, new: Record | None, allowed: Mapping[str, float]) -> Change:
    if old is None or new is None:
        return Change(old, new, "missing" if new is None else "new")
    if old.dim != new.dim:
        raise InputError(
            f"{new.metric} of the baseline is of vectors {old.dim} wide, that of {new.source} of {new.dim}: another "
            "model or transform, so nothing compares; save a new baseline"
        )
    if old.value is None or new.value is None:
        return Change(old, new, "same" if old.value is new.value else "undefined")
    apart = abs(new.value - old.value) - allowed.get(new.metric, 0.0)
    if apart <= RESOLUTION * max(1.0, abs(old.value)):
        return Change(old, new, "same")
    if new.metric.startswith(BY_ROWS) and new.metric not in allowed and _sizes_differ(old, new):
        return Change(old, new, "rows differ")
    return _tested(old, new, apart, known=new.metric in allowed)


def _tested(old: Record, new: Record, apart: float, *, known: bool) -> Change:
    """A change with its p value, or what is said without one; ``known``: a tolerance was given."""
    if new.metric == "zero_rows":
        return Change(old, new, "same", _p_of_shares(old, new))
    if old.stderr is None or new.stderr is None:
        return Change(old, new, "drift" if known else "no error bar")
    return Change(old, new, "same", _p_value(apart, old.stderr, new.stderr))


def _sizes_differ(old: Record, new: Record) -> bool:
    low, high = sorted((old.n or 0, new.n or 0))
    return low < 0.9 * high


def _p_value(apart: float, a: float, b: float) -> float:
    """Two-sided p of a difference ``apart`` with standard errors ``a`` and ``b``, by Welch's t."""
    from scipy.special import stdtr

    spread = math.hypot(a, b)
    if spread == 0:
        return 0.0
    degrees = spread**4 / ((a**4 + b**4) / DEGREES)
    return float(2 * stdtr(degrees, -apart / spread))


def _p_of_shares(old: Record, new: Record) -> float:
    """p of two counts out of their rows, by the normal approximation with the pooled share."""
    n, m = max(old.n or 1, 1), max(new.n or 1, 1)
    x, y = old.value or 0.0, new.value or 0.0
    share = (x + y) / (n + m)
    spread = math.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return math.erfc(abs(x / n - y / m) / spread / math.sqrt(2)) if spread else 1.0


def _document(made: Drift, name: str, allowed: Mapping[str, float]) -> Document:
    rows = tuple(
        (
            c.outcome,
            c.record.space,
            " ".join(filter(None, (c.record.metric, c.record.variant, c.record.pooling))),
            c.old.value if c.old else None,
            c.new.value if c.new else None,
            _difference(c),
            _error(c),
            c.p,
        )
        for c in made.changes
    )
    digits = (None, None, None, 4, 4, 4, 4, 4)
    heads = ("verdict", "space", "metric", "old", "new", "difference", "± s.e.", "p (Holm)")
    table = Table("drift", "Then and now", tuple(Column(h, d) for h, d in zip(heads, digits, strict=True)), rows)
    told = [_finding(c) for c in made.drifted]
    if not told:
        compared = sum(c.outcome == "same" for c in made.changes)
        told = [Finding(f"{compared} numbers are as in {name}, within their error bars.", "ok")]
    uncompared = [c for c in made.changes if c.outcome in ("rows differ", "no error bar", "new")]
    why = {
        "rows differ": "the value depends on the number of rows, which differs by more than a tenth",
        "no error bar": "it differs, without an error bar to judge that; name a --tolerance",
        "new": "the baseline does not have it",
    }
    skipped = [
        Skipped(", ".join(dict.fromkeys(c.record.metric for c in uncompared if c.outcome == outcome)), reason)
        for outcome, reason in why.items()
        if any(c.outcome == outcome for c in uncompared)
    ]
    skipped += [Skipped(f"{metric} within {value:g}", "tolerance given") for metric, value in allowed.items()]
    return Document(f"Drift against {name}", "", tuple(told), (table,), skipped=tuple(skipped))


def _finding(c: Change) -> Finding:
    place = f"{c.record.metric} of {c.record.space}" if c.record.space else c.record.metric
    if c.new is None:
        return Finding(
            f"{place} is missing now.", "serious", "", remedy="pass what the baseline had (--queries, spaces)"
        )
    if c.outcome == "undefined":
        return Finding(
            f"{place} is undefined in one of the two runs: {c.new.note or (c.old and c.old.note)}", "serious"
        )
    old, new = (c.old.value if c.old else None) or 0.0, c.new.value or 0.0
    error = "" if _error(c) is None else f", error bar ± {_error(c):.2g}, p = {c.p:.2g}"
    return Finding(f"{place} went from {old:.4g} to {new:.4g}.", "serious", f"difference {new - old:+.3g}{error}")


def _difference(c: Change) -> float | None:
    known = c.old and c.new and c.old.value is not None and c.new.value is not None
    return c.new.value - c.old.value if known else None  # type: ignore[union-attr,operator]


def _error(c: Change) -> float | None:
    known = c.old and c.new and c.old.stderr is not None and c.new.stderr is not None
    return math.hypot(c.old.stderr, c.new.stderr) if known else None  # type: ignore[union-attr,arg-type]
