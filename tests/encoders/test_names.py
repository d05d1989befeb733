"""Names of models and of layers: near misses are met before the hub is, ``final`` and ``last`` exist everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError, UnknownNameError
from embedscope.encoders import aliases as alias_module
from embedscope.encoders import open_encoder, open_model, space_name
from embedscope.sources.layer_selection import select_spaces


@pytest.fixture
def no_hub(monkeypatch):
    """The hub must not be asked, not even its cache on this machine."""

    def ask(*_):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("embedscope.encoders.sources._from_hub", ask)


def test_an_unknown_layer_of_a_deep_model_is_a_short_sentence():
    spaces = [f"layer{i:02d}" for i in range(49)]
    with pytest.raises(InputError, match=r"did you mean 'final'\? this source has layer00, .*layer11 and 37 more"):
        select_spaces("finale", spaces)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("minlm", "minilm"),
        ("MiniLM", "minilm"),
        ("smollm", "smollm2"),
        ("random:minlm", "minilm"),
        ("smolm2", "smollm2"),
    ],
)
def test_near_names_are_suggested(no_hub, typed, meant):
    for call in (open_encoder, open_model):
        with pytest.raises(UnknownNameError, match=f"did you mean '{meant}'"):
            call(typed)


@pytest.mark.parametrize("name", ["gpt2", "bert-base-uncased", "hf:minlm", "org/minilm", "t5-small"])
def test_other_names_are_left_alone(no_hub, name):
    with pytest.raises(InputError, match="the hub was asked"):
        open_encoder(name)


@pytest.mark.parametrize("alias", ["minilm", "smollm2", "e5"])
def test_a_missing_model_gives_its_install_line(monkeypatch, alias):
    monkeypatch.setattr(alias_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataUnavailableError) as error:
        open_encoder(alias)
    assert str(error.value).endswith(alias_module.ALIASES[alias].install)
    assert "pip install" in str(error.value)


@pytest.mark.parametrize(
    ("wanted", "spaces", "found"),
    [
        ("final", ["layer00", "layer01"], ("layer01",)),
        ("last", ["layer00", "layer01"], ("layer01",)),
        ("final", ["layer00", "layer01", "final", "pooled"], ("final",)),
        ("last", ["layer00", "layer01", "final", "pooled"], ("layer01",)),
        ("0,final,last", ["layer00", "layer01", "pooled"], ("layer00", "layer01")),
        ("final", ["vectors"], ("vectors",)),
        ("last", ["pooled"], ("pooled",)),
    ],
)
def test_final_and_last(wanted, spaces, found):
    assert select_spaces(wanted, spaces) == found
    assert space_name("layer00", spaces) == "layer00"


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "clip"])
def test_final_and_last_of_every_encoder(model_folder, kind):
    encoder = open_encoder(f"hf:{model_folder(kind)}", device="cpu")
    states = encoder.encode(["the cat", "a dog runs"], ["plain"])["plain"]
    layers = [s for s in encoder.spaces if s.startswith("layer")]
    np.testing.assert_array_equal(states["last"], states[layers[-1]])
    np.testing.assert_array_equal(states["final"], states[list(encoder.spaces)[-1]])
    with pytest.raises(KeyError):
        states["finl"]
