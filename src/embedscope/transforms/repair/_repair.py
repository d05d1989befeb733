"""A repair that can be deployed: one affine map for each kind of vector, with what proves it, in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, as_matrix, is_torch, to_numpy
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.short_repr import short_repr
from embedscope.transforms.align.sides import Side
from embedscope.transforms.calibration import threshold_of
from embedscope.transforms.repair._files import load, save
from embedscope.transforms.repair._header import Header, ScorerChoice
from embedscope.transforms.repair._kind import KindMap, Origin

if TYPE_CHECKING:
    from embedscope.transforms._chain import Chain
    from embedscope.transforms.align._aligner import Aligner

__all__ = ["SINGLE", "Header", "KindMap", "Origin", "Repair", "ScorerChoice"]

SINGLE = "vectors"
"""The kind of a repair of one space."""

Sources = Origin | Mapping[str, Origin] | None


@short_repr
@dataclass(frozen=True, eq=False)
class Repair:
    """Maps by kind of vector (``query``, ``document``, ``image``, ``image+text``), into one space.

    A repair of one space has the single kind ``vectors``.

    Attributes
    ----------
    kinds : name -> map
    header : how it was fitted and judged

    Raises
    ------
    InputError
        if there is no kind, or kinds come out with different dimensions.

    >>> repair = Repair.centre_kinds({"text": [1.0, 0.0], "image": [0.0, 1.0]}, normalise_before=False)
    >>> repair.transform([4.0, 4.0], "text").tolist()
    [0.6, 0.8]
    """

    kinds: Mapping[str, KindMap]
    header: Header = field(default_factory=Header)

    def __post_init__(self) -> None:
        if not self.kinds:
            raise InputError("a repair needs a map for at least one role or modality, got none")
        widths = {name: kind.dim_out for name, kind in self.kinds.items()}
        if len(set(widths.values())) > 1:
            raise InputError(
                f"all roles of a repair must come out with the same number of dimensions, got {widths}; "
                "save a repair for each space"
            )
        object.__setattr__(self, "kinds", MappingProxyType(dict(self.kinds)))

    @classmethod
    def from_chain(
        cls,
        chain: Chain,
        *,
        kind: str = SINGLE,
        normalise_before: bool = False,
        normalise_after: bool = False,
        source: Origin | None = None,
        **header: Any,
    ) -> Repair:
        """The repair of one space that a fitted ``chain`` is; ``normalise_before`` where it was fitted on unit rows.

        ``header`` holds fields of :class:`Header`; the candidate is the text of the chain where it is left out.
        """
        from embedscope.transforms.repair.fitted import side_of

        kind_map = KindMap(side_of(chain), normalise_before, normalise_after, source)
        return cls({kind: kind_map}, Header(**{"candidate": chain.text or "none"} | header))

    @classmethod
    def from_alignment(
        cls,
        alignment: Aligner,
        kinds: tuple[str, str] = ("image", "text"),
        *,
        normalise_before: bool = False,
        normalise_after: bool | None = None,
        sources: Sources = None,
        **header: Any,
    ) -> Repair:
        """The repair of two spaces that a fitted ``alignment`` is; ``kinds`` name its left and its right side.

        Rows that come out are normalised where the alignment says so, unless ``normalise_after`` says otherwise.
        """
        after = alignment.renormalise if normalise_after is None else normalise_after
        sides = dict(zip(kinds, (alignment.left_, alignment.right_), strict=True))
        maps = {k: KindMap(side, normalise_before, after, _source_of(sources, k)) for k, side in sides.items()}
        known: dict[str, Any] = {"candidate": alignment.text, "n": alignment.n_pairs_, "notes": alignment.notes_}
        return cls(maps, Header(**known | header))

    @classmethod
    def centre_kinds(
        cls,
        means: Mapping[str, Any],
        *,
        normalise_before: bool = True,
        normalise_after: bool = True,
        sources: Sources = None,
        **header: Any,
    ) -> Repair:
        """Subtract from each kind its own mean (d,), that of unit rows unless ``normalise_before`` is off (li2025)."""
        sides = {name: Side(len(mean), np.asarray(mean, dtype=np.float64)) for name, mean in means.items()}
        kinds = {k: KindMap(s, normalise_before, normalise_after, _source_of(sources, k)) for k, s in sides.items()}
        return cls(kinds, Header(**{"candidate": "center"} | header))

    @classmethod
    def identity(cls, dim: int, kinds: Sequence[str] = (SINGLE,), *, sources: Sources = None, **header: Any) -> Repair:
        """The repair that changes nothing, for vectors of ``dim`` dimensions."""
        return cls({k: KindMap(Side(dim), source=_source_of(sources, k)) for k in kinds}, Header(**header))

    @classmethod
    def load(cls, path: str | Path) -> Repair:
        """The repair that ``save`` wrote to ``path``."""
        return cls(*load(path))

    def save(self, path: str | Path) -> None:
        """Write one safetensors file with a JSON header, atomically."""
        save(self.kinds, self.header, path)

    def with_header(self, **changes: Any) -> Repair:
        """The same maps with other fields of the header (evidence, decision, calibration)."""
        return replace(self, header=replace(self.header, **changes))

    @property
    def is_identity(self) -> bool:
        """Whether vectors of every kind come out as they went in."""
        return all(kind.is_identity for kind in self.kinds.values())

    @property
    def dim_out(self) -> int:
        """Width of the vectors that come out, the same for all kinds."""
        return next(iter(self.kinds.values())).dim_out

    def kind(self, name: str | None = None) -> KindMap:
        """The map of the kind ``name``, which may be left out where there is only one."""
        return self.kinds[self.kind_name(name)]

    def kind_name(self, name: str | None = None) -> str:
        """``name`` if there is such a kind, the only one where it is None; else an error that lists them."""
        known = ", ".join(self.kinds)
        if name is None and len(self.kinds) == 1:
            return next(iter(self.kinds))
        if name is None:
            raise InputError(f"this repair has maps for {known}; name one with --kind (kind= in Python)")
        if name in self.kinds:
            return name
        import difflib

        near = difflib.get_close_matches(name, list(self.kinds), n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UnknownNameError(f"unknown kind '{name}'; {hint}this repair has {known}")

    def transform(self, x: Any, kind: str | None = None, *, source: Origin | str | None = None) -> Any:
        """The rows ``x`` (n, d), or one vector (d,), repaired; float64 in, float64 out, anything else float32.

        Sums are float64 throughout, and a batch costs one matrix product. ``source`` is checked where it is stated,
        as by ``check_source``.

        Raises
        ------
        UnknownNameError, InputError
            if there is no such kind, the width is that of other vectors, or ``source`` is another model.
        """
        name = self.kind_name(kind)
        if source is not None:
            self.check_source(source, name)
        return self._map_rows(x, name, self.kinds[name].apply)

    def store(self, x: Any, kind: str | None = None) -> Any:
        """The rows ``x`` (n, d), or one vector (d,), as an index holds them: repaired, and coded where there is a code.

        Raises
        ------
        UnknownNameError, InputError
            if there is no such kind, or the width is that of other vectors.
        """
        name = self.kind_name(kind)
        return self._map_rows(x, name, self.kinds[name].store)

    def _map_rows(self, x: Any, name: str, way: Callable[[Any], Any]) -> Any:
        given = x if is_torch(x) else np.asarray(x)
        single = len(given.shape) == 1
        rows = to_numpy(as_matrix(given[None] if single else given, "vectors"))
        self.check_dim(int(rows.shape[1]), name)
        out = way(rows)
        return out[0] if single else out

    def check_dim(self, dim: int, kind: str | None = None, what: str = "these vectors") -> None:
        """Raise ``InputError`` unless vectors of ``dim`` dimensions can be of this ``kind``."""
        name = self.kind_name(kind)
        wanted = self.kinds[name].dim_in
        if dim != wanted:
            origin = self.kinds[name].source
            of = f" of {origin.name}" if origin is not None else ""
            raise InputError(
                f"{what} have {dim} dimensions, the repair takes {_kind_words(name)}{of} with {wanted}; pass vectors "
                "of the model that it was fitted on"
            )

    def check_source(self, source: Origin | str, kind: str | None = None) -> None:
        """Raise ``InputError`` unless ``source`` is the model of this ``kind``, by weights or else by name.

        A text is the name of a model, or the sha256 of its weights.
        """
        name = self.kind_name(kind)
        origin = self.kinds[name].source
        stated = source if isinstance(source, Origin) else _parse_origin(source, origin)
        if origin is None:
            raise InputError(
                f"this repair does not record which model its {_kind_words(name)} come from, so '{stated.name}' cannot "
                "be checked; leave the source out"
            )
        why = origin.differs(stated)
        if why is not None:
            raise InputError(
                f"another model: got {why}; a repair fits the {_kind_words(name)} of the model that it was fitted on "
                "alone"
            )

    def probability(self, cosine: Any) -> Floats:
        """Probability that a pair with this ``cosine``, of repaired vectors, matches; of the same shape."""
        if self.header.calibration is None:
            raise InputError("this repair has no score calibration; make it with pairs (repair --pairs FILE)")
        return self.header.calibration.probability(cosine)

    def decide(self, cosines: Any, promise: str | None = None) -> npt.NDArray[np.bool_]:
        """Whether each of ``cosines``, of repaired vectors, is at or above the certified threshold of ``promise``.

        Raises
        ------
        InputError
            if no threshold of it was stored (``embedscope calibrate --into``), or it could not be certified.
        """
        cut = threshold_of(self.header.thresholds, promise).cosine
        assert cut is not None  # threshold_of gives certified ones only
        return np.asarray(np.asarray(cosines, dtype=np.float64) >= cut)


def _source_of(sources: Sources, kind: str) -> Origin | None:
    return sources.get(kind) if isinstance(sources, Mapping) else sources


def _parse_origin(text: str, origin: Origin | None) -> Origin:
    """A model stated as a text: 64 hexadecimal digits are the sha256 of its weights."""
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text.lower()):
        return Origin(origin.name if origin is not None else text[:12], weights_sha256=text.lower())
    return Origin(text)


def _kind_words(kind: str) -> str:
    """What vectors of a kind are called in a sentence."""
    return SINGLE if kind == SINGLE else f"{kind} vectors"
