"""embedscope: is this embedding space any good, and can I fix it?

>>> import numpy as np
>>> import embedscope
>>> result = embedscope.measure(np.eye(3), metrics=["self_similarity"])
>>> result.value(metric="self_similarity")
0.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedscope import datasets, encoders, metrics, tasks, transforms
    from embedscope.core.records import Record
    from embedscope.core.result import Result
    from embedscope.evaluation.evaluate import evaluate
    from embedscope.experiments import EXPERIMENTS
    from embedscope.geometry.measure import measure
    from embedscope.repairs.repair import repair
    from embedscope.reports import write_html

__all__ = [
    "EXPERIMENTS",
    "Record",
    "Result",
    "datasets",
    "encoders",
    "evaluate",
    "measure",
    "metrics",
    "repair",
    "tasks",
    "transforms",
    "write_html",
]

_HOMES = {
    "EXPERIMENTS": "embedscope.experiments",
    "Record": "embedscope.core.records",
    "Result": "embedscope.core.result",
    "evaluate": "embedscope.evaluation.evaluate",
    "measure": "embedscope.geometry.measure",
    "repair": "embedscope.repairs.repair",
    "write_html": "embedscope.reports",
}


def __getattr__(name: str) -> Any:
    """Public names, imported when they are first used (PEP 562)."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
