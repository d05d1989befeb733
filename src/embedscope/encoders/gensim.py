"""``gensim:FILE``: word vectors of gensim, word2vec, GloVe and fastText files, looked up by exact string."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._lookup import Scheme
from embedscope.encoders._wordvectors import WordVectors
from embedscope.encoders._wordvectors_files import (
    Read,
    format_of,
    read_binary,
    read_fasttext,
    read_gensim,
    read_text,
)

IDS = ("gensim",)

_READERS: Mapping[str, Callable[[Path, int | None], Read]] = {
    "fasttext": read_fasttext,
    "gensim": read_gensim,
    "glove": lambda path, limit: read_text(path, limit, header=False),
    "word2vec binary": read_binary,
    "word2vec text": lambda path, limit: read_text(path, limit, header=True),
}


def open_word_vectors(name: str) -> WordVectors:
    """Word vectors of ``FILE`` or ``FILE?limit=N``, which reads the first N words; the format is found by looking.

    Raises
    ------
    DataUnavailableError
        if there is no such file.
    InputError
        if it holds no word vectors.
    """
    file, _, query = name.partition("?")
    count = query.removeprefix("limit=")
    if query and (query == count or not count.isdigit() or int(count) < 1):
        raise InputError(f"'gensim:{name}' has the option '{query}'; the only one is ?limit=N, the first N words")
    path = Path(file).expanduser()
    if not path.is_file():
        raise DataUnavailableError(f"there is no file {file}; gensim:FILE wants a file of word vectors")
    try:
        form = format_of(path)
        words, x = _READERS[form](path, int(count) if query else None)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is packed and damaged ({error}); get the file again") from error
    first = dict.fromkeys(words)
    facts = {
        "kind": "word vectors",
        "format": form,
        "words": len(words),
        "distinct_words": len(first),
        "width": int(x.shape[1]),
        "limit": int(count) if query else None,
        "weights_sha256": sha256_of(path),
    }
    return WordVectors(tuple(words), x, facts)


ENTRIES = {
    "gensim": Scheme(
        name="gensim",
        title="Word vectors",
        description="a file of word2vec (text, binary), GloVe, fastText or gensim: gensim:FILE, gensim:FILE?limit=N",
        licence="that of the file",
        cite="rehurek2010",
        open=open_word_vectors,
        install='pip install "embedscope[words]"',
    )
}
