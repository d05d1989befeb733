"""Models read over texts: which rows they give, what the records say, and what is refused."""

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.errors import InputError, UnknownOptionError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import MODELS
from embedscope.sources.open import open_sources

TEXTS = ["The cat sat on the mat.", "A dog barked at night.", "Prices rose by two per cent.", "It rained."]

needs_minilm = pytest.mark.skipif(MODELS.get("minilm").path() is None, reason="minilm is not installed")
pytestmark = [pytest.mark.models, needs_minilm]


def measure_spaces(**options):
    return measure("minilm", metrics=["self_similarity", "isoscore"], cache=False, device="cpu", **options)


@pytest.fixture(scope="module")
def encoder():
    from embedscope.encoders import open_encoder

    return open_encoder("minilm", device="cpu")


def mean_cosine(x, sentence=None):
    """Over pairs of rows, of tokens of different sentences: tokens of one sentence are no pair of the population."""
    sentence = np.arange(len(x)) if sentence is None else sentence
    u = x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1)[:, None]
    return (u @ u.T)[sentence[:, None] != sentence].mean()


def test_tokens_of_a_file_in_every_layer(tmp_path, encoder):
    (tmp_path / "texts.txt").write_text("\n".join([*TEXTS, "", TEXTS[0]]) + "\n", encoding="utf-8")
    result = measure_spaces(texts=tmp_path / "texts.txt", max_rows=0)
    spaces = list(dict.fromkeys(r.space for r in result))
    assert spaces == list(encoder.spaces)
    framed = encoder.tokenize(TEXTS, "native")
    states = [encoder.read([ids], _all(ids))[0] for ids in framed.ids]
    for space in ("layer00", "layer06"):
        record = result.select(space=space, metric="self_similarity")[0]
        x = np.concatenate([s[space] for s in states])
        sentence = np.repeat(np.arange(len(states)), [len(s[space]) for s in states])
        assert record.value == pytest.approx(mean_cosine(x, sentence), abs=1e-5)
        assert (record.n, record.exact, record.pooling) == (len(x), True, "native")
        assert record.subset == f"all {len(x)} tokens"
    assert result.provenance["models"]["minilm"]["weights_sha256"]
    assert len(next(iter(result.provenance["data"].values()))["sha256"]) == 64


def _all(ids):
    from embedscope.encoders import Picks

    return Picks([0] * len(ids), list(range(len(ids))))


def test_a_sample_is_the_same_for_the_same_seed():
    one, same, other = (measure_spaces(texts=TEXTS, max_rows=12, layers="-1", seed=s) for s in (1, 1, 2))
    assert [r.value for r in one] == [r.value for r in same]
    assert [r.value for r in one] != [r.value for r in other]
    assert {(r.metric, r.n, r.exact) for r in one} == {("self_similarity", 12, False), ("isoscore", 12, False)}
    assert all(r.subset.startswith("12 of ") for r in one)


def test_a_sample_of_sentences_is_by_hash_and_not_the_first_ones(encoder):
    """A sampled value is that of the rows with the smallest hash of (seed, text), and says that it is sampled."""
    texts = [f"Number {i} is {'odd' if i % 2 else 'even'}." for i in range(20)]
    (record,) = measure(
        "minilm", texts=texts, unit="sentence", layers="pooled", max_rows=5, seed=3, metrics=["self_similarity"]
    )
    keys = combine(hash_texts(texts), 3)
    rows = sorted(np.argsort(keys)[:5].tolist())
    assert rows != list(range(5))
    x = encoder.encode([texts[i] for i in rows], [], pooled=True)[None]["pooled"]
    assert record.value == pytest.approx(mean_cosine(x), abs=1e-5)
    assert (record.n, record.exact, record.subset) == (5, False, "5 of 20 sentences")


def test_words_in_layers_and_pooled(encoder):
    result = measure_spaces(texts="rg65", layers="0,6,pooled")
    assert [(r.space, r.pooling) for r in result.select(metric="isoscore")] == [
        ("layer00", "bos_eos"),
        ("layer06", "bos_eos"),
        ("pooled", None),
    ]
    assert {(r.task, r.n, r.subset) for r in result} == {("rg65", 48, "48 words")}
    from embedscope.datasets import DATASETS, Finder

    words = DATASETS.get("rg65").load(Finder()).tables["words"].texts
    vectors = encoder.encode(words, ["plain"], pooled=True)
    pooled = result.select(space="pooled", metric="self_similarity")[0]
    assert pooled.value == pytest.approx(mean_cosine(vectors[None]["pooled"]), abs=1e-5)


def test_sentences_in_a_named_pooling():
    result = measure_spaces(texts=TEXTS, unit="sentence", pooling="eos")
    assert {r.pooling for r in result} == {"eos"}
    assert "pooled" not in {r.space for r in result}


def test_transform_of_every_layer():
    result = measure_spaces(texts=TEXTS, max_rows=0, layers="0,3", transform="center,abtt:1")
    assert {r.transform for r in result} == {"center,abtt:1"}
    assert {r.fitted_on for r in result} == {"all rows of minilm, tokens of 4 texts"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs texts"),
        ({"texts": []}, "a list of at least one text"),
        ({"texts": "no/such.txt"}, "neither a data set nor a file"),
        ({"texts": "rg65::pairs"}, "rg65 has no table .pairs.; it has words"),
        ({"texts": TEXTS, "layers": "9"}, "layers 0 to 6"),
        ({"texts": TEXTS, "layers": "pooled"}, "unknown layer 'pooled'"),
        ({"texts": TEXTS, "max_rows": -1}, "0 for all"),
        ({"texts": TEXTS, "first_position": "skip"}, "'keep', 'drop' or 'bos', got 'skip'"),
        ({"texts": TEXTS, "unit": "word", "pooling": "last"}, "pooling 'last' does not fit minilm; it has plain"),
        ({"texts": TEXTS, "pooling": "plain,eos"}, "one framing at a time"),
        ({"texts": TEXTS, "layer": "3"}, "no option 'layer'; did you mean 'layers'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises((InputError, UnknownOptionError), match=message):
        measure_spaces(**options)


def test_files_beside_models_are_opened_in_order(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3))
    source = f"{tmp_path}/x.npy"
    found = open_sources([source, "minilm"], seed=0, progress=Silent(), provenance=Provenance(), texts=TEXTS)
    assert [next(found).name, next(found).name] == [source, "minilm"]
