"""What to do with a file whose name is not that of a file of vectors."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from embedscope.core.compressed import codec_of, inner_suffix
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.regular import check_regular, near_name
from embedscope.readers._keys import listed
from embedscope.readers._paths import is_remote
from embedscope.readers._recognise import recognise
from embedscope.readers._store_folders import store_address

_USUAL = ("npy", "npz", "parquet", "jsonl", "csv", "safetensors", "arrow", "h5", "index", "pt", "fvecs", "fbin")

_LINES = {
    "json": "write one object per line and name it .jsonl",
    "pkl": "a pickle is never loaded: save the array in it with np.save(path, x)",
    "pickle": "a pickle is never loaded: save the array in it with np.save(path, x)",
    "joblib": "a pickle is never loaded: save the array in it with np.save(path, x)",
    "xlsx": "save the sheet as .csv",
    "xls": "save the sheet as .csv",
    "mat": "save the matrix in it with np.save(path, scipy.io.loadmat(file)['NAME'])",
    "db": "export the table as .parquet",
    "sqlite": "export the table as .parquet",
    "ckpt": "save the tensor in it as .safetensors",
    "vec": "word vectors are read as gensim:FILE",
    "kv": "word vectors are read as gensim:FILE",
    "model": "word vectors are read as gensim:FILE",
    "bin": "word vectors are read as gensim:FILE, a matrix of plain numbers needs a name such as .fbin",
    "txt": "texts need a model and --texts FILE; word vectors are read as gensim:FILE",
    "zip": "unpack it; word vectors are read as they are, as gensim:FILE",
}


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
    wanted = f"wanted one of {listed([f'.{name}' for name in sorted(READERS, key=usual_first)])}"
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
    line = _LINES.get(inner_suffix(path).removeprefix("."))
    if codec_of(path) is not None:
        inner = "vectors are read where the name says what is inside, as in vectors.npy"
        line = f"{inner}{path.suffix}, word vectors as gensim:FILE"
    kind = recognise(head)
    if kind is not None:
        return f"{path} is {kind.what}; {kind.advice if line is None or 'pickle' in line else line}"
    if line is None and re.match(rb"\S+( -?\d+\.\d+){3}", head):
        line = "word vectors are read as gensim:FILE"
    if line is not None:
        return f"{path} is not a file of vectors by its name; {line}"
    return f"{path} is not a file of vectors that can be read; {wanted}"
