"""Models of the open_clip library: both towers, its own preprocessing and tokenizer."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.extras import require
from embedscope.core.images import Image
from embedscope.encoders._forward import (
    digest_of,
    first_position,
    freeze,
    fresh,
    in_batches,
    layer_names,
    mean_over_positions,
    tap,
)
from embedscope.encoders._image_info import ImageInfo, Opening, Vectors
from embedscope.encoders._image_uris import parse_image_uri
from embedscope.encoders._preparing import as_pil
from embedscope.encoders.loading import choose_device


@dataclass(frozen=True)
class OpenClip:
    """A model of open_clip as it was loaded: ``folder`` where its configuration was a local folder's."""

    uri: str
    architecture: str
    weights: str
    model: Any
    transform: Any
    device: str
    seeded: bool

    @property
    def quick_gelu(self) -> bool:
        """Whether the model runs with QuickGELU."""
        return any(type(module).__name__ == "QuickGELU" for module in self.model.modules())

    def facts(self, how: Opening) -> dict[str, Any]:
        """What can change a number."""
        return {
            "dtype": how.dtype,
            "device": self.device,
            "activation": "quick_gelu" if self.quick_gelu else "gelu",
            "weights": "random initialisation" if self.seeded else self.weights,
        }


class OpenClipImageEncoder:
    """The image tower of an open_clip model; ``image`` is its vector in the space shared with text."""

    def __init__(self, loaded: OpenClip, how: Opening) -> None:
        self._model, self._transform = loaded.model, loaded.transform
        self.batch_size, self._normalise = how.batch_size, how.normalise
        self.logit_scale: float | None = math.exp(float(loaded.model.logit_scale))
        bias = getattr(loaded.model, "logit_bias", None)
        self.logit_bias = None if bias is None else float(bias)
        self._blocks, self._pool, first = _image_blocks(loaded) if how.layers else ([], mean_over_positions, 1)
        self._names = layer_names(len(self._blocks), first=first) if how.layers else []
        where = "class token" if self._pool is first_position else "mean over positions"
        unit = "scaled to unit length" if how.normalise else "not scaled"
        self.spaces: Mapping[str, str] = {
            name: f"after block {i} of {len(self._blocks)}, {where}" if i else f"input of block 1, {where}"
            for i, name in enumerate(self._names, first)
        } | {"image": f"projected, {unit}"}
        self.info = _image_info(loaded, how)

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors of ``images`` in every space: {space: (n, d) float32}."""
        return in_batches(images, self.batch_size, self._forward)

    def _forward(self, images: Sequence[Image]) -> dict[str, Any]:
        import torch

        weight = next(self._model.parameters())
        batch = torch.stack([self._transform(as_pil(image)) for image in images]).to(weight.device, weight.dtype)
        with tap(self._blocks, self._names, self._pool) as states:
            image = self._model.encode_image(batch).float()
        return states | {"image": torch.nn.functional.normalize(image, dim=1) if self._normalise else image}


def open_open_clip(uri: str, how: Opening) -> OpenClipImageEncoder:
    """Open the image tower of ``open_clip:ARCH/PRETRAINED`` (a tag, a file or ``random``) or ``open_clip:FOLDER``."""
    return OpenClipImageEncoder(load_open_clip(uri, how), how)


def load_open_clip(uri: str, how: Opening) -> OpenClip:
    """Load both towers.

    Raises
    ------
    MissingExtraError
        where open_clip is not installed.
    InputError
        for an architecture or a tag that open_clip does not have, or a tag whose activation is another.
    DataUnavailableError
        where the weights are not on this machine and cannot be fetched.
    """
    parsed = parse_image_uri(_canonical(uri), ("bias",))
    library = require("open_clip", "vision", f"the model {uri}")
    architecture, weights = _parts(uri, parsed.rest)
    if not architecture.startswith("local-dir:"):
        _check(uri, architecture, "" if parsed.random else weights, library)
    device = choose_device(how.device)

    def make() -> Any:
        return library.create_model(
            architecture,
            pretrained=None if parsed.random else weights or None,
            load_weights=not parsed.random,
            pretrained_image=False,
            pretrained_text=False,
            weights_only=True,
        )

    with _silent():
        model = fresh(make, how.seed, zero_bias=parsed.zero_bias) if parsed.random else _load(uri, make)
    steps = require("open_clip.transform", "vision", f"the model {uri}")
    prepared = steps.PreprocessCfg(**library.get_model_preprocess_cfg(model))
    transform = steps.image_transform_v2(prepared, is_train=False)
    return OpenClip(uri, architecture, weights, freeze(model, device, how.dtype), transform, device, parsed.random)


@contextmanager
def _silent() -> Iterator[None]:
    """Without the library's warnings, and without the handler that its first message puts on the root logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


def _canonical(uri: str) -> str:
    """The URI without a tower, and with ``random:`` in front where it asks for ``/random``."""
    bare = uri.replace("#image", "").replace("#text", "")
    asks = bare.partition("?")[0].endswith("/random") and not bare.startswith("random:")
    return f"random:{bare}" if asks else bare


def _parts(uri: str, rest: str) -> tuple[str, str]:
    """Architecture and weights: "ViT-B-32/openai", "RN50//folder/file.pt"; a folder with open_clip_config.json."""
    folder = Path(rest).expanduser()
    if rest and folder.is_dir():
        return f"local-dir:{folder}", ""
    architecture, slash, weights = rest.partition("/")
    if not architecture or not (weights or uri.startswith("random:")):
        raise InputError(f"'{uri}' must be open_clip:ARCH/PRETRAINED, such as open_clip:RN101/openai or .../random")
    return architecture, weights if slash else "random"


def _check(uri: str, architecture: str, weights: str, library: Any) -> None:
    """Architecture and tag are known, and the tag was trained with the activation of the architecture."""
    config = library.get_model_config(architecture)
    if config is None:
        near = [name for name in library.list_models() if name.lower().startswith(architecture.lower()[:4])][:6]
        raise InputError(f"open_clip has no architecture '{architecture}'; near it are {', '.join(near) or 'none'}")
    tags = library.list_pretrained_tags_by_model(architecture)
    if not weights or Path(weights).is_file():
        return
    if weights not in tags:
        raise InputError(
            f"'{weights}' is neither a file nor weights of {architecture}; open_clip has {', '.join(tags)}"
        )
    wanted = bool(library.get_pretrained_cfg(architecture, weights).get("quick_gelu", False))
    if wanted != bool(config.get("quick_gelu", False)):
        stem = architecture.removesuffix("-quickgelu")
        right = f"{stem}-quickgelu" if wanted else stem
        raise InputError(
            f"{uri}: these weights were trained with {'QuickGELU' if wanted else 'GELU'} and {architecture} runs with "
            f"the other: every vector would be wrong without an error; write open_clip:{right}/{weights}"
        )


def _load(uri: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (OSError, RuntimeError, ValueError, UnpicklingError) as error:
        raise DataUnavailableError(
            f"{uri} could not be loaded or fetched ({type(error).__name__}: {str(error).splitlines()[0][:160]}); "
            "connect once, or pass the weight file: open_clip:ARCH/FILE"
        ) from error


def _image_blocks(loaded: OpenClip) -> tuple[list[Any], Callable[[Any], Any], int]:
    """Blocks of an image tower, how a state becomes a vector, and whether the input of the first is read (0) or not."""
    visual = loaded.model.visual
    trunk = getattr(visual, "trunk", None)
    if hasattr(visual, "transformer"):
        return list(visual.transformer.resblocks), first_position, 0
    if hasattr(visual, "layer4"):
        return [getattr(visual, f"layer{i}") for i in range(1, 5)], mean_over_positions, 1
    for name in ("blocks", "stages"):
        blocks = getattr(trunk, name, None)
        if blocks is not None:
            prefix = int(getattr(trunk, "num_prefix_tokens", 0))
            return list(blocks), first_position if prefix else mean_over_positions, 1
    raise InputError(f"{loaded.uri}: the blocks of {type(visual).__name__} are not known; open it without layers")


def _image_info(loaded: OpenClip, how: Opening) -> ImageInfo:
    size = loaded.model.visual.image_size
    steps = " | ".join(getattr(step, "__name__", None) or str(step) for step in loaded.transform.transforms)
    return ImageInfo(
        uri=loaded.uri,
        name=loaded.architecture,
        kind="random" if loaded.seeded else "contrastive",
        architecture=loaded.architecture,
        weights_sha256=digest_of(loaded.model),
        image_size=(size, size) if isinstance(size, int) else (int(size[0]), int(size[1])),
        licence=None,
        policies={**loaded.facts(how), "preprocessing": steps, "normalised": how.normalise},
        notes=() if loaded.seeded or not Path(loaded.weights).is_file() else _NOTE,
    )


_NOTE = (
    "a weight file does not say whether it was trained with QuickGELU; compare policies['activation'] with its card",
)
