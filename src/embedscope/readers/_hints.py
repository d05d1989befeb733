"""What to do with a file whose name is not that of a file of vectors."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from embedscope.core.compressed import CODECS, codec_of, inner_suffix
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.regular import check_regular, near_name
from embedscope.readers._json_lines import command_for
from embedscope.readers._keys import join_first
from embedscope.readers._recognise import recognise
from embedscope.readers._store_folders import store_address
from embedscope.readers.paths import is_remote

_USUAL = ("npy", "npz", "parquet", "jsonl", "csv", "safetensors", "arrow", "h5", "index", "pt", "fvecs", "fbin")

_WORDS = "word vectors are read as gensim:{path}"
_RAW = "for raw float32 numbers np.save('{stem}.npy', np.fromfile('{path}', 'f4').reshape(-1, DIMENSIONS))"
_PICKLE = "a pickle is never loaded: save the array in it with np.save(path, x)"
_LINES = {
    "json": "write one object per line and name it .jsonl",
    **dict.fromkeys(("pkl", "pickle", "joblib"), _PICKLE),
    **dict.fromkeys(("xlsx", "xls"), "save the sheet as .csv"),
    "mat": "save the matrix in it with np.save(path, scipy.io.loadmat(file)['NAME'])",
    **dict.fromkeys(("db", "sqlite", "sqlite3"), "export the table as .parquet"),
    "ckpt": "save the tensor in it as .safetensors",
    **dict.fromkeys(("vec", "kv", "model"), _WORDS),
    "bin": f"{_WORDS}; {_RAW}",
    **dict.fromkeys(("dat", "raw", "f32", "float32"), _RAW),
    "txt": f"texts need a model and --texts {{path}}; {_WORDS}",
    "zip": f"unpack it; {_WORDS} without unpacking",
}
_NUMBER = rb"[-+]?[0-9.]+(e[-+]?[0-9]+)?"
_NUMBERS = re.compile(rb"\s*(%b[ \t]+){2,}%b\s*?\n" % (_NUMBER, _NUMBER), re.IGNORECASE)
"""A line of at least three numbers, as np.savetxt writes it."""
_WORD_VECTOR = re.compile(rb"([0-9]+ [0-9]+\r?\n)|(\S+( -?\d+\.\d+){3})")
"""The header of word2vec, or a word and its vector."""
_COLUMNS = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\{\s*"0"\s*:')
"""A data frame by columns, as pandas writes it where it is told nothing."""
_ANYTHING = ("a zip archive", "a pickle", *(f"{codec.name}-compressed" for codec in CODECS.values()))
"""Kinds of files that may hold what their suffix says."""


def usual_first(suffix: str) -> tuple[int, str]:
    """Key that sorts suffixes of files of vectors, those that people have first."""
    return (_USUAL.index(suffix) if suffix in _USUAL else len(_USUAL)), suffix


def hint(place: str) -> str:
    """One sentence for a ``place`` that no reader knows by its name: what it is, and the line that helps."""
    from embedscope.readers import READERS, find_vectors

    if inner_suffix(place).removeprefix(".") in READERS:
        try:
            find_vectors(place)
        except EmbedscopeError as error:
            return str(error)
    wanted = f"wanted one of {join_first([f'.{name}' for name in sorted(READERS, key=usual_first)])}"
    if is_remote(place):
        return f"{place} is not a file of vectors that can be read; {wanted}"
    path = Path(place)
    try:
        check_regular(path)
        with path.open("rb") as file:
            head = file.read(1024)
    except InputError as error:
        near = near_name(path)
        text = str(error)
        return f"{text}; {wanted}" if "did you mean" not in near and PurePosixPath(place).suffix else text
    except OSError as error:
        return f"{place} cannot be read ({error.strerror}); check its permissions"
    return _unknown(path, head, wanted)


def _unknown(path: Path, head: bytes, wanted: str) -> str:
    """What a file of another name is by its first bytes and its suffix, and what to do."""
    if path.name == "chroma.sqlite3":
        return f"{path} belongs to a vector store, which is read as {store_address(path.parent)}"
    line = _LINES.get(inner_suffix(path).removeprefix("."), "").format(path=path, stem=path.stem)
    if codec_of(path) is not None:
        inner = "vectors are read where the name says what is inside, as in vectors.npy"
        line = f"{inner}{path.suffix}, word vectors as gensim:{path}"
    kind = recognise(head)
    if kind is not None and (not line or "pickle" in line or not kind.what.startswith(_ANYTHING)):
        return f"{path} is {kind.what}; {kind.advice}"
    if kind is None:
        line = _line_by_content(path, head) or line
    if not line:
        return f"{path} is not a file of vectors that can be read; {wanted}"
    what = "not a file of vectors by its name" if kind is None else kind.what
    return f"{path} is {what}; {line}"


def _line_by_content(path: Path, head: bytes) -> str:
    """What helps with a file of text by how it begins; empty where that is not known."""
    if inner_suffix(path) == ".json":
        command = command_for(path, head)
        if _COLUMNS.match(head):
            return f"write a data frame with to_json('{path.stem}.jsonl', orient='records', lines=True)"
        return command and f"write one row per line: {command}"
    if _NUMBERS.match(head):
        return f"for lines of numbers np.save('{path.stem}.npy', np.loadtxt('{path}'))"
    return _WORDS.format(path=path) if _WORD_VECTOR.match(head) else ""
