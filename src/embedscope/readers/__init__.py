"""Files of vectors as streams: blocks of rows read from bytes, never kept mapped and never unpickled.

A source is a file, a folder, a glob, or an address of any of these (``s3://``); ``::KEY`` says which of several arrays
or columns, ``::A,B`` or ``::*`` several of them at once. The suffix of the files decides the reader; before one of
``.gz``, ``.bz2``, ``.xz`` and ``.zst`` it is that of the decompressed file. ``?bits`` unpacks bytes that are packed
bits; ``?ids=COLUMN&text=COLUMN`` name the columns of ids and texts.

A collection of a vector store is ``SCHEME:PATH/COLLECTION::COLUMN`` (``lancedb:``, ``chroma:``, ``qdrant:``,
``postgresql:``); see :mod:`embedscope.readers.stores`.

Whatever is wrong with a file is an ``InputError`` of one sentence: no error of a format's own library comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedscope.core.batch import Stream
from embedscope.core.boundary import sentences
from embedscope.core.compressed import codec_of, inner_suffix
from embedscope.core.errors import InputError
from embedscope.core.model_folders import is_model_folder
from embedscope.core.registry import Registry
from embedscope.core.regular import check_folder, check_name, check_regular, near_name
from embedscope.readers._bits import unpack_bits
from embedscope.readers._blocks import ArrayStream, plan
from embedscope.readers._column_names import no_coordinates, numbered_groups
from embedscope.readers._folders import glob_places, is_folder, is_glob, open_files, open_folder
from embedscope.readers._hints import hint
from embedscope.readers._keys import NoVectorsError, join_first
from embedscope.readers._recognise import check_codec, check_head
from embedscope.readers._row_strings import RowStrings, ids_of, other_columns, texts_of
from embedscope.readers._shards import Found
from embedscope.readers.columns import ColumnStream
from embedscope.readers.facts import describe_stream, facts_of, itemsize_of
from embedscope.readers.held import held_bytes
from embedscope.readers.options import parse_source
from embedscope.readers.paths import (
    CompressedFile,
    Place,
    RemoteFile,
    file_system,
    is_remote,
    place_at,
    source_of,
    state_of,
)
from embedscope.readers.peek import TEXT_TABLES, may_hold_vectors
from embedscope.readers.stores import STORES, StorePlace, place_of

__all__ = [
    "READERS",
    "STORES",
    "ArrayStream",
    "Found",
    "NoVectorsError",
    "RowStrings",
    "describe_stream",
    "facts_of",
    "file_of",
    "find_vectors",
    "held_bytes",
    "hint",
    "ids_of",
    "is_table",
    "is_vector_folder",
    "is_vectors",
    "itemsize_of",
    "join_first",
    "no_coordinates",
    "numbered_groups",
    "open_vectors",
    "other_columns",
    "plan",
    "source_of",
    "state_of",
    "store_of",
    "texts_of",
]

READERS: Registry[Callable[[Place, str | None], Stream]] = Registry("reader", "embedscope.readers")
"""Suffix without its dot -> function of (path, key) that opens the stream."""

_FOLDERS = frozenset({"zarr"})
"""Suffixes of folders that are one file to their format."""


def is_vectors(source: str) -> bool:
    """Whether ``source`` names files of vectors by its suffix (``X.npy``, ``X.npz::key``, ``data/*.npy``) or address.

    So does a folder on this machine that is no saved model. A JSONL, CSV or TSV file that exists is one where its first
    rows hold a vector, since it may hold texts alone.

    >>> is_vectors("words.npz::glove"), is_vectors("s3://bucket/vectors/"), is_vectors("hf:gpt2")
    (True, True, False)
    """
    place = parse_source(source).place
    if place_of(place) is not None:
        return True
    if is_remote(place) or ("/" in place and "*" in place) or is_vector_folder(source):
        return True
    suffix = _suffix(place)
    return suffix in READERS and (suffix not in TEXT_TABLES or may_hold_vectors(place_at(place)))


_TABLES = frozenset({"parquet", "arrow", "arrows", "feather", "ipc", *TEXT_TABLES})


def is_table(source: str) -> bool:
    """Whether ``source`` is a table of vectors with named columns, by its suffix or scheme; a folder may be one.

    A JSONL, CSV or TSV file of texts alone is none.

    >>> is_table("x.parquet::vector"), is_table("lancedb:db/table"), is_table("x.npy"), is_table("minilm")
    (True, True, False, False)
    """
    place = parse_source(source).place
    if place_of(place) is not None:
        return True
    return (_suffix(place) in _TABLES and is_vectors(source)) or (
        bool(place) and Path(place).is_dir() and _suffix(place) not in _FOLDERS
    )


def file_of(source: str) -> Path:
    """The file part of ``FILE``, ``FILE?OPTIONS`` or ``FILE::KEY``."""
    return Path(parse_source(source).place)


def is_vector_folder(source: str) -> bool:
    """Whether ``source`` is a folder on this machine that is read as vectors, and is not a saved model.

    >>> is_vector_folder("vectors.npy")
    False
    """
    place = file_of(source)
    return place.is_dir() and not is_model_folder(place)


def store_of(source: str) -> StorePlace | None:
    """The collection of a vector store that ``source`` names, without its column; None where it names no store.

    >>> str(store_of("lancedb:db/docs::vector")), store_of("docs.npy")
    ('lancedb:db/docs', None)
    """
    return place_of(parse_source(source).place)


def open_vectors(source: str, *, ids_column: str | None = None, text_column: str | None = None) -> Stream:
    """Open ``PLACE`` or ``PLACE::KEY`` as a stream; see :func:`find_vectors`."""
    return find_vectors(source, ids_column=ids_column, text_column=text_column).stream


def find_vectors(
    source: str, *, skip_bad: bool = False, ids_column: str | None = None, text_column: str | None = None
) -> Found:
    """Open a file, a folder or a glob, local or remote, with what was found on the way.

    The space is called ``vectors``, or as its key where one is named; several keys give several spaces over the same
    rows. Files of a folder or a glob are read as one, their rows numbered on in the order of the names.

    Parameters
    ----------
    skip_bad : pass over files that cannot be opened; ``missing`` says which
    ids_column, text_column : of a table, the columns that hold the ids and the texts of its rows, which
        :func:`ids_of` and :func:`texts_of` give; found by their names where None

    Raises
    ------
    InputError
        if there is no such file, no such key, or it is not a finite real (n, d) matrix; nan and inf are found while
        the blocks are read.
    """
    named = parse_source(source)
    with sentences(named.place, "check the path, then get or write the file again"):
        check_name(source)
        check_name(named.place)
        ids, texts = ids_column or named.ids, text_column or named.texts

        def open_file(file: Place, key: str | None) -> Stream:
            return _open_file(file, key, ids, texts)

        store = place_of(named.place)
        if store is not None:
            if store.is_local:
                check_folder(store.path)
            vectors = Found(
                _name_columns(STORES.get(store.scheme)(store, named.key), store, ids, texts), "vector store"
            )
        else:
            vectors = _find(named.place, named.key, open_file, skip_bad)
        if named.bits:
            vectors.stream = unpack_bits(vectors.stream, source)
        return vectors


def _find(place: str, key: str | None, open_file: Callable[[Place, str | None], Stream], skip_bad: bool) -> Found:
    suffix = _suffix(place)
    if is_glob(place):
        stream = open_files(place, glob_places(place), key, open_file, skip_bad)
        stream.layout = "glob"
        return stream
    if is_folder(place) and suffix in _FOLDERS:
        return Found(open_file(Path(place), key), "folder")
    if is_folder(place):
        if suffix in READERS and not is_remote(place) and not any(Path(place).iterdir()):
            raise InputError(
                f"{place} is a folder, not a regular file; wanted a file of vectors: name the file inside it"
            )
        return open_folder(place, key, open_file, list(READERS), skip_bad)
    if suffix not in READERS:
        raise InputError(hint(place))
    file = place_at(place)
    there = source_of(file)
    if isinstance(there, RemoteFile):
        system, path = file_system(place)
        if not system.exists(path):
            raise InputError(f"there is no file {place}; check the address")
    elif not there.is_symlink() and not there.exists():
        raise InputError(f"there is no file {place}; {near_name(there)}")
    return Found(open_file(file, key), "file")


def _open_file(file: Place, key: str | None, ids: str | None, texts: str | None) -> Stream:
    suffix = _suffix(file.name)
    with sentences(str(file), _advice(suffix)):
        there = source_of(file)
        if isinstance(there, Path) and not (suffix in _FOLDERS and there.is_dir()):
            check_regular(there)
        if isinstance(there, Path) and there.is_dir():
            check_folder(there)
        if isinstance(file, CompressedFile):
            check_codec(file)
        if suffix not in _FOLDERS:
            check_head(file, suffix)
        return _name_columns(READERS.get(suffix)(file, key), file, ids, texts)


def _name_columns(stream: Stream, file: Place, ids: str | None, texts: str | None) -> Stream:
    """The same with the columns of ids and texts that the user named, which only tables have."""
    if ids is None and texts is None:
        return stream
    if isinstance(stream, ColumnStream):
        return stream.naming(ids, texts)
    raise InputError(
        f"{file} is no table with columns, so it has no column '{ids or texts}' of ids or texts; leave the option out"
    )


def _advice(suffix: str) -> str:
    return f"is it a .{suffix} file? get it or write it again"


def _suffix(place: str) -> str:
    suffix = inner_suffix(place).removeprefix(".")
    return "" if codec_of(place) is not None and suffix in _FOLDERS else suffix
