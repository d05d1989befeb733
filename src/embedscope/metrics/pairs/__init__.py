"""Metrics of two spaces over rows that belong together: images with texts, or one model with another.

>>> import numpy as np
>>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
>>> PAIR_METRICS.get("paired_cosine")(x, x)
1.0
"""

from embedscope.core.registry import Registry
from embedscope.metrics.pairs.metric import Paired, PairMetric

PAIR_METRICS: Registry[PairMetric] = Registry("pair metric", "embedscope.metrics.pairs")

__all__ = ["PAIR_METRICS", "PairMetric", "Paired"]
