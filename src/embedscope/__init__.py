"""embedscope: is this embedding space any good, and can I fix it?

>>> import numpy as np
>>> import embedscope
>>> embedscope.measure(np.eye(3), metrics="self_similarity").value()
0.0
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes 17 ms, in which Ctrl-C would be a traceback of the interpreter
if TYPE_CHECKING:
    from typing import Any

    from embedscope import datasets, errors, extend, metrics, tasks, transforms
    from embedscope.api.analogy import analogy
    from embedscope.api.calibrate import CalibrationOutcome, calibrate
    from embedscope.api.compare import compare
    from embedscope.api.compress import compress
    from embedscope.api.diagnose import check, diagnose
    from embedscope.api.evaluate import evaluate
    from embedscope.api.explore import explore
    from embedscope.api.listing import (
        list_datasets,
        list_experiments,
        list_metrics,
        list_models,
        list_tasks,
        list_transforms,
    )
    from embedscope.api.measure import measure
    from embedscope.api.migrate import MigrationOutcome, migrate
    from embedscope.api.repair import RepairOutcome, apply, repair
    from embedscope.api.report import report
    from embedscope.api.reproduce import reproduce
    from embedscope.calibration.scores import ScoreCalibration
    from embedscope.core.records import Record
    from embedscope.core.result import Result
    from embedscope.transforms.repair import Repair

    __version__: str

__all__ = [
    "CalibrationOutcome",
    "MigrationOutcome",
    "Record",
    "Repair",
    "RepairOutcome",
    "Result",
    "ScoreCalibration",
    "__version__",
    "analogy",
    "apply",
    "calibrate",
    "check",
    "compare",
    "compress",
    "datasets",
    "diagnose",
    "errors",
    "evaluate",
    "explore",
    "extend",
    "list_datasets",
    "list_experiments",
    "list_metrics",
    "list_models",
    "list_tasks",
    "list_transforms",
    "measure",
    "metrics",
    "migrate",
    "repair",
    "report",
    "reproduce",
    "tasks",
    "transforms",
]

_LISTS = ("list_datasets", "list_experiments", "list_metrics", "list_models", "list_tasks", "list_transforms")
_HOMES = {
    "MigrationOutcome": "api.migrate",
    "CalibrationOutcome": "api.calibrate",
    "Record": "core.records",
    "Repair": "transforms.repair",
    "RepairOutcome": "api.repair",
    "Result": "core.result",
    "ScoreCalibration": "calibration.scores",
    "analogy": "api.analogy",
    "apply": "api.repair",
    "calibrate": "api.calibrate",
    "check": "api.diagnose",
    "compare": "api.compare",
    "compress": "api.compress",
    "diagnose": "api.diagnose",
    "evaluate": "api.evaluate",
    "explore": "api.explore",
    "measure": "api.measure",
    "migrate": "api.migrate",
    "repair": "api.repair",
    "report": "api.report",
    "reproduce": "api.reproduce",
    **dict.fromkeys(_LISTS, "api.listing"),
}
_MODULES = ("datasets", "errors", "extend", "metrics", "tasks", "transforms")


def __getattr__(name: str) -> Any:
    """Public names, imported when they are first used (PEP 562)."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("embedscope")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
