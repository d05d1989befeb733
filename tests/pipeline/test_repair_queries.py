"""Decisions on queries and judgements: kinds with their own means, one index of several kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.pipeline.repair import is_written, repair


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
    found, result = repair(**collection(tmp_path, gap=3.0), tries="center,center:joint")  # type: ignore[arg-type]
    assert set(found.kinds) == {"query", "text", "image"}
    assert found.header.candidate == "center"
    gain = next(r for r in result if r.metric == "mixed_ndcg@10.difference" and r.subset == "certify")
    assert gain.ci_low is not None and gain.ci_low > 0
    assert any(r.metric == "pure_ndcg@10.difference" and r.subset == "certify" for r in result)
    means = [found.kinds[k].mean for k in ("text", "image")]
    assert means[0] is not None and means[1] is not None and np.linalg.norm(means[0] - means[1]) > 0.5


def test_without_a_gap_the_index_is_kept(tmp_path: Path) -> None:
    found, _ = repair(**collection(tmp_path, gap=0.0, seed=1), tries="center,abtt:2")  # type: ignore[arg-type]
    assert not is_written(found)


def test_one_kind_of_document_is_decided_on_ndcg_with_losers_by_id(tmp_path: Path) -> None:
    given = collection(tmp_path, gap=0.0, seed=2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(24, 24)))[0]
    documents = write(tmp_path, "d", np.load(tmp_path / "t.npy") @ turn, [f"t{i}" for i in range(240)])
    (tmp_path / "qrels.txt").write_text("".join(f"q{i}\tt{i}\t2\n" for i in range(240)), encoding="utf-8")
    found, result = repair(
        documents, queries=given["queries"], qrels=given["qrels"], tries="auto,procrustes,csls:5", seed=4
    )
    assert found.header.candidate == "procrustes"
    assert result.value(metric="ndcg@10", subset="certify", transform="procrustes") > 0.8  # type: ignore[operator]
    document = result.document
    assert document is not None
    assert any("csls" in s.what and "pairs" in s.why for s in document.skipped)
    losers = [t for t in document.tables if t.id == "losers"]
    assert all(str(row[0]).startswith("q") for t in losers for row in t.rows)


def test_an_index_larger_than_the_bound_is_sampled_and_said(tmp_path: Path) -> None:
    given = collection(tmp_path, gap=0.0, seed=5)
    _, result = repair(**given, tries="center", held_out=20)  # type: ignore[arg-type]
    said = [s.what for s in result.document.skipped] if result.document else []
    assert any("documents were searched" in s for s in said)
    assert result.provenance["settings"]["sizes"]["select"] == 10


def test_both_files_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both of them"):
        repair("x.npy", queries="q.npy")
