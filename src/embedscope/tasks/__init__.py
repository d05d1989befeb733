"""Tasks: vectors scored against human judgements; one file a kind."""

from __future__ import annotations

from embedscope.core.registry import Registry
from embedscope.core.tables import Task

TASKS: Registry[Task] = Registry("task", "embedscope.tasks")

__all__ = ["TASKS"]
