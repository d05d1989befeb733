"""A small run of ``benchmarks.coverage``: no kind of interval covers far less than it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def coverage():
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import coverage as module
    finally:
        sys.path.remove(str(ROOT))
    return module


@pytest.mark.parametrize("part", ["scores", "pairs"])
def test_intervals_cover(coverage, part):
    """Twelve runs: fewer than eight would have a chance of about 1 in 1,000 at a coverage of .9."""
    rows = list(coverage.simulate(12, seed=3, parts=(part,)))
    assert any(row.target > 0 for row in rows)
    for row in rows:
        assert row.coverage >= 8 / 12 or row.target == 0, row


def test_the_table_of_the_docs_has_every_kind(coverage):
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    table = text.partition(coverage.MARKS[0])[2].partition(coverage.MARKS[1])[0]
    assert all(f"| {name}: jackknife" in table for name in (*coverage.METRICS, *coverage.CLUSTERED))
    assert all(re.search(rf"\| {name}: (subsamples|jackknife)", table) for name in coverage.HELD)
    for kind in ("best of 13 equal layers", "score of pairs", "certified gain", "linear_cka: jackknife over pairs"):
        assert f"| {kind}" in table
