"""Retrieval with saved models: the numbers of sentence-transformers' InformationRetrievalEvaluator; stand-ins said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.evaluation.retrieval import retrieval
from embedscope.tasks.retrieval import judged_scores

WORDS = [
    *("cat", "dog", "bird", "fish", "horse", "house", "tree", "river", "mountain", "sea"),
    *("car", "train", "ship", "plane", "bread", "wine", "king", "queen", "war", "peace"),
]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """60 documents and 20 queries in the format of BEIR, with grades."""
    folder = tmp_path_factory.mktemp("beir")
    rng = np.random.default_rng(5)
    corpus = {f"d{i}": " ".join(rng.choice(WORDS, 6)) for i in range(60)}
    queries = {f"q{i}": f"where is the {WORDS[i]}" for i in range(20)}
    relevant = {q: [d for d, text in corpus.items() if WORDS[i] in text.split()] for i, q in enumerate(queries)}
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in rows.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    pairs = [f"{q}\t{d}\t1" for q, documents in relevant.items() for d in documents]
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(pairs) + "\n")
    return folder, queries, corpus, {q: set(d) for q, d in relevant.items() if d}


def measure_source(folder, source, **options):
    files = (str(folder / "queries.jsonl"), str(folder / "corpus.jsonl"), folder / "qrels.tsv")
    how = {"device": "cpu"} | options.pop("model", {})
    return retrieval(*files, source=source, model=how, allow_missing=True, **options)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Factory: settings -> folder of MiniLM saved with them."""
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    from sentence_transformers.sentence_transformer import modules as m

    from embedscope.encoders import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")

    def make(pooling="mean", normalize=True, **settings):
        parts = [m.Transformer(str(ALIASES["minilm"].find())), m.Pooling(384, pooling_mode=pooling)]
        model = st.SentenceTransformer(
            modules=[*parts, *([m.Normalize()] if normalize else [])], device="cpu", **settings
        )
        folder = tmp_path_factory.mktemp("saved") / "model"
        model.save(str(folder), create_model_card=False)
        return folder

    return make


SETTINGS = {
    "plain": {},
    "prompts": {"prompts": {"query": "query: ", "document": "a list of words: "}},
    "truncated": {"truncate_dim": 24},
    "dot": {"pooling": "max", "normalize": False, "similarity_fn_name": "dot"},
    "euclidean": {"pooling": "cls", "normalize": False, "similarity_fn_name": "euclidean"},
    "manhattan": {"normalize": False, "similarity_fn_name": "manhattan"},
    "all of it": {
        "pooling": ("cls", "mean"),
        "normalize": False,
        "similarity_fn_name": "dot",
        "truncate_dim": 100,
        "prompts": {"query": "what about "},
    },
}


@pytest.mark.models
@pytest.mark.parametrize("name", SETTINGS)
def test_numbers_of_the_evaluator(texts, saved, name):
    import sentence_transformers as st
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    folder, queries, corpus, relevant = texts
    model = saved(**SETTINGS[name])
    library = st.SentenceTransformer(str(model), device="cpu")
    evaluator = InformationRetrievalEvaluator(
        queries,
        corpus,
        relevant,
        mrr_at_k=[60],
        ndcg_at_k=[10],
        precision_recall_at_k=[1, 10],
        accuracy_at_k=[1],
        map_at_k=[10],
    )
    wanted = evaluator(library)
    score = library.similarity_fn_name
    found = measure_source(folder, f"st:{model}", cache=False)
    for ours, theirs in (
        ("ndcg@10", "ndcg@10"),
        ("recall@1", "recall@1"),
        ("recall@10", "recall@10"),
        ("mrr", "mrr@60"),
    ):
        assert found.value(metric=ours) == pytest.approx(wanted[f"{score}_{theirs}"], abs=1e-9), ours
    record = found.select(metric="ndcg@10")[0]
    said = record.note or ""
    assert ("query prompt" in said) == ("prompts" in SETTINGS[name])
    assert ("truncate_dim" in said) == ("truncate_dim" in SETTINGS[name])
    assert (f"score {score}" in said) == (score != "cosine")
    assert record.dim == SETTINGS[name].get("truncate_dim", record.dim)


@pytest.mark.models
def test_overrides(texts, saved):
    folder, *_ = texts
    model = saved(**SETTINGS["dot"])
    own = measure_source(folder, f"st:{model}", cache=False)
    cosine = measure_source(folder, f"st:{model}", cache=False, model={"score": "cosine", "query_prompt": "a b c d e "})
    assert own.value(metric="ndcg@10") != cosine.value(metric="ndcg@10")
    assert cosine.select(metric="mrr")[0].note.startswith("query prompt 'a b c d e '; score cosine")
    assert own.select(metric="mrr")[0].rows == "raw"


def test_an_object_stands_for_a_model(texts):
    folder, queries, corpus, _ = texts

    def of_words(names):
        return np.array([[word in text.split() for word in WORDS] for text in names], dtype=float)

    found = measure_source(folder, of_words)
    q, c = of_words(queries.values()), of_words(corpus.values())
    pairs = np.argwhere(q @ c.T > 0)
    wanted = judged_scores(q, c, (*pairs.T, np.ones(len(pairs))), document_ids=list(corpus))
    assert found.value(metric="mrr") == pytest.approx(wanted["mrr"].value, abs=1e-12) == 1.0
    assert found.select(metric="mrr")[0].source.startswith("object:of_words")


@pytest.mark.parametrize("score", ["dot", "euclidean", "manhattan"])
def test_scores_rank_as_they_say(score):
    rng = np.random.default_rng(1)
    q, c = rng.normal(size=(7, 5)) * 1e3, rng.normal(size=(40, 5)) * 1e3 + 300
    difference = q[:, None] - c[None]
    values = {
        "dot": q @ c.T,
        "euclidean": -np.linalg.norm(difference, axis=2),
        "manhattan": -np.abs(difference).sum(axis=2),
    }[score]
    document = rng.integers(0, 40, 7)
    rank = 1 + (values > values[np.arange(7), document][:, None]).sum(axis=1)
    found = judged_scores(q, c, (np.arange(7), document, np.ones(7)), score=score)
    assert found["mrr"].value == pytest.approx(np.mean(1 / rank), abs=1e-12)
    with pytest.raises(InputError, match="score must be one of"):
        judged_scores(q, c, (np.arange(7), document, np.ones(7)), score="cos")


def test_a_stand_in_for_a_sentence_vector_is_said(texts, tmp_path):
    """A model without a sentence vector: one rule, printed and recorded; the same for analogies."""
    transformers = pytest.importorskip("transformers", reason="extra hf is not installed")
    tokenizers = pytest.importorskip("tokenizers", reason="extra hf is not installed")
    import torch

    from embedscope.core.progress import Silent
    from embedscope.encoders import open_encoder
    from embedscope.sources.models import text_vector

    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "where", "is", "the", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    pairs = [("[CLS]", 2), ("[SEP]", 3)]
    raw.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=pairs)
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **names).save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    transformers.BertModel(transformers.BertConfig(vocab_size=len(vocabulary), **sizes)).save_pretrained(tmp_path)
    said = []

    class Heard(Silent):
        def note(self, text):
            said.append(text)

    found = measure_source(texts[0], f"hf:{tmp_path}", cache=False, progress=Heard())
    record = found.select(metric="mrr")[0]
    assert (record.pooling, record.space) == ("bos_eos", "layer02")
    assert "has no sentence vector" in record.note
    assert record.note.split("; ")[0] in " ".join(said)
    assert found.provenance["models"][f"hf:{tmp_path}"]["read_as"] == "layer02 in the pooling bos_eos"
    encoder = open_encoder(f"hf:{tmp_path}", device="cpu")
    assert text_vector(encoder).pooling == "bos_eos"
    with pytest.raises(InputError, match="no sentence vector"):
        open_encoder(f"hf:{tmp_path}", query_prompt="query: ")


def test_the_command_line_names_score_and_prompts(tmp_path):
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    rng = np.random.default_rng(3)
    q, c = rng.normal(size=(8, 4)), rng.normal(size=(30, 4)) * rng.uniform(0.2, 4, size=(30, 1))
    for name, x, letter in (("q", q, "q"), ("c", c, "d")):
        np.save(tmp_path / f"{name}.npy", x)
        (tmp_path / f"{name}.ids.txt").write_text("\n".join(f"{letter}{i}" for i in range(len(x))) + "\n")
    (tmp_path / "qrels.txt").write_text("".join(f"q{i} 0 d{i} 1\n" for i in range(8)))
    files = ["--queries", f"{tmp_path}/q.npy", "--corpus", f"{tmp_path}/c.npy", "--qrels", f"{tmp_path}/qrels.txt"]

    def run(*more):
        return CliRunner().invoke(app, ["evaluate", *files, "--quiet", *more])

    values = {}
    for score in ("cosine", "dot", "euclidean"):
        out = run("--score", score, "--json", str(tmp_path / "r.json"))
        assert out.exit_code == 0, out.output
        records = json.loads((tmp_path / "r.json").read_text())["records"]
        values[score] = next(r["value"] for r in records if r["metric"] == "mrr")
        wanted = judged_scores(q, c, (np.arange(8), np.arange(8), np.ones(8)), score=score)["mrr"].value
        assert values[score] == pytest.approx(wanted, abs=1e-12)
    assert len(set(values.values())) == 3
    assert run("--score", "cos").exit_code == 2
    assert run("--query-prompt", "a").exit_code == 2
    result = CliRunner().invoke(app, ["evaluate", "minilm", "--tasks", "rg65", "--score", "dot"])
    assert result.exit_code == 2
