"""What two spaces over the same rows are to each other, and scores of models without labels."""

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.comparison import compare, relation_of
from embedscope.comparison.charts import models_headline, stability_chart
from embedscope.comparison.label_free import findings, label_free, without_words
from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.core.records import Record
from embedscope.encoders import MODELS
from embedscope.metrics.spectra import alpha_req, matrix_entropy
from embedscope.reports.headlines import leading_charts

runner = CliRunner()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 32)) * np.arange(1, 33) ** -0.5 + 0.2
TURN = np.linalg.qr(RNG.normal(size=(32, 32)))[0]
SCALE = np.abs(X).max() / 127


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (3 * X, "same"),
        (X.astype(np.float16), "precision"),
        (np.rint(X / SCALE) * SCALE, "precision"),
        (X @ TURN, "rotated"),
        (np.hstack([X, np.zeros((300, 8))]) @ np.linalg.qr(RNG.normal(size=(40, 40)))[0], "rotated"),
        (X + 0.5 * RNG.normal(size=32) + 0.05 * RNG.normal(size=X.shape), "prompt"),
        (X[:, :30], "truncated"),
        (np.tanh(X @ RNG.normal(size=(32, 32))), "model"),
        (np.tanh(X @ RNG.normal(size=(32, 32)))[RNG.permutation(300)], "unrelated"),
    ],
)
def test_relations(y, name):
    found = relation_of(X, y)
    assert found.name == name
    if name == "rotated":
        assert found.turned < 1e-9 and found.aligned == pytest.approx(1.0, abs=1e-6) and found.overlap == 1.0
    if name == "unrelated":
        assert found.overlap == pytest.approx(found.overlap_chance, abs=0.02)


def test_the_angle_of_a_rotation():
    """A turn by 30 degrees in every one of 16 planes turns every row by 30 degrees."""
    x = RNG.normal(size=(400, 32))
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.kron(np.eye(16), np.array([[c, s], [-s, c]]))
    assert relation_of(x, x @ turn).angle == pytest.approx(30.0, abs=1.0)


def test_parity_names_its_rows(tmp_path):
    y = X + 1e-4 * RNG.normal(size=X.shape)
    y[[5, 77]] = X[[6, 78]]
    made = compare(X, y)
    assert made.relation.name == "precision" and not made.parity
    assert made.result.document.findings[1].n_rows == 2
    assert {row.id for row in made.result.document.findings[1].rows} == {"5", "77"}
    for name, x in (("a", X), ("b", y), ("c", X.astype(np.float16))):
        np.save(tmp_path / f"{name}.npy", x)
    files = [str(tmp_path / f"{name}.npy") for name in "abc"]
    assert runner.invoke(app, ["compare", files[0], files[1]]).exit_code == 1
    fine = runner.invoke(app, ["compare", files[0], files[2]])
    assert fine.exit_code == 0 and "another precision" in fine.output


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("cone", [0.0, 3.0])
def test_a_part_in_another_order_is_no_other_precision_and_no_other_prompt(share, cone):
    x, rows = X + cone, np.arange(300)
    moved = RNG.choice(300, int(300 * share), replace=False)
    rows[moved] = np.roll(moved, 1)
    relation = relation_of(x, x[rows].astype(np.float16))
    assert relation.name == "partly"
    assert relation.strangers == pytest.approx(share, abs=0.08)
    whole = compare(x, x[rows])
    assert not whole.parity and "Part of the rows do not match" in whole.result.document.headline.text
    assert "give --pair-ids" in whole.result.document.headline.cause


def test_a_row_that_is_zero_on_one_side_is_no_match():
    y = X.copy()
    y[7] = 0
    comparison = compare(X, y)
    assert comparison.relation.name == "precision" and not comparison.parity
    assert [(row.id, row.why) for row in comparison.result.document.findings[1].rows] == [("7", "zero on one side")]
    assert comparison.result.document.headline.text.startswith("No parity: 1 of 300 rows has a cosine below 0.99")
    x = X.copy()
    x[7] = 0
    assert compare(x, y).relation.name == "same"


def test_rows_are_named_by_their_ids():
    names, kept = [f"k{i}" for i in range(300)], RNG.permutation(np.arange(100, 300))
    y = X[kept].copy()
    y[0] = -y[0]
    document = compare(X, y, ids=(names, [names[i] for i in kept])).result.document
    assert [row.id for row in document.findings[1].rows] == [f"k{kept[0]}"]
    assert [(s.what, s.why) for s in document.skipped] == [("100 rows of A", "whose ids the other side does not have")]


def test_rows_by_their_ids():
    order = RNG.permutation(300)
    ids = [f"row {i}" for i in range(300)]
    assert compare(X, X[order], ids=(ids, [ids[i] for i in order])).relation.name == "same"
    with pytest.raises(InputError, match="no id in common"):
        compare(X, X, ids=(ids, [f"other {i}" for i in range(300)]))


def test_prompts_and_models_of_clip(shared_data):
    folder = shared_data / "clip_class_names"
    names = {
        key: np.load(next(p for p in (folder / key).glob("*.npy") if "lvis" in p.name)).astype(np.float64)[:400]
        for key in ("detic", "object_centric_ovd", "vlpart")
    }
    assert relation_of(names["detic"], names["object_centric_ovd"]).name == "prompt"
    assert relation_of(names["detic"], names["vlpart"]).name == "model"


def test_images_and_texts_of_clip_are_modalities(shared_data):
    images, texts = np.load(shared_data / "clip500" / "features_clip.npy")
    made = compare(images, texts)
    assert made.relation.name == "modality"
    (found,) = made.result.document.findings
    assert "another modality" in found.text and "prompt" not in found.text + found.remedy
    assert made.result.value(metric="covariance_likeness") == pytest.approx(0.264, abs=0.01)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((X,), {}, "two files of vectors"),
        ((X, X[:10]), {}, "the same rows"),
        ((X, X), {"layers": "final"}, "is an option of models"),
        (("minilm", "e5"), {}, "add --texts"),
        ((X[:5], X[:5]), {}, "at least 12 rows"),
        ((), {"texts": ["a"]}, "takes models"),
    ],
)
def test_what_cannot_be_compared(given, options, message):
    with pytest.raises(InputError, match=message):
        compare(*given, **options)


def test_scores_of_spectra():
    assert matrix_entropy(np.eye(8)) == pytest.approx(1.0)
    assert matrix_entropy(np.ones((9, 8))) == pytest.approx(0.0, abs=1e-6)
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.normal(size=(800, 200)))[0]
    x = basis * np.arange(1, 201) ** -0.6  # eigenvalues k^-1.2; the mean of the rows is about 0
    from embedscope.stats import Moments, statistic_of

    assert alpha_req.function(statistic_of(Moments("raw"), x)) == pytest.approx(1.2, abs=0.05)


@pytest.mark.models
def test_models_without_labels():
    if MODELS.get("minilm").path() is None:
        pytest.skip("the weights of minilm are not installed")
    things = ("cat", "dog", "train", "storm", "song", "bridge", "river", "king", "bank")
    texts = [f"The {a} is near the old {b}." for a in things for b in things if a != b]
    records, _ = label_free(["minilm"], texts, progress=Silent(), layers="pooled", cache=False)
    value = {r.metric: r for r in records}
    assert {"word_stability", "matrix_entropy", "effective_rank"} <= set(value)
    assert 0 <= value["word_stability"].ci_low <= value["word_stability"].value <= value["word_stability"].ci_high <= 1
    assert without_words(texts[0]) != texts[0]


def test_the_headline_has_the_numbers_and_its_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", X)
    np.save("b.npy", X @ TURN)
    made = compare("a.npy", "b.npy")
    headline, found = made.result.document.headline, made.result["knn_overlap"]
    assert headline.text.startswith("The same space, rotated") and headline.cause.endswith("exactly.")
    assert made.result.document.findings[0].remedy == f"{headline.cause.rstrip('.')}; {headline.command}"
    assert f"{100 * found.value:.1f} % ({100 * found.ci_low:.1f} % to {100 * found.ci_high:.1f} %)" in headline.text
    assert f"a median cosine of {np.median(made.relation.cosines):.4f}" in headline.text
    program, *command = headline.command.split()
    assert program == "embedscope" and runner.invoke(app, command).exit_code == 0
    assert (tmp_path / "bridge.safetensors").exists()
    assert compare(X, X @ TURN).result.document.headline.command == ""


def test_charts_of_a_relation_hold_every_row_and_the_interval():
    made = compare(X, np.tanh(X @ RNG.normal(size=(32, 32))))
    document, found = made.result.document, made.result["knn_overlap"]
    assert document.headline.charts == ("shared", "neighbours_in_common", "matching_cosines")
    assert sum(document.histograms[1].series[0].heights) == len(X)
    dot = document.dots[0].rows[0].dots[0]
    assert (dot.value, dot.low, dot.high) == (found.value, found.ci_low, found.ci_high)
    assert [h.id for h in compare(X, X[:, :20]).result.document.histograms] == ["neighbours_in_common"]


def test_rows_that_miss_parity_lead_the_headline():
    y = X + 1e-4 * RNG.normal(size=X.shape)
    y[[5, 77]] = X[[6, 78]]
    headline = compare(X, y).result.document.headline
    assert headline.status == "warning" and headline.text.startswith("No parity: 2 of 300 rows")


@pytest.mark.parametrize(("second", "status"), [((0.5, 0.4, 0.6), "info"), ((0.75, 0.65, 0.85), "undecided")])
def test_the_headline_of_models_says_whether_one_leads(second, status):
    known = [
        Record(source, "word_stability", v, space="pooled", ci_low=a, ci_high=b, n=90)
        for source, (v, a, b) in {"x": (0.8, 0.7, 0.9), "y": second}.items()
    ]
    said, chart = findings(known), stability_chart(known)
    headline = models_headline(known, said, (chart,))
    assert headline.text.startswith("x (pooled) finds 0.800 (0.700 to 0.900) of the texts")
    assert headline.status == status and ("overlap" in headline.text) == (status == "undecided")
    assert headline.charts == ("word_stability",) and "prove nothing" in headline.cause
    assert [row.dots[0].low for row in chart.rows] == [0.7, second[1]]
    assert stability_chart([Record("x", "word_stability", None)]) is None


def test_ids_that_repeat_are_refused():
    ids = [str(i) for i in range(300)]
    with pytest.raises(InputError, match=r"1 of the 300 ids of B stand more than once"):
        compare(X, X, ids=(ids, [*ids[:299], "0"]))


def test_vectors_by_id_match_by_id() -> None:
    import embedscope

    x = np.random.default_rng(0).normal(size=(60, 8))
    a = {f"r{i}": row for i, row in enumerate(x)}
    b = {f"r{i}": x[i] for i in reversed(range(20, 60))}
    found = embedscope.compare(a, b).relation
    assert found.name == "same" and found.n == 40
    with pytest.raises(InputError, match="no id in common"):
        embedscope.compare(a, {f"s{i}": row for i, row in enumerate(x)})
    with pytest.raises(InputError, match="are the ids of the rows; leave out --pair-ids"):
        embedscope.compare(a, b, pair_ids=(list(a), list(b)))
    with pytest.raises(InputError, match="A is a dict, and rows match by position here"):
        embedscope.compare(a, x)
    with pytest.raises(InputError, match="B holds nan or inf in 60 of 60 rows"):
        embedscope.compare(x, x * np.nan)


@pytest.mark.parametrize(
    ("y", "second"), [(X.astype(np.float16), "matching_cosines"), (X @ TURN, None), (X[:, :30], None)]
)
def test_two_charts_lead_whatever_the_dimensions(y, second):
    """Cosines of matching rows where they say something, else how many neighbours are in common, row by row."""
    document = compare(X, y).result.document
    assert [c.id for c in leading_charts(document)] == ["shared", second or "neighbours_in_common"]
    (histogram,) = [h for h in document.histograms if h.id == "neighbours_in_common"]
    heights = np.array(histogram.series[0].heights)
    (overlap,) = [d.dots[0].value for d in document.dots[0].rows if d.strong]
    assert heights.sum() == pytest.approx(1.0)
    assert (heights * np.arange(11)).sum() / 10 == pytest.approx(overlap)


def test_a_sample_for_neighbours_is_said(monkeypatch):
    monkeypatch.setattr("embedscope.comparison.relation.MOST", 100)
    document = compare(X, 2 * X).result.document
    assert "300 matching rows, 100 of them searched" in document.headline.evidence
    assert "found among 100 of them" in document.histograms[-1].caption
