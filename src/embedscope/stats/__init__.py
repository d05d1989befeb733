"""Mergeable statistics: each is fed once and serves every metric that needs it."""

from embedscope.stats.centered import CenteredUnitSum
from embedscope.stats.coordinates import CoordinateMoments, Coordinates, Shares, TopShare
from embedscope.stats.cross import CrossGaussian, CrossMoments, cross_gaussian
from embedscope.stats.grouped import Grouped, GroupedResult, RowGroups
from embedscope.stats.moments import Gaussian, Moments
from embedscope.stats.norms import NormMoments, Norms
from embedscope.stats.partition import Partition, PartitionValues
from embedscope.stats.sample import RowSample, SampledRows
from embedscope.stats.statistic import Statistic, statistic_of
from embedscope.stats.uncertainty import Interval, jackknife
from embedscope.stats.unit import UnitSum, UnitSums

__all__ = [
    "CenteredUnitSum",
    "CoordinateMoments",
    "Coordinates",
    "CrossGaussian",
    "CrossMoments",
    "Gaussian",
    "Grouped",
    "GroupedResult",
    "Interval",
    "Moments",
    "NormMoments",
    "Norms",
    "Partition",
    "PartitionValues",
    "RowGroups",
    "RowSample",
    "SampledRows",
    "Shares",
    "Statistic",
    "TopShare",
    "UnitSum",
    "UnitSums",
    "cross_gaussian",
    "jackknife",
    "statistic_of",
]
