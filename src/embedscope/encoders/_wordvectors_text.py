"""Word vectors as text and as word2vec binary, plain, compressed or in a zip archive; what a header says is checked."""

from __future__ import annotations

import itertools
import mmap
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from embedscope.core.compressed import CODECS, codec_of, decompressing
from embedscope.core.errors import InputError, UnknownNameError

Floats32 = npt.NDArray[np.float32]

_FASTTEXT = struct.pack("<i", 793712314)
_SAMPLE = 1 << 20
_LINES = 50
_BOM = b"\xef\xbb\xbf"
_FOREIGN = {
    b"version https://git-lfs": "a git-lfs pointer, not the file itself; run `git lfs pull`",
    b"<!doctype html": "a web page, not the file itself; download it again from its direct link",
    b"<html": "a web page, not the file itself; download it again from its direct link",
}


@dataclass(frozen=True)
class WordFile:
    """A file of word vectors, or a member of a zip archive."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}?member={self.member}"

    @property
    def packed(self) -> bool:
        """Whether the file, or its member, is not what lies on the disk."""
        return self.member is not None or codec_of(self.path) is not None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked where it is packed; damage found on the way is an ``InputError``."""
        try:
            if self.member is not None:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                    yield file  # type: ignore[misc]
            elif self.packed:
                with open(self.path, "rb") as raw, decompressing(raw, self.path) as file:
                    yield file
            else:
                with open(self.path, "rb") as file:
                    yield file
        except (EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{self} is packed and damaged ({error}); get the file again") from error


@dataclass(frozen=True)
class Words:
    """What was read: words (n,), vectors (n, d), and what must be known of them."""

    words: list[str]
    x: npt.NDArray[Any]
    notes: tuple[str, ...] = ()


def word_file(path: Path, member: str | None) -> WordFile:
    """The file at ``path``, in a zip archive its only member or the one called ``member``."""
    if not zipfile.is_zipfile(path):
        if member is not None:
            raise InputError(f"{path} is no zip archive; leave out ?member={member}")
        return WordFile(path)
    with zipfile.ZipFile(path) as archive:
        names = [i.filename for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX")]
    listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    if member is not None and member not in names:
        raise UnknownNameError(f"{path} has no member '{member}'; it holds {listed}")
    if member is None and len(names) != 1:
        first = names[0] if names else "NAME"
        raise InputError(f"{path} holds {len(names)} files: {listed}; say which: gensim:{path}?member={first}")
    return WordFile(path, member or names[0])


def format_of(file: WordFile) -> str:
    """``fasttext``, ``gensim``, ``word2vec binary``, ``word2vec text`` or ``glove``, from the first bytes."""
    with file.open() as content:
        head = content.read(_SAMPLE)
    if not head:
        raise InputError(f"{file} is empty (0 bytes); get the file again")
    for begins, what in _FOREIGN.items():
        if head.lstrip().lower().startswith(begins):
            raise InputError(f"{file} is {what}")
    if head.startswith(_FASTTEXT) or head[2:4] == b"\0\0":  # older fastText files begin with a small int32
        return "fasttext"
    if head[:1] == b"\x80":
        return "gensim"
    first, _, rest = head.removeprefix(_BOM).partition(b"\n")
    sizes = _sizes(first)
    if sizes is None:
        return "glove"
    line, ended, _ = rest.partition(b"\n")
    return "word2vec text" if _is_text(line, sizes[1], whole=bool(ended)) else "word2vec binary"


def _is_text(line: bytes, d: int, *, whole: bool) -> bool:
    """Whether a line after the header ends in a number written out; where it is cut, its second to last part."""
    parts = _parts(line)
    if len(parts) < 2 or b"\0" in line:
        return False
    return _is_number(parts[-1] if whole or len(parts) == d + 1 else parts[-2])


def _sizes(line: bytes) -> tuple[int, int] | None:
    parts = line.split()
    if len(parts) != 2 or not all(p.isdigit() and len(p) <= 18 for p in parts):
        return None
    return int(parts[0]), int(parts[1])


def _parts(line: bytes) -> list[bytes]:
    """Parts of a line between spaces and tabs; other spaces belong to words."""
    return re.split(rb"[ \t]+", line.strip(b" \t\r\n"))


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return b"_" not in part


def _numbers_at_end(parts: Sequence[bytes]) -> int:
    """How many parts after the first are numbers, from the end."""
    count = 0
    for part in reversed(parts[1:]):
        if not _is_number(part):
            break
        count += 1
    return count


def _dimensions(file: WordFile, lines: Sequence[bytes], said: int | None) -> int:
    """Numbers per line, which is what most of the first lines have, since a word may hold spaces and be a number.

    ``InputError`` where the header ``said`` another number.
    """
    counts = Counter(_numbers_at_end(_parts(line)) for line in lines)
    dimensions = max(counts, key=lambda n: (counts[n], n), default=0)
    if said is not None and counts and dimensions != said:
        raise InputError(
            f"{file} says {said} dimensions in its header and has {dimensions} numbers per line; get the file again, "
            "or mend the header"
        )
    return dimensions


def read_text(file: WordFile, limit: int | None, *, header: bool) -> Words:
    """Lines of a word and its numbers, parted by spaces or tabs; ``header`` says that the first line holds the sizes.

    Words may hold spaces. The number of words may be one off the header, which is reported; more is an error.
    """
    words: list[str] = []
    rows: list[Floats32] = []
    replaced = 0
    with file.open() as content:
        bom = content.read(len(_BOM))
        first = (b"" if bom == _BOM else bom) + content.readline()
        sizes = _sizes(first) if header else None
        start = [] if header else [first]
        sample = [*start, *itertools.islice(content, _LINES)]
        full = [line for line in sample if line.strip()]
        width = _dimensions(file, full, sizes[1] if sizes else None)
        for number, line in enumerate(_chain(sample, content), 2 if header else 1):
            if limit is not None and len(words) >= limit:
                break
            if not line.strip(b" \t\r\n"):
                continue
            word, row = _row(file, number, line, width)
            replaced += "\ufffd" in word
            words.append(word)
            rows.append(row)
    if not rows:
        raise InputError(f"{file} holds no word vectors")
    notes = _count_notes(file, sizes, len(words)) if limit is None else ()
    if replaced:
        notes = (*notes, f"{replaced:,} words are no valid UTF-8; their bad bytes were replaced")
    x = np.stack(rows)
    _check_finite(file, words, x)
    return Words(words, x, notes)


def _chain(sample: Sequence[bytes], rest: Iterator[bytes] | BinaryIO) -> Iterator[bytes]:
    yield from sample
    yield from rest


def _row(file: WordFile, number: int, line: bytes, width: int) -> tuple[str, Floats32]:
    parts = _parts(line)
    for end, codec in CODECS.items():
        if line.startswith(codec.magic):
            raise InputError(f"{file} is {codec.name}-compressed; name it {file.path.name}{end}")
    if width < 1:
        raise InputError(f"line {number} of {file} has no numbers after its word; wanted numbers with decimal points")
    if len(parts) <= width:
        raise InputError(f"line {number} of {file} holds {len(parts)} parts, wanted a word and {width} numbers")
    try:
        row = np.array(parts[len(parts) - width :], dtype=np.float32)
    except ValueError as error:
        raise InputError(f"line {number} of {file} holds no word with {width} numbers ({error})") from error
    return b" ".join(parts[: len(parts) - width]).decode("utf-8", errors="replace"), row


def _count_notes(file: WordFile, sizes: tuple[int, int] | None, counted: int) -> tuple[str, ...]:
    """Raise ``InputError`` where the header's count is more than one off; a note where it is just that."""
    if sizes is None or sizes[0] == counted:
        return ()
    if abs(sizes[0] - counted) > 1:
        raise InputError(
            f"{file} says {sizes[0]:,} words in its header and holds {counted:,}; get the file again, or read the "
            f"first ones with ?limit={min(sizes[0], counted)}"
        )
    return (f"the header says {sizes[0]:,} words, the file holds {counted:,}",)


def read_binary(file: WordFile, limit: int | None) -> Words:
    """word2vec binary: sizes, then of each word its bytes, a space and d little-endian float32; nothing after them."""
    if file.packed:
        with file.open() as content:
            return _from_bytes(content.read(), file, limit)
    with open(file.path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _from_bytes(content, file, limit)


def _from_bytes(content: Any, file: WordFile, limit: int | None) -> Words:
    end = content.find(b"\n")
    sizes = _sizes(content[: max(end, 0)].removeprefix(_BOM))
    if sizes is None or not sizes[1]:
        raise InputError(f"{file} does not begin with two numbers; it is no word2vec file")
    total, d = sizes
    n = total if limit is None else min(total, limit)
    if n * (4 * d + 1) > len(content):
        raise InputError(
            f"{file} says {total} vectors of {d} numbers and has {len(content):,} bytes; get the file again"
        )
    x = np.empty((n, d), dtype=np.float32)
    words = []
    at = end + 1
    for i in range(n):
        space = content.find(b" ", at)
        if space < 0 or space + 1 + 4 * d > len(content):
            raise InputError(f"{file} says {total} vectors and ends in number {i + 1}; get the file again")
        words.append(content[at:space].decode("utf-8", errors="replace").lstrip("\n"))
        at = space + 1 + 4 * d
        x[i] = np.frombuffer(content[space + 1 : at], dtype="<f4")
    left = len(content) - at
    if n == total and left and content[at : at + 64].strip(b"\r\n \0"):
        raise InputError(
            f"{file} has {left:,} bytes after its {total:,} vectors of {d} numbers, so its header does not fit; get "
            "the file again"
        )
    _check_finite(file, words, x)
    return Words(words, x)


def _check_finite(file: WordFile, words: Sequence[str], x: npt.NDArray[Any]) -> None:
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            f"{file} holds nan or inf in {int(bad.sum()):,} vectors, first that of {words[first][:40]!a}; get the file "
            "again, or drop these words"
        )
