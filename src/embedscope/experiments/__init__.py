"""The published studies: claims as data, and the run that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedscope.core.registry import Registry

if TYPE_CHECKING:
    from embedscope.experiments.experiment import Experiment

EXPERIMENTS: Registry[Experiment] = Registry("experiment", "embedscope.experiments")
