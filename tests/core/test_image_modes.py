"""Images of every depth, and files that are none: scaled, or refused with a sentence that names the mode."""

import io
import os
import struct
import zlib

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.core.images import FileImage

pil = pytest.importorskip("PIL.Image", reason="extra images is not installed")

GREY = np.linspace(0, 65535, 48).reshape(6, 8)


def pixels(path):
    return FileImage(path, "key").pixels()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled(tmp_path, suffix):
    """Pillow's own convert("RGB") clips at 255, so that such an image is white."""
    pil.fromarray(GREY.astype(np.uint16)).save(tmp_path / f"x.{suffix}")
    got = pixels(tmp_path / f"x.{suffix}")
    assert got.shape == (6, 8, 3)
    np.testing.assert_array_equal(got[..., 1], np.round(GREY.astype(np.uint16) * (255 / 65535)))


@pytest.mark.parametrize(
    ("values", "mode"), [(GREY / 65535, "F"), (GREY.astype(np.int32) * 9, "I"), (-GREY, "I"), (GREY, "F")]
)
def test_modes_whose_white_is_unknown_are_named(tmp_path, values, mode):
    pil.fromarray(values.astype(np.float32 if mode == "F" else np.int32)).save(tmp_path / "x.tif")
    with pytest.raises(InputError, match=f"of mode {mode} "):
        pixels(tmp_path / "x.tif")


def test_mode_i_with_sixteen_bits_in_it(tmp_path):
    pil.fromarray(GREY.astype(np.int32)).save(tmp_path / "x.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "x.tif")[..., 0], np.round(GREY.astype(int) * (255 / 65535)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_eight_bits_stay(tmp_path, mode):
    image = pil.fromarray(np.full((4, 5, 3), 255, dtype=np.uint8)).convert(mode)
    image.save(tmp_path / ("x.tif" if mode in {"CMYK", "YCbCr"} else "x.png"))
    assert pixels(next(tmp_path.iterdir())).min() == 255


def test_bombs_pipes_and_damage(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks
    )
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(InputError, match="more pixels than are read"):
        pixels(tmp_path / "bomb.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a regular file"):
        pixels(tmp_path / "pipe.png")
    whole = io.BytesIO()
    pil.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(whole, "PNG")
    good = whole.getvalue()
    generator = np.random.default_rng(1)
    for _ in range(200):
        content = bytearray(good)
        for at in generator.integers(0, len(good), 3):
            content[at] = generator.integers(0, 256)
        (tmp_path / "x.png").write_bytes(content[: generator.integers(1, len(good) + 1)])
        try:
            assert pixels(tmp_path / "x.png").shape[2] == 3
        except InputError as error:
            assert len(str(error)) < 400
