"""The study ``drift2025`` on spaces with known truths: claims hold where they must, and fail where they must."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedscope.core.progress import Silent
from embedscope.datasets import Finder
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._drift2025.findings import best, findings, headline, kept_charts, outcomes
from embedscope.experiments._drift2025.run import KEPT, Measured, measure, records_of
from embedscope.experiments._drift2025.spaces import NAMES, Pair, name_pairs
from embedscope.experiments._drift2025.tables import CLAIMS, figures, tables
from embedscope.experiments._tested import of_score
from embedscope.migration.retention import OVERLAP
from embedscope.tasks.means import mean_score


@pytest.fixture(scope="module")
def measured() -> list[Measured]:
    """A turned copy with noise in groups, and rows out of order."""
    from unittest import mock

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(140), 3)
    x = rng.normal(size=(140, 6))[groups] + 0.3 * rng.normal(size=(420, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    pairs = [
        Pair("a -> b", "rows", x, x @ turn + 0.1 * rng.normal(size=x.shape), groups),
        Pair("a -> a turned", "rows", x, x @ turn, groups, "turned"),
        Pair("a -> a of other rows", "rows", x, x[rng.permutation(420)], None, "unrelated"),
    ]
    with mock.patch("embedscope.migration.maps.find_spec", return_value=None):  # as where torch is not installed
        return [m for pair in pairs for m in measure(pair, (50, 100, 200), 0, Silent())]


def test_controls_hold_and_the_claim_fails_where_noise_is_large(measured: list[Measured]) -> None:
    said = findings(measured)
    controls = [f for f in said if f.text.startswith("Control")]
    assert [f.status for f in controls] == ["ok", "ok"]
    overlap = next(f for f in said if "ten nearest rows" in f.text)
    assert overlap.status == "deviates" and overlap.source == "vejendla2025"
    assert "of 2 pairs of spaces and directions" in overlap.text


def test_a_claim_is_decided_by_its_interval(measured: list[Measured]) -> None:
    turned = [m for m in measured if m.pair.control == "turned"]
    found = outcomes(turned, lambda m: of_score(m.at("procrustes").scores[OVERLAP]), 0.95)
    assert len(found.supported) == 2 and found.status == "agrees"
    noisy = [m for m in measured if not m.pair.control]
    value = noisy[0].at("ridge").scores[OVERLAP].value
    assert outcomes(noisy[:1], lambda m: of_score(m.at("ridge").scores[OVERLAP]), value).status == "undecided"


def test_records_tables_and_figures(measured: list[Measured]) -> None:
    records = records_of(measured)
    assert {r.subset for r in records if r.subset} >= {"pairs:50", "pairs:100"}
    assert {r.metric for r in records} == {OVERLAP, KEPT}
    assert all(r.ci_low is None or r.ci_low <= r.value <= r.ci_high for r in records)
    published, kept, ndcg = tables(measured)
    assert [row[3] for row in published.rows] == [c.expected for c in CLAIMS]
    assert len(kept.rows) == 6 and len(ndcg.rows) == 4
    assert [f.title for f in figures(measured)] == ["a -> b, queries mapped", "a -> b, documents mapped"]


def test_the_study_is_listed() -> None:
    study = EXPERIMENTS.get("drift2025")
    assert study.models == ("minilm", "e5", "smollm2")
    assert all(claim.limit for claim in study.claims)


def test_a_swap_is_decided_by_its_intervals() -> None:
    """Three outcomes: keeps a tenth, keeps about a half, keeps nine tenths of the ten nearest."""
    rng = np.random.default_rng(0)

    def swap(kept: float) -> Measured:
        score = mean_score((rng.random(60) < kept).astype(float), 0)
        point = SimpleNamespace(family="none", pairs=100, scores={OVERLAP: score})
        pair = Pair("a -> b", "rows", np.eye(2), np.eye(2), None)
        return Measured(pair, "queries", (point,), {}, 0.1, {})

    def sentences(*kept: float) -> tuple[str, str]:
        return next((f.status, f.text) for f in findings([swap(k) for k in kept]) if "as they are" in f.text)

    assert sentences(0.1, 0.1)[0] == "agrees"
    assert sentences(0.5)[0] == "undecided" and "undecided" in sentences(0.5)[1]
    assert (
        sentences(0.1, 0.9)[0] == "deviates"
        and "keeps most of the ten nearest in 1 of 2 pairs" in sentences(0.1, 0.9)[1]
    )


@pytest.mark.shared_data
def test_class_names_are_found_by_their_bytes(shared_data: Path, tmp_path: Path) -> None:
    """Whatever their folder is called; a damaged file was read, and one in another folder was not."""
    for source in (shared_data / "clip_class_names").glob("*/lvis_*.npy"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    pairs, skipped = name_pairs(Finder(tmp_path, download=False))
    assert len(pairs) == 6 and not skipped
    assert {pair.old.shape for pair in pairs} == {(1203, 512), (1203, 1024)}
    damaged = tmp_path / next(iter(NAMES.values()))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    pairs, (skipped_one,) = name_pairs(Finder(tmp_path, download=False))
    assert not pairs and f"lacks {damaged.name}; take the class names" in skipped_one.why


def test_the_headline_counts_the_cases_and_dot_plots_show_them(measured: list[Measured]) -> None:
    charts = kept_charts(measured)
    assert [chart.title for chart in charts] == ["nDCG@10 kept by the best map", "Ten nearest kept by the best map"]
    for chart in charts:
        assert [row.label for row in chart.rows] == ["a -> b"] and len(chart.rows[0].dots) == 2
        assert chart.marks[0].at == 0.95
    said = headline(measured, charts)
    assert said.charts == tuple(chart.id for chart in charts)
    counts = outcomes([m for m in measured if not m.pair.control], lambda m: best(m, KEPT), 0.95)
    assert f"in {len(counts.supported)} of 2 cases, and less in {len(counts.contradicted)}." in said.text
    assert headline([m for m in measured if m.pair.control], ()) is None
