"""Whether a change of a number is for the better: by the rule that reads it, else towards its best value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from embedscope.diagnosis.change import Change
from embedscope.diagnosis.pair_rules import PAIR_RULES, QUERY_RULES
from embedscope.diagnosis.space_rules import RULES
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS

_HIGH_IS_GOOD = ("recall", "ndcg", "mrr", "map", "paired_cosine", "knn_overlap", "linear_cka")
_WORSE = {rule.metrics[0]: rule.worse for rule in (*RULES, *PAIR_RULES, *QUERY_RULES) if rule.metrics}
_WORSE |= {f"rogue_contribution.top{k}": _WORSE["rogue_contribution"] for k in (2, 3)}


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
    name = change.new.metric
    if old != new and (worse := _WORSE.get(name) or ("below" if name.startswith(_HIGH_IS_GOOD) else None)):
        return "worse" if (new > old) == (worse == "above") else "better"
    ideal = _ideal(name, change.new.dim)
    if ideal is None or abs(new - ideal) == abs(old - ideal):
        return "changed"
    return "better" if abs(new - ideal) < abs(old - ideal) else "worse"


def gravity(changes: Iterable[Change]) -> Literal["serious", "warning"]:
    """How grave ``changes`` that fail a check are together: a warning where every one of them is for the better.

    >>> from embedscope.core.records import Record
    >>> old, new = Record("x", "isoscore", 0.2, dim=8), Record("x", "isoscore", 0.1, dim=8)
    >>> gravity([Change(new, old, "drift")]), gravity([Change(new, old, "drift"), Change(old, new, "drift")])
    ('warning', 'serious')
    """
    return "warning" if all(towards(c) == "better" for c in changes) else "serious"


def _ideal(metric: str, dim: int | None) -> float | None:
    name = metric.partition("@")[0]
    for known in (METRICS, PAIR_METRICS):
        if name in known:
            ideal = known.get(name).ideal
            return (
                float(dim) if ideal == "dim" and dim is not None else None if ideal in {None, "dim"} else float(ideal)
            )
    return None
