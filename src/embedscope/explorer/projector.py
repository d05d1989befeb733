"""Files for the TensorBoard Embedding Projector: vectors and metadata as TSV, thumbnails as one sprite."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.atomic import atomic_folder
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.progress import Progress
from embedscope.explorer.findings import HIDDEN

if TYPE_CHECKING:
    from embedscope.explorer.table import Exploration

MAX_SPRITE = 8192
"""Pixels of a side of the sprite, which is what browsers take as one texture."""

_LARGEST, _SMALLEST = 64, 8


def write_projector(shown: Exploration, folder: str | Path, progress: Progress) -> Path:
    """Write ``tensors.tsv``, ``metadata.tsv``, ``sprite.png`` where there are images, and ``projector_config.pbtxt``.

    ``tensorboard --logdir FOLDER`` opens it; https://projector.tensorflow.org loads the files by hand, with
    ``projector_config.json``.

    Raises
    ------
    InputError
        if there is something in ``folder``, or more images than a sprite of 8,192 pixels can hold.
    """
    rows = shown.rows
    images = None if rows.images is None else [image for image in rows.images if image is not None]
    if images is not None and len(images) < len(rows):
        raise InputError("a sprite needs an image of every row; explore --texts and --images one after the other")
    with atomic_folder(folder) as place:
        np.savetxt(place / "tensors.tsv", rows.x, fmt="%.7g", delimiter="\t")
        held = shown.columns()
        if rows.texts is not None:
            held = {"text": list(rows.texts), **held}
        names = [name for name in held if name.rstrip("0123456789") not in {"x", "y"} and not name.startswith(HIDDEN)]
        columns = [[_cell(v) for v in np.asarray(held[name]).tolist()] for name in names]
        lines = ["\t".join(map(_cell, names)), *("\t".join(cells) for cells in zip(*columns, strict=True))]
        (place / "metadata.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        side = 0
        if images is not None:
            side = _write_sprite(images, place / "sprite.png", progress)
        _write_config(place, shown, side)
    return Path(folder)


def sprite_side(count: int) -> int:
    """Pixels of each thumbnail so that ``count`` of them, in a square, fit into 8,192 pixels; at most 64.

    >>> sprite_side(100), sprite_side(100_000)
    (64, 25)
    """
    side = min(_LARGEST, MAX_SPRITE // math.ceil(math.sqrt(count)))
    if side < _SMALLEST:
        raise InputError(f"{count:,} images do not fit into a sprite of {MAX_SPRITE} pixels; lower --max-rows")
    return side


def _write_sprite(images: list[Any], file: Path, progress: Progress) -> int:
    pil = require("PIL.Image", "images", "a sprite of images")
    side, across = sprite_side(len(images)), math.ceil(math.sqrt(len(images)))
    sheet = pil.new("RGB", (across * side, across * side), "white")
    progress.start("sprite", len(images), "images")
    for i, image in enumerate(images):
        picture = pil.fromarray(image.pixels())
        picture.thumbnail((side, side))
        left, top = (i % across) * side, (i // across) * side
        sheet.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
        progress.advance(1)
    progress.close()
    sheet.save(file)
    return side


def _write_config(place: Path, shown: Exploration, side: int) -> None:
    rows = shown.rows
    name = next(iter(rows.spaces))
    sprite = {"imagePath": "sprite.png", "singleImageDim": [side, side]}
    entry: dict[str, Any] = {
        "tensorName": name,
        "tensorShape": list(rows.x.shape),
        "tensorPath": "tensors.tsv",
        "metadataPath": "metadata.tsv",
        **({"sprite": sprite} if side else {}),
    }
    (place / "projector_config.json").write_text(json.dumps({"embeddings": [entry]}, indent=1) + "\n")
    sprite_text = (
        f'  sprite {{\n    image_path: "sprite.png"\n    single_image_dim: {side}\n    single_image_dim: {side}\n  }}\n'
    )
    (place / "projector_config.pbtxt").write_text(
        f'embeddings {{\n  tensor_name: {json.dumps(name)}\n  tensor_path: "tensors.tsv"\n'
        f'  metadata_path: "metadata.tsv"\n{sprite_text if side else ""}}}\n'
    )


def _cell(value: Any) -> str:
    """A value without what TSV cannot hold: tabs and line ends become spaces."""
    text = f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
    return " ".join(text.split()) if any(c in text for c in "\t\r\n") else text
