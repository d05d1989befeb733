"""Codes: how the rows of an index are stored, as fewer bytes than float32, and what a search reads back.

``float16``, ``int8`` and ``binary`` are written by NumPy alone, the codes of ``quantize_embeddings`` of
sentence-transformers; ``pq:M`` and ``rabitq`` by FAISS. Rows that are coded have unit length; queries are not coded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.extras import require
from embedscope.core.threads import in_threads, one_faiss_thread

Rows32 = npt.NDArray[np.float32]

CODES = ("float32", "float16", "int8", "binary", "pq", "rabitq")
"""Names of codes, the first of which stores rows as they are."""

LEVELS = 255
CENTROIDS = 256
"""Steps of an int8 coordinate, and centroids of a part of a product quantiser: both are one byte."""

_ROUNDS = 8, 2
_FEW = 10
"""k-means: rounds on ten rows a centroid, then rounds on all: three times as fast as ten on all of 10,000 rows, and on
others the squared error is 1 to 2 % larger."""

_BLOCK = 256  # rows whose products with all centroids stay in the processor's cache
_FACTORS = 8
"""Bytes that RaBitQ keeps beside the bits of a row: two float32."""


class Code(ABC):
    """How rows (n, dim) of unit length are stored.

    Attributes
    ----------
    dim : dimensions of a row
    """

    name: ClassVar[str]
    dtype: ClassVar[np.dtype[Any]]
    dim: int

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @property
    def text(self) -> str:
        """How a candidate writes it."""
        return self.name

    @property
    def width(self) -> int:
        """Columns of the stored rows."""
        return self.dim

    @property
    def n_bytes(self) -> int:
        """Bytes of a stored row."""
        return self.width * self.dtype.itemsize

    @property
    def arrays(self) -> Mapping[str, Any]:
        """What was fitted."""
        return {}

    @abstractmethod
    def encode(self, x: Any) -> npt.NDArray[Any]:
        """The rows ``x`` (n, dim) as they are stored, (n, width) of ``dtype``."""

    @abstractmethod
    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """What a search takes for the rows, (n, dim) float32."""


class Float16(Code):
    """Half precision: relative rounding error at most 2^-11."""

    name = "float16"
    dtype = np.dtype(np.float16)

    def encode(self, x: Any) -> npt.NDArray[Any]:
        """Rounded."""
        return np.asarray(x, dtype=np.float16)

    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """As float32."""
        return stored.astype(np.float32)


class Int8(Code):
    """Each coordinate in 256 steps between its smallest and largest value: floor((x - low) / step) - 128.

    Attributes
    ----------
    ranges : (2, dim) smallest and largest value of each coordinate, float32; values outside are clipped

    Examples
    --------
    >>> code = Int8(np.array([[0.0, -1.0], [1.0, 1.0]]))
    >>> code.encode(np.array([[0.5, 0.0], [2.0, -1.0]])).tolist()
    [[-1, -1], [127, -128]]
    """

    name = "int8"
    dtype = np.dtype(np.int8)

    def __init__(self, ranges: Any) -> None:
        self.ranges = np.asarray(ranges, dtype=np.float32)
        if self.ranges.ndim != 2 or len(self.ranges) != 2:
            raise InputError(f"the ranges of an int8 code must have shape (2, d), got {self.ranges.shape}")
        super().__init__(self.ranges.shape[1])
        steps = (self.ranges[1] - self.ranges[0]) / LEVELS
        self.steps = np.where(steps == 0, np.float32(1), steps)

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The ranges."""
        return {"ranges": self.ranges}

    def encode(self, x: Any) -> npt.NDArray[Any]:
        """In steps, as ``quantize_embeddings(x, "int8", ranges)`` and the 8-bit scalar quantiser of FAISS."""
        levels = np.clip(np.floor((np.asarray(x, dtype=np.float32) - self.ranges[0]) / self.steps), 0, LEVELS)
        return np.asarray((levels - 128).astype(np.int8))

    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """The middle of each step, as FAISS."""
        return np.asarray(self.ranges[0] + (stored.astype(np.float32) + np.float32(128.5)) * self.steps)


class Binary(Code):
    """One bit a coordinate: whether it is above 0; eight to a byte, the first in the highest bit.

    Examples
    --------
    >>> Binary(3).encode(np.array([[0.3, -0.1, 0.2]])).tolist()
    [[160]]
    """

    name = "binary"
    dtype = np.dtype(np.uint8)

    @property
    def width(self) -> int:
        """Bytes."""
        return -(-self.dim // 8)

    def encode(self, x: Any) -> npt.NDArray[Any]:
        """Packed bits, as ``quantize_embeddings(x, "ubinary")``."""
        return np.packbits(np.asarray(x) > 0, axis=-1)

    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """1 and -1."""
        return np.unpackbits(stored, axis=-1, count=self.dim).astype(np.float32) * 2 - 1


class ProductQuantiser(Code):
    """The row in M parts, each the number of the nearest of 256 centroids (jegou2011); FAISS encodes.

    Attributes
    ----------
    centroids : (M, 256, dim / M) float32
    """

    name = "pq"
    dtype = np.dtype(np.uint8)

    def __init__(self, centroids: Any) -> None:
        self.centroids = np.ascontiguousarray(centroids, dtype=np.float32)
        if self.centroids.ndim != 3 or self.centroids.shape[1] != CENTROIDS:
            raise InputError(f"centroids must have shape (M, {CENTROIDS}, d / M), got {self.centroids.shape}")
        super().__init__(self.centroids.shape[0] * self.centroids.shape[2])

    @property
    def text(self) -> str:
        """``pq:M``."""
        return f"pq:{self.width}"

    @property
    def width(self) -> int:
        """Parts."""
        return len(self.centroids)

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The centroids."""
        return {"centroids": self.centroids}

    @classmethod
    def fit(cls, x: Rows32, parts: int, seed: int) -> ProductQuantiser:
        """Centroids of each part of the rows ``x`` (n, d), by k-means (Lloyd), which FAISS takes as its own.

        In NumPy, since it takes a sixth of the time of FAISS's training for parts of few dimensions.
        """
        require("faiss", "faiss", "a product quantiser")
        if x.shape[1] % parts:
            raise InputError(f"pq:{parts} cuts a row into equal parts, and {x.shape[1]} dimensions are no multiple")
        if len(x) < CENTROIDS:
            raise InputError(f"pq:{parts} needs at least {CENTROIDS} rows to fit, got {len(x)}")
        first = np.random.default_rng([seed, parts]).permutation(len(x))[:CENTROIDS]
        split = np.split(np.asarray(x, dtype=np.float32), parts, axis=1)
        return cls(np.stack(list(in_threads(lambda part: _k_means(np.ascontiguousarray(part), part[first]), split))))

    def quantiser(self) -> Any:
        """The trained ``faiss.ProductQuantizer``."""
        faiss = require("faiss", "faiss", "a product quantiser")
        quantiser = faiss.ProductQuantizer(self.dim, self.width, 8)
        faiss.copy_array_to_vector(self.centroids.ravel(), quantiser.centroids)
        quantiser.sync_transposed_centroids()
        return quantiser

    def encode(self, x: Any) -> npt.NDArray[Any]:
        """Numbers of the nearest centroids, by FAISS, in blocks: it holds the distances of all rows it is given."""
        quantiser, rows = self.quantiser(), np.ascontiguousarray(x, dtype=np.float32)
        out = np.empty((len(rows), self.width), dtype=np.uint8)
        with one_faiss_thread():
            for lo in range(0, len(rows), _BLOCK):
                out[lo : lo + _BLOCK] = quantiser.compute_codes(rows[lo : lo + _BLOCK])
        return out

    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """The centroids, one after the other."""
        places = stored + CENTROIDS * np.arange(self.width)
        centroids = self.centroids.reshape(CENTROIDS * self.width, -1)
        return np.take(centroids, places, axis=0).reshape(len(stored), self.dim)


def _k_means(x: Rows32, centroids: Rows32) -> Rows32:
    """``centroids`` (k, d) after ten rounds of Lloyd's k-means on ``x`` (n, d), the first on ten rows a centroid.

    A centroid without rows takes the place of half of the largest: both are moved a little apart, as FAISS does.
    """
    c, step = centroids.astype(np.float32), np.float32(1 / 1024)
    with_one = np.column_stack([x, np.ones(len(x), dtype=np.float32)])
    product = np.empty((min(_BLOCK, len(x)), len(c)), dtype=np.float32)
    nearest = np.empty(len(x), dtype=np.intp)
    for n in (*[min(len(x), _FEW * len(c))] * _ROUNDS[0], *[len(x)] * _ROUNDS[1]):
        weights = np.ascontiguousarray(np.column_stack([c, -0.5 * (c * c).sum(axis=1)]).T)  # x'c - |c|^2 / 2
        for lo in range(0, n, _BLOCK):
            rows = with_one[lo : min(lo + _BLOCK, n)]
            nearest[lo : lo + len(rows)] = np.matmul(rows, weights, out=product[: len(rows)]).argmax(axis=1)
        sizes = np.bincount(nearest[:n], minlength=len(c)).astype(np.float64)
        sums = np.stack([np.bincount(nearest[:n], x[:n, j], len(c)) for j in range(x.shape[1])], axis=1)
        c = (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32)
        for empty in np.flatnonzero(sizes == 0):
            largest = int(sizes.argmax())
            sign = np.where(np.arange(c.shape[1]) % 2 == 0, step, -step)
            c[empty], c[largest] = c[largest] * (1 + sign), c[largest] * (1 - sign)
            sizes[empty] = sizes[largest] / 2
            sizes[largest] /= 2
    return c


class RaBitQ(Code):
    """One bit a coordinate about a centre, with two factors that make estimates unbiased (gao2024); FAISS encodes.

    Rows are to be turned at random first, which the map of a candidate does.

    Attributes
    ----------
    centre : (dim,) float32
    """

    name = "rabitq"
    dtype = np.dtype(np.uint8)

    def __init__(self, centre: Any) -> None:
        self.centre = np.ascontiguousarray(centre, dtype=np.float32).ravel()
        super().__init__(len(self.centre))

    @property
    def width(self) -> int:
        """Bytes."""
        return -(-self.dim // 8) + _FACTORS

    @property
    def arrays(self) -> Mapping[str, Any]:
        """The centre."""
        return {"centre": self.centre}

    def index(self) -> Any:
        """The trained, empty ``faiss.IndexRaBitQ`` by inner product; queries are not quantised."""
        faiss = require("faiss", "faiss", "RaBitQ")
        if not hasattr(faiss, "IndexRaBitQ"):
            raise InputError("this FAISS has no RaBitQ; install faiss-cpu 1.11 or newer, or leave rabitq out")
        index = faiss.IndexRaBitQ(self.dim, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(self.centre, index.center)
        index.is_trained, index.qb = True, 0
        return index

    def encode(self, x: Any) -> npt.NDArray[Any]:
        """Bits and factors, by FAISS."""
        index = self.index()
        with one_faiss_thread():
            return np.asarray(index.sa_encode(np.ascontiguousarray(x, dtype=np.float32)))

    def decode(self, stored: npt.NDArray[Any]) -> Rows32:
        """The vectors v, by FAISS: the estimate of an inner product is q v + ``offsets``."""
        index = self.index()
        with one_faiss_thread():
            return np.asarray(index.sa_decode(np.ascontiguousarray(stored)))

    def offsets(self, stored: npt.NDArray[Any], decoded: Rows32) -> Rows32:
        """What an estimate adds for each row (n,): -(f + |c|^2) / 2 - (v - c) c, f = |x - c|^2 - |x|^2 as stored."""
        factor = np.ascontiguousarray(stored[:, -_FACTORS:-4]).view(np.float32)[:, 0]
        centre = self.centre
        return np.asarray(-(factor + centre @ centre) / 2 - (decoded @ centre - centre @ centre))


def check_code(text: str) -> None:
    """Raise ``UnknownNameError`` or ``InputError`` where ``text`` is the code of no rows."""
    name, colon, number = text.partition(":")
    if name not in CODES:
        raise UnknownNameError.for_name("code", name, CODES)
    if name == "pq" and not (number.isdecimal() and int(number)):
        raise InputError(f"'{text}' needs the number of bytes of a row, as in pq:48")
    if name != "pq" and colon:
        raise InputError(f"{name} takes no number, got '{text}'; write {name}")


def fit_code(text: str, x: Rows32, seed: int = 0) -> Code | None:
    """The code ``text`` (``int8``, ``pq:48``) fitted on the rows ``x`` (n, d); None for ``float32``.

    Raises
    ------
    InputError, UnknownNameError, MissingExtraError
        if there is no such code, it does not fit the rows, or FAISS is missing.

    >>> fit_code("binary", np.zeros((2, 16), dtype=np.float32)).n_bytes
    2
    """
    check_code(text)
    name, _, number = text.partition(":")
    if name == "pq":
        return ProductQuantiser.fit(x, int(number), seed)
    makers: Mapping[str, Callable[[], Code | None]] = {
        "float32": lambda: None,
        "float16": lambda: Float16(x.shape[1]),
        "int8": lambda: Int8(np.stack([x.min(axis=0), x.max(axis=0)])),
        "binary": lambda: Binary(x.shape[1]),
        "rabitq": lambda: RaBitQ(x.mean(axis=0)),
    }
    return makers[name]()


def code_from(name: str, dim: int, arrays: Mapping[str, Any]) -> Code:
    """The code ``name`` of rows of ``dim`` dimensions whose fitted ``arrays`` were saved."""
    makers: Mapping[str, Callable[[], Code]] = {
        "float16": lambda: Float16(dim),
        "int8": lambda: Int8(arrays["ranges"]),
        "binary": lambda: Binary(dim),
        "pq": lambda: ProductQuantiser(arrays["centroids"]),
        "rabitq": lambda: RaBitQ(arrays["centre"]),
    }
    if name not in makers:
        raise UnknownNameError.for_name("code", name, list(makers))
    code = makers[name]()
    if code.dim != dim:
        raise InputError(f"its {name} code is for {code.dim} dimensions, and its map gives {dim}")
    return code
