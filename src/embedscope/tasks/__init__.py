"""Tasks: vectors scored against human judgements; one module per type of task.

>>> from embedscope.tasks import TASKS
>>> TASKS.get("rg65").dataset
'rg65'
"""

from __future__ import annotations

from typing import Any

from embedscope.core.registry import Registry
from embedscope.core.tables import Task


class TaskRegistry(Registry[Task]):
    """Tasks by id; ``ID.VARIANT`` is a variant of the task ``ID``, for tasks that have a method ``variant``."""

    def get(self, name: str) -> Task:
        """The task called ``name``; raises ``UnknownNameError`` with the nearest names."""
        base, dot, variant = name.partition(".")
        if dot and name not in self and base in self:
            variant_of: Any = getattr(super().get(base), "variant", None)
            if variant_of is not None:
                task: Task = variant_of(variant)
                return task
        return super().get(name)


TASKS = TaskRegistry("task", "embedscope.tasks")

__all__ = ["TASKS", "TaskRegistry"]
