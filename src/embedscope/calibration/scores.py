"""A saved calibration of scores: percentile, z, probability, decision, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.calibration.unrelated import PairMoments, Tail, Unrelated
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.regular import is_regular
from embedscope.core.schema import read_as
from embedscope.core.short_repr import short_repr
from embedscope.tasks.means import directions
from embedscope.transforms.calibration import Calibration, Threshold, calibration_from, threshold_of
from embedscope.transforms.repair import Repair
from embedscope.transforms.storage import SCORES


@short_repr
@dataclass(frozen=True, eq=False)
class ScoreCalibration:
    """What cosines of one space mean.

    Attributes
    ----------
    unrelated : the distribution of unrelated pairs
    curve : cosine -> probability of a match, None without labels
    thresholds : certified thresholds, and those that could not be, with the reason
    about : facts in words: ``source``, ``population`` (of which pairs the probability speaks), ``version``, ``notes``

    Examples
    --------
    >>> import embedscope
    >>> x = np.random.default_rng(0).normal(size=(200, 32))
    >>> scores = embedscope.calibrate(x).calibration
    >>> scores.percentile([0.0, 0.5]).round(0).tolist()
    [50.0, 100.0]
    """

    unrelated: Unrelated
    curve: Calibration | None = None
    thresholds: tuple[Threshold, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def z(self, cosines: Any) -> Floats:
        """The cosine less the mean of unrelated pairs, in units of their standard deviation; of the same shape."""
        return self.unrelated.z(cosines)

    def percentile(self, cosines: Any, queries: Any = None) -> Floats:
        """Percentage of unrelated pairs that lie below, 0 to 100; of the same shape as ``cosines``.

        Parameters
        ----------
        queries : (m, d) vectors of the queries that the cosines (m,) or (m, k) are of: the percentile is then among
            the unrelated pairs of each query, by its own mean and spread
        """
        if queries is None:
            return 100 * self.unrelated.tail.share_below(cosines)
        return 100 * self.unrelated.tail.share_below_z(self.query_z(cosines, queries))

    def query_z(self, cosines: Any, queries: Any) -> Floats:
        """Cosines (m,) or (m, k) less the mean of each query's own unrelated pairs, in units of their spread."""
        q, given = directions(queries), np.asarray(cosines, dtype=np.float64)
        if q.shape[1] != len(self.unrelated.mean):
            raise InputError(
                f"queries have {q.shape[1]} dimensions, this calibration is of vectors with {len(self.unrelated.mean)}"
            )
        if given.ndim not in (1, 2) or len(given) != len(q):
            raise InputError(
                f"cosines must have shape ({len(q)},) or ({len(q)}, k) for {len(q)} queries; got {given.shape}"
            )
        means, spreads = self.unrelated.query_moments(q)
        if given.ndim == 2:
            means, spreads = means[:, None], spreads[:, None]
        return np.asarray((given - means) / np.where(spreads > 0, spreads, 1.0))

    def probability(self, cosines: Any) -> Floats:
        """Probability that a pair with this cosine matches, among the pairs of ``about["population"]``."""
        if self.curve is None:
            why = self.about.get("no_probability") or "it was made without labels"
            raise InputError(f"this calibration gives no probability: {why}; calibrate with pairs, qrels or labels")
        return self.curve.probability(cosines)

    def threshold(self, promise: str | None = None) -> Threshold:
        """The certified threshold of a promise; of the only one where None.

        Raises
        ------
        InputError
            if there is no such promise, or it could not be certified.
        """
        return threshold_of(self.thresholds, promise)

    def decide(self, cosines: Any, promise: str | None = None) -> npt.NDArray[np.bool_]:
        """Whether each cosine is at or above the certified threshold of ``promise``."""
        cut = self.threshold(promise).cosine
        assert cut is not None  # threshold() gives certified ones only
        return np.asarray(np.asarray(cosines, dtype=np.float64) >= cut)

    def into(self, repair: Repair) -> Repair:
        """``repair`` with this probability and these thresholds, where they were made of vectors that it repaired.

        Raises
        ------
        InputError
            if there is neither a probability nor a threshold, or vectors of the repair have another width.
        """
        if self.curve is None and not any(t.cosine is not None for t in self.thresholds):
            raise InputError("there is no probability and no threshold to store in a repair; calibrate with labels")
        if repair.dim_out != len(self.unrelated.mean):
            raise InputError(
                f"the repair gives vectors of {repair.dim_out} dimensions, these have {len(self.unrelated.mean)}; "
                "calibrate vectors that this repair has repaired (embedscope apply)"
            )
        return repair.with_header(calibration=self.curve, thresholds=self.thresholds)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file with a JSON header, atomically."""
        u = self.unrelated
        header = {
            "moments": asdict(u.moments),
            "tail": {"n": u.tail.n, "exact": u.tail.exact},
            "query_spread": u.query_spread,
            "curve": None if self.curve is None else self.curve.as_dict(),
            "thresholds": [asdict(t) for t in self.thresholds],
            "about": dict(self.about),
        }
        tail = {"levels": u.tail.levels, "cosines": u.tail.cosines, "z_levels": u.tail.z_levels}
        SCORES.write(path, header, tail | {"mean": u.mean, "covariance": u.covariance})

    @classmethod
    def load(cls, path: str | Path) -> ScoreCalibration:
        """The calibration that ``save`` wrote to ``path``."""
        header, arrays = SCORES.read(path)
        with SCORES.building(path):
            SCORES.check_nothing_left(path, arrays, _ARRAYS)
            moments = read_as(PairMoments, header["moments"], path, "moments")
            facts = header["tail"]
            tail = Tail(
                n=int(facts["n"]),
                levels=arrays["levels"],
                cosines=arrays["cosines"],
                z_levels=arrays["z_levels"],
                exact=bool(facts["exact"]),
            )
            if not len(tail.levels) == len(tail.cosines) == len(tail.z_levels):
                raise InputError("its levels, cosines and z_levels have different lengths")
            unrelated = Unrelated(moments, tail, arrays["mean"], arrays["covariance"], float(header["query_spread"]))
            if arrays["covariance"].shape != (len(arrays["mean"]),) * 2:
                raise InputError("its covariance does not fit its mean")
            thresholds = tuple(read_as(Threshold, t, path, "thresholds") for t in header["thresholds"])
            curve = None if header["curve"] is None else calibration_from(header["curve"])
            return cls(unrelated, curve, thresholds, dict(header["about"]))


_ARRAYS = ("levels", "cosines", "z_levels", "mean", "covariance")


def is_score_calibration(path: str | Path) -> bool:
    """Whether the file ``path`` is one that ``ScoreCalibration.save`` wrote."""
    from safetensors import SafetensorError, safe_open

    if not is_regular(Path(path)):
        return False
    try:
        with safe_open(str(path), framework="numpy") as file:
            return SCORES.key in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False
