"""Decisions on queries and judgements: kinds with their own means, one index of several kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.certification.split import part_numbers
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_texts
from embedscope.repairs.repair import is_written, repair
from embedscope.transforms.calibration import Platt


def write(folder: Path, name: str, x: np.ndarray, ids: list[str]) -> str:
    """Vectors with their ids beside them."""
    np.save(folder / f"{name}.npy", x)
    (folder / f"{name}.ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    return str(folder / f"{name}.npy")


def collection(folder: Path, gap: float, seed: int = 0, n: int = 240, d: int = 24) -> dict[str, object]:
    """Queries with one text and one image that answer each; kinds lie ``gap`` apart."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, d))
    shifts = gap * rng.normal(size=(3, d))
    sides = [meaning + 0.5 * rng.normal(size=(n, d)) + shift for shift in (shifts[0], shifts[0], shifts[2])]
    ids = [[f"{kind}{i}" for i in range(n)] for kind in "qti"]
    lines = [f"q{i} 0 {kind}{i} 1" for i in range(n) for kind in "ti"]
    (folder / "qrels.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    paths = [write(folder, name, x, i) for name, x, i in zip(("q", "t", "i"), sides, ids, strict=True)]
    return {"queries": paths[0], "corpus": (f"text={paths[1]}", f"image={paths[2]}"), "qrels": folder / "qrels.txt"}


def test_a_mixed_index_gains_from_the_mean_of_each_kind(tmp_path: Path) -> None:
    found, result = repair(**collection(tmp_path, gap=3.0), candidates="center,center:joint")  # type: ignore[arg-type]
    assert set(found.kinds) == {"query", "text", "image"}
    assert found.header.candidate == "center"
    gain = next(r for r in result if r.metric == "mixed_ndcg@10.difference" and r.subset == "certify")
    assert gain.ci_low is not None and gain.ci_low > 0
    assert any(r.metric == "pure_ndcg@10.difference" and r.subset == "certify" for r in result)
    means = [found.kinds[k].mean for k in ("text", "image")]
    assert means[0] is not None and means[1] is not None and np.linalg.norm(means[0] - means[1]) > 0.5


def test_without_a_gap_the_index_is_kept(tmp_path: Path) -> None:
    found, _ = repair(**collection(tmp_path, gap=0.0, seed=1), candidates="center,abtt:2")  # type: ignore[arg-type]
    assert not is_written(found)


def test_one_kind_of_document_is_decided_on_ndcg_with_losers_by_id(tmp_path: Path) -> None:
    given = collection(tmp_path, gap=0.0, seed=2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(24, 24)))[0]
    documents = write(tmp_path, "d", np.load(tmp_path / "t.npy") @ turn, [f"t{i}" for i in range(240)])
    (tmp_path / "qrels.txt").write_text("".join(f"q{i}\tt{i}\t2\n" for i in range(240)), encoding="utf-8")
    found, result = repair(
        documents, queries=given["queries"], qrels=given["qrels"], candidates="auto,procrustes,csls:5", seed=4
    )
    assert found.header.candidate == "procrustes"
    assert result.value(metric="ndcg@10", subset="certify", transform="procrustes") > 0.8  # type: ignore[operator]
    document = result.document
    assert document is not None
    assert any(str(row[0]).startswith("csls:5") and row[1] is not None for row in document.tables[0].rows)
    losers = [t for t in document.tables if t.id == "losers"]
    assert all(str(row[0]).startswith("q") for t in losers for row in t.rows)


def test_an_index_larger_than_the_bound_is_sampled_and_said(tmp_path: Path) -> None:
    given = collection(tmp_path, gap=0.0, seed=5)
    _, result = repair(**given, candidates="center", max_eval_rows=20)  # type: ignore[arg-type]
    said = [s.what for s in result.document.skipped] if result.document else []
    assert any("documents were searched" in s for s in said)
    assert result.provenance["settings"]["sizes"]["select"] == 10


def test_both_files_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both --queries and --qrels"):
        repair("x.npy", queries="q.npy")


def clip(folder: Path, shared: Path, negatives: int) -> dict[str, object]:
    """Captions that ask for images of CLIP, with ``negatives`` images judged 0 for each."""
    pictures, texts = np.load(shared / "clip500" / "features_clip.npy")
    n, lines = len(texts), []
    for i in range(n):
        lines += [f"q{i} 0 d{i} 1", *(f"q{i} 0 d{(i + 1 + j) % n} 0" for j in range(negatives))]
    (folder / "qrels.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    given: dict[str, object] = {"qrels": folder / "qrels.txt"}
    given["source"] = write(folder, "d", pictures, [f"d{i}" for i in range(n)])
    return given | {"queries": write(folder, "q", texts, [f"q{i}" for i in range(n)])}


@pytest.mark.shared_data
def test_scorers_rank_documents_as_the_formula_says(tmp_path: Path, shared_data: Path) -> None:
    given = clip(tmp_path, shared_data, 0)
    found, result = repair(**given, candidates="csls:5,csls:5:transductive")  # type: ignore[arg-type]
    assert found.header.scorer is None or not found.header.scorer.transductive
    rows = {str(r[0]).partition(" (")[0]: r[4] for r in result.document.tables[0].rows} if result.document else {}
    assert "transductive" in str(rows["csls:5:transductive"])
    # CSLS by hand: 2 s(q, d) - r(q) - r(d), r(d) from the five nearest of the queries that fit
    ids, pictures, texts = (
        [f"q{i}" for i in range(500)],
        *(x / np.linalg.norm(x, axis=1, keepdims=True) for x in np.load(shared_data / "clip500" / "features_clip.npy")),
    )
    part = part_numbers(hash_texts(ids), 0)
    asks = np.flatnonzero(part == 1)
    scores = texts[asks] @ pictures.T
    near_query = np.sort(scores, axis=1)[:, -5:].mean(axis=1)
    near_document = np.sort(pictures @ texts[part == 0].T, axis=1)[:, -5:].mean(axis=1)
    adjusted = 2 * scores - near_query[:, None] - near_document
    ranks = 1 + (adjusted > adjusted[np.arange(len(asks)), asks][:, None]).sum(axis=1)
    told = result.value(metric="recall@1", subset="select", transform="csls:5")
    assert told == pytest.approx((ranks == 1).mean(), abs=1e-12)
    told = result.value(metric="ndcg@10", subset="select", transform="csls:5")
    assert told == pytest.approx(np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0).mean(), abs=1e-12)


@pytest.mark.shared_data
@pytest.mark.parametrize(("negatives", "others"), [(0, "nobody judged"), (6, "judged not relevant")])
def test_cosines_become_probabilities_of_relevance(
    tmp_path: Path, shared_data: Path, negatives: int, others: str
) -> None:
    found, result = repair(**clip(tmp_path, shared_data, negatives), candidates="center", force=True)  # type: ignore[arg-type]
    made = found.header.calibration
    assert isinstance(made, Platt)
    select = result.provenance["settings"]["sizes"]["select"]
    assert made.n_matching == select
    assert made.n_other == negatives * select if negatives else 19 * select < made.n_other <= 20 * select
    assert any("probability is that of relevance" in note and others in note for note in found.header.notes)
    brier = next(r for r in result if r.metric == "calibration.brier")
    assert brier.value is not None and brier.value < 0.1 and others in str(brier.note)  # predicting the base rate: 0.25
    probability = found.probability([0.0, 0.2, 0.4, 0.9])
    assert (np.diff(probability) > 0).all()
