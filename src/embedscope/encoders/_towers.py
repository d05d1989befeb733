"""Image towers of CLIP and SigLIP through transformers: projected vectors, and the state of every block."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.extras import require
from embedscope.core.images import Image
from embedscope.encoders._activation import check_activation
from embedscope.encoders._forward import first_position, in_batches, layer_names, mean_over_positions, tap
from embedscope.encoders._image_info import ImageInfo, Opening, Vectors
from embedscope.encoders._preparing import as_pil
from embedscope.encoders._taps import block_list
from embedscope.encoders.loading import choose_device, fresh_model, load_weights, readable
from embedscope.encoders.sources import Source, find_source
from embedscope.encoders.uris import parse_uri

_KINDS = {
    "clip": "CLIPModel",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "siglip": "SiglipModel",
    "siglip_vision_model": "SiglipVisionModel",
}


class TowerEncoder:
    """The image tower of a CLIP or SigLIP model; ``image`` is its vector in the space shared with text."""

    def __init__(self, model: Any, processor: Any, info: ImageInfo, how: Opening) -> None:
        self._vision = getattr(model, "vision_model", model)
        self._project = getattr(model, "visual_projection", None)
        self._processor, self.info, self.batch_size = processor, info, how.batch_size
        self._normalise = bool(info.policies["normalised"])
        self.logit_scale = _exp(getattr(model, "logit_scale", None))
        bias = getattr(model, "logit_bias", None)
        self.logit_bias = None if bias is None else float(bias)
        n = int(self._vision.config.num_hidden_layers)
        self._blocks = list(block_list(self._vision, n)[1]) if how.layers else []
        self._names = layer_names(n, first=0) if how.layers else []
        clip = self._project is not None
        self._pool: Callable[[Any], Any] = first_position if clip else mean_over_positions
        self.spaces: Mapping[str, str] = self._describe(n, clip)

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors of ``images`` in every space: {space: (n, d) float32}."""
        return in_batches(images, self.batch_size, self._forward)

    def _describe(self, n: int, clip: bool) -> dict[str, str]:
        where = "class token" if clip else "mean over patches"
        spaces = {
            name: f"after block {i} of {n}, {where}" if i else f"input of block 1, {where}"
            for i, name in enumerate(self._names)
        }
        if self._names and clip:
            spaces["pooled"] = "class token after the final norm, before the projection"
        unit = ", scaled to unit length" if self._normalise else ", not scaled"
        spaces["image"] = ("class token, final norm, projected" if clip else "attention pooling") + unit
        return spaces

    def _forward(self, images: Sequence[Image]) -> dict[str, Any]:
        import torch

        weight = next(self._vision.parameters())
        inputs = self._processor(images=[as_pil(image) for image in images], return_tensors="pt")["pixel_values"]
        with tap(self._blocks, self._names, self._pool) as states:
            pooled = self._vision(pixel_values=inputs.to(weight.device, weight.dtype)).pooler_output
        image = (pooled if self._project is None else self._project(pooled)).float()
        vectors = states | {"pooled": pooled}
        vectors["image"] = torch.nn.functional.normalize(image, dim=1) if self._normalise else image
        return {name: vectors[name] for name in self.spaces}


def open_tower(uri: str, how: Opening) -> TowerEncoder:
    """Open the image tower of ``hf:NAME``, ``hf:FOLDER`` or ``st:NAME``; ``#image`` may follow.

    Raises
    ------
    InputError
        where the model has no image tower that is supported, or another activation than its weights.
    """
    parsed = parse_uri(uri)
    if parsed.tower == "text":
        raise InputError(f"'{uri}' is a text tower and reads no images; leave out #text or write #image")
    if parsed.scheme == "alias":
        raise InputError(f"'{uri}' reads texts; image encoders are shown by `embedscope list models`")
    transformers = require("transformers", "hf", "an image tower")
    source = find_source(parsed)
    device = choose_device(how.device)
    with readable(source):
        config = transformers.AutoConfig.from_pretrained(source.folder, local_files_only=True)
        kind = str(config.model_type)
        if kind not in _KINDS:
            raise InputError(f"{uri} is a model of the type '{kind}', not one of {', '.join(_KINDS)}")
        processor = _processor(source, transformers)
        model, digest = _model(source, config, kind, how)
    model = model.to(device).eval().requires_grad_(False)
    return TowerEncoder(model, processor, _info(source, config, processor, digest, how, device), how)


def _model(source: Source, config: Any, kind: str, how: Opening) -> tuple[Any, str]:
    torch = require("torch", "hf", "an image tower")
    transformers = require("transformers", "hf", "an image tower")
    dtype = getattr(torch, how.dtype)
    if source.weights is None:
        return fresh_model(config, dtype, how.seed, source, trust_remote_code=False)
    return load_weights(getattr(transformers, _KINDS[kind]), source, {"local_files_only": True}, dtype)


def _processor(source: Source, transformers: Any) -> Any:
    """The model's own preprocessing, with Pillow whatever else is installed."""
    require("PIL.Image", "images", "an image tower")
    if not any((source.folder / f"{n}_config.json").is_file() for n in ("preprocessor", "processor")):
        raise DataUnavailableError(
            f"{source.folder} has no preprocessor_config.json, which says how images are prepared; save the model's "
            "image processor there"
        )
    return transformers.AutoImageProcessor.from_pretrained(source.folder, backend="pil", local_files_only=True)


def _info(source: Source, config: Any, processor: Any, digest: str, how: Opening, device: str) -> ImageInfo:
    vision = getattr(config, "vision_config", config)
    activations = [str(c.hidden_act) for c in (vision, getattr(config, "text_config", vision))]
    note = check_activation(source, activations) if str(config.model_type).startswith("clip") else None
    prepared = processor.to_dict()
    steps = ("resize", "center_crop", "rescale", "normalize", "convert_rgb", "pad")
    values = ("size", "crop_size", "resample", "rescale_factor", "image_mean", "image_std")
    facts = {k: prepared.get(k) for k in (*(f"do_{step}" for step in steps), *values)}
    policies = {
        "dtype": how.dtype,
        "device": device,
        "preprocessing": f"{type(processor).__name__} (Pillow)",
        **{k: v if isinstance(v, bool | int | float | str) else _plain(v) for k, v in facts.items() if v is not None},
        "activation": activations[0],
        "normalised": how.normalise or source.scaled,
        "weights": source.weights_format if source.weights else "random initialisation",
    }
    size = vision.image_size
    return ImageInfo(
        uri=source.uri.uri,
        name=source.uri.name,
        kind="random" if source.weights is None else "contrastive",
        architecture=_KINDS[str(config.model_type)],
        weights_sha256=digest,
        image_size=(size, size) if isinstance(size, int) else (int(size[0]), int(size[1])),
        licence=source.licence,
        policies=policies,
        revision=source.revision,
        notes=(note,) if note else (),
    )


def _plain(value: Any) -> Any:
    """Sizes and lists of a processor's configuration as JSON types."""
    if isinstance(value, list | tuple):
        return [float(v) for v in value]
    return {k: v for k, v in dict(value).items() if v is not None}


def _exp(parameter: Any) -> float | None:
    return None if parameter is None else math.exp(float(parameter))
