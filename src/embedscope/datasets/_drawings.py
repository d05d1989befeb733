"""Drawings from SVG files: rendered when their pixels are asked for, once for a size, and kept in the cache."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.atomic import write_bytes
from embedscope.core.cache import cache_folder
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.images import FileImage, Pixels


@dataclass(frozen=True)
class Drawing:
    """One SVG file drawn on a white square of ``size`` pixels; ``key`` names vendor, version, code point and size."""

    path: Path
    key: str
    size: int

    @property
    def kept(self) -> Path:
        """Where the rendered image is kept: a PNG file in the folder ``drawings`` of the cache."""
        return cache_folder() / "drawings" / f"{self.key.replace('@', '/')}.png"

    def pixels(self) -> Pixels:
        """RGB values (size, size, 3); rendered and kept the first time.

        Raises
        ------
        InputError
            if the file is no SVG.
        """
        if not self.kept.is_file():
            write_bytes(self.kept, _render(self.path, self.size))
        return FileImage(self.kept, self.key).pixels()


def _render(path: Path, size: int) -> bytes:
    """PNG bytes of the drawing, its longer side ``size`` pixels, in the middle of a white square."""
    resvg = require("resvg_py", "images", "rendering drawings")
    pil = require("PIL.Image", "images", "rendering drawings")
    svg = path.read_text(encoding="utf-8")
    try:
        png = resvg.svg_to_bytes(svg_string=svg, width=size, background="white", skip_system_fonts=True)
        with pil.open(io.BytesIO(png)) as drawn:
            if drawn.height > size:
                png = resvg.svg_to_bytes(svg_string=svg, height=size, background="white", skip_system_fonts=True)
            elif drawn.size == (size, size):
                return bytes(png)
        with pil.open(io.BytesIO(png)) as drawn:
            square = pil.new("RGB", (size, size), "white")
            square.paste(drawn.convert("RGB"), ((size - drawn.width) // 2, (size - drawn.height) // 2))
    except ValueError as error:
        raise InputError(f"{path} is no SVG drawing ({error}); install its package again") from error
    out = io.BytesIO()
    square.save(out, "PNG")
    return out.getvalue()
