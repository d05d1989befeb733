"""Nested parameters of estimators that hold others in order: ``whiten__k`` is the ``k`` of the step ``whiten``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from sklearn.base import BaseEstimator


class Steps(BaseEstimator):
    """An estimator with ``steps``; each has a ``name``, with its place among equal names where there are several."""

    steps: Sequence[Any]

    @property
    def named_steps(self) -> dict[str, Any]:
        """The steps by name: ``center``, or ``center_1`` and ``center_2``."""
        held = getattr(self, "steps", ())  # anything may be set, and fit will say
        steps = [step for step in held if hasattr(step, "name")] if isinstance(held, list | tuple) else []
        total, seen = Counter(step.name for step in steps), Counter[str]()
        named = {}
        for step in steps:
            seen[step.name] += 1
            named[step.name if total[step.name] == 1 else f"{step.name}_{seen[step.name]}"] = step
        return named

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; ``deep`` gives the steps by name too, and their parameters as ``NAME__PARAMETER``."""
        own: dict[str, Any] = super().get_params(deep=False)
        if not deep:
            return own
        steps = self.named_steps
        nested = {f"{name}__{key}": value for name, step in steps.items() for key, value in step.get_params().items()}
        return own | steps | nested

    def set_params(self, **params: Any) -> Self:
        """Set ``steps``, a step by its name, or a parameter of a step as ``NAME__PARAMETER``."""
        if "steps" in params:
            self.steps = params.pop("steps")
        names = list(self.named_steps)
        for name in [name for name in params if name in names]:
            changed = list(self.steps)
            changed[names.index(name)] = params.pop(name)
            self.steps = type(self.steps)(changed)  # type: ignore[call-arg]
        super().set_params(**params)
        return self
