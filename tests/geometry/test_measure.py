"""What ``measure`` records, shares and refuses."""

import json

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.progress import Silent
from embedscope.execution.passes import passes_of
from embedscope.geometry.measure import measure as measure_sources
from embedscope.geometry.measure import measure_stream
from embedscope.metrics import METRICS
from embedscope.readers import ArrayStream
from embedscope.stats import Moments, Partition, UnitSum

X = np.random.default_rng(2).standard_normal((200, 12)).astype(np.float32) + 0.2


class Counted(ArrayStream):
    """An array that counts how often it is read."""

    def __init__(self, x):
        super().__init__({"vectors": x})
        self.read = 0

    def shards(self):
        self.read += 1
        return super().shards()


class Told(Silent):
    def __init__(self):
        self.phases, self.rows = [], 0

    def start(self, label, total, unit="rows"):
        self.phases.append((label, total, unit))

    def advance(self, n):
        self.rows += n


def test_passes_order_needs_by_what_they_depend_on():
    assert passes_of([Partition(), UnitSum(), Moments("unit"), Partition()]) == [
        [Moments("unit"), UnitSum()],
        [Partition()],
    ]


@pytest.mark.parametrize(
    ("metrics", "transform", "reads"),
    [
        (["self_similarity", "isoscore", "top5_share"], None, 1),
        (["i1", "i2"], None, 2),
        (None, None, 2),
        (["isoscore"], "center", 2),
        (["i1"], "abtt:1", 3),
    ],
)
def test_reads_as_often_as_needed(metrics, transform, reads):
    stream, told = Counted(X), Told()
    measure_stream(stream, source="x", metrics=metrics, transform=transform, progress=told)
    assert stream.read == 1 + reads  # the first rows are read once before, for their dependence on the file order
    assert len(told.phases) == reads
    assert told.rows == reads * 200
    assert all(total == 200 for _, total, _ in told.phases)


def test_metrics_come_in_the_order_named_and_once():
    result = measure(X, metrics=["zero_rows", "i2", "isoscore", "i2"])
    assert [r.metric for r in result] == ["zero_rows", "i2", "isoscore"]


def test_variants_are_named_and_recorded():
    (published,) = measure(X, metrics=["top5_share:published"])
    assert (published.metric, published.variant) == ("top5_share", "published")


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_equals_its_function_on_the_array(name):
    first = measure(X, metrics=[name]).records[0]
    value = METRICS.get(name)(X)
    wanted = value if isinstance(value, float) else next(iter(value.values()))
    assert first.value == pytest.approx(wanted, rel=1e-9, abs=1e-13)
    assert (first.n, first.dim, first.source, first.space) == (200, 12, "array", "vectors")


def test_labels_go_into_the_records():
    stream = ArrayStream({"layer00": X, "pooled": X})
    records = measure_stream(
        stream,
        source="m",
        metrics=["mean_norm"],
        pooling="eos",
        task="rg65",
        subset="part",
        exact=False,
        note="sampled",
    )
    assert [(r.space, r.pooling) for r in records] == [("layer00", "eos"), ("pooled", None)]
    assert all(
        (r.source, r.task, r.subset, r.exact, r.note) == ("m", "rg65", "part", False, "sampled") for r in records
    )


def test_undefined_values_are_null_with_a_reason():
    result = measure(np.ones((1, 3)))
    assert result.value(metric="self_similarity") is None
    assert all(r.note for r in result if r.value is None)
    json.loads(result.to_json())


def test_provenance(tmp_path):
    np.save(tmp_path / "x.npy", X)
    line = "embedscope measure x.npy"
    facts = measure_sources(tmp_path / "x.npy", seed=4, transform="center", command=line).provenance
    assert (facts["seed"], facts["command"]) == (4, line)
    assert facts["settings"]["transform"] == "center"
    assert "isoscore" in facts["settings"]["metrics"]
    (data,) = facts["data"].values()
    assert data["bytes"] == (tmp_path / "x.npy").stat().st_size
    assert len(data["sha256"]) == 64
    assert list(facts["shards"].values()) == [1]
    assert any(name.startswith("pass 1") for name in facts["wall_seconds"])


def test_several_files(tmp_path):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", X)
    result = measure([f"{tmp_path}/a.npy", f"{tmp_path}/b.npy"], metrics=["isoscore"])
    assert [r.source for r in result] == [f"{tmp_path}/a.npy", f"{tmp_path}/b.npy"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["isoscor"]}, "did you mean 'isoscore'"),
        ({"metrics": []}, "no metrics named"),
        ({"rows": "units"}, "takes rows as 'raw', 'unit' or None, got 'units'"),
        ({"precision": "faster"}, "takes precision as 'exact' or 'fast', got 'faster'"),
        ({"metrics": ["mean_norm"], "rows": "unit"}, "defined on raw rows only"),
        ({"metrics": ["isoscore"], "transform": "centre"}, "did you mean 'center'"),
        ({"metrics": ["isoscore"], "transform": "whiten:20"}, "use whiten:12 or fewer"),
        ({"texts": "rg65"}, "an array takes no option texts"),
    ],
)
def test_options_that_are_not_right(options, message):
    with pytest.raises((InputError, UnknownNameError), match=message):
        measure(X, **options)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0], r"x\[None, :\]|vectors\[None, :\]"),
        (np.full((3, 3), np.nan), "holds nan or inf in 3 of 3"),
        (np.array([["a", "b"]]), "real numbers"),
        ([[1.0, 2.0], [3.0]], "got a ragged|inhomogeneous|shape"),
        ({}, "no arrays"),
    ],
)
def test_arrays_that_are_not_right(x, message):
    with pytest.raises(ValueError, match=message):
        measure(x)


def test_hashes_are_for_arrays(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(InputError, match="ids are for arrays"):
        measure_sources(tmp_path / "x.npy", ids=np.zeros(200, dtype=np.uint64))


def test_files_that_are_measured_together_are_named_in_the_answer_and_over_every_chart(tmp_path, monkeypatch) -> None:
    """Each chart was of "vectors", and the evidence said every number twice, of nothing in particular."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, mean in (("a.npy", 1.0), ("b.npy", 0.5), ("c.npy", 0.0)):
        x = rng.normal(size=(200, 8)) + mean
        np.save(name, x - x.mean(axis=0) if not mean else x)
    document = measure(["a.npy", "b.npy", "c.npy"]).document
    titles = [c.title for c in (*document.histograms, *document.figures)]
    assert len(set(titles)) == len(titles) >= 6
    assert {t.rpartition(", ")[2] for t in titles} == {"a.npy", "b.npy", "c.npy"}
    assert [f.series[0].label for f in document.figures] == ["a.npy", "b.npy", "c.npy"]
    evidence = document.headline.evidence
    assert [evidence.count(name) for name in ("a.npy", "b.npy", "c.npy")] == [1, 1, 1] and "vectors" not in evidence
    assert "-0.00" not in document.headline.text
