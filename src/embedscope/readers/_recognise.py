"""What a file is by its first bytes, where its name says something else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from embedscope.core.compressed import CODECS, codec_of
from embedscope.core.errors import InputError
from embedscope.readers.paths import CompressedFile, Place

_HEAD = 1024


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it begins, what it is, what to do, and under which suffixes it is in its place."""

    begins: re.Pattern[bytes]
    what: str
    advice: str
    suffixes: frozenset[str] = frozenset()


def _kind(begins: bytes, what: str, advice: str, suffixes: str = "") -> Kind:
    return Kind(re.compile(begins, re.DOTALL | re.IGNORECASE), what, advice, frozenset(suffixes.split()))


_TEXT = "jsonl ndjson csv tsv"
KINDS = (
    _kind(rb"version https://git-lfs", "a git-lfs pointer, not the file itself", "run `git lfs pull`"),
    _kind(
        rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<\?xml)",
        "a web page, not the file itself",
        "download the file again from its direct link (a login or an error page came instead)",
    ),
    _kind(rb"PK(\x03\x04|\x05\x06)", "a zip archive", "unpack it, or name it .npz or .pt if it is one", "npz pt pth"),
    *(
        _kind(re.escape(codec.magic), f"{codec.name}-compressed", f"end its name in {end}, as in vectors.npy{end}")
        for end, codec in CODECS.items()
    ),
    _kind(rb"I[a-z][a-z0-9]{2}..[\x00-\x0f]\x00", "a FAISS index", "name it .index", "index faiss"),
    _kind(rb"\x93NUMPY", "a NumPy array", "name it .npy"),
    _kind(rb"PAR1", "a Parquet file", "name it .parquet", "parquet"),
    _kind(rb"ARROW1", "an Arrow file", "name it .arrow", "arrow feather ipc arrows"),
    _kind(rb"FEA1", "a Feather file of version 1", "read it with an older pyarrow and write it as Parquet"),
    _kind(rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "name it .h5", "h5 hdf5 hdf"),
    _kind(
        rb"\x80[\x02-\x05](}|]|\x95|c|\()",
        "a pickle, which is never loaded",
        "load it where you trust it and save the array with np.save(path, x)",
        "pt pth",
    ),
    _kind(rb"%PDF-", "a PDF document", "pass a file of vectors"),
    _kind(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "an image", "pass a file of vectors, or --images with a model"),
    _kind(rb"\x7fELF|MZ\x90\x00", "a program", "pass a file of vectors"),
    _kind(rb"\xff\xfe(?!\xff)|\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)
_BINARY = frozenset(["fvecs", "bvecs", "ivecs", "fbin", "u8bin", "i8bin", "ibin"])
_OWN = {"npy": (b"\x93NUMPY",), "npz": (b"PK",)}


def recognise(head: bytes) -> Kind | None:
    """The kind of file that begins with ``head``, None where it is none of those known.

    >>> recognise(b"version https://git-lfs.github.com/spec/v1").what
    'a git-lfs pointer, not the file itself'
    """
    return next((kind for kind in KINDS if kind.begins.match(head)), None)


def check_codec(file: CompressedFile) -> None:
    """Raise ``InputError`` where the first bytes of a file say that it is not compressed as its name says."""
    with file.packed.open("rb") as packed:
        head = packed.read(_HEAD)
    codec = codec_of(file.packed.name)
    if not head:
        raise InputError(f"{file} is empty (0 bytes); copy or write it again")
    if codec is None or head.startswith(codec.magic):
        return
    kind = recognise(head)
    if kind is None:
        raise InputError(f"{file} is not {codec.name}-compressed, as its name says; name it as it is, or get it again")
    raise InputError(f"{file} is {kind.what}; {kind.advice}")


def check_head(place: Place, suffix: str) -> None:
    """Raise ``InputError`` where the first bytes of ``place`` say that it is no ``.suffix`` file but something else."""
    with place.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise InputError(f"{place} is empty (0 bytes); copy or write it again")
    if head.startswith(_OWN.get(suffix, (b"\0never",))):
        return
    kind = recognise(head)
    if kind is None or suffix in kind.suffixes:
        return
    if suffix in _BINARY and not kind.what.startswith(("a git-lfs", "a web")):
        return  # these formats begin with a number, which may look like anything
    raise InputError(f"{place} is {kind.what}; {kind.advice}")
