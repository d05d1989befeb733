"""Laws of every registered data set."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import embedscope.datasets
from embedscope.core.tables import Choices, Classes, Data, Edits, Labels, Matches, Pairs, Qrels, Quadruples
from embedscope.datasets import DATASETS, Finder

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = sorted(name for name in DATASETS if DATASETS.get(name).__class__.__module__.startswith("embedscope."))


@pytest.fixture(scope="module")
def finder(data_at_hand):
    return Finder(data_at_hand, download=False)


def load(name: str, finder: Finder) -> Data:
    dataset = DATASETS.get(name)
    if not finder.present(dataset):
        pytest.skip(f"files of {name} are not on this machine")
    return dataset.load(finder)


def test_ids_are_the_entries():
    seen = []
    for module in pkgutil.iter_modules(embedscope.datasets.__path__):
        dataset_module = importlib.import_module(f"embedscope.datasets.{module.name}")
        if hasattr(dataset_module, "ENTRIES"):
            assert tuple(dataset_module.ENTRIES) == dataset_module.IDS
            assert all(dataset_module.ENTRIES[name].name == name for name in dataset_module.IDS)
            seen += dataset_module.IDS
    assert set(seen) >= set(NAMES)


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
    assert all(file.url or file.package or dataset.hint for file in dataset.files)


def test_docs_list_every_data_set():
    text = (DOCS / "datasets.md").read_text()
    for name in NAMES:
        d = DATASETS.get(name)
        assert f"| `{name}` | {d.title}, {d.version} | {d.about} | {d.licence} | `{d.citation}` |" in text
        assert f"- `{name}`: {d.homepage}" in text


@pytest.mark.parametrize("name", NAMES)
def test_tables_hold_distinct_rows(name, finder):
    data = load(name, finder)
    assert data.name == name
    assert data.tables or data.images
    assert not set(data.tables) & set(data.images)
    for table in data.tables.values():
        assert len(table) == len(set(table.texts))
        assert all(text.strip() for text in table.texts)
        assert table.unit in {"word", "sentence", "document"}
        assert len(table.clusters) in {0, len(table)}
    for images in data.images.values():
        assert len({image.key for image in images.images}) == len(images)
        assert len(images.clusters) in {0, len(images)}


@pytest.mark.parametrize("name", NAMES)
def test_relations_fit_their_tables(name, finder):
    data = load(name, finder)
    size = {name: len(table) for name, table in [*data.tables.items(), *data.images.items()]}
    for relation in data.relations.values():
        CHECKS[type(relation)](relation, size)


def fit(index, n):
    assert index.dtype == np.intp
    assert len(index)
    assert 0 <= index.min() <= index.max() < n


def pairs_fit(relation, size):
    assert len(relation.left) == len(relation.right) == len(relation.gold)
    assert len(relation.subset) in {0, len(relation.gold)}
    fit(np.concatenate([relation.left, relation.right]), size[relation.table])
    assert relation.gold.dtype == np.float64
    assert np.isfinite(relation.gold).all()


def labels_fit(relation, size):
    assert len(relation.gold) == size[relation.table]
    assert relation.gold.dtype == np.float64
    assert np.isfinite(relation.gold).all()


def quadruples_fit(relation, size):
    assert relation.rows.shape == (len(relation.section), 4)
    fit(relation.rows, size[relation.table])


def matches_fit(relation, size):
    assert len(relation.left) == len(relation.right)
    fit(relation.left, size[relation.left_table])
    fit(relation.right, size[relation.right_table])


def classes_fit(relation, size):
    assert len(relation.label) == size[relation.table]
    assert len(set(relation.names)) == len(relation.names)
    fit(relation.label, len(relation.names))


def qrels_fit(relation, size):
    assert len(relation.query) == len(relation.document) == len(relation.grade)
    fit(relation.query, size[relation.queries])
    fit(relation.document, size[relation.corpus])


def choices_fit(relation, size):
    shape = (len(relation.section), 4)
    assert relation.left.shape == relation.right.shape == relation.least.shape == relation.most.shape == shape
    fit(np.concatenate([relation.left, relation.right]), size[relation.table])
    assert min(relation.least.min(), relation.most.min()) >= 0
    assert (relation.least.sum(axis=1) > 0).mean() > 0.99


def edits_fit(relation, size):
    n = len(relation.section)
    assert len(relation.image) == len(relation.old) == len(relation.new) == len(relation.wanted) == n
    fit(relation.image, size[relation.images])
    fit(np.concatenate([relation.old, relation.new]), size[relation.words])
    assert (relation.weight > 0).all()


CHECKS = {
    Pairs: pairs_fit,
    Choices: choices_fit,
    Edits: edits_fit,
    Labels: labels_fit,
    Quadruples: quadruples_fit,
    Matches: matches_fit,
    Classes: classes_fit,
    Qrels: qrels_fit,
}


@pytest.mark.parametrize("name", NAMES)
def test_checksums_are_those_registered(name, finder):
    data = load(name, finder)
    registered = {f.name: {e.sha256 for e in (f, *f.editions)} for f in DATASETS.get(name).files}
    assert all(data.checksums[file] in sums for file, sums in registered.items() if file in data.checksums)
    by_name = [n for kind in ("named", "unpacked") for n in getattr(DATASETS.get(name), kind, ())]
    assert set(data.checksums) <= {*registered, *by_name}
    if not set(getattr(DATASETS.get(name), "unpacked", ())) & set(data.checksums):
        assert {f.name for f in DATASETS.get(name).files if not f.optional} <= set(data.checksums)
