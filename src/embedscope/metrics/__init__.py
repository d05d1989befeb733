"""Metrics of a space: pure functions of the statistics they need, also callable on an array.

>>> import embedscope.metrics
>>> round(embedscope.metrics.effective_rank([[1.0, 0.0], [0.0, 1.0]]), 12)
2.0
"""

from typing import Any

from embedscope.core.registry import Registry
from embedscope.metrics.metric import Measured, Metric, UndefinedError

METRICS: Registry[Metric] = Registry("metric", "embedscope.metrics")

DEFAULTS = (
    "self_similarity",
    "self_similarity_centered",
    "isoscore",
    "participation_ratio",
    "effective_rank",
    "i1",
    "i2",
    "top5_share",
    "top8_share",
    "coordinate_std",
    "mean_norm",
    "norm_cv",
    "zero_rows",
)
"""What ``measure`` takes where no metrics are named."""

__all__ = ["DEFAULTS", "METRICS", "Measured", "Metric", "UndefinedError"]


def __getattr__(name: str) -> Any:
    if name == "top_share":
        from embedscope.metrics.shares import top_share

        return top_share
    if name in METRICS:
        return METRICS.get(name)
    raise AttributeError(f"module {__name__} has no attribute {name!r}; `embedscope list metrics` shows its metrics")


def __dir__() -> list[str]:
    return sorted([*__all__, "top_share", *(n for n in METRICS if n.isidentifier())])
