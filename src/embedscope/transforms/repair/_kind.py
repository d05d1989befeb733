"""What a repair does to the vectors of one role or modality: normalise, subtract a mean, multiply, shift, normalise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.short_repr import short_repr
from embedscope.transforms.align.sides import PARTS, Side, unit
from embedscope.transforms.codes import Code

HIDDEN_PARTS = ("hidden_in", "hidden_bias", "hidden_out")

Floats32 = npt.NDArray[np.float32]

_CELLS = 1 << 22
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Origin:
    """Where vectors of a kind come from: a model by its name and the sha256 of its weights, or a file by its sha256.

    >>> Origin("minilm", weights_sha256="53aa...").as_dict()
    {'name': 'minilm', 'weights_sha256': '53aa...'}
    """

    name: str
    weights_sha256: str | None = None
    file_sha256: str | None = None

    def as_dict(self) -> dict[str, str]:
        """What is known, as JSON types."""
        return {key: value for key, value in vars(self).items() if value is not None}

    def differs(self, other: Origin) -> str | None:
        """Why ``other`` is another model, None if it is the same: by weights where both state them, else by name.

        >>> Origin("minilm").differs(Origin("gpt2"))
        "name 'gpt2', wanted 'minilm'"
        """
        mine, theirs = self.weights_sha256, other.weights_sha256
        if mine is not None and theirs is not None:
            short = f"weights with sha256 {theirs[:12]}..., wanted {mine[:12]}... of '{self.name}'"
            return None if mine == theirs else short
        return None if self.name == other.name else f"name '{other.name}', wanted '{self.name}'"


@dataclass(frozen=True, eq=False)
class Hidden:
    """A hidden layer beside the affine part of a map, x -> max(0, x W + b) V: what a residual MLP adds.

    Attributes
    ----------
    hidden_in, hidden_bias, hidden_out : W (width, h), b (h,) and V (h, k)

    >>> Hidden(np.eye(2), np.zeros(2), np.ones((2, 1))).apply(np.array([[3.0, -1.0]])).tolist()
    [[3.0]]
    """

    hidden_in: Floats
    hidden_bias: Floats
    hidden_out: Floats

    def apply(self, x: Floats) -> Floats:
        """What is added to the rows that ``x`` (n, width) become, (n, k)."""
        return np.asarray(np.maximum(x @ self.hidden_in + self.hidden_bias, 0.0) @ self.hidden_out)


@short_repr
@dataclass(frozen=True, eq=False)
class KindMap:
    """A map for one role or modality: x -> N((N(x) - mean) A + shift), N dividing a row by its norm.

    Either N may be left out, and each of mean, A and shift. A residual MLP adds max(0, N(x) W + b) V before the last
    N. Rows of length zero are missing vectors and stay zero.

    Attributes
    ----------
    side : width, mean (width,), matrix (width, k) and shift (k,) of the affine part
    normalise_before, normalise_after : whether the first and the last N are taken
    source : model or file that the vectors come from, None where it is not known
    hidden : the layer that a residual MLP adds, None for an affine map
    code : how the rows that come out are stored, None for as they are

    >>> KindMap(Side(2, np.array([1.0, 0.0])), normalise_after=True).apply(np.array([[4.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """

    side: Side
    normalise_before: bool = False
    normalise_after: bool = False
    source: Origin | None = None
    hidden: Hidden | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", _check(self.side))
        if self.hidden is not None:
            object.__setattr__(self, "hidden", _check_hidden(self.hidden, self.side))

    @property
    def dim_in(self) -> int:
        """Width of the vectors that go in."""
        return self.side.width

    @property
    def dim_out(self) -> int:
        """Width of the vectors that come out."""
        return self.side.width_out

    @property
    def mean(self) -> Floats | None:
        """What is subtracted (dim_in,), float64; None for nothing."""
        return self.side.mean

    @property
    def matrix(self) -> Floats | None:
        """What is multiplied from the right (dim_in, dim_out), float64; None for the identity."""
        return self.side.matrix

    @property
    def shift(self) -> Floats | None:
        """What is added last (dim_out,), float64; None for nothing."""
        return self.side.shift

    @property
    def bias(self) -> Floats:
        """The affine part as x A + bias: shift - mean A, (dim_out,), float64."""
        return np.asarray(self.side.apply(np.zeros((1, self.dim_in)))[0])

    @property
    def is_identity(self) -> bool:
        """Whether vectors come out as they went in."""
        return not (self.normalise_before or self.normalise_after or self.code) and self.is_linear_identity

    @property
    def is_linear_identity(self) -> bool:
        """Whether all but the normalisations leaves vectors as they are."""
        return self.hidden is None and all(getattr(self.side, part) is None for part in PARTS)

    def in_float32(self) -> dict[str, Floats32]:
        """All arrays for libraries that calculate in float32; those that do nothing are left out.

        What the mean loses by rounding is added to the shift, so that vectors far from the origin come out right.
        """
        mean, shift = self.mean, self.shift
        if mean is not None:
            lost = mean - mean.astype(np.float32)
            moved = lost if self.matrix is None else lost @ self.matrix
            if np.abs(moved).max() > _NEGLIGIBLE:
                shift = -moved if shift is None else shift - moved
        parts = {"mean": mean, "matrix": self.matrix, "shift": shift}
        if self.hidden is not None:
            parts |= {part: getattr(self.hidden, part) for part in HIDDEN_PARTS}
        return {name: array.astype(np.float32) for name, array in parts.items() if array is not None}

    def apply(self, x: Any) -> Any:
        """The rows ``x`` (n, dim_in), mapped in float64 block by block; float64 in, float64 out, else float32."""
        dtype = np.dtype(np.float64 if x.dtype == np.float64 else np.float32)
        out = np.empty((len(x), self.dim_out), dtype)
        step = max(1, _CELLS // max(self.dim_in, self.dim_out))
        for start in range(0, len(x), step):
            rows = np.asarray(x[start : start + step], dtype=np.float64)
            rows = unit(rows) if self.normalise_before else rows
            mapped = self.side.apply(rows)
            mapped = mapped if self.hidden is None else mapped + self.hidden.apply(rows)
            zero = np.flatnonzero((rows == 0).all(axis=1))
            if len(zero):
                mapped = np.array(mapped)
                mapped[zero] = 0.0
            out[start : start + step] = unit(mapped) if self.normalise_after else mapped
        return out

    def stored_dtype(self, given: np.dtype[Any]) -> np.dtype[Any]:
        """Type of stored rows, of rows that came in as ``given``."""
        if self.code is not None:
            return self.code.dtype
        return np.dtype(np.float64 if given == np.float64 else np.float32)

    @property
    def stored_width(self) -> int:
        """Columns of stored rows."""
        return self.dim_out if self.code is None else self.code.width

    def store(self, x: Any) -> Any:
        """The rows ``x`` (n, dim_in), mapped and coded: what an index holds; as ``apply`` where there is no code."""
        rows = self.apply(x)
        return rows if self.code is None else self.code.encode(np.asarray(rows, dtype=np.float32))


def _check(side: Side) -> Side:
    """``side`` with float64 arrays, else ``InputError`` where shapes do not fit or values are not finite."""
    arrays = {name: _part(name, getattr(side, name)) for name in PARTS}
    mean, matrix, shift = (arrays[name] for name in PARTS)
    if matrix is not None and (matrix.ndim != 2 or len(matrix) != side.width):
        raise InputError(f"the matrix of a repair must have shape ({side.width}, k), got {matrix.shape}")
    checked_side = Side(side.width, mean, matrix, shift)
    for name, vector, width in (("mean", mean, side.width), ("shift", shift, checked_side.width_out)):
        if vector is not None and vector.shape != (width,):
            raise InputError(f"the {name} of a repair must have shape ({width},), got {vector.shape}")
    return checked_side


def _check_hidden(hidden: Hidden, side: Side) -> Hidden:
    """``hidden`` with float64 arrays, else ``InputError`` where shapes do not fit the affine part."""
    arrays = [_part(name, getattr(hidden, name)) for name in HIDDEN_PARTS]
    shapes = [None if array is None else array.shape for array in arrays]
    h = shapes[0][1] if shapes[0] is not None and len(shapes[0]) == 2 else -1
    if shapes != [(side.width, h), (h,), (h, side.width_out)]:
        raise InputError(
            f"the hidden layer of a repair must have the shapes ({side.width}, h), (h,) and (h, {side.width_out}), got "
            f"{', '.join(map(str, shapes))}"
        )
    return Hidden(*(np.asarray(array) for array in arrays))


def _part(name: str, array: Any) -> Floats | None:
    if array is None:
        return None
    values = np.array(array, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"the {name} of a repair holds nan or inf; fit it again on finite rows")
    values.flags.writeable = False
    return values
