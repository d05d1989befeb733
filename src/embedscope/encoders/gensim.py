"""``gensim:FILE``: word vectors of gensim, word2vec, GloVe and fastText files, looked up by exact string."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.regular import check_regular, near_name
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._wordvectors import WordVectors
from embedscope.encoders._wordvectors_files import read_fasttext, read_gensim
from embedscope.encoders._wordvectors_text import WordFile, Words, format_of, read_binary, read_text, word_file
from embedscope.encoders.lookup import Scheme

IDS = ("gensim",)


def _refuse_archives(
    read: Callable[[Path, int | None], tuple[list[str], Any]],
) -> Callable[[WordFile, int | None], Words]:
    """A reader of files that cannot lie in an archive."""

    def inner(file: WordFile, limit: int | None) -> Words:
        if file.member is not None:
            raise InputError(f"{file} is no text and no word2vec binary; unpack it first")
        return Words(*read(file.path, limit))

    return inner


def _fasttext(file: WordFile, limit: int | None) -> Words:
    """A fastText model; gensim reads it from a file of its own, so a packed one is unpacked to a temporary one."""
    if not file.packed:
        return Words(*read_fasttext(file.path, limit))
    with tempfile.TemporaryDirectory(prefix="embedscope-") as folder:
        copy = Path(folder) / "model.bin"
        with file.open() as packed, copy.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        return Words(*read_fasttext(copy, limit, str(file)))


_READERS: Mapping[str, Callable[[WordFile, int | None], Words]] = {
    "fasttext": _fasttext,
    "gensim": _refuse_archives(read_gensim),
    "glove": lambda file, limit: read_text(file, limit, header=False),
    "word2vec binary": read_binary,
    "word2vec text": lambda file, limit: read_text(file, limit, header=True),
}


def open_word_vectors(name: str) -> WordVectors:
    """Word vectors of ``FILE`` or ``FILE?limit=N``, which reads the first N words; the format is found by looking.

    In a zip archive of several files, ``FILE?member=NAME`` names one.

    Raises
    ------
    DataUnavailableError
        if there is no such file.
    InputError
        if it is no regular file, holds no word vectors, or not what it says of itself.
    """
    place, query = _place(name)
    options = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
    count = options.get("limit", "1")
    if options.keys() - {"limit", "member"} or not count.isdigit() or int(count) < 1:
        raise InputError(
            f"'gensim:{name}' has the option '{query}'; there are ?limit=N, the first N words, and ?member=NAME, a "
            "file in a zip archive"
        )
    path = Path(place).expanduser()
    if not path.exists() and not path.is_symlink():
        raise DataUnavailableError(
            f"there is no file {place}; {near_name(path)}; gensim:FILE wants a file of word vectors"
        )
    check_regular(path)
    file = word_file(path, options.get("member"))
    form = format_of(file)
    read = _READERS[form](file, int(count) if "limit" in options else None)
    words, x = read.words, read.x
    first = dict.fromkeys(words)
    facts: dict[str, Any] = {
        "kind": "word vectors",
        "format": form,
        "words": len(words),
        "distinct_words": len(first),
        "width": int(x.shape[1]),
        "limit": int(count) if "limit" in options else None,
        "weights_sha256": sha256_of(path),
    }
    if file.member is not None:
        facts["member"] = file.member
    if read.notes:
        facts["notes"] = list(read.notes)
    return WordVectors(tuple(words), x, facts)


def _place(name: str) -> tuple[str, str]:
    """The file and the options of ``FILE?OPTIONS``."""
    place, _, query = name.partition("?")
    return place, query


ENTRIES = {
    "gensim": Scheme(
        name="gensim",
        title="Word vectors",
        description="a file of word2vec (text, binary), GloVe, fastText or gensim: gensim:FILE, gensim:FILE?limit=N",
        licence="that of the file",
        cite="rehurek2010",
        open=open_word_vectors,
        install='pip install "embedscope[words]"',
        has_vocabulary=True,
    )
}
