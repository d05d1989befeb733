"""mteb both ways: an encoder of ours runs a task of mteb, and mteb loads our result files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.encoders import open_model, role_pooling, score_of
from embedscope.interchange.mteb_encoder import MtebEncoder
from embedscope.interchange.mteb_results import write_mteb

pytestmark = [
    pytest.mark.usefixtures("mteb"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

WORDS = ("cat", "dog", "bird", "fish", "horse", "house", "tree", "river", "sea", "car", "train", "ship")
ROWS = [
    (f"a {WORDS[i % 12]} by the {WORDS[(i * 5) % 12]}", f"the {WORDS[(i * 7) % 12]} and a {WORDS[i % 12]}", (i * 3) % 6)
    for i in range(40)
]


class Letters:
    """A small encoder with known vectors: counts of letters; queries are marked by a prompt of their own."""

    def encode(self, texts: list[str], **_: Any) -> np.ndarray:
        return np.array([[1 + text.lower().count(letter) for letter in "abcdefghilmnorst"] for text in texts], float)


@pytest.fixture(scope="module")
def mteb() -> Any:
    """The package, which takes eight seconds to import: where it is needed, and not in every process that collects."""
    pytest.importorskip("sentence_transformers", reason="needs the extra hf")
    return pytest.importorskip("mteb", reason="needs the extra mteb")


def local_task() -> Any:
    """An STS task of mteb on forty pairs that are here."""
    from mteb.abstasks.sts import AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata

    from datasets import Dataset, DatasetDict

    class Local(AbsTaskSTS):
        metadata = TaskMetadata(
            name="LocalPairs",
            description="Pairs of short phrases.",
            type="STS",
            main_score="cosine_spearman",
            dataset={"path": "none/local", "revision": "1"},
            reference=None,
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            date=("2020-01-01", "2020-01-02"),
            domains=[],
            task_subtypes=[],
            license="cc0-1.0",
            annotations_creators="derived",
            dialect=[],
            sample_creation="created",
            bibtex_citation="",
        )

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            columns = zip(*ROWS, strict=True)
            held = dict(zip(("sentence1", "sentence2", "score"), map(list, columns), strict=True))
            self.dataset = DatasetDict({"test": Dataset.from_dict(held)})
            self.data_loaded = True

    return Local()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("sentence1", "sentence2", "score"), *ROWS])
    return path


def test_an_encoder_of_ours_runs_a_task_of_mteb_with_the_score_that_evaluate_gives(pairs: Path, mteb: Any) -> None:
    model = Letters()
    encoder = MtebEncoder(model, cache=False)
    found = mteb.evaluate(encoder, local_task(), cache=None, show_progress_bar=False)
    scores = found.task_results[0].scores["test"][0]
    result = embedscope.evaluate(model, tasks=[f"sts:{pairs}"], cache=False)
    ours = {r.metric: r.value for r in result.records}
    assert ours["sts-pairs"] == pytest.approx(scores["cosine_spearman"], abs=1e-6)
    assert ours["sts-pairs.pearson"] == pytest.approx(scores["cosine_pearson"], abs=1e-6)
    assert scores["spearman"] == pytest.approx(scores["cosine_spearman"], abs=1e-9)


@pytest.mark.models
def test_a_model_of_ours_is_the_model_of_sentence_transformers(pairs: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from embedscope.encoders import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    theirs = SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu")
    encoder = MtebEncoder("minilm", device="cpu", cache=False)
    texts = [row[0] for row in ROWS[:6]]
    ours = encoder.encode([{"text": texts}], prompt_type=None)
    np.testing.assert_allclose(ours, theirs.encode(texts), atol=1e-6)
    assert encoder.mteb_model_meta.name == "embedscope/minilm"
    assert encoder.mteb_model_meta.similarity_fn_name.value == "cosine"


@pytest.mark.parametrize("score", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarity_is_that_of_sentence_transformers(score: str) -> None:
    from sentence_transformers import SimilarityFunction

    encoder = MtebEncoder(Letters(), cache=False)
    encoder._own, encoder._options = False, encoder._options.of({"score": score})
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    many = SimilarityFunction.to_similarity_fn(score)(a, b)
    each = SimilarityFunction.to_similarity_pairwise_fn(score)(a, b)
    np.testing.assert_allclose(encoder.similarity(a, b), many, atol=1e-6)
    np.testing.assert_allclose(encoder.similarity_pairwise(a, b), each, atol=1e-6)


def test_mteb_loads_the_result_files(tmp_path: Path, mteb: Any) -> None:
    from mteb.results import TaskResult

    shared: dict[str, Any] = {"source": "minilm", "space": "pooled", "n": 100, "dim": 384}
    records = (
        Record(metric="stsb", value=0.82, task="stsb", stderr=0.01, ci_low=0.8, ci_high=0.84, **shared),
        Record(metric="stsb.pearson", value=0.83, task="stsb", **shared),
        Record(metric="ndcg@10", value=0.5, task="qrels", **shared),
        Record(metric="stsb", value=None, task="stsb", note="undefined", source="other"),
    )
    provenance = {"models": {"minilm": {"weights_sha256": "ab" * 32}}, "data": {"stsb": {"sha256": {"f": "cd" * 32}}}}
    written = write_mteb(Result(records, provenance), tmp_path / "out")
    assert [p.name for p in written] == ["STSBenchmark.json", "qrels.json"]
    loaded = {p.stem: TaskResult.from_disk(p) for p in written}
    assert loaded["STSBenchmark"].get_score() == 0.82
    assert loaded["STSBenchmark"].scores["test"][0]["pearson"] == 0.83
    assert loaded["STSBenchmark"].scores["test"][0]["spearman_ci_low"] == 0.8
    assert loaded["qrels"].scores["test"][0]["ndcg_at_10"] == loaded["qrels"].get_score() == 0.5
    found = mteb.ResultCache(tmp_path / "out").load_results(include_remote=False)
    assert [m.model_name for m in found.model_results] == ["embedscope/minilm"]
    assert {t.task_name for t in found.model_results[0].task_results} == {"STSBenchmark", "qrels"}


def test_a_result_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scores"):
        write_mteb(Result((Record("x.npy", "isoscore", 0.2),)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


class OfMteb:
    """What mteb's EncoderProtocol asks for; vectors tell which prompt was chosen."""

    class mteb_model_meta:  # noqa: N801
        similarity_fn_name = "dot"

    def encode(
        self, inputs: Any, *, task_metadata: Any, hf_split: str, hf_subset: str, prompt_type: Any = None, **_: Any
    ) -> np.ndarray:
        assert task_metadata.type == ("Retrieval" if prompt_type else "STS")
        prefix = f"{prompt_type.value}: " if prompt_type else ""
        return np.concatenate([Letters().encode([prefix + text for text in batch["text"]]) for batch in inputs])


def in_role(model: Any, role: Any, texts: list[str]) -> np.ndarray:
    encoder: Any = open_model(model)
    return np.asarray(encoder.matrix(role_pooling(encoder, role), "pooled", texts))


def test_a_model_of_mteb_is_a_model_of_ours() -> None:
    model, texts = OfMteb(), [f"a text {i}" for i in range(70)]
    for role in (None, "query", "document"):
        wanted = Letters().encode([f"{role}: {text}" if role else text for text in texts])
        np.testing.assert_allclose(in_role(model, role, texts), wanted)
    assert score_of(open_model(model)) == "dot"
    result = embedscope.measure(model, texts=texts, metrics=["mean_norm"])
    assert [r.n for r in result.records] == [70]


def test_an_encoder_of_ours_in_mteb_and_back() -> None:
    texts = ["a cat", "the dog"]
    np.testing.assert_allclose(in_role(MtebEncoder(Letters(), cache=False), "query", texts), Letters().encode(texts))


@pytest.mark.models
def test_sentence_transformers_in_mteb_keeps_its_prompts() -> None:
    from mteb.models import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    from embedscope.encoders import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    prompts = {"query": "find: ", "document": "text: "}
    library = SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu", prompts=prompts)
    model, texts = SentenceTransformerEncoderWrapper(library), ["a cat", "the dog"]
    for role, call in (("query", library.encode_query), ("document", library.encode_document)):
        np.testing.assert_allclose(in_role(model, role, texts), call(texts), atol=1e-6)
