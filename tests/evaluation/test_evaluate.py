"""Evaluating: every task in every place, transforms fitted per place, missing data said, names looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

import embedscope
from embedscope.core.errors import DataUnavailableError, InputError, UnknownNameError
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.scoring import Job, load_jobs, score_tasks
from embedscope.evaluation.subsets import subsample
from embedscope.sources.labelled_vectors import NamedVectors
from embedscope.sources.layer_selection import select_spaces
from embedscope.sources.models import SpaceName, pair_spaces
from embedscope.tasks import TASKS

SPACES = ["layer00", "layer01", "layer02", "final", "pooled"]


def words() -> tuple[list[str], np.ndarray]:
    texts = list(DATASETS.get("rg65").load(Finder(download=False)).tables["words"].texts)
    return texts, np.random.default_rng(0).normal(size=(len(texts), 8))


def test_a_file_with_names(tmp_path: Path) -> None:
    texts, x = words()
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "names.txt").write_text("\n".join(texts))
    result = embedscope.evaluate(
        str(tmp_path / "x.npy"), tasks=["rg65"], names=tmp_path / "names.txt", items=tmp_path / "items.csv"
    )
    record = result.select(metric="rg65")[0]
    pairs = DATASETS.get("rg65").load(Finder(download=False)).relations["pairs"]
    a, b = x[pairs.left], x[pairs.right]
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    items = np.genfromtxt(tmp_path / "items.csv", delimiter=",", skip_header=1, usecols=6)
    np.testing.assert_allclose(items, cosine, atol=1e-12)
    assert record.value == pytest.approx(spearmanr(cosine, pairs.gold).statistic, abs=1e-12)
    assert record.ci_low < record.value < record.ci_high
    assert (record.n, record.dim, record.pooling, record.space) == (65, 8, None, "vectors")


def test_words_that_are_not_there_are_left_out_and_counted() -> None:
    texts, x = words()
    vectors = NamedVectors("v", x[:-1], texts[:-1])
    jobs, _ = load_jobs(["rg65"], Finder(download=False))
    found = score_tasks(vectors, jobs, [SpaceName(None, "v")], source="x")
    assert found[0].score.n < 65
    assert "left out" in found[0].score.note


def test_a_transform_is_fitted_on_the_texts_of_the_tasks() -> None:
    texts, x = words()
    jobs, _ = load_jobs(["rg65"], Finder(download=False))
    vectors = NamedVectors("v", x + 5, texts)
    plain = score_tasks(vectors, jobs, [SpaceName(None, "v")], source="x")[0]
    centred = score_tasks(vectors, jobs, [SpaceName(None, "v")], source="x", transform="center")[0]
    by_hand = score_tasks(NamedVectors("v", x - x.mean(0), texts), jobs, [SpaceName(None, "v")], source="x")[0]
    assert centred.score.value == pytest.approx(by_hand.score.value, abs=1e-9)
    assert centred.score.value != pytest.approx(plain.score.value, abs=1e-3)
    assert centred.record().fitted_on == "the 48 distinct words of rg65"


def test_missing_data_is_skipped_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    finder = Finder(tmp_path, download=False)
    jobs, skipped = load_jobs(["rg65", "simverb3500"], finder)
    assert [j.task.id for j in jobs] == ["rg65"]
    assert skipped[0].what == "task simverb3500"
    assert "--data" in skipped[0].why
    with pytest.raises(DataUnavailableError):
        load_jobs(["simverb3500"], finder)


def test_every_layer_in_every_pooling() -> None:
    places = pair_spaces(("plain", "eos"), ("layer00", "final", "pooled"))
    assert places == [("plain", "layer00"), ("plain", "final"), ("eos", "layer00"), ("eos", "final"), (None, "pooled")]


@pytest.mark.parametrize(
    ("wanted", "spaces"),
    [
        ("all", tuple(SPACES)),
        (None, tuple(SPACES)),
        ("0,2", ("layer00", "layer02")),
        ("-1,final,pooled", ("layer02", "final", "pooled")),
        ("last,final", ("layer02", "final")),
        ("1,1,layer01", ("layer01",)),
    ],
)
def test_layers(wanted: str | None, spaces: tuple[str, ...]) -> None:
    assert select_spaces(wanted, SPACES) == spaces


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("7", "layer 7 does not exist; this model has layers 0 to 2"),
        ("finl", "did you mean 'final'"),
        (",", "no layers named"),
    ],
)
def test_wrong_layers(wanted: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_spaces(wanted, SPACES)


@pytest.mark.parametrize(
    ("spaces", "final", "last"),
    [
        (["layer00", "layer06", "pooled"], "layer06", "layer06"),
        (["layer00", "layer30", "final"], "final", "layer30"),
        (["vectors"], "vectors", "vectors"),
        (["final"], "final", "final"),
    ],
)
def test_final_and_last_are_layers_of_every_model(spaces: list[str], final: str, last: str) -> None:
    assert select_spaces("final", spaces) == (final,)
    assert select_spaces("last", spaces) == (last,)


def test_wrong_use(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(3))
    with pytest.raises(InputError, match="vectors without names"):
        embedscope.evaluate(str(tmp_path / "x.npy"), tasks=["rg65"])
    with pytest.raises(InputError, match="2 names for 3 vectors"):
        embedscope.evaluate(str(tmp_path / "x.npy"), tasks=["rg65"], names=["a", "b"])
    with pytest.raises(InputError, match="no tasks named"):
        embedscope.evaluate("minilm", tasks=[])
    with pytest.raises(UnknownNameError, match="did you mean 'rg65'"):
        embedscope.evaluate("minilm", tasks=["rg56"])


def test_reduced_pairs_keep_their_scores() -> None:
    job = Job(TASKS.get("rg65"), DATASETS.get("rg65").load(Finder(download=False)))
    part = subsample(job, pairs=10)
    pairs, whole = part.data.relations["pairs"], job.data.relations["pairs"]
    table, every = part.data.tables["words"].texts, job.data.tables["words"].texts
    assert part.subset == "first 10 of 65 pairs"
    assert len(table) < len(every)
    for i in range(10):
        assert (table[pairs.left[i]], table[pairs.right[i]]) == (every[whole.left[i]], every[whole.right[i]])
    assert (pairs.gold == whole.gold[:10]).all()
    assert subsample(job, pairs=65) is job


def test_reduced_labels_are_a_hash_sample() -> None:
    pytest.importorskip("vaderSentiment", reason="the VADER lexicon is not installed")
    job = Job(TASKS.get("valnorm_vader"), DATASETS.get("vader").load(Finder(download=False)))
    name, relation = next(iter(job.data.relations.items()))
    part = subsample(job, labels=100, seed=1)
    texts, gold = part.data.tables[relation.table].texts, part.data.relations[name].gold
    lookup = dict(zip(job.data.tables[relation.table].texts, relation.gold, strict=True))
    assert len(texts) == len(gold) == 100
    assert all(lookup[t] == g for t, g in zip(texts, gold, strict=True))
    assert texts != subsample(job, labels=100, seed=2).data.tables[relation.table].texts


def test_a_score_of_a_part_of_the_data_is_not_exact() -> None:
    texts, x = words()
    whole = load_jobs(["rg65"], Finder(download=False))[0][0]
    found = [
        score_tasks(NamedVectors("v", x, texts), [job], [SpaceName(None, "v")], source="x")[0].record()
        for job in (whole, subsample(whole, pairs=20))
    ]
    assert [(r.n, r.exact, r.subset) for r in found] == [(65, True, None), (20, False, "first 20 of 65 pairs")]


def test_a_space_where_the_transform_cannot_be_fitted_is_null_with_the_reason() -> None:
    """EOS at layer 0 of a causal model is one vector for every text."""
    texts, x = words()

    class TwoSpaces:
        def matrix(self, pooling: str | None, space: str, wanted: list[str]) -> np.ndarray:
            rows = NamedVectors(space, x, texts).matrix(pooling, space, wanted)
            return np.ones_like(rows) if space == "layer00" else rows

    jobs, _ = load_jobs(["rg65"], Finder(download=False))
    places = pair_spaces(["eos"], ["layer00", "layer01"])
    flat, good = score_tasks(TwoSpaces(), jobs, places, source="x", transform="abtt:1")
    assert flat.record().value is None
    assert "cannot be fitted" in flat.record().note
    assert "all equal" in flat.record().note
    assert good.record().value is not None
    with pytest.raises(UnknownNameError):
        score_tasks(TwoSpaces(), jobs, places, source="x", transform="abtt1")


def test_published_variant_is_a_variant() -> None:
    texts, x = words()
    job = load_jobs(["rg65"], Finder(download=False))[0][0]
    found = score_tasks(NamedVectors("v", x, texts), [job], [SpaceName(None, "v")], source="x")[0]
    record = replace(found, metric="stsb:published").record()
    assert (record.metric, record.variant) == ("stsb", "published")


def test_options_of_models_are_refused_for_files(tmp_path: Path) -> None:
    texts, x = words()
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InputError, match="--pooling and --layers are for models"):
        embedscope.evaluate(str(tmp_path / "x.npy"), tasks=["rg65"], names=texts, layers="0")
