"""A repair that can be deployed: one map for each kind of vector, with its evidence, in one file."""

from embedscope.transforms.repair._header import Header, ScorerChoice
from embedscope.transforms.repair._kind import Hidden, KindMap, Origin
from embedscope.transforms.repair._repair import SINGLE, Repair

__all__ = ["SINGLE", "Header", "Hidden", "KindMap", "Origin", "Repair", "ScorerChoice"]
