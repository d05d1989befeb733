"""The modality gap on the authors' vectors: reference values, and clouds whose gap is known."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, UnknownNameError
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._liang2022.measures import CENTRED, pair_records
from embedscope.experiments._lookup import value
from embedscope.experiments.experiment import Options
from embedscope.experiments.liang2022 import SEPARABLE, _findings

STUDY = EXPERIMENTS.get("liang2022")


def clouds(gap: float, stretch: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of unit rows around one direction: apart by ``gap``, the second wider in its first half."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 400, 12))
    y[:, :6] *= stretch
    x[:, 0] += 6 + gap
    y[:, 0] += 6
    y[:, 1] += gap
    return tuple(z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))


def statuses(gap: float, stretch: float) -> list[str]:
    records = pair_records("made", *clouds(gap, stretch), ("a", "b"), 0)
    return [f.status for f in _findings(records, {"made": 400})]


def test_sentences_follow_the_clouds() -> None:
    """Apart in place alone: separable, and no longer once the means are gone; one cloud twice: neither."""
    assert statuses(8.0, 1.0)[0] == "agrees"
    assert statuses(8.0, 1.0)[1] != "agrees"
    assert statuses(0.0, 1.0)[0] == "deviates"
    assert statuses(0.0, 1.0)[1] != "agrees"


def test_numbers_are_those_of_the_definitions() -> None:
    x, y = clouds(4.0, 1.0)
    records = pair_records("made", x, y, ("a", "b"), 0)
    assert value(records, metric="modality_gap") == pytest.approx(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))
    assert value(records, metric=SEPARABLE, transform=CENTRED) < value(records, metric=SEPARABLE, transform=None)


@pytest.mark.slow
def test_the_study_reads_what_is_there(shared_data) -> None:
    """Gap of CLIP as the specification has it; 99 pairs of CLASP are said to be few; a missing random twin is named."""
    result = STUDY.run(Options(models=("CLIP",), data=shared_data, download=False))
    assert result.select(source="CLIP", metric="modality_gap")[0].value == pytest.approx(0.8514, abs=5e-4)
    headline, (chart, planes) = result.document.headline, result.document.dots
    assert headline.text.startswith("The two modalities lie in separate regions in 2 of 2 spaces, trained or random.")
    assert "narrower in 1 of 1 models" in headline.text
    assert headline.charts == (chart.id, planes.id)
    assert [row.label for row in planes.rows] == ["CLIP", "CLIP (random)"] and planes.marks[0].at == 0.5
    assert [f.text for f in result.document.findings if not f.minor] == [
        "The gap of CLIP is narrower after training than in its random twin."
    ]
    assert [dot.value for dot in chart.rows[0].dots] == pytest.approx([0.851, 1.135], abs=1e-3)
    tables = {t.id: t for t in result.document.tables}
    assert [row[0] for row in tables["gap"].rows] == ["CLIP", "CLIP (random)"]
    assert len(tables["compared"].rows) == 3
    names = {row[0]: row for row in tables["names"].rows}
    assert names["LVIS, ViT-B/32, 'a NAME'"][1] == 1203


def test_without_the_files_the_study_says_where_they_are(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    with pytest.raises(DataUnavailableError, match="Figure_1_Modality_Gap"):
        STUDY.run(Options(models=("CLASP",), data=tmp_path, download=False))
    with pytest.raises(UnknownNameError, match="unknown model of liang2022 'minilm'"):
        STUDY.start(Options(models=("minilm",), data=tmp_path, download=False))


def test_a_gap_that_sampling_makes_is_not_said_to_be_of_training() -> None:
    """Isotropic clouds against narrow cones, the two sides of each drawn alike: no gap in either, .14 against .01."""
    rng = np.random.default_rng(0)
    records = []
    for name, mean in (("CLIP", 0.0), ("CLIP (random)", 20.0)):
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in mean + rng.normal(size=(2, 100, 64)))
        records += pair_records(name, x, y, ("a", "b"), 0)
    found = {f.text: f for f in _findings(records, {"CLIP": 100, "CLIP (random)": 100})}
    assert found["Whether training widens the gap of CLIP is undecided."].status == "undecided"


def test_below_chance_is_no_finding() -> None:
    """Each side less the mean of the training pairs: held-out rows of isotropic clouds read below chance then."""
    rng = np.random.default_rng(0)
    records = pair_records("made", rng.normal(size=(100, 64)), rng.normal(size=(100, 64)), ("a", "b"), 0)
    assert value(records, metric=SEPARABLE, transform=CENTRED) < 0.5
    assert not [f for f in _findings(records, {"made": 100}) if "worse than chance" in f.text]
