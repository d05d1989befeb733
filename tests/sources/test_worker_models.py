"""Words, sentences and tokens of a real model on a real cluster: one model a worker, once cached."""

import os

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.cache import VectorCache
from embedscope.encoders import MODELS, open_encoder
from embedscope.execution.dask import Dask
from embedscope.sources.options import ModelOptions
from embedscope.sources.text_vectors import extract
from embedscope.sources.worker_models import WorkerModel, _open_once

pytest.importorskip("distributed", reason="extra dask is not installed")
torch = pytest.importorskip("torch", reason="extra hf is not installed")
pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(MODELS.get("minilm").path() is None, reason="minilm is not installed"),
]

TEXTS = [f"Number {i} is the {'cat' if i % 2 else 'dog'} that sat {'on ' * (i % 9)}mat {i * 7}." for i in range(80)]


@pytest.fixture(scope="module")
def cluster():
    engine = Dask(workers=2)
    yield engine
    engine.close()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As many threads as a worker has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_words_and_sentences_have_the_bits_of_this_process(unit, cluster, monkeypatch, tmp_path):
    options = {"metrics": ["self_similarity", "isoscore"], "texts": TEXTS, "unit": unit, "layers": "0,-1,pooled"}
    found = []
    for engine in ("local", f"dask:{cluster.client().scheduler.address}"):
        monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / engine[:4]))
        found.append(measure("minilm", engine=engine, device="cpu", **options))
    here, there = map(list, found)
    assert here == there
    assert len({r.space for r in there}) == 3


def test_every_worker_opens_the_model_once_and_the_cache_is_filled(cluster, tmp_path):
    encoder = open_encoder("minilm", device="cpu")
    cache = VectorCache(tmp_path)
    by = WorkerModel(cluster, "minilm", ModelOptions()).encoding(encoder.device)
    there = extract(encoder, TEXTS, ["plain", None], cache=cache, batch_tokens=256, encoding=by)
    here = extract(encoder, TEXTS, ["plain", None], cache=None, batch_tokens=256)
    for pooling in ("plain", None):
        for space in here.spaces(pooling):
            a, b = (v.matrix(pooling, space, TEXTS) for v in (here, there))
            np.testing.assert_array_equal(a, b)
    opened = cluster.client().run(lambda: (os.getpid(), _open_once.cache_info().misses))
    assert len({pid for pid, _ in opened.values()}) == 2
    assert [misses for _, misses in opened.values()] == [1, 1]
    assert not extract(encoder, TEXTS, ["plain"], cache=cache).missing("plain")


def test_what_is_cached_is_not_sent(tmp_path):
    encoder, cache = open_encoder("minilm", device="cpu"), VectorCache(tmp_path)

    def nothing_left(framed, batches, poolings):
        assert not list(batches)
        return iter(())

    extract(encoder, TEXTS[:20], ["plain"], cache=cache)
    again = extract(encoder, TEXTS[:20], ["plain"], cache=cache, encoding=nothing_left)
    assert again.matrix("plain", "layer06", TEXTS[:20]).shape == (20, 384)


def test_tokens_have_the_same_bits_on_two_workers_and_on_one(cluster):
    """The last test of the file, since it sends a worker away."""
    options = {
        "metrics": ["self_similarity", "isoscore"],
        "texts": TEXTS,
        "layers": "0,-1",
        "device": "cpu",
        "max_rows": 200,
    }
    here = measure("minilm", **options)
    client = cluster.client()
    engine = f"dask:{client.scheduler.address}"
    two = measure("minilm", engine=engine, **options)
    first, *_ = client.scheduler_info()["workers"]
    client.retire_workers([first])
    assert len(client.scheduler_info()["workers"]) == 1
    one = measure("minilm", engine=engine, **options)
    assert [(r.space, r.value, r.stderr) for r in one] == [(r.space, r.value, r.stderr) for r in two]
    assert [r.value for r in one] == pytest.approx([r.value for r in here], abs=1e-6)
    assert [r.n for r in one] == [r.n for r in here]
