"""Opening models: one rule for the space that is read where none is named, shown and recorded; every layer by name."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import MODELS, open_encoder
from embedscope.sources.models import encode_texts, model_spaces, open_text_model
from embedscope.sources.options import ModelOptions

TEXTS = ["cat", "a big dog", "the cat runs"]
needs_minilm = pytest.mark.skipif(MODELS.get("minilm").path() is None, reason="minilm is not installed")


class Notes(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def gpt2(folder):
    return f"hf:{folder}"


def spaces_of(uri, default, **options):
    how, provenance, progress = ModelOptions(device="cpu", **options), Provenance(), Notes()
    model = open_text_model(uri, how, provenance, progress)
    found = model_spaces(model, uri, how, default, provenance, progress)
    return [tuple(name) for name in found], progress.notes, provenance.models[uri].get("read_as")


def test_a_model_without_a_text_vector_is_read_at_its_last_state(gpt2):
    """The state after the final norm of the last token, with BOS in front and EOS behind; by transformers itself."""
    spaces, notes, recorded = spaces_of(gpt2, "one")
    assert spaces == [("bos_eos", "final")]
    assert notes == [f"{gpt2}: reading final in the pooling bos_eos"]
    assert recorded == "final in the pooling bos_eos"
    how, provenance = ModelOptions(device="cpu", cache=False), Provenance()
    vectors, [name] = encode_texts(gpt2, TEXTS, how, provenance, Silent())
    import torch
    from transformers import AutoModel, AutoTokenizer

    path = gpt2.removeprefix("hf:")
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    for row, text in zip(vectors.matrix(*name, TEXTS), TEXTS, strict=True):
        ids = [0, *tokenizer(text, add_special_tokens=False)["input_ids"], 0]
        with torch.inference_mode():
            states = model(torch.tensor([ids])).last_hidden_state[0]
        np.testing.assert_allclose(row, states[-2].numpy(), atol=1e-5)


@pytest.mark.models
@needs_minilm
def test_a_model_with_a_text_vector_is_read_there():
    spaces, notes, recorded = spaces_of("minilm", "one")
    assert spaces == [(None, "pooled")]
    assert notes == ["minilm: reading pooled"]
    assert recorded == "pooled"


@pytest.mark.models
@needs_minilm
@pytest.mark.parametrize(
    ("default", "options", "expected"),
    [
        ("one", {"layers": "final"}, [("bos_eos", "layer06")]),
        ("one", {"layers": "last,0"}, [("bos_eos", "layer06"), ("bos_eos", "layer00")]),
        ("one", {"pooling": "plain"}, [("plain", "layer06")]),
        ("one", {"pooling": "pooled"}, [(None, "pooled")]),
        ("one", {"layers": "pooled"}, [(None, "pooled")]),
        ("layers", {"layers": "0,pooled", "pooling": "plain"}, [("plain", "layer00"), (None, "pooled")]),
        ("layers", {"layers": "3"}, [("bos_eos", "layer03")]),
        ("every", {"layers": "3"}, [("plain", "layer03"), ("bos_eos", "layer03"), ("eos", "layer03")]),
        ("every", {"layers": "3", "pooling": ["eos", "pooled"]}, [("eos", "layer03"), (None, "pooled")]),
    ],
)
def test_named_layers_and_poolings(default, options, expected):
    assert spaces_of("minilm", default, **options)[0] == expected


@pytest.mark.models
@needs_minilm
def test_everything_where_nothing_is_named():
    layers = [f"layer{i:02d}" for i in range(7)]
    assert spaces_of("minilm", "layers")[0] == [*(("bos_eos", layer) for layer in layers), (None, "pooled")]
    every = [(pooling, layer) for pooling in ("plain", "bos_eos", "eos") for layer in layers]
    assert spaces_of("minilm", "every")[0] == [*every, (None, "pooled")]


@pytest.mark.models
@needs_minilm
def test_the_final_layer_of_a_model_without_a_final_norm():
    options = {"texts": TEXTS, "unit": "sentence", "metrics": ["mean_norm"], "device": "cpu", "cache": False}
    result = measure("minilm", layers="final", **options)
    (record,) = result.records
    assert (record.space, record.pooling) == ("layer06", "bos_eos")
    x = open_encoder("minilm", device="cpu").encode(TEXTS, ["bos_eos"])["bos_eos"]["layer06"]
    assert record.value == pytest.approx(np.linalg.norm(x.astype(float), axis=1).mean(), rel=1e-6)
    assert result.provenance["models"]["minilm"]["read_as"] == "layers in the pooling bos_eos"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "mean"}, "pooling 'mean' does not fit hf:.*; it has plain, bos_eos, eos"),
        ({"pooling": "pooled"}, "pooling 'pooled' does not fit"),
        ({"layers": "pooled"}, "unknown layer 'pooled'"),
        ({"layers": "3"}, "layers 0 to 2"),
    ],
)
def test_what_the_model_lacks(gpt2, options, message):
    with pytest.raises(InputError, match=message):
        spaces_of(gpt2, "one", **options)


def test_options_are_checked():
    with pytest.raises(InputError, match="unknown option 'devise', did you mean 'device'"):
        ModelOptions.of({"devise": "cpu"})
    with pytest.raises(InputError, match="no pooling named"):
        _ = ModelOptions(pooling=" , ").poolings
    with pytest.raises(InputError, match="unit must be one of"):
        ModelOptions(unit="page")
