"""Towers of CLIP and SigLIP, and sentence-transformers' CLIPModel: against each library's own calls, to 1e-5."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.images import PixelImage
from embedscope.encoders import open_encoder, open_image_encoder

pytest.importorskip("PIL", reason="extra images is not installed")
transformers = pytest.importorskip("transformers", reason="extra hf is not installed")
TEXTS = ["cat", "a dog runs in the park", "unbelievable words"]


def pictures():
    rng = np.random.default_rng(3)
    shapes = [(40, 40), (64, 48), (33, 90)]
    return [PixelImage(f"p{i}", rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for i, s in enumerate(shapes)]


def as_pil():
    from PIL import Image

    return [Image.fromarray(p.pixels()) for p in pictures()]


def spread(model):
    """Norms and biases away from their initial values, so that a wrong position or a missing step shows."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="session")
def siglip_tokenizer():
    """A tokenizer that ends texts with </s>, which is its padding as well."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<u>", "</s>"], initial_alphabet=alphabet)
    raw.train_from_iterator(TEXTS, trainer)
    raw.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, model_max_length=16, eos_token="</s>", pad_token="</s>", unk_token="<u>"
    )


@pytest.fixture(scope="session")
def towers(model_folder, siglip_tokenizer, tmp_path_factory):
    """Factory: "clip" or "siglip" -> folder of a small model of two towers with tokenizer and image processor."""
    import torch

    made = {}

    def make(kind):
        if kind in made:
            return made[kind]
        torch.manual_seed(11)
        folder = tmp_path_factory.mktemp(f"two-{kind}")
        vision = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32}
        vision |= {"image_size": 32, "patch_size": 8}
        if kind == "clip":
            shutil.copytree(model_folder("clip"), folder, dirs_exist_ok=True)
            text = transformers.CLIPTextConfig.from_pretrained(folder)
            config = transformers.CLIPConfig(text_config=text.to_dict(), vision_config=vision, projection_dim=20)
            processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
            model = transformers.CLIPModel(config)
        else:
            siglip_tokenizer.save_pretrained(folder)
            text = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32}
            text |= {"vocab_size": len(siglip_tokenizer), "max_position_embeddings": 16, "projection_size": 24}
            config = transformers.SiglipConfig(text_config=text, vision_config=vision)
            processor = transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32})
            model = transformers.SiglipModel(config)
            model.logit_bias.data.fill_(-10.0)
            model.logit_scale.data.fill_(2.0)
        spread(model).save_pretrained(folder)
        processor.save_pretrained(folder)
        made[kind] = folder
        return folder

    return make


def reference(folder):
    """The library's own model, tokenizer and Pillow processor."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    return model, transformers.AutoTokenizer.from_pretrained(folder), processor


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_image_vectors_are_the_librarys(towers, kind):
    """``image`` equals ``get_image_features``, one image a call; every layer equals ``output_hidden_states``."""
    import torch

    folder = towers(kind)
    model, _, processor = reference(folder)
    encoder = open_image_encoder(f"hf:{folder}#image", device="cpu", layers=True, batch_size=2)
    got = encoder.encode(pictures())
    assert list(got) == list(encoder.spaces)
    assert list(got)[:4] == ["layer00", "layer01", "layer02", "layer03"]
    for i, picture in enumerate(as_pil()):
        inputs = processor(images=[picture], return_tensors="pt")
        with torch.no_grad():
            features = model.get_image_features(**inputs).pooler_output[0]
            out = model.vision_model(**inputs, output_hidden_states=True)
        np.testing.assert_allclose(got["image"][i], features.numpy(), atol=1e-5, rtol=1e-5)
        for layer in range(4):
            states = out.hidden_states[layer][0]
            wanted = states[0] if kind == "clip" else states.mean(dim=0)
            np.testing.assert_allclose(got[f"layer{layer:02d}"][i], wanted.numpy(), atol=1e-5, rtol=1e-5)
        if kind == "clip":
            np.testing.assert_allclose(got["pooled"][i], out.pooler_output[0].numpy(), atol=1e-5, rtol=1e-5)
    assert ("pooled" in got) == (kind == "clip")


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_text_vectors_are_the_librarys(towers, kind):
    """``text`` equals ``get_text_features`` on inputs made as the model card of each says."""
    import torch

    folder = towers(kind)
    model, tokenizer, _ = reference(folder)
    encoder = open_encoder(f"hf:{folder}#text", device="cpu")
    got = encoder.encode(TEXTS, ["eos"], pooled=True)
    padding = {"padding": "max_length", "max_length": 16} if kind == "siglip" else {}
    for i, text in enumerate(TEXTS):
        ids = tokenizer(text, return_tensors="pt", **padding)["input_ids"]
        with torch.no_grad():
            features = model.get_text_features(input_ids=ids).pooler_output[0]
            states = model.text_model(input_ids=ids).last_hidden_state[0]
        np.testing.assert_allclose(got[None]["text"][i], features.numpy(), atol=1e-5, rtol=1e-5)
        if kind == "clip":
            np.testing.assert_allclose(got["eos"]["final"][i], states[-1].numpy(), atol=1e-5, rtol=1e-5)
    assert got[None]["text"] is got[None]["pooled"]
    assert encoder.widths(None) == {"pooled": got[None]["text"].shape[1], "text": got[None]["text"].shape[1]}
    assert "pooled" in encoder.info.policies


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_logits_of_the_library_from_our_vectors(towers, kind):
    """Scale and bias: logits = scale <image, text> + bias on unit rows, as ``model(...).logits_per_image``."""
    import torch

    folder = towers(kind)
    model, tokenizer, processor = reference(folder)
    encoder = open_image_encoder(f"hf:{folder}", device="cpu", normalise=True)
    image = encoder.encode(pictures())["image"]
    np.testing.assert_allclose(np.linalg.norm(image, axis=1), 1, atol=1e-6)
    text = open_encoder(f"hf:{folder}#text", device="cpu").encode(["cat"], [], pooled=True)[None]["text"]
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    padding = {"padding": "max_length", "max_length": 16} if kind == "siglip" else {}
    ids = tokenizer(["cat"], return_tensors="pt", **padding)["input_ids"]  # no mask, as SigLIP's own tokenizer
    with torch.no_grad():
        out = model(input_ids=ids, pixel_values=processor(images=as_pil(), return_tensors="pt")["pixel_values"])
    wanted = out.logits_per_image.numpy()
    got = encoder.logit_scale * image @ text.T + (encoder.logit_bias or 0.0)
    np.testing.assert_allclose(got, wanted, atol=1e-4, rtol=1e-5)
    assert (encoder.logit_bias is None) == (kind == "clip")
    assert encoder.logit_scale == pytest.approx(1 / 0.07 if kind == "clip" else np.exp(2.0), rel=1e-3)


def test_preparation_is_the_models_own(towers):
    info = open_image_encoder(f"hf:{towers('clip')}", device="cpu").info
    assert info.policies["preprocessing"] == "CLIPImageProcessorPil (Pillow)"
    assert info.policies["resample"] == 3
    assert info.policies["crop_size"] == {"height": 32, "width": 32}
    assert info.image_size == (32, 32)
    assert json.dumps(info.as_dict())


@pytest.mark.parametrize("module", ["CLIPModel", "Transformer"])
def test_sentence_transformers_multimodal(towers, module, tmp_path):
    """``st:`` equals ``SentenceTransformer.encode`` on images and on texts, of the old module and the new one."""
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    folder = tmp_path / "st"
    if module == "CLIPModel":
        shutil.copytree(towers("clip"), folder / "0_CLIPModel")
        modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"})
        (folder / "1_Normalize").mkdir()
        (folder / "modules.json").write_text(json.dumps(modules))
        model = st.SentenceTransformer(str(folder), device="cpu")
    else:
        model = st.SentenceTransformer(str(towers("clip")), device="cpu")
        model.save(str(folder))
    wanted = model.encode(as_pil(), convert_to_numpy=True, show_progress_bar=False)
    encoder = open_image_encoder(f"st:{folder}", device="cpu")
    np.testing.assert_allclose(encoder.encode(pictures())["image"], wanted, atol=1e-5, rtol=1e-5)
    assert encoder.info.policies["normalised"] == (module == "CLIPModel")
    texts = open_encoder(f"st:{folder}#text", device="cpu").encode(TEXTS, [], pooled=True)[None]["text"]
    wanted = np.stack([model.encode(t, convert_to_numpy=True, show_progress_bar=False) for t in TEXTS])
    np.testing.assert_allclose(texts, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_fresh_towers_are_seeded_and_may_have_zero_biases(towers, kind):
    uri = f"random:hf:{towers(kind)}"
    one, same, other = (open_image_encoder(uri, device="cpu", seed=s).encode(pictures())["image"] for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)
    bare = open_image_encoder(f"{uri}?bias=0", device="cpu")
    text = open_encoder(f"{uri}#text?bias=0", device="cpu")
    for model in (bare._vision, text._loaded.model):
        assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))
    assert bare.info.weights_sha256 != open_image_encoder(uri, device="cpu").info.weights_sha256
    assert bare.info.kind == text.info.kind == "random"


def test_the_two_fresh_towers_share_no_draws(towers):
    """Both come from one whole model, so the text tower of a seed is that of ``CLIPModel`` at this seed."""
    import torch

    folder = towers("clip")
    torch.manual_seed(4)
    model = transformers.AutoModel.from_config(transformers.AutoConfig.from_pretrained(folder)).eval()
    image = open_image_encoder(f"random:hf:{folder}", device="cpu", seed=4)
    text = open_encoder(f"random:hf:{folder}#text", device="cpu", seed=4)
    assert torch.equal(image._project.weight, model.visual_projection.weight)
    assert torch.equal(text._loaded.projection.weight, model.text_projection.weight)


def alter(towers, tmp_path, name="m", **changes):
    """A copy of the small CLIP whose config.json has other values in both towers."""
    folder = tmp_path / name
    shutil.copytree(towers("clip"), folder)
    config = json.loads((folder / "config.json").read_text())
    for tower in ("text_config", "vision_config"):
        config[tower] |= changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("opener", [open_image_encoder, open_encoder])
def test_quickgelu_mismatch_is_an_error(towers, tmp_path, opener):
    """By name for OpenAI's own weights, by open_clip_config.json for others."""
    folder = alter(towers, tmp_path, "openai/clip-vit-tiny", hidden_act="gelu")
    with pytest.raises(InputError, match=r"activation gelu, the weights were trained with quick_gelu.*set hidden_act"):
        opener(f"hf:{folder}", device="cpu")
    opener(f"random:hf:{folder}", device="cpu")
    other = alter(towers, tmp_path, "laion")
    (other / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"embed_dim": 20}}))
    with pytest.raises(InputError, match="activation quick_gelu, the weights were trained with gelu"):
        opener(f"hf:{other}", device="cpu")
    (other / "open_clip_config.json").write_text(json.dumps({"model_cfg": {"quick_gelu": True}}))
    assert opener(f"hf:{other}", device="cpu").info.policies["activation"] == "quick_gelu"


def test_the_activation_does_change_vectors(towers, tmp_path):
    """Why it is checked: the same weights with GELU load without an error and give other vectors."""
    right, wrong = towers("clip"), alter(towers, tmp_path, hidden_act="gelu")
    x, y = (open_image_encoder(f"hf:{f}", device="cpu").encode(pictures())["image"] for f in (right, wrong))
    assert np.abs(x - y).max() > 1e-3


def test_towers_with_different_activations_are_noted(towers, tmp_path):
    folder = alter(towers, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["hidden_act"] = "gelu"
    (folder / "config.json").write_text(json.dumps(config))
    assert open_image_encoder(f"hf:{folder}", device="cpu").info.notes == (
        "the towers differ in their activation: quick_gelu, gelu",
    )


def test_eos_that_the_library_would_not_find_is_an_error(towers, tmp_path):
    folder = alter(towers, tmp_path, eos_token_id=77)
    with pytest.raises(InputError, match=r"EOS is 1 in the tokenizer and 77 in config\.json.*position 0"):
        open_encoder(f"hf:{folder}#text", device="cpu")


def test_cut_text_keeps_eos_and_text_without_eos_is_refused(towers):
    from embedscope.encoders import Picks

    encoder = open_encoder(f"hf:{towers('clip')}#text", device="cpu", max_length=6)
    long = "a dog runs in the park and the cat sat on the mat"
    framed = encoder.tokenize([long], None)
    assert framed.truncated == (True,)
    assert framed.ids[0][-1] == 1
    assert np.isfinite(encoder.encode([long], [], pooled=True)[None]["text"]).all()
    with pytest.raises(InputError, match=r"text 0 does not end with EOS \(token 1\)"):
        encoder.read([framed.ids[0][:-1]], Picks([], []), pooled=True)


def test_vision_models_without_a_text_tower(towers, tmp_path):
    import torch

    folder = towers("clip")
    config = transformers.CLIPVisionConfig.from_pretrained(folder, projection_dim=20)
    model = transformers.CLIPVisionModelWithProjection.from_pretrained(folder, config=config)
    model.save_pretrained(tmp_path)
    reference(folder)[2].save_pretrained(tmp_path)
    encoder = open_image_encoder(f"hf:{tmp_path}", device="cpu")
    whole = open_image_encoder(f"hf:{folder}", device="cpu")
    np.testing.assert_allclose(encoder.encode(pictures())["image"], whole.encode(pictures())["image"], atol=1e-6)
    assert encoder.logit_scale is None
    assert torch.is_tensor(encoder._project.weight)


def test_what_cannot_be_opened_says_why(towers, model_folder, tmp_path):
    folder = alter(towers, tmp_path)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DataUnavailableError, match=r"no preprocessor_config\.json"):
        open_image_encoder(f"hf:{folder}")
    with pytest.raises(InputError, match="type 'bert', not one of clip"):
        open_image_encoder(f"hf:{model_folder('bert')}")
    with pytest.raises(InputError, match="'minilm' reads texts"):
        open_image_encoder("minilm")
    with pytest.raises(InputError, match="is a text tower"):
        open_image_encoder(f"hf:{folder}#text")
    with pytest.raises(InputError, match="is an image tower"):
        open_encoder(f"hf:{folder}#image")
    with pytest.raises(InputError, match=r"is for a random initialisation; write random:"):
        open_image_encoder(f"hf:{folder}?bias=0")
