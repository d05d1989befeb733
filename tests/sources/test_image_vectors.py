"""Vectors of images: distinct keys once, cached, aligned, recomputed when a chunk is damaged."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.cache import VectorCache
from embedscope.core.errors import InputError
from embedscope.core.images import PixelImage
from embedscope.encoders import open_image_encoder
from embedscope.sources.image_vectors import fingerprint, image_vectors

pytest.importorskip("PIL", reason="extra images is not installed")


class Counting:
    """An encoder that counts the images it is given."""

    def __init__(self, inner):
        self.inner, self.seen = inner, 0
        self.info, self.spaces, self.batch_size = inner.info, inner.spaces, inner.batch_size
        self.logit_scale = self.logit_bias = None

    def encode(self, images):
        self.seen += len(images)
        return self.inner.encode(images)


class Noting:
    def __init__(self):
        self.started, self.done = [], 0

    def start(self, label, total, unit="rows"):
        self.started.append((total, unit))

    def advance(self, n):
        self.done += n

    def note(self, text):
        pass

    def close(self):
        pass


def pictures(n, *, offset=0):
    rng = np.random.default_rng(offset)
    return [PixelImage(f"p{i + offset}", rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)) for i in range(n)]


def encoder(uri="pixels:3", **options):
    return Counting(open_image_encoder(uri, **{"batch_size": 4} | options))


def test_distinct_pictures_are_encoded_once_and_rows_are_aligned(tmp_path):
    cache, images, counting, progress = VectorCache(tmp_path), pictures(10), encoder(), Noting()
    asked = [*images, images[3], images[0]]
    vectors = image_vectors(counting, asked, cache, progress)
    assert counting.seen == progress.done == 10
    assert progress.started == [(10, "images")]
    wanted = counting.inner.encode(asked)["pixels"]
    assert np.array_equal(vectors.matrix("pixels"), wanted)
    assert vectors.keys[-2:] == ("p3", "p0")
    again = encoder()
    more = image_vectors(again, [*pictures(2, offset=10), *images], cache)
    assert again.seen == 2
    assert np.array_equal(more.matrix("pixels")[2:], wanted[:10])


def test_without_a_cache_and_without_pictures():
    assert image_vectors(encoder(), pictures(3)).matrix("pixels").shape == (3, 27)
    with pytest.raises(InputError, match="needs at least one image"):
        image_vectors(encoder(), [])
    with pytest.raises(InputError, match=r"has no space 'image'; it has pixels"):
        image_vectors(encoder(), pictures(1)).matrix("image")


def test_damaged_chunks_are_computed_again(tmp_path):
    counting = encoder()
    vectors = image_vectors(counting, pictures(5), VectorCache(tmp_path))
    before = vectors.matrix("pixels")
    (chunk,) = tmp_path.glob("vectors/*/*.safetensors")
    data = bytearray(chunk.read_bytes())
    data[8 + int.from_bytes(data[:8], "little") + 4] ^= 255  # in the vectors, which lie behind the header
    chunk.write_bytes(bytes(data))
    assert np.array_equal(vectors.matrix("pixels"), before)
    assert counting.seen == 10


def test_what_decides_a_vector_is_in_its_address(tmp_path):
    cache = VectorCache(tmp_path)
    image_vectors(encoder(), pictures(3), cache)
    for uri, options in [("pixels:4", {}), ("pixels:3", {"batch_size": 2})]:
        other = encoder(uri, **options)
        image_vectors(other, pictures(3), cache)
        assert other.seen == (3 if uri == "pixels:4" else 0)
    assert fingerprint(encoder())["policies"] != fingerprint(encoder("pixels:4"))["policies"]
