"""Why a query is answered badly, on rankings that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import embedscope
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.datasets import example_files
from embedscope.transforms.repair import Repair


def space(hub: bool = False) -> tuple[dict, dict, dict]:
    """40 queries, 200 documents: query i asks for document i; ``hub`` adds documents near to every query."""
    rng = np.random.default_rng(0)
    shift = np.zeros(64)
    shift[0] = 5.0
    asked = rng.normal(size=(40, 64)) + shift
    documents = np.concatenate(
        [asked + (2.2 if hub else 0.9) * rng.normal(size=(40, 64)), rng.normal(size=(160, 64)) + shift]
    )
    if hub:
        documents[100:108] = shift + 0.05 * rng.normal(size=(8, 64))
    queries = {f"q{i}": v for i, v in enumerate(asked)}
    return queries, {f"d{i}": v for i, v in enumerate(documents)}, {f"q{i}": {f"d{i}": 1} for i in range(40)}


def test_ranks_margin_and_spread_are_those_of_the_cosines() -> None:
    queries, corpus, qrels = space()
    qrels["q3"]["d50"] = 2
    found = embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, explain="q3")
    q, c = queries["q3"], np.stack(list(corpus.values()))
    cosines = c @ q / np.linalg.norm(c, axis=1) / np.linalg.norm(q)
    others = np.delete(cosines, [3, 50])
    best = max(cosines[3], cosines[50])
    assert found.value(metric="best_rank", space="vectors") == 1 + (others >= best).sum()
    assert found["margin"].value == pytest.approx((best - others.max()) / others.std())
    ranks = {row[0]: row[1] for row in found.document.tables[0].rows}
    assert ranks == {f"d{d}": 1 + (np.delete(cosines, d) >= cosines[d]).sum() for d in (3, 50)}


def test_charts_show_the_cosines_of_all_documents_and_the_first_by_name() -> None:
    queries, corpus, qrels = space()
    qrels["q3"] = {"d50": 1}
    document = embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, explain="q3").document
    q, c = queries["q3"], np.stack(list(corpus.values()))
    cosines = c @ q / np.linalg.norm(c, axis=1) / np.linalg.norm(q)
    (histogram,), (dots,) = document.histograms, document.dots
    assert sum(histogram.series[0].heights) == len(c)
    assert max(m.at for m in histogram.marks) == pytest.approx(max(cosines[50], cosines.mean()))
    assert [r.label for r in dots.rows] == [*(f"d{i}" for i in np.argsort(-cosines)[:10]), "d50"]
    assert [r.label for r in dots.rows if r.dots[0].series == 0] == ["d50"], "the relevant one is told apart"
    assert dots.rows[-1].dots[0].value == pytest.approx(cosines[50])


def test_hubs_in_front_are_named_as_the_cause() -> None:
    queries, corpus, qrels = space(hub=True)
    texts = []
    for name in queries:
        found = embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, explain=name)
        texts.append(" ".join(f.text for f in found.document.findings))
    blamed = [t for t in texts if "are hubs: near to many queries" in t]
    assert blamed
    assert sum("'each side centred' brings it to rank" in t for t in blamed) >= len(blamed) / 2


def test_an_unrelated_document_is_said_to_be_one() -> None:
    queries, corpus, _ = space()
    q, c = queries["q0"], np.stack(list(corpus.values()))
    far = int(np.argmin(c @ q / np.linalg.norm(c, axis=1)))
    found = embedscope.evaluate(queries=queries, corpus=corpus, qrels={"q0": {f"d{far}": 1}}, explain="q0")
    assert found.value(metric="best_rank", space="vectors") == 200
    assert found.document.findings[0].status == "serious"
    assert "does not see the two as related" in found.document.findings[1].text


def test_a_repair_and_a_transform_are_tried() -> None:
    queries, corpus, qrels = space(hub=True)
    means = {
        "query": np.stack(list(queries.values())).mean(axis=0),
        "document": np.stack(list(corpus.values())).mean(axis=0),
    }
    repair = Repair.centre_kinds(means, normalise_before=False)
    found = embedscope.evaluate(
        queries=queries, corpus=corpus, qrels=qrels, explain="q5", repair=repair, transform="center"
    )
    ranks = {r.space: r.value for r in found.select(metric="best_rank")}
    moved = repair.transform(np.stack(list(corpus.values())), "document") @ repair.transform(queries["q5"], "query")
    assert ranks["the repair"] == 1 + (np.delete(moved, 5) >= moved[5]).sum()
    assert "transform center" in ranks


def test_wrong_questions() -> None:
    queries, corpus, qrels = space()
    with pytest.raises(UnknownNameError, match="did you mean 'q3"):
        embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, explain="q3x")
    last = max(int(name[1:]) for name in queries)
    with pytest.raises(UnknownNameError, match=f"ids that begin with 'q' are numbered from q0 to q{last}"):
        embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, explain="q5000")
    with pytest.raises(InputError, match="no document is judged relevant to 'q7'"):
        embedscope.evaluate(queries=queries, corpus=corpus, qrels={"q1": {"d1": 1}, "q7": {"d1": 0}}, explain="q7")
    with pytest.raises(InputError, match="repair is for explain"):
        embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, repair="x.safetensors")


def test_the_command_line_explains() -> None:
    from embedscope.cli._app import app

    files = {Path(path).name: str(path) for path in example_files().values()}
    args = ["--queries", files["queries.npy"], "--corpus", files["documents.npy"], "--qrels", files["qrels.tsv"]]
    shown = CliRunner().invoke(app, ["evaluate", *args, "--explain", "q007"])
    assert shown.exit_code == 0
    assert "rank 6 of 400" in shown.output
    assert "Documents in front" in shown.output
    shown = CliRunner().invoke(app, ["evaluate", *args, "--explain", "q000"])
    assert shown.exit_code == 0, "nothing stands in front of the first"
    assert "rank 1 of 400" in shown.output
    assert "Documents in front" not in shown.output
    assert CliRunner().invoke(app, ["evaluate", *args, "--repair", "x"]).exit_code != 0


@pytest.mark.parametrize(("zero", "said"), [("queries", "the query 'q3'"), ("corpus", "every document relevant to")])
def test_a_vector_without_direction_is_not_explained_as_a_poor_one(zero: str, said: str) -> None:
    x = np.random.default_rng(0).normal(size=(20, 4))
    empty = x * (np.arange(20) != 3)[:, None]
    given = {name: empty if name == zero else x for name in ("queries", "corpus")}
    named = {name: {f"{name[0]}{i}": row for i, row in enumerate(rows)} for name, rows in given.items()}
    with pytest.raises(InputError, match=f"the vector of {said}.* is zero"):
        embedscope.evaluate(**named, qrels={f"q{i}": {f"c{i}": 1} for i in range(20)}, explain="q3")
