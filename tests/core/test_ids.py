"""Row identities: fixed values, spread evenly, independent of order."""

from __future__ import annotations

import numpy as np

from embedscope.core.ids import GROUPS, combine, groups_of, hash_rows, hash_sample, hash_texts, mix


def test_mix_is_splitmix64() -> None:
    """First output of the reference generator seeded with 0 (Vigna's splitmix64.c)."""
    assert int(mix(np.array([0], dtype=np.uint64))[0]) == 0xE220A8397B1DCDAF


def test_texts_have_fixed_hashes() -> None:
    a = hash_texts(["king", "queen", "king"])
    assert a[0] == a[2] != a[1]
    assert int(hash_texts([""])[0]) == int.from_bytes(bytes.fromhex("e4a6a0577479b2b4"), "little")


def test_groups_are_even_and_follow_the_cluster() -> None:
    groups = groups_of(hash_rows(0, 160_000))
    counts = np.bincount(groups, minlength=GROUPS)
    assert abs(counts - 10_000).max() < 500
    assert (groups == groups_of(hash_rows(0, 160_000))).all()


def test_combine_depends_on_both() -> None:
    a = hash_rows(0, 1000)
    assert len(set(combine(a, 1).tolist()) | set(combine(a, 2).tolist())) == 2000


def test_a_hash_sample_is_of_the_rows_and_not_of_their_positions() -> None:
    ids = hash_texts([f"row {i}" for i in range(200)])
    sample = hash_sample(ids, 20, seed=1)
    assert (np.diff(sample) > 0).all()
    assert sample.tolist() != list(range(20))
    order = np.random.default_rng(0).permutation(200)
    assert set(order[hash_sample(ids[order], 20, seed=1)].tolist()) == set(sample.tolist())
    assert set(sample.tolist()) < set(hash_sample(ids, 40, seed=1).tolist())
    assert set(sample.tolist()) != set(hash_sample(ids, 20, seed=2).tolist())
    assert hash_sample(ids, 0, 1).tolist() == hash_sample(ids, None, 1).tolist() == list(range(200))
