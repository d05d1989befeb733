"""What a FAISS index is made of: maps of ids, transforms and graphs around the part that holds the vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError

Ids = npt.NDArray[np.int64]

_EXACT = frozenset({"IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexFlat1D", "IndexIVFFlat", "IndexIVFFlatDedup"})
_EXACT |= {"IndexBinaryFlat", "IndexBinaryIVF"}
_SIGNS = frozenset({"IndexLSH"})
_MAPS = frozenset({"IndexIDMap", "IndexIDMap2", "IndexBinaryIDMap", "IndexBinaryIDMap2"})


@dataclass(frozen=True)
class Held:
    """The part of an index that holds the vectors.

    Attributes
    ----------
    kind : class of the part in FAISS
    n, d : vectors and dimensions
    rows : (start, stop) -> (stop - start, d) float32, or 0 and 1 of bits
    ids : (n,) ids of the rows, None where they are their numbers
    notes : what must be known of the vectors
    dtype : ``float32`` or ``bits``
    owner : the index as it was read, kept alive since ``rows`` looks into its memory
    """

    kind: str
    n: int
    d: int
    rows: Callable[[int, int], npt.NDArray[Any]]
    ids: Ids | None = None
    notes: tuple[str, ...] = ()
    dtype: str = "float32"
    owner: Any = None


def take_apart(faiss: Any, index: Any, path: str) -> Held:
    """The part of ``index`` (as ``read_index`` gives it) that holds the vectors which are searched.

    Raises
    ------
    InputError, RuntimeError
        if no part gives vectors back, or counts and ids contradict each other.
    """
    binary = isinstance(index, faiss.IndexBinary)
    index = (faiss.downcast_IndexBinary if binary else faiss.downcast_index)(index)
    kind, n = type(index).__name__, int(index.ntotal)
    if kind in _MAPS:
        return _read_id_map(faiss, index, path)
    if kind == "IndexPreTransform":
        return _behind_chain(faiss, index, path)
    if hasattr(index, "refine_index"):
        held = take_apart(faiss, index.refine_index, path)
        held = replace(held, notes=(*held.notes, f"the vectors that {kind} keeps for its second look"))
    elif hasattr(index, "storage"):
        held = take_apart(faiss, index.storage, path)
        held = replace(held, notes=(*held.notes, f"searched by {kind}"))
    elif isinstance(index, faiss.IndexBinaryIVF if binary else faiss.IndexIVF):
        held = _read_inverted(faiss, index, path, binary)
    else:
        held = _plain(index, path, binary)
    if held.n != n:
        raise InputError(f"{path} says {n:,} vectors and its {held.kind} holds {held.n:,}; write the index again")
    return held


def _read_id_map(faiss: Any, index: Any, path: str) -> Held:
    """An index with a list of ids in front."""
    held = take_apart(faiss, index.index, path)
    ids: Ids = faiss.vector_to_array(index.id_map).astype(np.int64)
    if not held.n == len(ids) == int(index.ntotal):
        raise InputError(f"{path} has {len(ids):,} ids for {held.n:,} vectors; write the index again")
    if held.ids is not None:  # inverted lists: their own ids are places in the map
        if not np.array_equal(np.sort(held.ids), np.arange(held.n)):
            raise InputError(
                f"{path} has inverted lists that do not match its map of ids (vectors were removed from one of them); "
                "build the index again"
            )
        ids = ids[held.ids]
    notes = tuple(note for note in held.notes if "ids" not in note)
    return replace(held, ids=ids, notes=(*notes, *_notes_on(ids)))


def _behind_chain(faiss: Any, index: Any, path: str) -> Held:
    """An index with transforms in front: its vectors are those after them."""
    steps = [faiss.downcast_VectorTransform(index.chain.at(i)) for i in range(index.chain.size())]
    held = take_apart(faiss, index.index, path)
    ends = [(int(step.d_in), int(step.d_out)) for step in steps]
    if ends and (ends[0][0] != index.d or ends[-1][1] != held.d):
        raise InputError(f"{path} has transforms whose dimensions do not fit its index; write it again")
    names = ", ".join(type(step).__name__ for step in steps)
    note = f"the vectors that are searched, after {names} from {index.d} to {held.d} dimensions"
    return replace(held, notes=(*held.notes, note))


def _plain(index: Any, path: str, binary: bool) -> Held:
    """An index that gives its vectors back by their numbers."""
    kind, n, d = type(index).__name__, int(index.ntotal), int(index.d)
    if kind in _SIGNS:
        raise InputError(f"{path} is an index of kind {kind}, whose vectors cannot be read back; save them as .npy")

    def rows(start: int, stop: int) -> npt.NDArray[Any]:
        x = np.asarray(index.reconstruct_n(start, stop - start))
        return _bits(x, d) if binary else x

    return Held(kind, n, d, rows, None, _lossy(kind), "bits" if binary else "float32")


def _read_inverted(faiss: Any, index: Any, path: str, binary: bool) -> Held:
    """An index of inverted lists, read through them: by rising id, whatever was removed or added twice."""
    kind, n, d = type(index).__name__, int(index.ntotal), int(index.d)
    lists = faiss.downcast_InvertedLists(index.invlists)
    sizes = np.array([lists.list_size(i) for i in range(lists.nlist)], dtype=np.int64)
    if int(sizes.sum()) != n:
        raise InputError(f"{path} says {n:,} vectors and its lists hold {int(sizes.sum()):,}; write the index again")
    parts = [faiss.rev_swig_ptr(lists.get_ids(i), int(size)) for i, size in enumerate(sizes) if size]
    ids: Ids = np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    list_of = np.repeat(np.arange(len(sizes)), sizes)[order]
    place = (np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes))[order]
    ids = ids[order]
    codes = _codes(faiss, lists, sizes, kind, path)
    decode = _decoder(faiss, index, binary, d)

    def rows(start: int, stop: int) -> npt.NDArray[Any]:
        in_list, at = list_of[start:stop], place[start:stop]
        held = np.empty((stop - start, int(lists_code_size)), dtype=np.uint8)
        for number in np.unique(in_list):
            mine = in_list == number
            held[mine] = codes[int(number)][at[mine]]
        return decode(in_list, at, held)

    lists_code_size = next((c.shape[1] for c in codes.values()), 0)
    return Held(kind, n, d, rows, ids, (*_lossy(kind), *_notes_on(ids)), "bits" if binary else "float32")


def _codes(faiss: Any, lists: Any, sizes: Any, kind: str, path: str) -> dict[int, npt.NDArray[np.uint8]]:
    """Codes of every list that is not empty, (vectors, bytes): views of the memory of the index where possible."""
    packed = type(lists).__name__ == "BlockInvertedLists"
    if packed and kind != "IndexIVFPQFastScan":
        raise InputError(f"{path} is an index of kind {kind}, whose packed codes cannot be read back; save .npy")
    codes = {}
    for i, size in enumerate(sizes.tolist()):
        if not size:
            continue
        if not packed:
            raw = faiss.rev_swig_ptr(lists.get_codes(i), size * lists.code_size)
            codes[i] = raw.reshape(size, lists.code_size)
            continue
        packer = lists.packer
        blocks = -(-size // packer.nvec)
        raw = faiss.rev_swig_ptr(lists.get_codes(i), blocks * packer.block_size)
        flat = np.zeros((blocks * packer.nvec, packer.code_size), dtype=np.uint8)
        for block in range(blocks):
            source, target = raw[block * packer.block_size :], flat[block * packer.nvec :]
            packer.unpack_all(faiss.swig_ptr(source), faiss.swig_ptr(target))
        codes[i] = flat[:size]
    return codes


def _decoder(faiss: Any, index: Any, binary: bool, d: int) -> Callable[..., npt.NDArray[Any]]:
    """(lists, places in them, codes) -> vectors, as the kind of the index has it."""
    kind = type(index).__name__

    def refine(in_list: Any, at: Any, codes: Any) -> npt.NDArray[Any]:
        x = np.empty((len(at), d), dtype=np.float32)
        for row, (number, offset) in enumerate(zip(in_list.tolist(), at.tolist(), strict=True)):
            index.reconstruct_from_offset(number, offset, faiss.swig_ptr(x[row]))
        return x

    def fast_scan(in_list: Any, at: Any, codes: Any) -> npt.NDArray[Any]:
        x = index.pq.decode(np.ascontiguousarray(codes[:, : index.pq.code_size]))
        if index.by_residual:
            x += np.stack([index.quantizer.reconstruct(int(number)) for number in in_list])
        return np.asarray(x)

    def standalone(in_list: Any, at: Any, codes: Any) -> npt.NDArray[Any]:
        width = index.coarse_code_size()
        numbers = in_list.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
        return np.asarray(index.sa_decode(np.ascontiguousarray(np.concatenate([numbers, codes], axis=1))))

    if binary:
        return lambda in_list, at, codes: _bits(codes, d)
    return {"IndexIVFPQR": refine, "IndexIVFPQFastScan": fast_scan}.get(kind, standalone)


def _bits(x: npt.NDArray[np.uint8], d: int) -> npt.NDArray[np.uint8]:
    """The ``d`` bits of packed rows, in the order of ``np.packbits``, which is how people fill such indexes.

    FAISS itself counts the bits of a byte from the lowest; the order of coordinates changes no distance.
    """
    return np.unpackbits(np.ascontiguousarray(x), axis=1)[:, :d]


def _lossy(kind: str) -> tuple[str, ...]:
    if kind in _EXACT:
        return ()
    return (f"{kind} is lossy: its vectors are what the codes give back, not those that were added",)


def _notes_on(ids: Ids) -> tuple[str, ...]:
    """Notes on ids: that they are served, and where they are not unique."""
    if np.array_equal(ids, np.arange(len(ids))):
        return ()
    twice = len(ids) - len(np.unique(ids))
    note = f"ids of its own, {ids.min()} to {ids.max()}"
    return (f"{note}; {twice:,} vectors have an id that another one has too",) if twice else (note,)
