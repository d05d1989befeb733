"""Units of evidence: no part knows another, a repair of nothing is not written, and one that helps still is."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.certification.decision import expand_interval, gains_of
from embedscope.certification.evidence import Known, Survey, declared_units, find_evidence
from embedscope.certification.remote import copies_of_fitted, remote_half
from embedscope.certification.split import assign_parts, part_numbers
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Score
from embedscope.core.wording import format_signed_interval
from embedscope.repairs.repair import is_written, repair
from embedscope.stats.bootstrap import Difference, interval


def evidence(x: np.ndarray, **known: object):
    return find_evidence([Survey.of(x)], Known(hash_rows(0, len(x)), **known))  # type: ignore[arg-type]


def rows(n: int, seed: int = 0, d: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_rows_of_their_own_keep_the_part_of_their_number() -> None:
    found = evidence(rows(300))
    assert (found.clusters == hash_rows(0, 300)).all() and found.units.units == 300 and not found.notes


def test_equal_rows_and_near_copies_are_one_unit_wherever_they_lie() -> None:
    order = np.random.default_rng(1).permutation(240)
    copies = (np.repeat(rows(40), 6, axis=0) * np.linspace(1, 3, 240)[:, None])[order]
    equal = evidence(copies)
    assert (equal.units.units, equal.units.ways) == (40, ("equal rows",))
    near = evidence((np.repeat(rows(40), 6, axis=0) + 0.1 * rows(240, 2))[order])
    assert (near.units.units, near.units.ways) == (40, ("near-duplicates",))
    for found in (equal, near):
        parts = assign_parts(found.clusters, 0)
        owners = np.repeat(np.arange(40), 6)[order]
        assert all(len(set(parts[owners == i])) == 1 for i in range(40))


def test_file_order_makes_blocks_and_declared_units_are_taken_as_they_are() -> None:
    chunks = np.repeat(rows(150), 6, axis=0) + 0.8 * rows(900, 3)
    blocks = evidence(chunks)
    assert "file order" in blocks.units.ways and blocks.units.order.block >= 8
    assert blocks.units.units == -(-900 // blocks.units.order.block)
    declared = evidence(chunks, declared=declared_units(np.repeat(np.arange(150), 6), 900, 900, "rows"))
    assert (declared.units.units, declared.declared) == (150, True)
    with pytest.raises(InputError, match="one unit for each of the 900 rows; got shape"):
        declared_units([1, 2], 900, 900, "rows")


def test_a_file_sorted_by_class_is_no_dependence_within_classes() -> None:
    label = np.repeat(np.arange(6), 100)
    x = 2 * rows(6)[label] + rows(600, 4)
    assert evidence(x).units.order.dependent
    assert evidence(x, classes=label).units.units == 600


def test_few_units_are_counted_off() -> None:
    clusters = np.repeat(hash_rows(0, 33), 4)
    assert sorted(np.bincount(assign_parts(clusters, 5)).tolist()) == [32, 32, 68]
    many = hash_rows(0, 400)
    assert (assign_parts(many, 5) == part_numbers(many, 5)).all()


def test_the_remote_half_is_by_units_and_copies_of_fitted_rows_are_counted() -> None:
    half = remote_half(np.array([0.9, 0.8, 0.1, 0.7, np.nan]), np.array([0, 0, 1, 1, 2]))
    assert half.items.tolist() == [False, False, True, True, False] and half.n_units == 1
    fitted = rows(60)
    held = np.concatenate([fitted[:7] + 0.01 * rows(7, 1), rows(20, 2)])
    assert copies_of_fitted(held, fitted) == 7


@pytest.mark.parametrize("n", [8, 12, 30])
def test_certified_intervals_of_few_units_err_at_their_level(n: int) -> None:
    """Normal differences without effect: the plain percentile interval lies above zero too often at n = 8."""
    rng, plain, wide, remote, runs = np.random.default_rng(n), 0, 0, 0, 2000
    counts = rng.multinomial(n, np.full(n, 1 / n), size=1000) / n
    zero = {"s": Score(0.0, n, np.zeros(1000))}
    for _ in range(runs):
        x = rng.normal(size=n)
        score = {"s": Score(float(x.mean()), n, counts @ x)}
        plain += gains_of(score, zero)["s"].low > 0
        wide += gains_of(score, zero, n)["s"].low > 0
        remote += expand_interval(Difference(x.mean(), *interval(x.mean(), counts @ x, 0.9)), n).low > 0
    assert wide / runs < 0.036 and remote / runs < 0.065  # .025 and .05, and three standard errors
    assert n > 8 or plain / runs > 0.036


@pytest.mark.parametrize(
    ("layout", "order"), [("repeated", "file"), ("repeated", "random"), ("jittered", "file"), ("jittered", "random")]
)
def test_a_repair_of_nothing_is_not_written_where_rows_are_copies(layout: str, order: str) -> None:
    """Version 0.1.0 wrote one in 10 of 10, and 12 of 12, such runs."""
    for seed in range(2):
        rng = np.random.default_rng([3, seed])
        n, per, noise = (150, 5, (0.0, 0.5)) if layout == "repeated" else (60, 10, (0.1, 0.1))
        x, y = (np.repeat(rng.normal(size=(n, 32)), per, axis=0) + s * rng.normal(size=(n * per, 32)) for s in noise)
        place = rng.permutation(len(x)) if order == "random" else np.arange(len(x))
        found, result = repair(pair=(x[place], y[place]), candidates="procrustes,lstsq:0.01,lstsq:0.1", seed=seed)
        assert not is_written(found), result.document
        assert n - 5 <= result.provenance["settings"]["evidence"]["units"] <= n


@pytest.mark.parametrize("kind", ["unequal numbers of copies", "two films"])
def test_a_repair_of_nothing_is_not_written_for_unequal_copies_and_walks(kind: str) -> None:
    """Both sides know nothing of each other; without units a map is learnt from copies or neighbours in time."""
    rng = np.random.default_rng(7)
    if kind == "two films":
        x, y = (walk(rng, 600, 0.9), walk(rng, 600, 0.9))
    else:
        item = rng.permutation(np.repeat(np.arange(90), np.minimum(rng.zipf(1.6, size=90), 60)))
        x, y = (rng.normal(size=(90, 24))[item] + 0.15 * rng.normal(size=(len(item), 24)) for _ in range(2))
    found, result = repair(pair=(x, y), candidates="lstsq:0.1,cca:12")
    assert not is_written(found), result.document


def test_too_few_units_to_split_are_said() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(InputError, match=r"the 300 rows are only \d+ independent units \(.*file order\)"):
        repair(pair=(walk(rng, 300, 0.98), walk(rng, 300, 0.98)))


def walk(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    out = np.zeros((n, 24))
    for i in range(n):
        out[i] = memory * out[i - 1] + (1 - memory**2) ** 0.5 * rng.normal(size=24)
    return out


def test_random_labels_of_chunks_and_groups() -> None:
    rng = np.random.default_rng(5)
    chunks = np.repeat(rng.normal(size=(60, 32)), 6, axis=0) + 0.7 * rng.normal(size=(360, 32))
    label = np.repeat(rng.integers(0, 4, size=60), 6)
    found, result = repair(chunks, labels=label)
    assert not is_written(found)
    assert result.document is not None and "--groups" in result.document.findings[0].text  # 22 blocks are too few
    order = rng.permutation(360)
    groups = np.repeat(np.arange(60), 6)[order]
    found, result = repair(chunks[order], labels=label[order], groups=groups)
    assert not is_written(found)
    assert result.provenance["settings"]["evidence"]["joined_by"] == ["declared"]


def test_a_gain_near_fitted_rows_alone_is_refused() -> None:
    """A third of the pairs sit in a tight crowd that one rotation serves; the others do not match at all."""
    rng = np.random.default_rng(6)
    n, d = 800, 16
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    crowd = np.arange(n) % 3 == 0
    x = rng.normal(size=(n, d))
    x[crowd] = 4 * np.eye(d)[0] + 0.5 * rng.normal(size=(crowd.sum(), d))
    y = x @ turn
    y[~crowd] = rng.normal(size=((~crowd).sum(), d))
    found, result = repair(pair=(x, y), candidates="procrustes")
    assert not is_written(found)
    assert "but not on those unlike any fitted row" in str(found.header.decision)
    gain = result.value(metric="recall@1.difference", subset="certify")
    assert gain is not None and gain > 0.03


def test_what_is_certified_says_its_units_and_the_remote_gain() -> None:
    rng = np.random.default_rng(7)
    meaning = rng.normal(size=(100, 16))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    captions = (np.repeat(meaning, 5, axis=0) + 0.6 * rng.normal(size=(500, 16))) @ turn
    found, result = repair(pair=(np.repeat(meaning, 5, axis=0), captions), candidates="procrustes")
    assert is_written(found)
    assert result.document is not None
    said = [f.text for f in result.document.findings]
    assert any(s.startswith("Also on rows unlike any fitted: recall@1 rises from") for s in said)
    assert any(s.startswith("Per query: ") and "improve" in s for s in said)
    assert "500 rows in 100 units (equal rows" in result.document.findings[0].detail
    assert any(r.metric == "recall@1.remote_difference" for r in found.header.evidence)
    assert any("units of evidence" in note for note in found.header.notes)


def test_ends_that_round_to_zero_keep_their_digits() -> None:
    assert format_signed_interval(0.0004, 0.1) == "[+0.0004, +0.100]"


def test_a_map_that_knows_things_by_heart_does_not_hold_without_their_region() -> None:
    """90 unrelated pairs with 1 to 60 loose variants each, shuffled: those of one thing lie in all three parts."""
    rng = np.random.default_rng([7, 7, 24, 10])
    item = rng.permutation(np.repeat(np.arange(90), np.minimum(rng.zipf(1.6, size=90), 60)))
    x, y = rng.normal(size=(90, 24)), rng.normal(size=(90, 24))
    pair = tuple(side[item] + rng.normal(size=(len(item), 24)) for side in (x, y))
    found, result = repair(pair=pair, candidates="lstsq:1", seed=7)
    assert not is_written(found)
    assert "but not where the fit saw nothing of a row's region" in str(found.header.decision)
    gain = result.select(metric="recall@1.difference", subset="certify")[0]
    assert gain.ci_low is not None and gain.ci_low > 0
    apart = result.select(metric="recall@1.region_difference", subset="certify")[0]
    assert apart.ci_low is not None and apart.ci_low <= 0 and apart.units is None
    declared, _ = repair(pair=pair, candidates="lstsq:1", seed=7, groups=item)
    assert not is_written(declared) and "region" not in str(declared.header.decision)


def test_a_map_that_helps_everywhere_holds_without_any_region() -> None:
    rng = np.random.default_rng(8)
    meaning = rng.normal(size=(240, 16))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    other = (meaning + 0.4 * rng.normal(size=(240, 16))) @ turn
    found, result = repair(pair=(meaning, other), candidates="procrustes")
    assert is_written(found)
    assert result.document is not None
    said = " ".join(f.text for f in result.document.findings)
    assert "each row is under a fit that saw nothing of its region" in said


def test_two_files_in_one_order_are_cut_into_the_same_blocks() -> None:
    """Two sides of frames in the order of a film, some on one side alone: blocks of either would join the other's."""
    rng, n = np.random.default_rng(5), 1200
    topics = np.repeat(rows(n // 6, 6), 6, axis=0)
    left = topics + 0.6 * rows(n, 7)
    right = np.repeat(topics[::3], 3, axis=0) + 0.2 * rows(n, 8)
    right = np.cumsum(right, axis=0) - np.cumsum(np.concatenate([np.zeros((24, 32)), right[:-24]]), axis=0)
    sides = [np.flatnonzero(rng.random(n) < 0.9) for _ in range(2)]
    surveys = [Survey.of(x[mine]) for x, mine in zip((left, right), sides, strict=True)]
    alone = [find_evidence([one], Known(hash_rows(0, one.n))).units.order.block for one in surveys]
    assert 1 < alone[0] < alone[1]
    names = np.concatenate([hash_rows(0, n)[mine] for mine in sides])
    both = find_evidence(surveys, Known(names))
    block = both.units.order.block
    assert block == alone[1] and abs(both.units.units - len(sides[1]) / block) <= 2
    # rows of one block of the larger kind lie in one unit, or in two that follow each other
    for start in range(0, n, block):
        mine = (np.concatenate(sides) >= start) & (np.concatenate(sides) < start + block)
        assert len(np.unique(both.clusters[mine])) <= 2
