"""Pairs with classes: what a repair does to classes that its fit never saw stands in the verdict and can refuse it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from embedscope.certification.judges.labels import seen_half
from embedscope.certification.split import part_numbers
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.repairs.repair import is_written, repair

CLASSES, WIDE = 4, 6


def in_corners(n: int, turn: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs whose classes lie in directions of their own; the second side is turned by ``turn`` within them."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, CLASSES, size=n)
    meaning = np.zeros((n, CLASSES * WIDE))
    for c in range(CLASSES):
        meaning[label == c, c * WIDE : (c + 1) * WIDE] = rng.normal(size=((label == c).sum(), WIDE))
    half = np.kron(np.eye(CLASSES * WIDE // 2), [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y = (meaning + 0.15 * rng.normal(size=meaning.shape) for _ in range(2))
    return x, y @ half, label


def test_a_fit_that_ruins_new_classes_is_refused() -> None:
    x, y, label = in_corners(900, turn=0.5)
    alone, _ = repair(pair=(x, y), candidates="lstsq:0.0001")
    assert is_written(alone) and alone.header.candidate == "lstsq:0.0001"
    found, result = repair(pair=(x, y), labels=label, candidates="lstsq:0.0001")
    assert not is_written(found)
    assert result.document is not None
    assert result.document.tables[0].rows[1][4] == "makes recall@1.unseen significantly worse"
    gains = {r.metric: r for r in result if r.subset == "select" and r.metric.endswith("difference")}
    assert gains["recall@1.seen.difference"].value > 0.1  # type: ignore[operator]
    assert gains["recall@1.unseen.difference"].value < -0.1  # type: ignore[operator]


def test_a_turn_that_all_classes_share_carries_over_and_both_numbers_are_said() -> None:
    rng = np.random.default_rng(1)
    meaning, label = rng.normal(size=(600, 12)), rng.integers(0, 6, size=600)
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    x, y = meaning + 0.4 * rng.normal(size=(600, 12)), (meaning + 0.4 * rng.normal(size=(600, 12))) @ turn
    found, result = repair(pair=(x, y), labels=[f"class {c}" for c in label], candidates="procrustes", seed=3)
    assert is_written(found)
    said = " ".join(f.text for f in result.document.findings) if result.document else ""
    assert "Fitted on half of the classes alone: on the other half, which it never saw, recall@1 rises from" in said
    assert "Fitted on half of the classes" in str(found.header.decision)
    # The same by hand: scipy's rotation of the fitting pairs of known classes, the other classes of the last part.
    u, v = (s / np.linalg.norm(s, axis=1, keepdims=True) for s in (x, y))
    part, seen = part_numbers(hash_rows(0, 600), 3), seen_half(6, 3)[label]
    fit, held = (part == 0) & seen, part == 2
    scores = (u[held] @ orthogonal_procrustes(u[fit], v[fit])[0]) @ v[held].T
    right = np.diag(scores)
    hits = np.stack([(scores.max(axis=axis) <= right) for axis in (1, 0)])
    for name, mine in (("seen", seen[held]), ("unseen", ~seen[held])):
        told = result.value(metric=f"recall@1.{name}", subset="certify", transform="procrustes")
        assert told == pytest.approx(hits[:, mine].mean(), abs=1e-12)


def test_mixed_indexes_and_scorers_have_both_numbers_too() -> None:
    x, y, label = in_corners(600, turn=0.3, seed=2)
    gap = np.random.default_rng(3).normal(size=x.shape[1])
    _, result = repair(pair=(x + gap, y - gap), labels=label, objective="mixed", candidates="center,csls:5")
    told = {(r.metric, r.transform) for r in result if r.subset == "select"}
    assert {("mixed_ndcg@10.unseen", "center"), ("mixed_ndcg@10.seen", "csls:5")} <= told


def test_ids_that_are_the_classes_leave_no_number_for_known_ones() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 12))
    y = np.repeat(x, 2, axis=0) + 0.3 * rng.normal(size=(400, 12))
    ids = [f"c{i}" for i in range(200)], [f"c{i // 2}" for i in range(400)]
    _, result = repair(pair=(x, y), pair_ids=ids, labels=ids[0], candidates="procrustes")
    assert any("no number for seen" in s.what for s in result.document.skipped) if result.document else False
    names = {r.metric for r in result}
    assert "recall@1.unseen" in names and "recall@1.seen" not in names
    _, coarse = repair(pair=(x, y), pair_ids=ids, labels=[str(i % 5) for i in range(200)], candidates="procrustes")
    assert "recall@1.seen" in {r.metric for r in coarse}


def test_sides_of_different_width_and_bad_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    meaning = rng.normal(size=(400, 8))
    wide = meaning @ rng.normal(size=(8, 10))
    label = rng.integers(0, 4, size=400)
    found, _ = repair(pair=(meaning, wide), labels=label, candidates="lstsq:0.01")
    assert is_written(found)
    with pytest.raises(InputError, match="399 labels for 400 rows of the first side"):
        repair(pair=(meaning, meaning), labels=label[:-1])
    with pytest.raises(InputError, match="at least two classes"):
        repair(pair=(meaning, meaning), labels=[0] * 400)
    pairs = np.stack([np.arange(400), np.arange(400) // 2], axis=1)
    with pytest.raises(InputError, match="rows of two classes"):
        repair(pair=(meaning, meaning[:200]), pairs=pairs, labels=np.arange(400) % 2)
