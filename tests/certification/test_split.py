"""Parts, candidates and scores of pairs against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.certification.candidates import expand_candidates, one_space, pairs, parse_candidate
from embedscope.certification.decision import worse_guards
from embedscope.certification.fitting import FitContext, fit_kinds, moments_of
from embedscope.certification.judges._pair_scores import Mapped, pair_scores
from embedscope.certification.judges.base import Objective
from embedscope.certification.pair_rows import PairRows, by_position
from embedscope.certification.split import keep_clusters, part_numbers
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Score
from embedscope.readers import ArrayStream
from embedscope.readers.concat import JoinedStream
from embedscope.sources.paired_stream import PairedStream, whole_pair
from embedscope.stats.bootstrap import Difference, paired_difference
from embedscope.tasks.mixed import same_modality_share
from embedscope.tasks.retrieval import recall_both_ways
from embedscope.transforms import parse_chain
from embedscope.transforms.align import parse_alignment


def test_parts_do_not_depend_on_the_order_of_rows_or_on_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = hash_rows(0, 500)
    numbers, order = part_numbers(hashes, 3), np.random.default_rng(0).permutation(500)
    assert (part_numbers(hashes[order], 3) == numbers[order]).all()
    assert (part_numbers(hashes, 4) != numbers).any()
    x, y = np.random.default_rng(1).normal(size=(2, 500, 4))
    how = {"normalize": True, "max_eval_rows": 60, "seed": 3, "limit_fit": 30}
    whole = by_position(whole_pair(x, y), [500], hashes, **how)  # type: ignore[arg-type]
    cut = PairedStream(*(JoinedStream((ArrayStream({"v": z[:77]}), ArrayStream({"v": z[77:]}))) for z in (x, y)))
    monkeypatch.setattr("embedscope.readers.concat.plan", lambda n, dim: [(0, 50)])
    split = by_position(cut, [77, 423], hashes, **how)  # type: ignore[arg-type]
    assert (whole.rows["certify"].names_x == split.rows["certify"].names_x).all()
    np.testing.assert_allclose(whole.cross.cxy, split.cross.cxy, atol=1e-12)
    assert whole.totals == split.totals and len(whole.rows["select"].x) == 30
    assert not set(whole.rows["select"].names_x) & set(whole.rows["certify"].names_x)


def test_clusters_are_kept_whole() -> None:
    clusters = np.repeat(hash_rows(0, 50), 4)
    kept = keep_clusters(clusters, 90, 0)
    assert kept.sum() == 88
    assert set(np.bincount(np.unique(clusters, return_inverse=True)[1], kept)) == {0, 4}


def test_candidates_are_text_that_their_parsers_read() -> None:
    for text in one_space(16):
        assert parse_chain(text).text == text
    for text in pairs((16, 16), 300) + pairs((16, 8), 300):
        assert parse_alignment(text).text == text
    assert "center" not in pairs((16, 8), 300)
    assert expand_candidates("auto,none,center", ["center", "abtt:1"], pair=True) == ["center", "abtt:1"]
    assert parse_candidate("csls:3") == ("none", "csls:3", False)
    assert parse_candidate("own:center+abtt:1") == ("own:center+abtt:1", None, False)


@pytest.mark.parametrize(
    ("text", "pair", "said"),
    [
        ("center,abtt:x", False, "'abtt:x' needs a whole number"),
        ("whiten:0", False, "'whiten:0' needs a whole number above 0"),
        ("center@csls:0", False, "'csls:0' is not understood"),
        ("lstsq:-1", False, "'lstsq:-1' needs a number of 0 or more"),
        ("auto,lstsq:nan", True, "'lstsq:nan' needs a number of 0 or more"),
        ("center:x", True, "'center:x' is not understood"),
        ("drop:3", True, "unknown alignment 'drop'"),
        ("abbt:1", False, "unknown transform 'abbt'; did you mean 'abtt'"),
    ],
)
def test_candidates_that_no_data_could_fit_are_refused(text: str, pair: bool, said: str) -> None:
    """They were tried, listed as not understood, and the verdict was about the others."""
    with pytest.raises((InputError, UnknownNameError)) as error:
        expand_candidates(text, ["center"], pair=pair)
    assert said in str(error.value)


def test_candidates_that_some_data_fit_are_tried() -> None:
    names = ["whiten:999", "center:joint,abtt:1", "lstsq:0.1", "own:center+abtt:1@csls:5", "csls:5:transductive"]
    assert expand_candidates(names, [], pair=False) == [name.replace(",", "+") for name in names]
    names = ["center+path:0.5", "apart:0.3", "cca:500", "own:drop:3", "pca:4:joint", "unit", "center+cca:4+unit"]
    assert expand_candidates(",".join(names), [], pair=True) == names


def test_one_kind_fitted_from_moments_is_the_chain() -> None:
    x = np.random.default_rng(2).normal(size=(80, 5)) @ np.diag([5, 2, 1, 1, 1]) + 3
    for text in ("center", "abtt:1", "whiten:3:ledoit-wolf", "center,abtt:1,whiten:4"):
        repair = fit_kinds(text, {"vectors": moments_of(x, normalize=False)}, FitContext(normalize=False))
        wanted = parse_chain(text).fit(x).transform(x)
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        np.testing.assert_allclose(repair.transform(x), wanted, atol=1e-9)


def test_kinds_have_their_own_means_or_one() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 40, 4)) + np.array([[[2.0]], [[-2.0]]])
    moments = {"a": moments_of(a, normalize=False), "b": moments_of(b, normalize=False)}
    own, joint = (fit_kinds(text, moments, FitContext(normalize=False)) for text in ("center", "center:joint"))
    for kind, x in (("a", a), ("b", b)):
        np.testing.assert_allclose(own.kinds[kind].mean, x.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(joint.kinds[kind].mean, np.concatenate([a, b]).mean(axis=0), atol=1e-12)
    joined = fit_kinds("abtt:1:joint", moments, FitContext(normalize=False))
    wanted = parse_chain("abtt:1").fit(np.concatenate([a, b])).transform(a)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(joined.transform(a, "a"), wanted, atol=1e-9)


def select(x: np.ndarray, y: np.ndarray) -> PairRows:
    """Rows of the part that selects."""
    how = {"normalize": True, "max_eval_rows": 1000, "seed": 0, "limit_fit": 9}
    return by_position(whole_pair(x, y), [len(x)], hash_rows(0, len(x)), **how).rows["select"]  # type: ignore[arg-type]


def test_scores_of_pairs_agree_with_the_tasks_and_with_a_loop() -> None:
    x, y = np.random.default_rng(4).normal(size=(2, 300, 6))
    y += 0.7 * x
    rows = select(x, y)
    found = pair_scores(Mapped(rows.x, rows.y), rows, ("a", "b"), 0)
    task = recall_both_ways(rows.x, rows.y, ks=[1, 10])
    for way in ("a_to_b", "b_to_a"):
        assert found.scores[f"recall@1.{way}"].value == pytest.approx(task[f"recall@1.{way}"].value)
    shares = same_modality_share(rows.x, rows.y)
    wanted = np.mean([s.value for s in shares.values() if s.value is not None])
    assert found.scores["same_modality_share"].value == pytest.approx(wanted)
    n, pool = len(rows.x), np.concatenate([rows.x, rows.y])
    pool = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    cosines = pool @ pool.T
    np.fill_diagonal(cosines, -9)
    gains = []
    for i in range(2 * n):
        place = int(np.flatnonzero(np.argsort(-cosines[i]) == (i + n) % (2 * n))[0])
        gains.append(1 / np.log2(2 + place) if place < 10 else 0.0)
    np.testing.assert_allclose(found.gains, gains, atol=1e-12)
    assert found.scores["mixed_ndcg@10"].value == pytest.approx(np.mean(gains))


def test_a_scorer_that_changes_nothing_gives_the_same_ranks() -> None:
    """An inverted softmax over a bank of one query that all rows score alike only shifts scores."""
    x, y = np.random.default_rng(5).normal(size=(2, 200, 6))
    x[:, 0] = y[:, 0] = 0.0
    rows = select(x, y)
    bank = np.array([[1.0, 0, 0, 0, 0, 0]])
    plain = pair_scores(Mapped(rows.x, rows.y), rows, ("a", "b"), 0)
    shifted = pair_scores(Mapped(rows.x, rows.y, "inverted-softmax:5", (bank, bank)), rows, ("a", "b"), 0)
    np.testing.assert_array_equal(shifted.ranks, plain.ranks)
    np.testing.assert_allclose(shifted.gains, plain.gains)


def test_a_guard_is_worse_only_where_its_interval_is_below_zero() -> None:
    objective = Objective("m", ("g", "h"))
    gains = {"g": Difference(-0.1, 0.1, -0.3, 0.1, 0.3), "h": Difference(-0.1, 0.01, -0.12, -0.08, 0.01)}
    assert worse_guards(objective, gains) == ["h"]
    same = Score(0.5, 4, np.full(1000, 0.5))
    assert paired_difference(same, same).value == 0
