"""The headline, the charts and the rows of a diagnosis; the chart of a check."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from embedscope.diagnosis import diagnose
from embedscope.diagnosis.direction import towards
from embedscope.diagnosis.drift import drift
from embedscope.geometry.measure import measure
from embedscope.reports.panels import histogram

RNG = np.random.default_rng(1)
FLAT = RNG.normal(size=(400, 16))


def test_the_chart_of_hubs_counts_every_row() -> None:
    x = FLAT + np.array([3.0, *[0.0] * 15])
    x[5] = x.mean(axis=0)
    made = diagnose(x)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = u @ u.T
    np.fill_diagonal(cosines, -2)
    counts = np.bincount(np.argsort(-cosines, axis=1)[:, :10].ravel(), minlength=len(x))
    chart = next(c for c in made.result.document.charts if c.id == "occurrences")
    assert abs(sum(chart.series[0].heights) - 1) < 1e-4
    assert chart.series[0].heights[0] == np.round((counts == 0).mean(), 5)


def test_the_healthy_range_is_shaded_in_the_chart_of_cosines() -> None:
    chart = next(c for c in diagnose(FLAT).result.document.charts if c.id == "cosines")
    assert [(r.low, r.high) for r in chart.ranges] == [(-0.2, 0.2)]
    shaded = [s for s in histogram(chart, "half").shapes if s.kind == "range"]
    assert len(shaded) == 1 and "healthy" in shaded[0].title


def test_the_headline_is_the_worst_finding_and_its_command_runs(tmp_path: Path, monkeypatch) -> None:
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    x = FLAT.copy()
    x[160:] = np.concatenate([x[:160], x[:80]])
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", x)
    made = diagnose("x.npy")
    headline = made.result.document.headline
    assert headline.status == made.worst == "serious"
    assert headline.text.startswith("60 % of the rows are duplicates")
    words = shlex.split(headline.command)
    assert CliRunner().invoke(app, words[1:]).exit_code == 1  # the verdict, no error
    assert (tmp_path / "rows.csv").read_text().count("copies,") == 240


def test_the_command_of_a_pair_takes_files_of_any_name_and_no_arrays(tmp_path: Path, monkeypatch) -> None:
    """A name with a comma and a semicolon was cut; a side in memory was left out of the command."""
    monkeypatch.chdir(tmp_path)
    names = ("images, all.npy", "texts; all.npy")
    sides = [FLAT + mean for mean in (1.0, -1.0)]
    for name, side in zip(names, sides, strict=True):
        np.save(name, side)
    words = shlex.split(diagnose(pair=names).result.document.headline.command)
    assert words[:5] == ["embedscope", "repair", "--pair", *names] and words[-2:] == ["-o", "repair.safetensors"]
    for pair in ((sides[0], names[1]), (names[0], sides[1]), tuple(sides)):
        headline = diagnose(pair=pair).result.document.headline
        assert headline.status == "serious" and headline.command == ""


def test_a_healthy_space_says_so() -> None:
    headline = diagnose(FLAT).result.document.headline
    assert headline.status == "ok"
    assert headline.text.startswith("No problem found")


def test_the_check_draws_changes_in_their_errors_and_says_for_better_or_worse() -> None:
    before = measure(FLAT, metrics=["self_similarity", "mean_norm"])
    after = measure(FLAT + 1.0, metrics=["self_similarity", "mean_norm"])
    made = drift(before, after)
    change = next(c for c in made.changes if c.record.metric == "self_similarity")
    assert towards(change) == "worse"
    (chart,) = made.result.document.dots
    row = next(r for r in chart.rows if r.label == "self_similarity")
    old, new = change.old, change.new
    z = (new.value - old.value) / np.hypot(old.stderr, new.stderr)
    assert abs(row.dots[0].value - z) < 1e-3
    assert chart.series[row.dots[0].series] == "worse"
    assert made.result.document.headline.status == "serious"


def test_duplicates_are_drawn_and_carry_their_headline() -> None:
    x = FLAT.copy()
    x[100:300] = x[0]
    x[300:304] = x[1]
    document = diagnose(x).result.document
    assert document.headline.text.startswith("51 % of the rows are duplicates")
    chart = next(c for c in document.charts if c.id == "duplicates")
    assert document.headline.charts[0] == chart.id
    shares = {name: share for name, share in zip(chart.names, chart.series[0].heights, strict=True) if share}
    assert shares == {"1": 0.485, "3\N{EN DASH}5": 0.0125, "over 100": 0.5025}
    assert chart.caption.startswith("400 rows with 196 distinct vectors") and "201 rows" in chart.caption
    assert all(c.id != "duplicates" for c in diagnose(FLAT).result.document.charts)
