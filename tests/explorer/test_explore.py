"""Rows, their facts, findings as selections, and Projector files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.diagnosis import diagnose
from embedscope.explorer.explore import explore
from embedscope.explorer.facts import row_facts
from embedscope.explorer.maps import principal_plane
from embedscope.explorer.projector import MAX_SPRITE, sprite_side, write_projector
from embedscope.transforms.repair import Repair


@pytest.fixture
def vectors() -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32) + 2
    x[:5] = x[0] * np.array([[1], [2], [3], [1], [0.5]])  # equal directions
    x[9] = 0
    x[10] = -9
    return x


def test_facts_are_those_of_all_pairs(vectors: np.ndarray) -> None:
    facts = row_facts(vectors, Silent(), k=4)
    norm = np.linalg.norm(vectors.astype(float), axis=1)
    unit = vectors / np.where(norm > 0, norm, 1)[:, None]
    cosine = unit.astype(float) @ unit.T.astype(float)
    np.fill_diagonal(cosine, -np.inf)
    best = np.sort(cosine, axis=1)[:, ::-1][:, :4]
    np.testing.assert_allclose(1 - facts.distances, np.minimum(best, 1), atol=1e-6)
    assert facts.hub_count.sum() == 80 * 4
    assert facts.duplicate_group[:5].tolist() == [1] * 5
    assert not facts.duplicate_group[5:].any()
    assert facts.outlier[10]
    assert facts.norm[9] == 0


def test_two_components_are_those_of_a_decomposition(vectors: np.ndarray) -> None:
    centred = vectors.astype(float) - vectors.mean(axis=0, dtype=float)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(principal_plane(vectors)), np.abs((u * s)[:, :2]), atol=1e-8)


def test_findings_select_the_rows_that_they_are_about(tmp_path: Path, vectors: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", vectors)
    shown = explore(str(tmp_path / "x.npy"))
    held = shown.columns()
    counts = {s.id: s.count(held) for s in shown.findings.selections}
    assert counts["copies"] == 5
    assert counts["zero_rows"] == 1
    assert counts["outliers"] == shown.facts.outlier.sum() > 0
    assert all(s.text for s in shown.findings.selections)
    made = diagnose(vectors)
    for rule in shown.findings.members:
        listed = sorted(int(row["row"]) for row in made.rows() if row["finding"] == rule)
        assert np.flatnonzero(shown.findings.members[rule]).tolist() == listed
    assert "zero_rows" in shown.findings.members


def test_the_page_lists_findings_with_rows_in_the_words_of_diagnose() -> None:
    shown = explore(np.random.default_rng(1).normal(size=(300, 8)) + 1.5)
    charts = shown.props()["initialState"]["charts"].values()
    (items,) = [chart["items"] for chart in charts if chart.get("type") == "predicates"]
    counts = {s.id: s.count(shown.columns()) for s in shown.findings.selections if s.predicate}
    assert 0 in counts.values() and any(counts.values())
    assert {item["name"].partition(":")[0] for item in items} == {name for name, n in counts.items() if n}
    (words,) = [chart["content"] for chart in charts if chart.get("title") == "Findings"]
    assert "**note** " in words and "**info**" not in words and "copies" not in words


def test_two_models_in_one_index_are_populations() -> None:
    rng = np.random.default_rng(0)
    scales = np.arange(1, 65) ** -0.7
    turn = np.linalg.qr(rng.normal(size=(64, 64)))[0]
    x = np.concatenate([rng.normal(size=(300, 64)) * scales + 0.3, rng.normal(size=(100, 64)) * scales @ turn - 0.3])
    shown = explore(x)
    held = shown.columns()
    assert held["population"] == ["larger"] * 300 + ["smaller"] * 100
    assert {s.id: s.count(held) for s in shown.findings.selections}["two_populations"] == 100
    charts = shown.props()["initialState"]["charts"]
    assert charts["1"]["data"]["category"] == "population"
    assert not any(str(chart.get("title", "")).startswith("__") for chart in charts.values())


def test_columns_of_a_table_and_a_sample_that_is_said(tmp_path: Path, vectors: np.ndarray) -> None:
    columns = {"id": [f"r{i}" for i in range(80)], "text": [f"t{i}" for i in range(80)], "lang": ["de", "fr"] * 40}
    pq.write_table(pa.table({**columns, "vectors": list(vectors)}), tmp_path / "x.parquet")
    shown = explore(str(tmp_path / "x.parquet"), max_rows=30)
    rows = shown.rows
    assert (len(rows), rows.total) == (30, 80)
    number = [int(i[1:]) for i in rows.ids]
    assert number == sorted(number)
    np.testing.assert_array_equal(rows.x, vectors[number])
    assert rows.texts == tuple(f"t{i}" for i in number)
    assert rows.columns is not None
    assert rows.columns["lang"] == tuple("de" if i % 2 == 0 else "fr" for i in number)
    words = [c["content"] for c in shown.props()["initialState"]["charts"].values() if c.get("type") == "markdown"]
    assert "30 rows, a sample of 80" in words[0]


def test_sources_of_one_dimension_share_the_map_and_others_are_refused(tmp_path: Path, vectors: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", vectors)
    np.save(tmp_path / "b.npy", vectors[:30] + 1)
    np.save(tmp_path / "c.npy", vectors[:, :3])
    a, b, c = (str(tmp_path / f"{name}.npy") for name in "abc")
    shown = explore([a, b])
    assert shown.columns()["source"] == [a] * 80 + [b] * 30
    with pytest.raises(InputError, match="one dimension"):
        explore([a, c])


def test_before_and_after_a_repair(tmp_path: Path, vectors: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", vectors)
    made = Repair.centre_kinds({"vectors": vectors.mean(axis=0)}, normalise_before=False)
    shown = explore(str(tmp_path / "x.npy"), repair=made)
    assert len(shown.maps) == 2
    after = row_facts(np.asarray(made.transform(vectors)), Silent()).hub_count
    np.testing.assert_array_equal(shown.columns()["hub_count_after"], after)


def test_labels_must_be_as_many_as_rows(tmp_path: Path, vectors: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", vectors)
    with pytest.raises(InputError, match=r"--labels has 2 entries and .* 80 rows"):
        explore(str(tmp_path / "x.npy"), labels=["a", "b"])


def test_images_of_a_model_and_a_sprite_that_fits(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image", reason="needs the extra images")
    rng = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "images" / ("cat" if i < 6 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pil.fromarray(rng.integers(0, 255, size=(40, 30, 3), dtype=np.uint8)).save(folder / f"{i:02}.png")
    shown = explore("pixels:4", images=tmp_path / "images", cache=False)
    assert shown.columns()["class"] == ["cat"] * 6 + ["dog"] * 6
    folder = write_projector(shown, tmp_path / "projector", Silent())
    tensors = np.loadtxt(folder / "tensors.tsv", delimiter="\t")
    np.testing.assert_allclose(tensors, shown.rows.x, rtol=1e-5)
    lines = (folder / "metadata.tsv").read_text().splitlines()
    assert len(lines) == 13
    assert "class" in lines[0].split("\t")
    with pil.open(folder / "sprite.png") as sprite:
        assert sprite.size == (4 * 64, 4 * 64)
    config = json.loads((folder / "projector_config.json").read_text())["embeddings"][0]
    assert config["tensorShape"] == [12, 48]
    assert config["sprite"]["singleImageDim"] == [64, 64]
    frame = shown.frame(Silent())
    assert frame["image"].str.startswith("data:image/jpeg;base64,").all()


@pytest.mark.parametrize("count", [1, 12, 16_384, 16_385, 100_000, 1_000_000])
def test_a_sprite_is_never_larger_than_browsers_take(count: int) -> None:
    across = int(np.ceil(np.sqrt(count)))
    assert sprite_side(count) * across <= MAX_SPRITE


def test_more_images_than_a_sprite_holds_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        sprite_side(1_100_000)
