"""Every layer of every pooling against a plain one-sentence transformers call, four architectures."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.encoders import open_encoder

TEXTS = ["cat", "unbelievable", "the dog sat", "contrastive models of the language in a park", "words", "a mat"]
KINDS = ["gpt2", "llama", "bert", "clip"]


def reference(folder, kind, text, pooling):
    """States of one text, one call: (layers 0..N before the final norm where known, last, position read)."""
    import torch
    import transformers as t

    tokenizer = t.AutoTokenizer.from_pretrained(folder)
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.cls_token_id
    eos = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    ids, at = (own, len(own) - 1) if pooling == "plain" else ([bos, *own, eos], len(own) + (pooling == "eos"))
    model = (t.CLIPTextModelWithProjection if kind == "clip" else t.AutoModel).from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    states = [h[0, at].numpy() for h in out.hidden_states]
    return states, out.last_hidden_state[0, at].numpy(), model, torch.tensor(states[-1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pooling", ["plain", "bos_eos", "eos"])
def test_every_layer_equals_a_one_sentence_call(model_folder, kind, pooling):
    folder = model_folder(kind)
    encoder = open_encoder(f"hf:{folder}", device="cpu")
    got = encoder.encode(TEXTS, [pooling])[pooling]
    n = encoder.info.n_layers
    for i, text in enumerate(TEXTS):
        states, last, _, _ = reference(folder, kind, text, pooling)
        for layer in range(n):
            np.testing.assert_allclose(got[f"layer{layer:02d}"][i], states[layer], atol=1e-5, rtol=1e-5)
        if kind == "bert":  # no final norm: the last block is the output
            np.testing.assert_allclose(got[f"layer{n:02d}"][i], last, atol=1e-5, rtol=1e-5)
            assert "final" not in got
        else:
            np.testing.assert_allclose(got["final"][i], last, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "clip"])
def test_last_layer_is_before_the_final_norm(model_folder, kind):
    """The norm applied by hand to the last layer gives ``final``: the two are what their descriptions say."""
    import torch

    encoder = open_encoder(f"hf:{model_folder(kind)}", device="cpu")
    got = encoder.encode(TEXTS, ["bos_eos"])["bos_eos"]
    *_, model, _ = reference(model_folder(kind), kind, "cat", "plain")
    norm = {"gpt2": "ln_f", "llama": "norm", "clip": "text_model.final_layer_norm"}[kind]
    with torch.no_grad():
        wanted = model.get_submodule(norm)(torch.tensor(got["layer03"])).numpy()
    np.testing.assert_allclose(got["final"], wanted, atol=1e-5)
    assert np.abs(got["final"] - got["layer03"]).max() > 0.1
    assert "before the final norm" in encoder.spaces["layer03"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_alone_and_in_any_batch_give_the_same(model_folder, kind):
    encoder = open_encoder(f"hf:{model_folder(kind)}", device="cpu")
    together = encoder.encode(TEXTS, encoder.poolings, pooled=encoder.has_pooled)
    for i, text in enumerate(TEXTS):
        alone = encoder.encode([text], encoder.poolings, pooled=encoder.has_pooled)
        for pooling, spaces in together.items():
            for space, x in spaces.items():
                np.testing.assert_allclose(alone[pooling][space][0], x[i], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(("kind", "causal"), [("gpt2", True), ("llama", True), ("bert", False), ("clip", True)])
def test_direction_and_settings_are_found(model_folder, kind, causal):
    encoder = open_encoder(f"hf:{model_folder(kind)}", device="cpu")
    assert encoder.causal is causal
    assert encoder.poolings == ("plain", "bos_eos", "eos")
    assert encoder.info.policies["attention"] == ("causal" if causal else "bidirectional")


def test_eos_of_a_causal_model_at_layer_0_is_constant_up_to_its_position(model_folder):
    encoder = open_encoder(f"hf:{model_folder('llama')}", device="cpu")
    x = encoder.encode(TEXTS, ["eos"])["eos"]["layer00"]
    assert np.ptp(x, axis=0).max() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_truncation_keeps_eos_and_is_told(model_folder, kind):
    encoder = open_encoder(f"hf:{model_folder(kind)}", device="cpu", max_length=6)
    framed = encoder.tokenize(["cat", "contrastive models of the language in a park " * 4], "eos")
    assert framed.truncated == (False, True)
    assert len(framed.ids[1]) == 6
    assert framed.ids[1][-1] == framed.ids[0][-1]
    assert framed.ids[1][0] == framed.ids[0][0]


def test_texts_longer_than_the_model_do_not_overrun_its_positions(model_folder):
    encoder = open_encoder(f"hf:{model_folder('gpt2')}", device="cpu")
    assert encoder.info.max_length == 64
    assert encoder.encode(["cat " * 100], ["plain"])["plain"]["final"].shape == (1, 32)


def test_subword_policies(model_folder):
    encoders = {
        p: open_encoder(f"hf:{model_folder('bert')}", device="cpu", subword=p) for p in ("last", "first", "mean")
    }
    text = "contrastive models"
    ids = encoders["last"].tokenize([text], "bos_eos").ids[0]
    states = {p: e.encode([text], ["bos_eos"])["bos_eos"]["layer02"][0] for p, e in encoders.items()}
    import torch
    import transformers as t

    model = t.AutoModel.from_pretrained(model_folder("bert")).eval()
    with torch.no_grad():
        all_states = model(torch.tensor([list(ids)])).last_hidden_state[0].numpy()
    np.testing.assert_allclose(states["last"], all_states[-2], atol=1e-5)
    np.testing.assert_allclose(states["first"], all_states[1], atol=1e-5)
    np.testing.assert_allclose(states["mean"], all_states[1:-1].mean(axis=0), atol=1e-5)


def test_clip_pooled_is_the_projected_eos_state(model_folder):
    import torch
    import transformers as t

    folder = model_folder("clip")
    encoder = open_encoder(f"hf:{folder}#text", device="cpu")
    assert (encoder.has_pooled, encoder.pooled_width) == (True, 20)
    got = encoder.encode(TEXTS, [], pooled=True)[None]["pooled"]
    tokenizer, model = (
        t.AutoTokenizer.from_pretrained(folder),
        t.CLIPTextModelWithProjection.from_pretrained(folder).eval(),
    )
    for i, text in enumerate(TEXTS):
        with torch.no_grad():
            wanted = model(torch.tensor([tokenizer(text)["input_ids"]])).text_embeds[0].numpy()
        np.testing.assert_allclose(got[i], wanted, atol=1e-5)


def test_random_is_seeded_and_has_the_same_shape(model_folder):
    folder = model_folder("gpt2")
    real = open_encoder(f"hf:{folder}", device="cpu")
    one, same, other = (open_encoder(f"random:hf:{folder}", device="cpu", seed=s) for s in (0, 0, 1))
    x = [e.encode(["cat"], ["plain"])["plain"]["final"] for e in (real, one, same, other)]
    assert list(real.spaces) == list(one.spaces)
    np.testing.assert_array_equal(x[1], x[2])
    assert np.abs(x[1] - x[3]).max() > 1e-3
    assert np.abs(x[1] - x[0]).max() > 1e-3
    assert len({e.info.weights_sha256 for e in (real, one, other)}) == 3
    assert one.info.kind == "random"


def test_half_precision_runs_and_gives_float32(model_folder):
    encoder = open_encoder(f"hf:{model_folder('llama')}", device="cpu", dtype="bfloat16")
    full = open_encoder(f"hf:{model_folder('llama')}", device="cpu")
    x, y = (e.encode(["cat"], ["plain"])["plain"]["final"] for e in (encoder, full))
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, y, atol=0.3)


def test_text_without_tokens_is_named(model_folder):
    encoder = open_encoder(f"hf:{model_folder('gpt2')}", device="cpu")
    with pytest.raises(InputError, match="'' has no tokens"):
        encoder.encode(["cat", ""], ["plain"])


def test_text_tower_of_a_whole_clip_model(model_folder, tmp_path):
    """A folder with both towers opens as its text tower, with the projection that ``get_text_features`` uses."""
    import shutil

    import torch
    import transformers as t

    text = t.CLIPTextConfig.from_pretrained(model_folder("clip"))
    vision = t.CLIPVisionConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    torch.manual_seed(5)
    model = t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=20)).eval()
    shutil.copytree(model_folder("clip"), tmp_path / "clip")
    model.save_pretrained(tmp_path / "clip")
    tokenizer = t.AutoTokenizer.from_pretrained(tmp_path / "clip")
    encoder = open_encoder(f"hf:{tmp_path / 'clip'}#text", device="cpu")
    got = encoder.encode(TEXTS, ["eos"], pooled=True)
    for i, text in enumerate(TEXTS):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            states = model.text_model(ids).last_hidden_state[0, -1]
            wanted = model.text_projection(states)
        np.testing.assert_allclose(got["eos"]["final"][i], states.numpy(), atol=1e-5)
        np.testing.assert_allclose(got[None]["pooled"][i], wanted.numpy(), atol=1e-5)
    assert open_encoder(f"random:hf:{tmp_path / 'clip'}#text", device="cpu").has_pooled
