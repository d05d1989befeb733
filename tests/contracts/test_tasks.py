"""Laws of every registered task, on its real data with made-up vectors."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import embedscope.tasks
from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.tables import Data, Labels, Pairs, Task
from embedscope.datasets import DATASETS, Finder
from embedscope.tasks import TASKS
from embedscope.tasks._matches import MatchTask
from embedscope.tasks.class_tasks import hold_out
from embedscope.tasks.pairs import PairTask
from embedscope.tasks.valence import ValNorm

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = list(TASKS)
RELATIONAL = {"analogy", "relational similarity"}  # their laws are in tests/tasks
GRADED = [name for name in NAMES if TASKS.get(name).about["kind"] not in RELATIONAL]
JUDGED = [name for name in NAMES if isinstance(TASKS.get(name), PairTask | ValNorm)]
MATCHED = [name for name in NAMES if isinstance(TASKS.get(name), MatchTask)]
UNITS = {"word", "sentence", "document", "image", "image and text"}
DIM = 12


def make_up(task: Task, data: Data, seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(len(data.tables[name]), DIM)) for name in task.tables}


@pytest.fixture(scope="module")
def finder(data_at_hand):
    return Finder(data_at_hand, download=False)


@pytest.fixture(params=JUDGED)
def case(request, finder):
    task = TASKS.get(request.param)
    dataset = DATASETS.get(task.dataset)
    if not finder.present(dataset):
        pytest.skip(f"files of {task.dataset} are not on this machine")
    data = dataset.load(finder)
    return task, data, make_up(task, data)


def test_ids_are_the_entries():
    seen = []
    for module in pkgutil.iter_modules(embedscope.tasks.__path__):
        if not module.name.startswith("_"):
            found = importlib.import_module(f"embedscope.tasks.{module.name}")
            entries = getattr(found, "ENTRIES", {})  # functions of arrays stand in modules without entries
            assert tuple(entries) == getattr(found, "IDS", ())
            assert all(entries[name].id == name for name in entries)
            seen += entries
    assert set(seen) >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_facts_and_docs(name):
    task = TASKS.get(name)
    assert task.dataset in DATASETS
    about = task.about
    row = f"| `{name}` | {about['kind']} | `{task.dataset}` | {about['measure']} | `{about['cite']}` |"
    assert row in (DOCS / "tasks.md").read_text()
    assert f"{{{about['cite']}," in (DOCS / "references.bib").read_text()
    assert about["unit"] in UNITS


def relation(task: Task, data: Data) -> str:
    return getattr(task, "relation", "valence")


def with_relation(data: Data, name: str, **changes: object) -> Data:
    return replace(data, relations={**data.relations, name: replace(data.relations[name], **changes)})


def test_tables_exist_and_have_the_unit(case):
    task, data, _ = case
    assert {data.tables[name].unit for name in task.tables} == {task.about["unit"]}


def test_the_main_score_comes_first(case):
    task, data, vectors = case
    scores = task.score(vectors, data, seed=0)
    assert next(iter(scores)) == task.id
    for score in scores.values():
        assert -1 <= score.value <= 1
        assert score.draws.shape == (1000,)
        assert len(score.items) == len(data.relations[relation(task, data)].gold)
        assert score.n == np.isfinite(score.items).sum()


def test_the_same_seed_gives_the_same_draws(case):
    task, data, vectors = case
    first, again = (task.score(vectors, data, seed=4)[task.id].draws for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != task.score(vectors, data, seed=5)[task.id].draws.tolist()


def test_length_and_rotation_of_vectors_do_not_matter(case):
    task, data, vectors = case
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    changed = {k: (x @ turn) * rng.uniform(0.1, 9, size=(len(x), 1)) for k, x in vectors.items()}
    found, wanted = task.score(changed, data, seed=0), task.score(vectors, data, seed=0)
    assert task.id in found
    assert {k: s.value for k, s in found.items()} == pytest.approx({k: s.value for k, s in wanted.items()}, abs=1e-10)


def test_the_order_of_items_does_not_matter(case):
    task, data, vectors = case
    name = relation(task, data)
    scored = data.relations[name]
    order = np.random.default_rng(1).permutation(len(scored.gold))
    if isinstance(scored, Pairs):
        changes = {"left": scored.left[order], "right": scored.right[order], "gold": scored.gold[order]}
        moved, rows = with_relation(data, name, **changes), vectors
    else:
        assert isinstance(scored, Labels)
        moved, rows = with_relation(data, name, gold=scored.gold[order]), vectors | {"words": vectors["words"][order]}
    found, wanted = task.score(rows, moved, seed=0), task.score(vectors, data, seed=0)
    assert task.id in found
    assert {k: s.value for k, s in found.items()} == pytest.approx({k: s.value for k, s in wanted.items()}, abs=1e-12)


def test_ranks_decide_spearman_and_lines_decide_pearson(case):
    task, data, vectors = case
    name = relation(task, data)
    gold = data.relations[name].gold
    before = task.score(vectors, data, seed=0)
    moved = task.score(vectors, with_relation(data, name, gold=2 * gold - 7), seed=0)
    assert task.id in before
    assert {k: s.value for k, s in moved.items()} == pytest.approx({k: s.value for k, s in before.items()}, abs=1e-12)
    bent = task.score(vectors, with_relation(data, name, gold=np.expm1(gold / 2)), seed=0)
    if "Spearman" in task.about["measure"]:
        assert bent[task.id].value == before[task.id].value
        np.testing.assert_array_equal(bent[task.id].draws, before[task.id].draws)
    if f"{task.id}.pearson" in before:
        assert bent[f"{task.id}.pearson"].value != before[f"{task.id}.pearson"].value


def test_rows_without_a_direction_are_left_out_and_counted(case):
    task, data, vectors = case
    main = task.tables[0]
    x = vectors[main].astype(np.float32)
    x[0], x[1] = np.nan, 0.0
    score = task.score(vectors | {main: x}, data, seed=0)[task.id]
    assert score.n < len(score.items)
    assert "left out" in score.note
    assert "1 words without a vector".replace("word", task.about["unit"]) in score.note
    assert "zero vector" in score.note
    assert np.isfinite(score.draws).all()


def test_equal_vectors_give_no_value_but_the_reason(case):
    task, data, vectors = case
    rows = {name: np.full(x.shape, 0.3) + 1e-16 * x for name, x in vectors.items()}
    found = task.score(rows, data, seed=0)
    assert task.id in found
    for score in found.values():
        assert score.value is None
        assert "undefined" in score.note


def test_wrong_rows_are_an_input_error(case):
    task, data, vectors = case
    main = task.tables[0]
    with pytest.raises(InputError, match="one row per text"):
        task.score(vectors | {main: vectors[main][:-1]}, data, seed=0)
    with pytest.raises(InputError, match="missing"):
        task.score({}, data, seed=0)


def small(data: Data, task: MatchTask, keep: int = 40) -> Data:
    """The first rows of both tables of a task, with the matches among them."""
    found = data.relations[task.relation]
    near = (found.left < keep) & (found.right < keep)

    def cut(table):
        first = "images" if hasattr(table, "images") else "texts"
        return replace(table, **{first: getattr(table, first)[:keep]}, clusters=table.clusters[:keep])

    return replace(
        data,
        tables={name: cut(table) for name, table in data.tables.items()},
        images={name: cut(table) for name, table in data.images.items()},
        relations={task.relation: replace(found, left=found.left[near], right=found.right[near])},
    )


@pytest.fixture(scope="module")
def loaded(finder):
    """A data set by name, loaded once, or skip with the reason."""

    @cache
    def load(name: str) -> Data:
        try:
            return DATASETS.get(name).load(finder)
        except DataUnavailableError as error:
            pytest.skip(str(error))

    return load


@pytest.fixture(params=MATCHED)
def match(request, loaded):
    task = TASKS.get(request.param)
    data = small(loaded(task.dataset), task)
    rng = np.random.default_rng(0)
    sizes = {name: len(data.images[name] if name in data.images else data.tables[name]) for name in task.tables}
    return task, data, {name: rng.normal(size=(n, DIM)) for name, n in sizes.items()}


def test_matching_rows_find_each_other(match):
    task, data, vectors = match
    found = data.relations[task.relation]
    assert {found.left_table, found.right_table} == set(task.tables)
    scores = task.score(vectors, data, seed=0)
    assert next(iter(scores)) == task.id
    assert scores[task.id].value < 0.5
    assert all(score.draws.shape == (1000,) for score in scores.values())
    shared = np.eye(40)[:, :40]
    one_to_one = replace(data, relations={task.relation: replace(found, left=np.arange(40), right=np.arange(40))})
    perfect = task.score({name: shared[: len(x)] for name, x in vectors.items()}, one_to_one, seed=0)
    assert perfect[task.id].value == 1.0


def test_length_and_a_common_rotation_do_not_matter_to_matches(match):
    task, data, vectors = match
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0]
    turned = {name: 3 * x @ turn for name, x in vectors.items()}
    before, after = (task.score(x, data, seed=0) for x in (vectors, turned))
    assert {k: s.value for k, s in after.items()} == pytest.approx({k: s.value for k, s in before.items()})


def test_missing_rows_and_other_widths_are_said(match):
    task, data, vectors = match
    left, right = data.relations[task.relation].left_table, data.relations[task.relation].right_table
    holes = vectors[left].copy()
    holes[:3] = np.nan
    assert "3 rows without a vector left out" in task.score(vectors | {left: holes}, data, seed=0)[task.id].note
    narrow = task.score(vectors | {right: vectors[right][:, :5]}, data, seed=0)
    assert narrow[task.id].value is None
    assert "fit an alignment first" in narrow[task.id].note
    with pytest.raises(InputError, match="one row a"):
        task.score(vectors | {left: vectors[left][:-1]}, data, seed=0)
    with pytest.raises(InputError, match="missing"):
        task.score({}, data, seed=0)


def test_the_probe_holds_concepts_out(loaded):
    task, data = TASKS.get("emoji.probe"), loaded("emoji")
    label = data.relations["drawing_groups"].label
    rng = np.random.default_rng(0)
    good = np.eye(DIM)[label] + 0.01 * rng.normal(size=(len(label), DIM))
    scores = task.score({"drawings": good}, data, seed=0)
    assert scores["emoji.probe"].value > 0.95
    assert "held-out clusters" in scores["emoji.probe"].note
    held = hold_out(data.images["drawings"].clusters)
    n = len(held) // 2
    assert held[:n].tolist() == held[n:].tolist()  # both drawings of a concept on one side
    noise = task.score({"drawings": rng.normal(size=(len(label), DIM))}, data, seed=0)
    assert noise["emoji.probe"].value < 0.4
