"""The verb from end to end: what is written, read back, exported, refused."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.calibration.hand_labels import HandLabel, Merges, look
from embedscope.calibration.scores import ScoreCalibration
from embedscope.core.errors import InputError
from embedscope.exports.scores import numpy_scores, sql_scores
from embedscope.transforms.calibration import Beta, Isotonic, Platt
from embedscope.transforms.repair import Repair


def pair(n: int = 1200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, 24))
    return tuple(base + 0.6 * rng.normal(size=base.shape) for _ in range(2))


@pytest.fixture(scope="module")
def outcome() -> embedscope.CalibrationOutcome:
    return embedscope.calibrate(pair=pair(), precision=0.9, recall=0.8, k=5)


def test_thresholds_hold_on_new_data(outcome: embedscope.CalibrationOutcome) -> None:
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in pair(seed=1))
    cosines = x @ y.T
    found = outcome.calibration
    matching = np.diag(cosines)
    assert found.decide(matching, "recall").mean() >= 0.78
    best = np.sort(cosines, axis=1)[:, -5:]
    kept = found.decide(best, "precision")
    right = np.isclose(best, matching[:, None]) & kept
    some = kept.any(axis=1)
    assert (right.sum(axis=1)[some] / kept.sum(axis=1)[some]).mean() >= 0.88
    p = found.probability(best)
    assert p.mean() == pytest.approx(np.isclose(best, matching[:, None]).mean(), abs=0.01)


def test_percentiles_of_queries_are_their_own(outcome: embedscope.CalibrationOutcome) -> None:
    found = outcome.calibration
    x, y = pair(seed=2)
    cosines = np.einsum("ij,kj->ik", x / np.linalg.norm(x, axis=1)[:, None], y / np.linalg.norm(y, axis=1)[:, None])
    np.fill_diagonal(cosines, np.nan)
    others = cosines[:, :200][~np.isnan(cosines[:, :200])]
    assert np.mean(found.percentile(others) <= 99) == pytest.approx(0.99, abs=0.004)
    own = found.percentile(np.nan_to_num(cosines[:50, 60:200]), queries=x[:50])
    assert np.mean(own <= 90) == pytest.approx(0.9, abs=0.02)
    with pytest.raises(InputError, match="calibration is of vectors with 24"):
        found.percentile([0.1], queries=np.ones((1, 3)))


def test_a_saved_calibration_gives_the_same_numbers(outcome: embedscope.CalibrationOutcome, tmp_path: Path) -> None:
    file = tmp_path / "scores.safetensors"
    outcome.calibration.save(file)
    again = ScoreCalibration.load(file)
    at = np.linspace(-1, 1, 101)
    for name in ("percentile", "z", "probability"):
        np.testing.assert_array_equal(getattr(again, name)(at), getattr(outcome.calibration, name)(at))
    assert again.thresholds == outcome.calibration.thresholds
    with pytest.raises(InputError, match="is not a saved repair"):
        embedscope.Repair.load(file)
    with pytest.raises(InputError, match="is not a saved calibration of scores"):
        other = tmp_path / "repair.safetensors"
        embedscope.Repair.identity(3).save(other)
        ScoreCalibration.load(other)


@pytest.mark.parametrize("method", [Platt, Beta, Isotonic])
def test_exports_agree_to_six_digits(outcome: embedscope.CalibrationOutcome, method: type) -> None:
    rng = np.random.default_rng(3)
    curve = method.fit(rng.normal(0.6, 0.1, 300), rng.normal(0.3, 0.1, 900), positive_rate=0.25)
    found = ScoreCalibration(outcome.calibration.unrelated, curve, outcome.calibration.thresholds, {"source": 'a"b*/'})
    at = np.concatenate([np.linspace(-1, 1, 400), [float(t.cosine or 0) for t in found.thresholds]])
    made: dict = {}
    exec(numpy_scores(found), made)  # what a user pastes
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE scored_pairs (cosine REAL)")
    database.executemany("INSERT INTO scored_pairs VALUES (?)", [(float(c),) for c in at])
    cursor = database.execute(sql_scores(found))
    names = [column[0] for column in cursor.description]
    rows = {name: np.array(column, dtype=float) for name, column in zip(names, zip(*cursor, strict=True), strict=True)}
    for name in ("z", "percentile", "probability"):
        wanted = getattr(found, name)(at)
        np.testing.assert_allclose(made[name](at), wanted, atol=1e-6)
        np.testing.assert_allclose(rows[name], wanted, atol=1e-6)
    np.testing.assert_array_equal(rows["precise"].astype(bool), found.decide(at, "precision"))
    assert made["RECALLED"] == found.threshold("recall").cosine


def test_every_kind_of_labels_finds_the_same_threshold() -> None:
    x, y = pair(400)
    qrels = {f"q{i}": {f"d{i}": 1} for i in range(400)}
    by_pair = embedscope.calibrate(pair=(x, y), recall=0.8)
    by_qrels = embedscope.calibrate(
        queries={f"q{i}": v for i, v in enumerate(x)},
        corpus={f"d{i}": v for i, v in enumerate(y)},
        qrels=qrels,
        recall=0.8,
    )
    rows = np.array([[i, i, 1] for i in range(400)] + [[i, (i + 7) % 400, 0] for i in range(400)])
    by_judged = embedscope.calibrate(pair=(x, y), judged=rows, recall=0.8)
    cuts = [o.calibration.threshold("recall").cosine for o in (by_pair, by_qrels, by_judged)]
    assert cuts == pytest.approx([cuts[0]] * 3, abs=0.02)
    assert by_qrels.result["unrelated_cosine"].value == pytest.approx(
        by_pair.result["unrelated_cosine"].value, abs=1e-9
    )


def test_duplicates_by_label_and_wrong_inputs() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(size=(300, 24))
    x = np.concatenate([base, base + 0.3 * rng.normal(size=base.shape)])
    found = embedscope.calibrate(x, labels=np.tile(np.arange(300), 2), dedup=True, max_false_merge=0.1, k=3)
    cut = found.calibration.threshold("max_false_merge")
    assert cut.recall is not None and cut.recall > 0.9
    assert any("removes" in finding.text for finding in found.result.document.findings)
    with pytest.raises(InputError, match="needs labels"):
        embedscope.calibrate(x, precision=0.9)
    with pytest.raises(InputError, match="between 0 and 1, got 95"):
        embedscope.calibrate(x, precision=95)
    with pytest.raises(InputError, match="calibration gives no probability"):
        embedscope.calibrate(x).calibration.probability(0.3)
    with pytest.raises(InputError, match="add --dedup"):
        embedscope.calibrate(x, label_pairs="x.csv")


def test_the_loop_of_hand_labels_certifies(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(size=(700, 24))
    x = np.concatenate([base, base + 0.35 * rng.normal(size=base.shape)])
    file = tmp_path / "pairs.csv"
    cut, marked = None, []
    for _ in range(8):
        found = embedscope.calibrate(x, dedup=True, max_false_merge=0.05, label_pairs=file, k=3)
        (chart,) = [f for f in found.result.document.figures if f.id == "cosines"]
        said = found.result.document.headline.text
        marked += [f"{m.at:.4f}" in said for m in chart.marks if m.label == "to be judged from here"]
        if found.calibration.thresholds[0].cosine is not None:
            cut = found.calibration.thresholds[0].cosine
            break
        rows = list(csv.DictReader(file.read_text().splitlines()))
        for row in rows:
            row["match"] = str(int(abs(int(row["row_a"]) - int(row["row_b"])) == 700))
        with file.open("w", newline="") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    assert cut is not None and marked and all(marked)
    assert chart.title == "Cosines of unrelated pairs and nearest pairs"
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    left, right = np.nonzero(np.triu(unit @ unit.T >= cut, 1))
    assert (right - left != 700).mean() <= 0.05
    rows[0]["cosine"] = "0.123"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(InputError, match="written for other vectors"):
        embedscope.calibrate(x, dedup=True, label_pairs=file, k=3)
    file.write_text("a,b,match\n0,700,1\n")
    with pytest.raises(InputError, match=r"has no column round, draws, row_a, row_b, cosine and threshold; wanted"):
        embedscope.calibrate(x, dedup=True, label_pairs=file, k=3)


def test_hand_labels_break_their_promise_in_few_runs() -> None:
    broken, certified = 0, 0
    for run in range(20):
        rng = np.random.default_rng([6, run])
        cosines = np.sort(rng.beta(6, 2, size=3000))[::-1]
        truth = rng.uniform(size=3000) < 1 / (1 + np.exp(-25 * (cosines - 0.82)))
        rows = np.arange(3000)
        merges, labels = Merges(rows, rows + 3000, cosines), []
        for _ in range(8):
            looked = look(merges, labels, 0.1, 0.95, run)
            if looked.threshold.cosine is not None or not looked.new:
                break
            labels = [
                HandLabel(x.round, x.draws, x.row_a, x.row_b, x.threshold, bool(truth[x.row_a])) for x in looked.labels
            ]
        if looked.threshold.cosine is not None:
            certified += 1
            broken += bool((~truth[cosines >= looked.threshold.cosine]).mean() > 0.1)
    assert certified >= 10
    assert broken <= 3


def test_the_headline_says_where_to_cut_and_what_is_refused(outcome: embedscope.CalibrationOutcome) -> None:
    document = outcome.result.document
    headline = document.headline
    cuts = {t.promise: t for t in outcome.calibration.thresholds}
    assert headline.status == "ok" and headline.charts == ("cosines", "reliability")
    for t in cuts.values():
        assert f"cut at cosine {t.cosine:.4f} (95 % confidence)" in headline.text
    assert {mark.at for mark in document.figures[0].marks} == {t.cosine for t in cuts.values()}
    few = embedscope.calibrate(pair=pair(200), precision=0.999, recall=0.8)
    refused = next(t for t in few.calibration.thresholds if t.cosine is None)
    headline = few.result.document.headline
    assert headline.status == "undecided" and " For a recall of at least 0.8, cut at cosine " in headline.text
    assert headline.text.startswith("A precision of at least 0.999 cannot be promised: ")
    assert refused.needed is None and refused.why in headline.text


def test_without_labels_the_headline_is_of_unrelated_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json
    import shlex

    from typer.testing import CliRunner

    from embedscope.cli._app import app

    monkeypatch.chdir(tmp_path)
    np.save("x.npy", pair(300)[0])
    done = CliRunner().invoke(app, ["calibrate", "x.npy", "-o", "my scores.safetensors", "--json", "r.json"])
    assert done.exit_code == 0, done.output
    found = json.loads(Path("r.json").read_text())
    headline, mean = found["document"]["headline"], found["records"][0]["value"]
    assert f"a mean cosine of {mean:.3f}" in headline["text"] and headline["charts"] == ["cosines"]
    snippet = CliRunner().invoke(app, shlex.split(headline["command"])[1:])
    assert snippet.exit_code == 0 and "import numpy as np" in snippet.output


def test_a_repair_keeps_the_probability_and_the_thresholds_of_its_vectors(
    outcome: embedscope.CalibrationOutcome, tmp_path: Path
) -> None:
    file, cosines = tmp_path / "repair.safetensors", np.array([0.3, 0.6, 0.9])
    outcome.calibration.into(Repair.identity(24, decision="kept")).save(file)
    made = Repair.load(file)
    assert made.header.decision == "kept" and made.header.thresholds == outcome.calibration.thresholds
    assert made.probability(cosines).tolist() == outcome.calibration.probability(cosines).tolist()
    assert made.decide(cosines, "recall").tolist() == outcome.calibration.decide(cosines, "recall").tolist()
    with pytest.raises(InputError, match="no threshold for max_false_merge"):
        made.decide(cosines, "max_false_merge")
    with pytest.raises(InputError, match="gives vectors of 8 dimensions, these have 24"):
        outcome.calibration.into(Repair.identity(8))
    with pytest.raises(InputError, match="no probability and no threshold"):
        embedscope.calibrate(pair()[0]).calibration.into(Repair.identity(24))


def test_a_repair_keeps_them_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    monkeypatch.chdir(tmp_path)
    x, y = pair(300)
    np.save("x.npy", x)
    np.save("y.npy", y)
    Repair.identity(x.shape[1], decision="kept").save("repair.safetensors")
    done = CliRunner().invoke(app, ["calibrate", "--pair", "x.npy", "y.npy", "--into", "repair.safetensors", "-q"])
    assert done.exit_code == 0, done.output
    assert Repair.load("repair.safetensors").probability(np.array([0.5])).shape == (1,)


def test_labels_that_are_missing_are_refused_and_sides_are_named() -> None:
    x, y = pair(200)
    for missing in (None, float("nan")):
        with pytest.raises(InputError, match=f"labels has no value for row 3 .{missing}"):
            embedscope.calibrate(x, labels=[0, 0, 1, missing, *range(196)])
    with pytest.raises(InputError, match="B holds nan or inf in 200 of 200 rows"):
        embedscope.calibrate(pair=(x, y * np.nan))
