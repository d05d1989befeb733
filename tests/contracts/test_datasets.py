"""Laws of every registered data set."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import embedscope.datasets
from embedscope.core.tables import Data, Labels, Pairs, Quadruples
from embedscope.datasets import DATASETS, Finder

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = sorted(name for name in DATASETS if DATASETS.get(name).__class__.__module__.startswith("embedscope."))


@pytest.fixture(scope="module")
def finder(data_at_hand):
    return Finder(data_at_hand, download=False)


def loaded(name: str, finder: Finder) -> Data:
    dataset = DATASETS.get(name)
    if not finder.present(dataset):
        pytest.skip(f"files of {name} are not on this machine")
    return dataset.load(finder)


def test_ids_are_the_entries():
    for module in pkgutil.iter_modules(embedscope.datasets.__path__):
        if not module.name.startswith("_"):
            found = importlib.import_module(f"embedscope.datasets.{module.name}")
            assert tuple(found.ENTRIES) == found.IDS
            assert all(found.ENTRIES[name].name == name for name in found.IDS)


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_is_stated(name):
    dataset = DATASETS.get(name)
    assert all([dataset.title, dataset.version, dataset.licence, dataset.about])
    assert dataset.homepage.startswith("http")
    assert f"{{{dataset.citation}," in (DOCS / "references.bib").read_text()
    assert len({file.name for file in dataset.files}) == len(dataset.files)
    for file in [f for top in dataset.files for f in (top, *top.editions)]:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size > 0
    assert all(file.url or file.package for file in dataset.files)


def test_docs_list_every_data_set():
    text = (DOCS / "datasets.md").read_text()
    for name in NAMES:
        d = DATASETS.get(name)
        assert f"| `{name}` | {d.title}, {d.version} | {d.about} | {d.licence} | `{d.citation}` |" in text
        assert f"- `{name}`: {d.homepage}" in text


@pytest.mark.parametrize("name", NAMES)
def test_relations_fit_their_tables(name, finder):
    data = loaded(name, finder)
    assert data.name == name
    assert data.tables
    for table in data.tables.values():
        assert len(table) == len(set(table.texts))
        assert all(text.strip() for text in table.texts)
        assert table.unit in {"word", "sentence", "document"}
        assert len(table.clusters) in {0, len(table)}
    for relation in data.relations.values():
        n = len(data.tables[relation.table])
        if isinstance(relation, Pairs):
            ends = np.concatenate([relation.left, relation.right])
            assert len(relation.left) == len(relation.right) == len(relation.gold)
            assert len(relation.subset) in {0, len(relation.gold)}
            assert sorted(set(ends)) == list(range(n))
        elif isinstance(relation, Labels):
            assert len(relation.gold) == n
        else:
            assert isinstance(relation, Quadruples)
            assert relation.rows.shape == (len(relation.section), 4)
            assert relation.rows.max() < n
        if isinstance(relation, Pairs | Labels):
            assert relation.gold.dtype == np.float64
            assert np.isfinite(relation.gold).all()


@pytest.mark.parametrize("name", NAMES)
def test_checksums_are_those_registered(name, finder):
    data = loaded(name, finder)
    registered = {f.sha256 for top in DATASETS.get(name).files for f in (top, *top.editions)}
    assert set(data.checksums.values()) <= registered
    assert {f.name for f in DATASETS.get(name).files if not f.optional} <= set(data.checksums)
