"""``compress``: what it finds against FAISS and naive search, what it decides, saves, applies and exports."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr
from typer.testing import CliRunner

import embedscope
from embedscope.certification.fitting import moments_of
from embedscope.cli._app import app
from embedscope.compression.candidates import expand_plans, parse_plan
from embedscope.compression.fitting import FIT_ROWS, Fitted, Fitter
from embedscope.compression.matryoshka import trained_sizes
from embedscope.compression.prediction import Predictor, _expected_overlap
from embedscope.compression.search import Searches, truth_of
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.exports.faiss import factory_string, faiss_index
from embedscope.exports.numpy import numpy_snippet
from embedscope.exports.sentence_transformers import _leading
from embedscope.stats.copies import without_copies
from embedscope.tasks.means import directions
from embedscope.tasks.retrieval import judged_scores
from embedscope.transforms.align.sides import Side
from embedscope.transforms.codes import Binary, Int8
from embedscope.transforms.repair import KindMap


def fit_plan(text: str, x: np.ndarray) -> Fitted:
    """The candidate ``text``, fitted on the rows ``x``."""
    plan = parse_plan(text)
    return Fitter(moments_of(x, True), directions(x[:FIT_ROWS]), plan.dimensions or 0, 0).fit(plan)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """1,200 rows whose variance decays, of unit length."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1200, 32)) * (1 / np.sqrt(1 + np.arange(32))) + 0.05
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "said"),
    [("pca:16", True), ("pca:16+int8", True), ("pca:16+binary", False), ("first:16", False), ("int8", False)],
)
def test_where_the_inner_product_ranks_apply_says_so(rows: np.ndarray, tmp_path: Path, text: str, said: bool) -> None:
    """By the cosine of what pca:16 gives, fewer of the ten nearest are kept than were certified."""
    repair = fit_plan(text, rows).repair({})
    repair.save(tmp_path / "small.safetensors")
    np.save(tmp_path / "rows.npy", rows)
    order = ["apply", *(str(tmp_path / f) for f in ("small.safetensors", "rows.npy", "out.npy")), "--kind", "document"]
    assert (
        "rank by inner product: these vectors are not of unit length" in CliRunner().invoke(app, order).output
    ) == said
    if text == "pca:16":
        small = np.load(tmp_path / "out.npy").astype(np.float64)
        kept = [
            np.mean([len(np.intersect1d(a, b)) for a, b in zip(_ten(rows @ rows.T), _ten(x @ x.T), strict=True)])
            for x in (small, directions(small))
        ]
        assert kept[0] > kept[1] + 0.1


def _ten(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores - np.eye(len(scores)) * -9, axis=1)[:, :10]


@pytest.mark.parametrize("text", ["pq", "pq:0", "pq:x", "first:16+pq:-4", "int8:4", "binary:+rescore"])
def test_codes_of_no_rows_are_refused_before_any_work(text: str) -> None:
    with pytest.raises(InputError, match=r"needs the number of bytes|takes no number"):
        expand_plans(text, 32, ())


@pytest.mark.parametrize(("to", "megabytes"), [("pgvector", "128.0 MB in float32"), ("numpy", "8.0 MB in pq:8")])
def test_an_export_without_the_code_says_so(rows: np.ndarray, tmp_path: Path, to: str, megabytes: str) -> None:
    fit_plan("pq:8", rows).repair({}).save(tmp_path / "small.safetensors")
    order = [
        "export",
        str(tmp_path / "small.safetensors"),
        "--to",
        to,
        "--kind",
        "document",
        "-o",
        str(tmp_path / "out"),
    ]
    said = CliRunner().invoke(app, order).output
    assert f"re-index every vector; {megabytes} for each million" in said
    assert ("`embedscope apply --kind document` writes them in pq:8" in said) == (to == "pgvector")


@pytest.fixture(scope="module")
def queries(rows: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return directions(rows[:300] + 0.05 * rng.normal(size=(300, 32))).astype(np.float32)


FAISS = ["float16", "int8", "binary", "first:16+int8", "pca:16", "pca:16+int8", "pq:8", "rabitq", "pca:16+rabitq"]


@pytest.mark.parametrize("text", FAISS)
def test_finds_what_the_exported_faiss_index_finds(rows: np.ndarray, queries: np.ndarray, text: str) -> None:
    faiss = pytest.importorskip("faiss")
    fitted = fit_plan(text, rows)
    found = Searches(queries, None).search(fitted, fitted.documents(rows))
    repair = fitted.repair({})
    index = faiss.deserialize_index(faiss.serialize_index(faiss_index(repair, "document")))
    index.add(rows)
    scores, theirs = index.search(queries, 10)
    if text == "binary":  # Hamming distances tie, and FAISS orders ties by chance
        bits = np.unpackbits(fitted.code.encode(rows), axis=1)[found].astype(bool)
        apart = (bits != (queries > 0)[:, None]).sum(axis=2)
        np.testing.assert_array_equal(np.sort(apart, axis=1), np.sort(scores, axis=1))
        return
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, theirs, strict=True)])
    assert same >= 0.999
    mapped = fitted.queries(queries)
    ours = np.einsum("ij,ikj->ik", mapped, fitted.documents(rows)[theirs])
    # the chain of FAISS is float32, so a coordinate on the edge of a step may be stored as the next one
    assert np.mean(np.abs(ours - scores) > 1e-5) < 0.01
    step = fitted.code.steps.max() if isinstance(fitted.code, Int8) else 0
    assert np.abs(ours - scores).max() < max(5e-3, step)


@pytest.mark.parametrize("text", ["float16", "int8", "binary", "first:16+int8", "pca:16+int8", "pq:8"])
def test_numpy_export_stores_the_same_rows(rows: np.ndarray, tmp_path: Path, text: str) -> None:
    if text.startswith("pq"):
        pytest.importorskip("faiss")
    repair = fit_plan(text, rows).repair({})
    repair.save(tmp_path / "c.safetensors")
    space: dict = {}
    exec(numpy_snippet(repair, tmp_path / "c.safetensors"), space)
    np.testing.assert_array_equal(space["store"](rows), repair.store(rows, "document"))


def test_leading_dimensions_become_a_truncate_dim() -> None:
    x = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    for text, kept in {"first:16+int8": 16, "pca:16": None, "int8": None}.items():
        repair = fit_plan(text, x).repair({})
        assert _leading(list(repair.kinds.values())) == kept


def test_rescoring_is_the_inner_product_with_the_bits_of_the_best_forty(rows: np.ndarray, queries: np.ndarray) -> None:
    fitted = fit_plan("binary+rescore", rows)
    found = Searches(queries, None).search(fitted, fitted.documents(rows))
    bits = np.where(rows > 0, 1.0, -1.0)
    for i in range(0, 300, 37):
        apart = (bits != np.where(queries[i] > 0, 1.0, -1.0)).sum(axis=1)
        forty = np.argsort(apart, kind="stable")[:40]
        again = bits[np.sort(forty)] @ queries[i]
        wanted = set(np.sort(forty)[np.argsort(-again, kind="stable")][:10].tolist())
        assert len(wanted & set(found[i].tolist())) >= 9  # a tie at the edge may fall to either side


@pytest.mark.parametrize("dim", [24, 70, 40_000], ids=["less than a word", "more than a word", "past 16 bits"])
def test_bits_are_counted_exactly_and_equal_distances_go_to_the_lower_row(dim: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.choice([-1.0, 1.0], (90, dim)).astype(np.float32)
    x[50:60] = -x[40:50]  # as far apart as rows can be
    own = np.arange(40, 50)
    fitted = Fitted(parse_plan("binary"), KindMap(Side(dim), True), Binary(dim))
    wanted = (x[own, None] != x[None]).sum(axis=2)
    wanted[np.arange(10), own] = dim + 1
    nearest = Searches(x[own], own).search(fitted, x)
    np.testing.assert_array_equal(nearest, np.argsort(wanted, axis=1, kind="stable")[:, :10])


def test_scores_are_those_of_evaluate(rows: np.ndarray, queries: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    query, document = np.repeat(np.arange(300), 3), rng.integers(0, 1200, 900)
    query, document = np.unique(np.stack([query, document]), axis=1)
    grade = rng.integers(0, 3, len(query)).astype(float)
    truth = truth_of(directions(queries), directions(rows), None, (query, document, grade))
    full = fit_plan("float32", rows)
    items = truth.items(Searches(queries, None).search(full, full.documents(rows)))
    wanted = judged_scores(queries, rows, (query, document, grade))
    assert items["overlap@10"].min() == 1
    for name in ("ndcg@10", "recall@10"):
        np.testing.assert_allclose(items[name], wanted[name].items, atol=1e-6)


@pytest.mark.parametrize("crowd", [1, 40], ids=["rows that differ", "forty rows that differ by a little"])
def test_candidates_that_share_a_search_find_what_each_finds_alone(rows: np.ndarray, crowd: int) -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(rows, crowd, axis=0)[: len(rows)]
    x = directions(x + 1e-4 * rng.normal(size=x.shape) * (crowd > 1)).astype(np.float32)
    own = np.arange(200)
    truth = truth_of(directions(x[:200]), directions(x), own, None)
    shared = Searches(x[:200], own, truth.best)
    cuts = ("first:16", "first:16+float16", "first:16+int8", "pca:16", "pca:16+float16", "pca:16+int8")
    for text in ("float16", "int8", "binary+rescore", "binary", *cuts):
        fitted = fit_plan(text, x)
        stored, mapped = fitted.documents(x), Fitted(fitted.plan, fitted.map, None).documents(x)
        scores = np.where(fitted.queries(x[:200]) > 0, 1, -1) if "binary" in text else fitted.queries(x[:200])
        scores = scores @ stored.T
        scores[own, own] = -np.inf
        found = shared.search(fitted, stored, mapped)
        if "rescore" not in text:
            reached = np.take_along_axis(scores, found, axis=1).min(axis=1)
            np.testing.assert_allclose(reached, np.sort(scores, axis=1)[:, -10], atol=1e-6, err_msg=text)
        np.testing.assert_array_equal(found, Searches(x[:200], own).search(fitted, stored), text)


def test_overlap_counts_results_as_near_as_the_tenth() -> None:
    x = directions(np.repeat(np.eye(3), [30, 30, 1], axis=0))  # thirty results tie
    truth = truth_of(x[:1], x, np.array([0]), None)
    assert truth.items(np.arange(20, 30)[None])["overlap@10"].tolist() == [1.0]
    assert truth.items(np.arange(25, 35)[None])["overlap@10"].tolist() == [0.5]


def test_pca_keeps_inner_products_best(rows: np.ndarray) -> None:
    fitted = fit_plan("pca:8", rows)
    u, s, _ = np.linalg.svd(rows.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(
        fitted.documents(rows) @ fitted.documents(rows).T, (u[:, :8] * s[:8] ** 2) @ u[:, :8].T, atol=1e-5
    )


@pytest.mark.parametrize(("text", "off"), [("float16", 0.01), ("int8", 0.01), ("pq:16", 0.01), ("pca:24", 0.03)])
def test_prediction_is_near_what_is_measured(rows: np.ndarray, queries: np.ndarray, text: str, off: float) -> None:
    if text.startswith("pq"):
        pytest.importorskip("faiss")
    fitted = fit_plan(text, rows)
    truth, stored = truth_of(directions(queries), directions(rows), None, None), fitted.documents(rows)
    measured = truth.items(Searches(queries, None).search(fitted, stored))["overlap@10"].mean()
    predicted = Predictor.of(truth).recall(fitted, queries, stored)
    assert predicted == pytest.approx(measured, abs=off)


@pytest.mark.parametrize("error", [1e-4, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("n", [7, 15, 21, 300])
def test_expected_overlap_is_that_of_the_root(n: int, error: float) -> None:
    """Against Brent's method over all scores: those that lie far below are no part of the sum."""
    scores = -np.sort(-np.random.default_rng(n).normal(scale=0.1, size=(5, n)))
    k = min(10, n)
    for given, row in zip(_expected_overlap(scores, np.full(5, error)), scores, strict=True):
        root = brentq(lambda c, s=row: ndtr((s - c) / error).sum() - k, row[-1] - 40 * error, row[0] + 40 * error)
        wanted = ndtr((row[:k] - root) / error).mean() if k < n else 1.0
        assert given == pytest.approx(wanted, abs=1e-6)


def test_equal_documents_are_looked_for_once(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is known to hold none when queries select, certify and are predicted: only evidence looks again."""
    calls = []

    def count_calls(x: np.ndarray, kept: int) -> np.ndarray | None:
        calls.append(len(x))
        return without_copies(x, kept)

    monkeypatch.setattr("embedscope.stats.neighbours.without_copies", count_calls)
    embedscope.compress(rows, candidates="int8")
    assert len(calls) == 1
    embedscope.compress(np.concatenate([rows[:600]] * 2), candidates="int8", groups=np.arange(1200) % 600)
    assert len(calls) > 3


def test_the_smallest_certified_is_chosen_saved_and_applied(rows: np.ndarray, tmp_path: Path) -> None:
    plans = ["float16", "int8", "first:8", "pca:4+binary"]
    outcome = embedscope.compress(rows, candidates=plans, tolerance=0.05, max_eval_rows=400)
    assert outcome.accepted
    assert outcome.repair.header.candidate == "int8"
    assert outcome.result.select(metric="bytes_per_row", transform="int8")[0].value == 32
    lost = outcome.result.value(metric="overlap@10.difference", transform="int8", subset="certify")
    assert -0.05 < lost <= 0
    assert outcome.result.value(metric="overlap@10.p_loss", transform="int8") <= 0.05
    np.save(tmp_path / "x.npy", rows)
    outcome.repair.save(tmp_path / "c.safetensors")
    for name in ("out.npy", "out.safetensors", "out.parquet"):
        done = embedscope.apply(tmp_path / "c.safetensors", tmp_path / "x.npy", tmp_path / name, kind="document")
        assert done.dim_out == 32
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), outcome.repair.store(rows, "document"))
    assert np.load(tmp_path / "out.npy").dtype == np.int8
    assert outcome.result.document.figures[0].id == "frontier"


def test_the_frontier_stands_alone_and_all_others_after_the_tests(rows: np.ndarray) -> None:
    plans = ["float16", "int8", "first:16+float16", "first:8", "first:8+int8", "first:4+float16"]
    document = embedscope.compress(rows[:600], candidates=plans, tolerance=0.2, max_eval_rows=200).result.document
    tables = {t.id: [str(row[0]).removesuffix(" (chosen)") for row in t.rows] for t in document.tables}
    assert list(tables) == ["frontier", "certified", "beaten"]
    assert tables["frontier"][0] == "float32"
    assert sorted(tables["frontier"][1:] + tables["beaten"]) == sorted(plans)
    rows_ = [row for t in document.tables if t.id != "certified" for row in t.rows]
    score = {str(row[0]).removesuffix(" (chosen)"): row[1:3] for row in rows_}
    for name in tables["beaten"]:  # as few bytes, as good
        assert any(b <= score[name][0] and v >= score[name][1] for b, v in map(score.get, tables["frontier"]))
    for a, b in itertools.pairwise(tables["frontier"]):
        assert score[a][0] > score[b][0] and score[a][1] >= score[b][1]


def test_the_first_test_that_fails_ends_the_path(rows: np.ndarray) -> None:
    """What cannot be certified for want of rows stops the smaller ones too."""
    outcome = embedscope.compress(rows[:300], candidates=["float16", "int8"], tolerance=0.03)
    tests = next(t for t in outcome.result.document.tables if t.id == "certified")
    certified = [row[-1] for row in tests.rows]
    assert certified.count("no") <= 1
    assert "no" not in certified[:-1]
    few = embedscope.compress(rows[:120], candidates=["float16", "int8"], tolerance=0.03)
    tried = next(t for t in few.result.document.tables if t.id == "certified").rows
    assert [row[0] for row in tried] == ["float16"]


def test_too_few_rows_are_refused_with_the_number_that_it_takes(rows: np.ndarray) -> None:
    outcome = embedscope.compress(rows[:200], candidates="float16", tolerance=0.01)
    assert not outcome.accepted
    assert outcome.repair.is_identity
    said = outcome.result.document.findings[0].text
    assert "units of evidence" in said
    assert "add queries" in said


def test_nothing_is_certified_where_everything_loses(rows: np.ndarray) -> None:
    outcome = embedscope.compress(rows, candidates=["pca:4+binary", "first:4"], tolerance=0.05)
    assert not outcome.accepted
    assert "none is smaller and loses at most" in outcome.result.document.findings[0].text


def test_judgements_decide_where_there_are_some(rows: np.ndarray) -> None:
    rng = np.random.default_rng(5)
    asked = {f"q{i}": rows[i] + 0.02 * rng.normal(size=32) for i in range(600)}
    documents = {f"d{i}": row for i, row in enumerate(rows)}
    qrels = {f"q{i}": {f"d{i}": 1} for i in range(600)}
    outcome = embedscope.compress(
        documents, queries=asked, qrels=qrels, candidates="int8,binary", tolerance=0.05, pca_on="queries"
    )
    assert outcome.accepted
    best = outcome.repair.header.candidate
    assert outcome.result.value(metric="ndcg@10", transform=best, subset="certify") > 0.9
    assert outcome.repair.kind("query").code is None


def test_matryoshka_folders(tmp_path: Path) -> None:
    assert trained_sizes(str(tmp_path)) == ()
    (tmp_path / "README.md").write_text('```json\n{\n "loss": "X",\n "matryoshka_dims": [\n 64,\n 256,\n 128\n ]}')
    assert trained_sizes(str(tmp_path)) == (256, 128, 64)
    (tmp_path / "config.json").write_text(json.dumps({"matryoshka_dimensions": [32, 512]}))
    assert trained_sizes(f"st:{tmp_path}") == (512, 32)
    plans, _ = expand_plans("auto", 768, (512, 32))
    assert {p.cut for p in plans if p.cut.startswith("first")} == {"first:512", "first:32"}


def test_factory_strings(rows: np.ndarray) -> None:
    faiss = pytest.importorskip("faiss")
    for text, wanted in {
        "pca:16+int8": "L2norm,PCA16,SQ8",
        "pq:8": "L2norm,PQ8",
        "rabitq": "L2norm,RR32,RaBitQ",
    }.items():
        repair = fit_plan(text, rows).repair({})
        assert factory_string(repair, "document") == wanted
        assert faiss.index_factory(32, wanted, faiss.METRIC_INNER_PRODUCT).d == 32


@pytest.mark.parametrize(
    ("text", "why"),
    [("int8+first:16", "first:128"), ("first", "number of dimensions"), ("rescore", "not understood"), ("", "empty")],
)
def test_candidates_that_are_none(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        expand_plans(text, 32, ())


def test_parts_that_do_not_divide_the_dimensions_are_named(rows: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"pq:5 cuts 32 dimensions into 5 equal parts.*write pq:2 or pq:4 or pq:8"):
        embedscope.compress(rows, candidates="pq:5")
    with pytest.raises(InputError, match=r"first:15\+pq:4 cuts 15 dimensions"):
        expand_plans("first:15+pq:4", 32, ())


def test_judgements_without_a_relevant_document_are_refused(rows: np.ndarray) -> None:
    ids = [f"r{i}" for i in range(len(rows))]
    vectors = dict(zip(ids, rows, strict=True))
    with pytest.raises(InputError, match="none of the 1,200 judgements of qrels has a grade above 0"):
        embedscope.compress(vectors, queries=vectors, qrels={i: {i: 0} for i in ids})


def test_unknown_steps_and_too_many_dimensions() -> None:
    with pytest.raises(UnknownNameError, match="int8"):
        expand_plans("int9", 32, ())
    with pytest.raises(InputError, match="64 dimensions"):
        expand_plans("first:64", 32, ())


def test_the_headline_is_the_decision_and_its_command_runs(
    rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    from typer.testing import CliRunner

    from embedscope.cli._app import app

    monkeypatch.chdir(tmp_path)
    np.save("my rows.npy", rows)
    words = [
        "compress",
        "my rows.npy",
        "--candidates",
        "float16,int8,first:4,first:8",
        "--tolerance",
        "0.1",
        "-o",
        "s.safetensors",
    ]
    done = CliRunner().invoke(app, [*words, "--json", "r.json"])
    assert done.exit_code == 0, done.output
    document = json.loads(Path("r.json").read_text())["document"]
    headline = document["headline"]
    assert headline["text"].startswith("Use 'int8': 4 times smaller (32 bytes per row)") and headline["status"] == "ok"
    assert headline["charts"] == ["losses", "frontier"] and headline["text"].split(":")[0] in done.output
    frontier, _, beaten = document["tables"]
    assert [row[0] for row in beaten["rows"]] == ["first:8"]  # of as many bytes as int8
    assert [row[0] for row in frontier["rows"]] == ["float32", "float16", "int8 (chosen)", "first:4"]
    chart = document["dots"][0]
    assert [row["label"] for row in chart["rows"]] == ["float16 (64 bytes)", "int8 (32 bytes)", "first:4 (16 bytes)"]
    assert [row["strong"] for row in chart["rows"]] == [False, True, False]
    assert chart["rows"][2]["dots"][0]["high"] < -0.1 == chart["marks"][0]["at"]
    program, *command = shlex.split(headline["command"])
    assert program == "embedscope"
    assert CliRunner().invoke(app, command).exit_code == 0
    assert np.load("s.npy").shape == (1200, 32)


def test_where_float32_is_kept_the_headline_has_no_command(rows: np.ndarray) -> None:
    outcome = embedscope.compress(rows, candidates=["first:2"], tolerance=0.01)
    headline = outcome.result.document.headline
    assert headline.text.startswith("Nothing smaller than float32")
    assert headline.status == "info" and headline.command == ""


@pytest.mark.parametrize("tolerance", [0.018, 0.05])
def test_the_headline_states_the_certified_bound_once(rows: np.ndarray, tolerance: float) -> None:
    """Not the tolerance as if it had been certified, and nothing that its next sentence says again."""
    import re

    outcome = embedscope.compress(rows, candidates=["int8"], tolerance=tolerance)
    (p,) = [r for r in outcome.result if r.metric == "overlap@10.p_loss"]
    headline = outcome.result.document.headline
    both = f"{headline.text} {headline.cause}"
    (bound,) = re.findall(r"at most ([\d.]+\d) (?:of overlap@10 )?is lost", both)
    assert float(bound) == pytest.approx(p.facts["at_most"], rel=0.01) and float(bound) >= p.facts["at_most"] - 1e-9
    assert both.count(f"{tolerance:g}") == 1 and both.count("95 %") == 1 and both.count("int8") == 1
    assert ("is lost" in headline.text) == outcome.accepted == (tolerance == 0.05)


@pytest.mark.parametrize("tolerance", [0.018, 0.02])
def test_the_sentence_has_one_interval_and_it_is_that_of_the_test(rows: np.ndarray, tolerance: float) -> None:
    """A bootstrap's interval may exclude a loss that the test, which bounds rare losses too, does not."""
    import re

    outcome = embedscope.compress(rows, candidates=["int8"], tolerance=tolerance)
    (p,) = [r for r in outcome.result if r.metric == "overlap@10.p_loss"]
    text = outcome.result.document.findings[0].text
    assert "[" not in text
    at_most = float(re.search(r"at most ([\d.]+\d) (?:of overlap@10 )?is lost", text)[1])
    assert at_most == pytest.approx(p.facts["at_most"], rel=0.01) and at_most >= p.facts["at_most"] - 1e-9
    assert outcome.accepted == (tolerance == 0.02) == (p.facts["at_most"] <= tolerance) == text.startswith("Use 'int8'")


def test_pca_takes_the_components_of_given_vectors(rows: np.ndarray) -> None:
    prompts = rows[:, :] * np.where(np.arange(32) < 8, 1.0, 1e-3)
    outcome = embedscope.compress(rows[:400], candidates="pca:8", pca_on=prompts, tolerance=0.99)
    kept = np.abs(outcome.repair.kinds["document"].side.matrix).sum(axis=1)
    assert kept[:8].min() > 0.9 and kept[8:].max() < 0.1  # the eight coordinates in which the prompts differ


def test_an_index_of_ids_and_vectors(rows: np.ndarray) -> None:
    named = {f"r{i}": row for i, row in enumerate(rows[:400])}
    a, b = (embedscope.compress(given, candidates="int8", tolerance=0.1) for given in (named, rows[:400]))
    assert a.repair.header.decision == b.repair.header.decision


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"queries": np.empty((0, 32))}, "queries must hold at least one row"),
        ({"queries": np.full((300, 32), np.nan)}, "queries holds nan or inf in 300 of 300 rows"),
        ({"pca_on": np.ones((20, 4))}, "--pca-on have 4 dimensions, the index 32"),
        ({"pca_on": np.full((20, 32), np.inf)}, "pca_on holds nan or inf"),
        ({"candidates": []}, "names nothing smaller than float32"),
        ({"candidates": "float32"}, "names nothing smaller than float32"),
        ({"max_eval_rows": -1}, "at least 1; got -1"),
        ({"max_eval_rows": 0}, "at least 1; got 0"),
    ],
)
def test_inputs_that_mean_nothing_are_refused(rows: np.ndarray, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        embedscope.compress(rows[:400], **{"candidates": "int8", **given})
