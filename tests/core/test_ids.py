"""Row identities: fixed values, spread evenly, independent of order."""

from __future__ import annotations

import numpy as np

from embedscope.core.ids import GROUPS, combine, groups_of, hash_rows, hash_texts, mix


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
