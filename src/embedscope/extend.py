"""What a plug-in package needs: everything here is public, and nothing else of embedscope needs to be imported.

A plug-in registers its objects through entry points of the groups ``embedscope.metrics``, ``embedscope.datasets``,
``embedscope.tasks`` and ``embedscope.encoders``: name = id, value = ``module:object``.

- Metrics: :func:`metric` over a statistic (``Norms``, ``Moments``, ``UnitSums``, ``Coordinates``, ``Partition``, ...),
  ``UndefinedError`` where the value does not exist.
- Data sets: :class:`Dataset` with its :class:`File` objects and a loader that gives tables (``TextTable``) and
  relations (``Pairs``, ``Labels``, ...); ``scored_pairs`` and ``distinct`` build them.
- Tasks: :class:`PairTask`, or any object with the attributes of ``Task``.
- mteb: :class:`MtebEncoder` makes a model of ours one that runs its tasks.
- Models: :class:`Scheme` opens a ``Lookup``; :class:`Alias` names a model that installs from PyPI.

>>> from embedscope.extend import Norms, metric
>>> facts = {"bounds": (0.0, None), "ideal": None, "units": "units of the rows", "cite": "mu2018"}
>>> @metric(Norms(), rows="raw", invariant={"rotation"}, **facts)
... def norm_std(norms):
...     '''Standard deviation of the norms of the rows (n, d).'''
...     return norms.std
>>> norm_std([[1.0, 0.0], [0.0, 3.0]])
1.0
"""

from embedscope.core.tables import Classes, Data, Labels, Matches, Pairs, Qrels, Quadruples, Score, Task, TextTable
from embedscope.datasets.dataset import Dataset, Loaded, MediaDataset
from embedscope.datasets.file import File
from embedscope.datasets.text import distinct, scored_pairs
from embedscope.encoders.aliases import Alias
from embedscope.encoders.lookup import Lookup, Scheme
from embedscope.interchange.mteb_encoder import MtebEncoder
from embedscope.metrics.metric import Metric, UndefinedError, metric
from embedscope.stats import (
    CenteredUnitSum,
    CoordinateMoments,
    Coordinates,
    Gaussian,
    Moments,
    NormMoments,
    Norms,
    Partition,
    PartitionValues,
    RowSample,
    SampledRows,
    UnitSum,
    UnitSums,
)
from embedscope.tasks.pairs import PairTask

__all__ = [
    "Alias",
    "CenteredUnitSum",
    "Classes",
    "CoordinateMoments",
    "Coordinates",
    "Data",
    "Dataset",
    "File",
    "Gaussian",
    "Labels",
    "Loaded",
    "Lookup",
    "Matches",
    "MediaDataset",
    "Metric",
    "Moments",
    "MtebEncoder",
    "NormMoments",
    "Norms",
    "PairTask",
    "Pairs",
    "Partition",
    "PartitionValues",
    "Qrels",
    "Quadruples",
    "RowSample",
    "SampledRows",
    "Scheme",
    "Score",
    "Task",
    "TextTable",
    "UndefinedError",
    "UnitSum",
    "UnitSums",
    "distinct",
    "metric",
    "scored_pairs",
]
