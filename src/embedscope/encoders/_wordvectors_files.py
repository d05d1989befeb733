"""Files of word vectors: word2vec text and binary, GloVe, fastText and gensim's own; none of their code is run."""

from __future__ import annotations

import gzip
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._gensim_pickle import Plain, attributes_of, plain_arrays

Floats32 = npt.NDArray[np.float32]
Read = tuple[list[str], npt.NDArray[Any]]

_FASTTEXT = struct.pack("<i", 793712314)
_SAMPLE = 4096
_DIGITS = 18


def format_of(path: Path) -> str:
    """``fasttext``, ``gensim``, ``word2vec binary``, ``word2vec text`` or ``glove``, from the first bytes."""
    with opened(path) as file:
        head = file.read(_SAMPLE)
    if head.startswith(_FASTTEXT) or head[2:4] == b"\0\0":  # older fastText files begin with a small int32
        return "fasttext"
    if head[:1] == b"\x80":
        return "gensim"
    first, _, rest = head.partition(b"\n")
    if _sizes(first) is None:
        return "glove"
    line = rest.partition(b"\n")[0]
    try:
        words = line.decode("utf-8").split(" ")
        [float(v) for v in words[1:3]]
    except (UnicodeDecodeError, ValueError):
        return "word2vec binary"
    return "word2vec text" if len(words) > 1 else "word2vec binary"


def opened(path: Path) -> BinaryIO:
    """The bytes of ``path``, unpacked where its name ends in .gz."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")  # type: ignore[return-value]


def _sizes(line: bytes) -> tuple[int, int] | None:
    parts = line.split()
    plain = len(parts) == 2 and all(p.isdigit() and len(p) <= _DIGITS for p in parts)
    return (int(parts[0]), int(parts[1])) if plain else None


def read_text(path: Path, limit: int | None, *, header: bool) -> Read:
    """Lines of a word and its numbers; ``header`` says that the first line holds the sizes. Words may hold spaces."""
    words: list[str] = []
    rows: list[Floats32] = []
    with opened(path) as file:
        sizes = _sizes(file.readline()) if header else None
        width = sizes[1] if sizes else None
        for number, line in enumerate(file, 2 if header else 1):
            if limit is not None and len(words) >= limit:
                break
            parts = line.rstrip().decode("utf-8", errors="replace").split(" ")
            width = len(parts) - 1 if width is None else width
            try:
                row = np.array(parts[len(parts) - width :], dtype=np.float32)
            except ValueError as error:
                raise InputError(f"line {number} of {path} holds no word with {width} numbers ({error})") from error
            if len(parts) <= width:
                raise InputError(f"line {number} of {path} holds {len(parts)} parts, wanted a word and {width} numbers")
            words.append(" ".join(parts[: len(parts) - width]))
            rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no word vectors")
    return words, np.stack(rows)


def read_binary(path: Path, limit: int | None) -> Read:
    """word2vec binary: sizes, then of each word its bytes, a space and d little-endian float32."""
    if path.suffix == ".gz":
        with opened(path) as file:
            return _from_bytes(file.read(), path, limit)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _from_bytes(content, path, limit)


def _from_bytes(content: Any, path: Path, limit: int | None) -> Read:
    end = content.find(b"\n")
    sizes = _sizes(content[: max(end, 0)])
    if sizes is None:
        raise InputError(f"{path} does not begin with two numbers; it is no word2vec file")
    n, d = sizes
    n = n if limit is None else min(n, limit)
    if n * (4 * d + 1) > len(content):
        raise InputError(
            f"{path} says {sizes[0]} vectors of {d} numbers and has {len(content):,} bytes; get the file again"
        )
    x = np.empty((n, d), dtype=np.float32)
    words = []
    at = end + 1
    for i in range(n):
        space = content.find(b" ", at)
        if space < 0 or space + 1 + 4 * d > len(content):
            raise InputError(f"{path} says {sizes[0]} vectors and ends in number {i + 1}; get the file again")
        words.append(content[at:space].decode("utf-8", errors="replace").lstrip("\n"))
        at = space + 1 + 4 * d
        x[i] = np.frombuffer(content[space + 1 : at], dtype="<f4")
    return words, x


def read_fasttext(path: Path, limit: int | None) -> Read:
    """Vectors of the words in a fastText model; none are made from character n-grams."""
    module = require("gensim.models.fasttext", "words", f"the fastText model {path}")
    try:
        found = module.load_facebook_vectors(str(path))
    except (ValueError, EOFError, LookupError, AssertionError, AttributeError, NotImplementedError) as error:
        raise InputError(f"{path} is no fastText model that gensim reads ({error}); get the file again") from error
    except (struct.error, TypeError, MemoryError, OverflowError) as error:
        raise InputError(f"{path} is no fastText model that gensim reads ({error!r}); get the file again") from error
    return list(found.index_to_key)[:limit], np.asarray(found.vectors)[:limit]


def read_gensim(path: Path, limit: int | None) -> Read:
    """A file of ``KeyedVectors.save``; the array beside it is memory-mapped."""
    with opened(path) as file:
        found = attributes_of(file, path)
    inner = found.get("wv")
    stem = path
    if isinstance(inner, Plain):
        found, stem = plain_arrays(vars(inner)), path.with_name(f"{path.name}.wv")
    named = found.get("index_to_key") or found.get("index2word") or ()
    words = list(named) if isinstance(named, list | tuple) else []
    x = next(_arrays(found, stem), None)
    if not words or not all(isinstance(w, str) for w in words) or x is None or x.ndim != 2 or len(x) < len(words):
        raise InputError(f"{path} holds no words with vectors; save model.wv with KeyedVectors.save")
    return words[:limit], x[: len(words)][:limit]


def _arrays(found: dict[str, Any], stem: Path) -> Iterator[npt.NDArray[Any]]:
    for name in ("vectors", "syn0"):
        if isinstance(found.get(name), np.ndarray):
            yield found[name]
        beside = stem.with_name(f"{stem.name}.{name}.npy")
        if beside.is_file():
            try:
                yield np.load(beside, mmap_mode="r", allow_pickle=False)
            except (ValueError, EOFError, OSError) as error:
                raise InputError(f"{beside} is no array ({error}); save the vectors again") from error
