"""Between pure retrieval and one mixed index: partway maps, two vectors for a row, the slider, what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.certification.candidates import expand_candidates
from embedscope.certification.fitting import FitContext
from embedscope.certification.judges._pair_scores import Mapped, pair_scores
from embedscope.certification.pair_rows import PairRows
from embedscope.certification.trade import apart, partway, share_of
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.repairs.suggestions import again
from embedscope.tasks.means import directions
from embedscope.transforms.align.sides import Side
from embedscope.transforms.repair import KindMap, Repair


@pytest.fixture(scope="module")
def sides() -> tuple[np.ndarray, np.ndarray]:
    """300 pairs with a gap between the modalities."""
    rng = np.random.default_rng(0)
    meaning, gap = rng.normal(size=(300, 16)), 2 * rng.normal(size=16)
    return tuple(meaning + 0.5 * rng.normal(size=(300, 16)) + sign * gap for sign in (1, -1))


def _rows(x: np.ndarray, y: np.ndarray) -> PairRows:
    i = np.arange(len(x))
    return PairRows(x, y, i, i, i, i, i, i)


def test_two_vectors_leave_pure_retrieval_to_the_last_row(sides: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = sides
    repair = apart("apart:1.8", ("image", "text"), (16, 16), FitContext())
    asking = repair.transform(x, "query-image"), repair.transform(y, "query-text")
    found = repair.transform(x, "image"), repair.transform(y, "text")
    before = pair_scores(Mapped(x, y), _rows(x, y), ("image", "text"), 0)
    after = pair_scores(Mapped(*found, asking=asking), _rows(x, y), ("image", "text"), 0)
    np.testing.assert_array_equal(before.ranks, after.ranks)
    assert after.scores["mixed_ndcg@10"].value > before.scores["mixed_ndcg@10"].value
    u, v = directions(x), directions(y)
    c2 = 0.9  # closed form of the new cosines
    np.testing.assert_allclose(asking[0] @ found[1].T, (u @ v.T + c2) / (1 + c2), atol=1e-12)
    np.testing.assert_allclose(asking[0] @ found[0].T, (u @ u.T - c2) / (1 + c2), atol=1e-12)


def test_the_mixed_index_cannot_beat_pure_retrieval_where_the_order_stays(sides: tuple[np.ndarray, np.ndarray]) -> None:
    """The oracle that never returns the own modality: nDCG@10 of pure retrieval, which apart:4 reaches."""
    x, y = sides
    repair = apart("apart:4", ("image", "text"), (16, 16), FitContext())
    asking = repair.transform(x, "query-image"), repair.transform(y, "query-text")
    found = repair.transform(x, "image"), repair.transform(y, "text")
    after = pair_scores(Mapped(*found, asking=asking), _rows(x, y), ("image", "text"), 0)
    ranks = after.ranks
    oracle = np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0.0).mean()
    assert after.scores["mixed_ndcg@10"].value == pytest.approx(oracle)
    assert after.scores["same_modality_share"].value == 0


def test_partway_is_the_mean_of_both_ends() -> None:
    rng = np.random.default_rng(1)
    x, mean, matrix = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=(3, 3))
    whole = Repair({"a": KindMap(Side(3, mean, matrix, np.ones(3)))})
    np.testing.assert_allclose(partway(whole, 0.25).transform(x), 0.75 * x + 0.25 * whole.transform(x))
    with pytest.raises(InputError, match="no way"):
        partway(Repair({"a": KindMap(Side(3, None, matrix[:, :2]))}), 0.5)


@pytest.mark.parametrize("text", ["path:0.5", "center,path:2", "center,path:x"])
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"path:0\.5"):
        share_of(text)


@pytest.mark.parametrize("text", ["path:0.5", "center+path:2", "apart:x", "apart:-1", "apart:inf", "apart:0.5+center"])
def test_ways_and_distances_that_are_none_are_refused_before_any_work(text: str) -> None:
    with pytest.raises(InputError, match=r"as in (center\+path|apart):0\.5"):
        expand_candidates(text, (), pair=True)


def test_ways_and_distances_may_be_named() -> None:
    named = ["center+path:0.5", "lstsq:1+path:0.25@csls:10", "apart:0.4"]
    assert expand_candidates(",".join(named), (), pair=True) == named
    with pytest.raises(UnknownNameError, match="path"):
        expand_candidates("center+path:0.5", (), pair=False)


def test_the_slider_weighs_both(sides: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    outcome = embedscope.repair(
        pair=sides, objective=0.8, candidates=["center+path:0.5", "apart:0.4", "apart:2"], rows_out=out
    )
    result = outcome.result
    assert outcome.accepted
    assert outcome.repair.header.candidate == "apart:2"
    one = {"transform": "apart:2", "subset": "certify"}
    pure, mixed = (result.value(metric=m, **one) for m in ("recall@1", "mixed_ndcg@10"))
    assert result.value(metric="weighted", **one) == pytest.approx(0.2 * pure + 0.8 * mixed)
    assert result.value(metric="recall@1.difference", **one) == 0
    assert list(outcome.repair.kinds) == ["image", "text", "query-image", "query-text"]
    assert any(f.status == "warning" and "own modality" in f.text for f in result.document.findings)
    front = next(t for t in result.document.tables if t.id == "front")
    assert front.rows[-1][0] == "apart:2"
    lines = out.read_text().splitlines()
    assert lines[0] == "item,before,after,change"
    assert len(lines) == 1 + result.select(metric="mixed_ndcg@10", **one)[0].n


def test_a_barred_candidate_is_told_with_a_command() -> None:
    rng = np.random.default_rng(3)
    meaning, gap = rng.normal(size=(400, 12)), 3 * rng.normal(size=12)
    x, y = (meaning + 0.9 * rng.normal(size=(400, 12)) + s * gap for s in (1, -1))
    outcome = embedscope.repair(pair=(x, y), objective="mixed")
    told = [f for f in outcome.result.document.findings if f.text.startswith("Not chosen")]
    barred = next(t for t in outcome.result.document.tables if t.id == "candidates")
    assert bool(told) == any("(barred)" in str(row[0]) and row[1] > _best(barred) for row in barred.rows)
    for finding in told:
        assert 'objective="0.8"' in finding.remedy


def _best(table: object) -> float:
    return max(row[1] for row in table.rows if "(barred)" not in str(row[0]))


def test_commands_are_those_that_were_typed() -> None:
    assert again("embedscope repair --pair 'a b.npy' c.npy --objective=mixed -o x", "0.8") == (
        "embedscope repair --pair 'a b.npy' c.npy -o x --objective 0.8"
    )


def test_weights_are_for_pairs_and_between_0_and_1(sides: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="from 0"):
        embedscope.repair(pair=sides, objective=1.5)
    with pytest.raises(InputError, match="does not go"):
        embedscope.repair(sides[0], labels=np.arange(300) % 4, objective=0.5)


@pytest.mark.shared_data
def test_clip500_reaches_a_mixed_ndcg_of_080_without_a_loss(shared_data: Path) -> None:
    images, texts = np.load(shared_data / "clip500" / "features_clip.npy")
    outcome = embedscope.repair(pair=(images, texts), objective=0.5, candidates=["center", "apart:0.8"])
    one = {"transform": "apart:0.8", "subset": "certify"}
    assert outcome.result.value(metric="mixed_ndcg@10", **one) >= 0.80
    assert outcome.result.value(metric="recall@1.difference", **one) == 0
