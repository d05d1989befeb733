"""``open_clip:`` against open_clip's own calls, both towers. Runs in the environment of the extra ``vision``."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

open_clip = pytest.importorskip("open_clip", reason="extra vision is not installed here: make test-vision")

import torch  # noqa: E402
from PIL import Image  # noqa: E402

from embedscope.core.errors import DataUnavailableError, InputError  # noqa: E402
from embedscope.core.images import PixelImage  # noqa: E402
from embedscope.encoders import is_model, open_image_encoder, open_model  # noqa: E402

TEXTS = ["a cat", "a photo of a dog in the park", "one two three four five six seven eight nine ten " * 10]
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
VISION = {
    "vit": {"image_size": 32, "layers": 3, "width": 32, "head_width": 8, "patch_size": 8},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
}


def pictures():
    rng = np.random.default_rng(9)
    shapes = [(64, 64), (50, 90)]
    return [PixelImage(f"p{i}", rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for i, s in enumerate(shapes)]


@pytest.fixture(scope="module", params=["vit", "resnet"])
def folder(request, tmp_path_factory):
    """A small random model in open_clip's own format: open_clip_config.json and weights."""
    path = tmp_path_factory.mktemp(request.param)
    config = {"embed_dim": 24, "vision_cfg": VISION[request.param], "text_cfg": TEXT, "quick_gelu": True}
    prepared = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4], "interpolation": "bicubic", "resize_mode": "shortest"}
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": prepared}))
    torch.manual_seed(2)
    model = open_clip.CLIP(24, open_clip.CLIPVisionCfg(**VISION[request.param]), open_clip.CLIPTextCfg(**TEXT), True)
    with torch.no_grad():
        for x in model.parameters():
            if x.ndim == 1:
                x.add_(0.2 * torch.randn_like(x))
        model.logit_scale.fill_(3.0)
    torch.save(model.state_dict(), path / "open_clip_pytorch_model.bin")
    return path


@pytest.fixture(scope="module")
def theirs(folder):
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return model.eval(), transform


def test_image_vectors_are_open_clips(folder, theirs):
    model, transform = theirs
    encoder = open_image_encoder(f"open_clip:{folder}#image", device="cpu", layers=True)
    got = encoder.encode(pictures())
    for i, picture in enumerate(pictures()):
        batch = transform(Image.fromarray(picture.pixels()))[None]
        with torch.no_grad():
            wanted = model.encode_image(batch)[0].numpy()
        np.testing.assert_allclose(got["image"][i], wanted, atol=1e-5, rtol=1e-5)
        for name, state in by_hand(model.visual, batch).items():
            np.testing.assert_allclose(got[name][i], state, atol=1e-5, rtol=1e-5)
    assert list(got) == list(encoder.spaces)
    assert encoder.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))
    assert encoder.info.policies["activation"] == "quick_gelu"
    assert "Normalize(mean=[0.4, 0.5, 0.6]" in encoder.info.policies["preprocessing"].replace("(0.4", "[0.4")
    unit = open_image_encoder(f"open_clip:{folder}", device="cpu", normalise=True).encode(pictures())["image"]
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def by_hand(visual, batch):
    """States of every block by walking the modules."""
    states = {}
    with torch.no_grad():
        if hasattr(visual, "layer4"):
            x = visual.stem(batch)
            for i in range(1, 5):
                x = getattr(visual, f"layer{i}")(x)
                states[f"layer{i:02d}"] = x[0].mean(dim=(1, 2)).numpy()
            return states
        x = visual.conv1(batch).flatten(2).permute(0, 2, 1)
        x = torch.cat([visual.class_embedding[None, None], x], dim=1) + visual.positional_embedding
        x = visual.ln_pre(x)
        states["layer00"] = x[0, 0].numpy()
        for i, block in enumerate(visual.transformer.resblocks, 1):
            x = block(x)
            states[f"layer{i:02d}"] = x[0, 0].numpy()
    return states


def test_text_vectors_are_open_clips(folder, theirs):
    """One text a call; the last one is longer than the context and keeps its EOT."""
    model, _ = theirs
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    text = open_model(f"open_clip:{folder}#text", device="cpu", seed=0)
    assert list(text.spaces) == ["layer00", "layer01", "layer02", "text"]
    for i, one in enumerate(TEXTS):
        ids = tokenizer([one])
        with torch.no_grad():
            wanted = model.encode_text(ids)[0].numpy()
            at = int(ids[0].argmax())
            final = model.ln_final(torch.tensor(text.matrix(None, "layer02", TEXTS)[i]))
        np.testing.assert_allclose(text.matrix(None, "text", TEXTS)[i], wanted, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose((final @ model.text_projection).detach().numpy(), wanted, atol=1e-5, rtol=1e-5)
        assert ids[0, at] == 49407
    with pytest.raises(InputError, match="has the spaces"):
        text.matrix("plain", "text", TEXTS)


def test_rn101_from_a_weight_file_and_fresh(tmp_path):
    """RN101: our fresh model is open_clip's at the same seed; saved to a file and read back it is the same."""
    encoder = open_image_encoder("open_clip:RN101/random", device="cpu", seed=6)
    got = encoder.encode(pictures()[:1])["image"]
    torch.manual_seed(6)
    model, _, transform = open_clip.create_model_and_transforms("RN101", pretrained=None)
    with torch.no_grad():
        wanted = model.eval().encode_image(transform(Image.fromarray(pictures()[0].pixels()))[None]).numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=1e-5)
    assert encoder.info.kind == "random"
    file = tmp_path / "rn101.pt"
    torch.save(model.state_dict(), file)
    again = open_image_encoder(f"open_clip:RN101/{file}", device="cpu")
    np.testing.assert_allclose(again.encode(pictures()[:1])["image"], wanted, atol=1e-5, rtol=1e-5)
    assert again.info.weights_sha256 == encoder.info.weights_sha256
    assert "does not say whether it was trained with QuickGELU" in again.info.notes[0]


@pytest.mark.parametrize("uri", ["open_clip:{}/random?bias=0", "random:open_clip:{}?bias=0"])
def test_zero_biases(folder, uri):
    if "/random" in uri:
        uri = uri.format("RN50")
    model = open_image_encoder(uri.format(folder), device="cpu")._model
    names = [name for name, p in model.named_parameters() if name.endswith("bias") and p.any()]
    assert not names
    assert sum(name.endswith("bias") for name, _ in model.named_parameters()) > 20


def test_quickgelu_mismatch_is_an_error():
    with pytest.raises(InputError, match=r"trained with QuickGELU.*write open_clip:ViT-B-32-quickgelu/openai"):
        open_image_encoder("open_clip:ViT-B-32/openai")


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"no architecture 'RN77'"):
        open_image_encoder("open_clip:RN77/openai")
    with pytest.raises(InputError, match=r"neither a file nor weights of RN101; open_clip has .*yfcc15m"):
        open_image_encoder("open_clip:RN101/laion9")
    with pytest.raises(InputError, match=r"must be open_clip:ARCH/PRETRAINED"):
        open_image_encoder("open_clip:RN101")
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"no weights")
    with pytest.raises(DataUnavailableError, match="could not be loaded"):
        open_image_encoder(f"open_clip:RN50/{bad}")
    assert is_model("open_clip:RN101/openai")


def test_nothing_is_put_on_the_root_logger():
    before = list(logging.getLogger().handlers)
    open_image_encoder("open_clip:RN50/random", device="cpu")
    assert logging.getLogger().handlers == before
