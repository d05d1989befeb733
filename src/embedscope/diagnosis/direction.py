"""Whether a change of a number is for the better: towards the value of an isotropic space, or of a perfect match."""

from __future__ import annotations

from embedscope.diagnosis.drift import Change
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS


def towards(change: Change) -> str:
    """``better``, ``worse``, ``missing``, or ``changed`` where a metric has no best value.

    >>> from embedscope.core.records import Record
    >>> old, new = Record("x", "isoscore", 0.2, dim=8), Record("x", "isoscore", 0.1, dim=8)
    >>> towards(Change(old, new, "drift")), towards(Change(new, old, "drift"))
    ('worse', 'better')
    """
    if change.new is None:
        return "missing"
    old, new = (None if r is None else r.value for r in (change.old, change.new))
    if old is None or new is None:
        return "undefined"
    ideal = _ideal(change.new.metric, change.new.dim)
    if ideal is None or abs(new - ideal) == abs(old - ideal):
        return "changed"
    return "better" if abs(new - ideal) < abs(old - ideal) else "worse"


def _ideal(metric: str, dim: int | None) -> float | None:
    name = metric.partition("@")[0]
    if name == "recall":
        return 1.0
    for known in (METRICS, PAIR_METRICS):
        if name in known:
            ideal = known.get(name).ideal
            return (
                float(dim) if ideal == "dim" and dim is not None else None if ideal in {None, "dim"} else float(ideal)
            )
    return None
