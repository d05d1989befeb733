"""The frontier: every candidate scored on the queries that select, and tests down to the smallest that certify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedscope.certification.decision import gains_of
from embedscope.certification.noninferiority import Retention, retention, stake
from embedscope.compression.candidates import NONE, Plan
from embedscope.compression.fitting import Fitted, Fitter
from embedscope.compression.material import Material, Probe
from embedscope.compression.prediction import Predictor, is_offered
from embedscope.compression.search import K, Searches
from embedscope.core.arrays import Floats
from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import Difference
from embedscope.stats.moments import Gaussian
from embedscope.tasks.means import mean_score

Scores = Mapping[str, Score]


@dataclass(frozen=True, eq=False)
class Point:
    """A candidate on the queries that select.

    Attributes
    ----------
    fitted : None where it could not be fitted
    scores : by name, empty then
    losses : difference from the full index, paired, by score
    predicted : share of the ten best that it was expected to keep, None where no prediction is offered
    best : whether no candidate of as few bytes scores higher
    why_not : why it could not be scored
    """

    plan: Plan
    fitted: Fitted | None
    scores: Scores
    losses: Mapping[str, Difference]
    predicted: float | None = None
    best: bool = False
    why_not: str | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One test on the queries that certify."""

    point: Point
    before: Scores
    after: Scores
    losses: Mapping[str, Difference]
    test: Retention


@dataclass(frozen=True, eq=False)
class Frontier:
    """What was decided.

    Attributes
    ----------
    original : scores of the full index on the queries that select
    points : every candidate
    steps : tests, from the largest candidate of the frontier to the first that fails
    main : the score that decides
    """

    original: Scores
    full_bytes: int
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    main: str
    tolerance: float

    @property
    def chosen(self) -> Step | None:
        """The smallest that was certified, None where none was."""
        held = [step for step in self.steps if step.test.holds]
        return held[-1] if held else None


def frontier(
    material: Material, plans: Sequence[Plan], moments: Gaussian, tolerance: float, seed: int, progress: Progress
) -> Frontier:
    """Score all candidates, and test those on the path in a fixed order.

    The path is chosen on the queries that select: of as few bytes none is better, and the loss is at most the
    tolerance. It is tested from the largest to the smallest, and the first test that fails ends it, so that the
    probability of any false certificate is that of one test [maurer1995].
    """
    progress.start("candidates", len(plans), "candidates")
    truth = material.select.truth
    predictor = Predictor.of(truth)
    widest = max((plan.dimensions or 0 for plan in plans if plan.cut.startswith("pca")), default=0)
    fitter = Fitter(moments, truth.documents, widest, seed)
    searches = Searches(material.select.queries, truth.own, truth.best)
    original = _full(material.select, seed)
    points: dict[str, Point] = {}
    for plan in sorted(plans, key=_together):
        points[plan.text] = _point(plan, material.select, searches, fitter, original, predictor)
        progress.advance(1)
    progress.close()
    main, full_bytes = truth.main, 4 * moments.dim
    given = [points[plan.text] for plan in plans]
    ranked = [_rank(point, given, original, main, full_bytes) for point in given]
    steps = _test_points(material, ranked, original, fitter, tolerance)
    return Frontier(original, full_bytes, tuple(ranked), tuple(steps), main, tolerance)


def _together(plan: Plan) -> tuple[str, bool, bool]:
    """An order in which candidates of one cut, which share its rows, follow each other, float32 first."""
    return plan.cut, plan.code == "rabitq", plan.code != NONE


def _full(probe: Probe, seed: int) -> Scores:
    return _scores(probe, probe.truth.best[0][:, :K], seed)


def _scores(probe: Probe, nearest: Index, seed: int) -> Scores:
    return {name: mean_score(values, seed, (), probe.units) for name, values in probe.truth.items(nearest).items()}


def _point(
    plan: Plan, probe: Probe, searches: Searches, fitter: Fitter, original: Scores, predictor: Predictor
) -> Point:
    try:
        fitted = fitter.fit(plan)
        mapped, stored = fitter.documents(fitted)
        scores = _scores(probe, searches.search(fitted, stored, mapped), fitter.seed)
    except EmbedscopeError as error:
        return Point(plan, None, {}, {}, why_not=str(error))
    offered = is_offered(plan, fitter.moments.dim)
    predicted = predictor.recall(fitted, probe.queries, stored) if offered else None
    return Point(plan, fitted, scores, gains_of(scores, original), predicted)


def _rank(point: Point, points: Sequence[Point], original: Scores, main: str, full_bytes: int) -> Point:
    """``point`` with whether it lies on the frontier of bytes and score; ties go to the earlier candidate."""
    if point.fitted is None:
        return point
    place, own = points.index(point), (value_of(point.scores, main), -point.fitted.n_bytes)
    for i, other in enumerate(points):
        if other.fitted is None or i == place:
            continue
        theirs = (value_of(other.scores, main), -other.fitted.n_bytes)
        if theirs[0] >= own[0] and theirs[1] >= own[1] and (theirs != own or i < place):
            return point
    if point.fitted.n_bytes >= full_bytes:
        return point
    return Point(point.plan, point.fitted, point.scores, point.losses, point.predicted, best=True)


def value_of(scores: Scores, name: str) -> float:
    """The value of a score, 0 where it is undefined."""
    value = scores[name].value
    return 0.0 if value is None else value


def _test_points(
    material: Material, points: Sequence[Point], original: Scores, fitter: Fitter, tolerance: float
) -> list[Step]:
    main, probe = material.select.truth.main, material.certify
    path = [p for p in points if p.best and p.fitted is not None and -_loss(p, main) <= tolerance]
    path.sort(key=lambda p: -(p.fitted.n_bytes if p.fitted is not None else 0))
    searches = Searches(probe.queries, probe.truth.own, probe.truth.best)
    before = _full(probe, fitter.seed) if path else {}
    steps: list[Step] = []
    for point in path:
        assert point.fitted is not None
        w = stake(_changes(point.scores, original, main), material.select.units, tolerance)
        mapped, stored = fitter.documents(point.fitted)
        after = _scores(probe, searches.search(point.fitted, stored, mapped), fitter.seed)
        test = retention(_changes(after, before, main), probe.units, tolerance, w)
        losses = gains_of(after, before, test.n_units)
        steps.append(Step(point, before, after, losses, test))
        if not test.holds:
            break
    return steps


def _loss(point: Point, main: str) -> float:
    value = point.losses[main].value
    return -1.0 if value is None else value


def _changes(after: Scores, before: Scores, main: str) -> Floats:
    new, old = after[main].items, before[main].items
    assert new is not None and old is not None
    return new - old
