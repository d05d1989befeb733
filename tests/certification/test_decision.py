"""The rules of the decision, each against a judge whose scores are written down."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from embedscope.certification.charts import decision_charts
from embedscope.certification.decision import LEAST_CHANGED, Certified, Decision, RemoteGain, decide, unshown_loss
from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.core.progress import Silent
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import Difference
from embedscope.tasks.means import mean_score

N = 200
FLAT = np.zeros(N)


def gain(share: float, by: float = 1.0) -> np.ndarray:
    """Items (N,) of which a ``share`` gain ``by``."""
    return np.where(np.arange(N) < share * N, by, 0.0)


class Written:
    """A judge of scorers whose items (N,) on each part are given: {candidate: {part: {score: items}}}."""

    objective = Objective("main", ("guard",))
    undecidable = None
    what = "queries"
    sizes: Mapping[str, int] = {"fit": 2 * N, "select": N, "certify": N}

    def __init__(self, given: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]) -> None:
        self.given = given
        self.asked: list[tuple[str, str]] = []

    def outcome(self, candidate: Candidate, part: str) -> Outcome:
        self.asked.append((candidate.text, part))
        items = {"main": FLAT, "guard": FLAT} | dict(self.given.get(candidate.text, {}).get(part, {}))
        scores = {name: mean_score(values, 0) for name, values in items.items()}
        return Outcome(scores, Items("hits", [str(i) for i in range(N)], items["main"]))

    def item_units(self, part: str) -> np.ndarray:
        return np.arange(N)

    def closeness(self) -> np.ndarray:
        return np.arange(N) / N

    def without_region(self, candidate: object, before: Score) -> None:
        return None

    def restrict(self, score: Score, items: np.ndarray, part: str) -> Score:
        assert score.items is not None
        return mean_score(np.where(items, score.items, np.nan), 0)


def make_decision(given: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]) -> tuple[Decision, Written]:
    judge = Written(given)
    return decide(judge, list(given), Silent()), judge  # type: ignore[arg-type]


def shuffle(items: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(items)


GOOD = {"select": {"main": shuffle(gain(0.3))}, "certify": {"main": shuffle(gain(0.3), 1)}}


def test_a_gain_on_both_parts_is_used() -> None:
    found, judge = make_decision({"csls:3": GOOD})
    assert found.repaired
    assert found.chosen is not None and found.chosen.text == "csls:3"
    assert judge.asked.count(("csls:3", "certify")) == judge.asked.count(("none", "certify")) == 1


def test_what_gains_on_the_selecting_part_alone_is_refused() -> None:
    found, _ = make_decision({"csls:3": {"select": GOOD["select"]}})
    assert found.chosen is not None
    assert not found.repaired
    assert found.certified is not None and found.certified.gains["main"].value == 0.0


def test_charts_call_a_candidate_chosen_only_where_it_is_used() -> None:
    for given, name, tone in ((GOOD, "chosen", "good"), ({"select": GOOD["select"]}, "best here, not used", "")):
        made, judge = make_decision({"csls:3": given})
        before_and_after, every = decision_charts(made, judge)["dots"]  # type: ignore[arg-type]
        assert (every.series[0], every.tones[0], before_and_after.tones[1]) == (name, tone, tone)
        assert every.rows[0].strong and every.rows[0].dots[0].series == 0


def test_the_certifying_part_does_not_choose() -> None:
    """The second candidate is far better where it is certified, the first where it is selected."""
    late = {"select": {"main": shuffle(gain(0.1))}, "certify": {"main": shuffle(gain(0.9))}}
    found, judge = make_decision({"csls:3": GOOD, "csls:5": late})
    assert found.chosen is not None and found.chosen.text == "csls:3"
    assert ("csls:5", "certify") not in judge.asked


def test_an_interval_that_holds_zero_is_no_gain() -> None:
    """Gains and losses nearly cancel: the mean is above zero, its interval is not; far from fitted rows all gain."""
    mixed = np.where(np.arange(N) < 0.52 * N, 1.0, -1.0)
    found, _ = make_decision({"csls:3": {"select": GOOD["select"], "certify": {"main": mixed}}})
    assert found.certified is not None
    gain = found.certified.gains["main"]
    assert gain.value is not None and gain.low is not None and gain.low < 0 < gain.value
    assert not found.repaired


def test_a_guard_that_gets_worse_while_selecting_bars_a_candidate() -> None:
    better = {"select": {"main": shuffle(gain(0.6)), "guard": shuffle(gain(0.2, -1.0))}}
    found, _ = make_decision({"csls:3": GOOD, "csls:5": better | {"certify": GOOD["certify"]}})
    assert found.chosen is not None and found.chosen.text == "csls:3"


def test_a_guard_that_gets_worse_while_certifying_refuses_the_gain() -> None:
    certify = GOOD["certify"] | {"guard": shuffle(gain(0.2, -1.0))}
    found, _ = make_decision({"csls:3": {"select": GOOD["select"], "certify": certify}})
    assert found.chosen is not None
    assert not found.repaired
    assert "guard" in found.reason


def test_a_gain_near_fitted_rows_alone_is_refused() -> None:
    near = np.where(np.arange(N) >= 0.7 * N, 1.0, 0.0)
    found, _ = make_decision({"csls:3": {"select": GOOD["select"], "certify": {"main": near}}})
    assert found.certified is not None and found.certified.gains["main"].low > 0
    assert not found.repaired
    assert "unlike any fitted row" in found.reason


@pytest.mark.parametrize("changed", [LEAST_CHANGED - 1, LEAST_CHANGED])
def test_a_few_changed_items_are_too_few(changed: int) -> None:
    """Five gains and no loss have an interval above zero, and p = .06 in the sign test."""
    assert 2 * 0.5 ** (LEAST_CHANGED - 1) > 0.05 > 2 * 0.5**LEAST_CHANGED
    items = FLAT.copy()
    items[np.linspace(0, N - 1, changed).astype(int)] = 1.0
    found, _ = make_decision({"csls:3": {"select": GOOD["select"], "certify": {"main": items}}})
    assert found.certified is not None
    low = found.certified.gains["main"].low
    assert low is not None and low > 0
    assert ("too few to tell a gain from chance" in found.reason) == (changed < LEAST_CHANGED)


@pytest.mark.parametrize(("before", "by", "used"), [(0.5, 0.01, False), (0.5, 0.011, True), (0.0, 0.01, True)])
def test_a_gain_that_a_rare_loss_could_undo_is_refused(before: float, by: float, used: bool) -> None:
    """All 200 units gain a little: where 2 % of all lose what they score, none of them is seen in 2 % of the draws."""
    part = {"main": np.full(N, before)}
    gain = {"main": np.full(N, before + by)}
    judge = Written({"none": {"select": part, "certify": part}, "csls:3": {"select": gain, "certify": gain}})
    found = decide(judge, ["csls:3"], Silent())  # type: ignore[arg-type]
    assert found.certified is not None and found.certified.gains["main"].low == pytest.approx(by)
    assert found.repaired == used
    assert ("too rare to be seen among 200 units" in found.reason) != used
    assert used or "it takes some 205 units that certify" in found.reason


@pytest.mark.parametrize("rare", [0.1, 0.05, 0.02])
def test_rare_total_losses_are_not_certified(rare: float) -> None:
    """A few units lose all they have, the others gain as much together: no loss is seen in up to 85 % of the draws."""
    rng = np.random.default_rng(0)
    for n in (8, 20, 50):
        gained = 0
        for lost in rng.random((200, n)) < rare:
            before = np.where(lost, 1 - rare, rng.uniform(0, 1 - rare, n))
            after = np.where(lost, 0.0, before + rare)
            scores = [Outcome({"main": mean_score(x, 0)}, Items("", [], x)) for x in (before, after)]
            test = Certified(scores[0], scores[1], {}, n, RemoteGain(None, None, Difference(None), 0, 0))
            gained += after.mean() - before.mean() > unshown_loss(SimpleNamespace(  # type: ignore[arg-type]
                objective=Written.objective, item_units=lambda _, n=n: np.arange(n)), test)  # fmt: skip
        assert gained / 200 <= 0.03


def test_ties_go_to_the_simpler_one_and_first_to_the_original() -> None:
    same, _ = make_decision({"csls:3": GOOD, "csls:5": GOOD})
    assert same.chosen is not None and same.chosen.text == "csls:3"
    nothing, judge = make_decision({"csls:3": {}})
    assert nothing.chosen is None
    assert ("csls:3", "certify") not in judge.asked


def test_what_sees_the_other_queries_is_never_chosen() -> None:
    found, _ = make_decision({"csls:3:transductive": GOOD})
    assert found.chosen is None
    assert not found.repaired
