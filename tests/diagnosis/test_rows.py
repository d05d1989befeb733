"""Findings name the rows they are about, in the report and as a file."""

import base64
import csv
import io

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.core.document import Document
from embedscope.core.result import Result
from embedscope.diagnosis import diagnose
from embedscope.diagnosis.pair_rows import mismatch
from embedscope.metrics.pairs import Paired
from embedscope.reports import render_html

runner = CliRunner()


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def rows(made, rule):
    return [int(r["row"]) for r in made.rows() if r["finding"] == rule]


def test_each_planted_row_is_named():
    x = normal(500, 64, 3)
    x[40:44] = 0
    x[300:330] = x[100:130]
    x[:5] = 0.02 * x[:5] + 1
    x[5:] += 1
    x[40:44] = 0
    made = diagnose(x)
    assert rows(made, "zero_rows") == [40, 41, 42, 43]
    assert sorted(rows(made, "copies")) == list(range(300, 330))
    assert sorted(rows(made, "hubs")) == [0, 1, 2, 3, 4]
    finding = next(f for f in made.result.document.findings if "duplicates" in f.text)
    assert len(finding.rows) == 10 and finding.n_rows == 30 and finding.rows[0].why == "one of 2 equal rows"


def test_every_finding_of_rows_lists_rows():
    """Each finding that speaks of rows names at least one; those of the whole space by what they are judged."""
    from embedscope.diagnosis import ALL_RULES

    seen = {}
    cases = [{"source": normal(400, 64, 1) + shift} for shift in (1, 6, 30)]
    spread = normal(400, 64, 2) * np.exp(normal(400, 1, 5))
    flat = normal(400, 1, 6) * np.linspace(-1, 1, 64) + 0.01 * normal(400, 64, 7)
    cases += [{"source": x} for x in (spread, flat, np.hstack([normal(400, 63), np.full((400, 1), 300.0)]))]
    a, b = normal(300, 32, 1) + 2, normal(300, 32, 2) - 2
    cases += [{"pair": (a, b), "queries": b[:60] + 0.3 * normal(60, 32, 3)}]
    for case in cases:
        made = diagnose(**case)
        for v in made.verdicts:
            if v.severity != "ok":
                seen[v.rule.id] = seen.get(v.rule.id, 0) + len(made.first_rows(v)[0])
    assert {rule for rule, n in seen.items() if not n} <= {"few_rows"}
    assert len(seen) >= 12 and set(seen) <= {r.id for r in ALL_RULES}


def test_rows_out_has_texts(tmp_path):
    x = normal(60, 16, 1)
    x[7] = 0
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "names.txt").write_text("".join(f"text {i}\n" for i in range(60)))
    found = runner.invoke(
        app,
        ["diagnose", str(tmp_path / "x.npy"), "--names", str(tmp_path / "names.txt"), "--rows-out",
         str(tmp_path / "rows.csv"), "--fail-on", "never"],
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "row 7: text 7 (all zeros)" in found.output and "rows: " in found.output
    with (tmp_path / "rows.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [r["text"] for r in read if r["finding"] == "zero_rows"] == ["text 7"]
    again = runner.invoke(app, ["diagnose", str(tmp_path / "x.npy"), "--rows-out", str(tmp_path / "x.npy")])
    assert again.exit_code == 2 and "would be overwritten" in again.output
    (tmp_path / "short.txt").write_text("one\n")
    short = runner.invoke(app, ["diagnose", str(tmp_path / "x.npy"), "--names", str(tmp_path / "short.txt")])
    assert short.exit_code == 2 and "one line per row" in short.output.replace("\n", " ")


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_share_of_mismatched_pairs(share):
    x = normal(400, 32, 1)
    y = x + 0.7 * normal(400, 32, 2)
    k = int(400 * share)
    y[:k] = np.roll(y[:k], 1, axis=0)
    value, ranks, left, _ = mismatch(Paired.of(x, y))
    assert value == pytest.approx(share, abs=0.08)
    assert (left[ranks > 0.5] < max(k, 1)).all()


def test_length_of_texts():
    """Rows of short texts lie in the middle of all and are found by all."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 60, size=400)
    x = rng.normal(size=(400, 24)) * (lengths[:, None] / 30) + 1
    texts = ["x" * int(n) for n in lengths]
    made = diagnose(x, row_texts=texts)
    (verdict,) = [v for v in made.verdicts if v.rule.id == "length_bias"]
    assert verdict.severity == "warning" and "shorter" in verdict.rule.sentence(verdict.numbers, verdict.reading)
    assert made.result.value(metric="length_bias") < -0.5


def test_rows_that_are_images_are_shown_as_images(tmp_path):
    """The first rows of a finding carry a small picture each, which the report shows beside the name of the file."""
    pil = pytest.importorskip("PIL.Image", reason="needs the extra images")
    pytest.importorskip("jinja2", reason="needs the extra report")
    values = np.random.default_rng(0).integers(0, 256, size=(20, 4, 4, 3), dtype=np.uint8)
    values[15:] = values[3]
    for i, pixels in enumerate(values):
        pil.fromarray(pixels).resize((90, 60)).save(tmp_path / f"photo{i:02d}.png")
    (finding,) = [f for f in diagnose("pixels:4", images=tmp_path).result.document.findings if "duplicates" in f.text]
    assert len(finding.rows) == 5 and {row.id for row in finding.rows} < {"3", "15", "16", "17", "18", "19"}
    for row in finding.rows:
        assert row.text == f"photo{int(row.id):02d}.png"
        with pil.open(io.BytesIO(base64.b64decode(row.image))) as picture:
            assert picture.size == (40, 27)
    page = render_html(Result((), document=Document("d", findings=(finding,))))
    assert page.count('<img class="thumbnail" src="data:image/png;base64,') == len(finding.rows)
    vectors = diagnose(np.repeat(normal(12, 4), 2, axis=0))
    assert not [row for f in vectors.result.document.findings for row in f.rows if row.image]
