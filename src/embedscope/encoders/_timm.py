"""Models of the timm library as image encoders; its own preprocessing, torchvision's transforms on Pillow images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.extras import require
from embedscope.core.images import Image
from embedscope.encoders._forward import digest_of, freeze, fresh, in_batches, layer_names, mean_over_positions
from embedscope.encoders._image_info import ImageInfo, Opening, Vectors
from embedscope.encoders._image_uris import ImageUri, parse_image_uri
from embedscope.encoders._preparing import as_pil
from embedscope.encoders.loading import choose_device


class TimmEncoder:
    """A timm model without its classifier: pooled features, and every stage or block that it lists."""

    def __init__(self, model: Any, transform: Any, info: ImageInfo, how: Opening, n_layers: int) -> None:
        self._model, self._transform = model, transform
        self.info, self.batch_size = info, how.batch_size
        self.logit_scale: float | None = None
        self.logit_bias: float | None = None
        self._prefix = int(getattr(model, "num_prefix_tokens", 0))
        self._names = layer_names(n_layers, first=1) if how.layers else []
        where = "first prefix token" if self._prefix else "mean over positions"
        names = [str(stage.get("module", "")) for stage in getattr(model, "feature_info", None) or []]
        named = names if len(names) == n_layers else [""] * n_layers
        self.spaces: Mapping[str, str] = {
            name: f"after stage {i} of {n_layers}{f' ({module})' if module else ''}, {where}"
            for i, (name, module) in enumerate(zip(self._names, named, strict=False), 1)
        } | {"features": "the features before the classifier, pooled as the model does"}

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors of ``images`` in every space: {space: (n, d) float32}."""
        return in_batches(images, self.batch_size, self._forward)

    def _forward(self, images: Sequence[Image]) -> dict[str, Any]:
        import torch

        weight = next(self._model.parameters())
        batch = torch.stack([self._transform(as_pil(image)) for image in images]).to(weight.device, weight.dtype)
        if not self._names:
            return {"features": self._model(batch)}
        options = {"return_prefix_tokens": True} if self._prefix else {}
        last, stages = self._model.forward_intermediates(batch, **options)
        states = [x[1][:, 0] if self._prefix else mean_over_positions(x) for x in stages]
        features = self._model.forward_head(last, pre_logits=True)
        return dict(zip(self._names, states, strict=True)) | {"features": features}


def open_timm(uri: str, how: Opening) -> TimmEncoder:
    """Open ``timm:NAME[.TAG]`` or ``timm:FOLDER`` (as ``timm.models.save_for_hf`` writes it); ``random:`` in front.

    Raises
    ------
    MissingExtraError
        where timm is not installed.
    InputError
        for a name that timm does not have, or layers of a model that does not list its stages.
    DataUnavailableError
        where the weights are not on this machine and cannot be fetched.
    """
    parsed = parse_image_uri(uri, ("bias",))
    timm = require("timm", "vision", f"the model {uri}")
    data = require("timm.data", "vision", f"the model {uri}")
    device = choose_device(how.device)
    model = freeze(_model(parsed, timm, how.seed), device, how.dtype)
    if how.layers and not hasattr(model, "forward_intermediates"):
        raise InputError(f"{uri} does not list its stages (forward_intermediates); open it without layers")
    prepared = data.resolve_model_data_config(model)
    transform = data.create_transform(**prepared, is_training=False)
    info = _info(parsed, model, prepared, transform, how, device)
    return TimmEncoder(model, transform, info, how, _stages(model, info, device, how) if how.layers else 0)


def _model(uri: ImageUri, timm: Any, seed: int) -> Any:
    folder = Path(uri.rest).expanduser()
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise DataUnavailableError(f"{folder} has no config.json; save the model with timm.models.save_for_hf")
    name = f"local-dir:{folder}" if folder.is_dir() else uri.rest
    if not folder.is_dir() and not timm.is_model(uri.rest):
        near = ", ".join(timm.list_models(f"*{uri.rest[:6]}*")[:5]) if uri.rest else ""
        raise InputError(f"timm has no model '{uri.rest}'{f'; it has {near}' if near else ''}; write timm:resnet50")
    if uri.random:
        return fresh(lambda: timm.create_model(name, pretrained=False, num_classes=0), seed, zero_bias=uri.zero_bias)
    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataUnavailableError(
            f"the weights of {uri.uri} are not on this machine and could not be fetched ({type(error).__name__}); "
            "connect once, or save the model with timm.models.save_for_hf and pass timm:FOLDER"
        ) from error


def _stages(model: Any, info: ImageInfo, device: str, how: Opening) -> int:
    """Number of stages, found with an empty image."""
    import torch

    with torch.inference_mode():
        empty = torch.zeros(1, 3, *info.image_size, device=device, dtype=getattr(torch, how.dtype))
        return len(model.forward_intermediates(empty, intermediates_only=True))


def _info(uri: ImageUri, model: Any, prepared: Any, transform: Any, how: Opening, device: str) -> ImageInfo:
    facts = dict(getattr(model, "pretrained_cfg", None) or {})
    policies = {
        "dtype": how.dtype,
        "device": device,
        "preprocessing": " | ".join(str(step) for step in transform.transforms),
        "tag": facts.get("tag"),
        "weights": "random initialisation" if uri.random else "timm",
    }
    trained = "classification" if facts.get("num_classes") else "unknown"
    return ImageInfo(
        uri=uri.uri,
        name=uri.rest,
        kind="random" if uri.random else trained,
        architecture=type(model).__name__,
        weights_sha256=digest_of(model),
        image_size=(int(prepared["input_size"][1]), int(prepared["input_size"][2])),
        licence=None if uri.random else facts.get("license"),
        policies=policies,
    )
