"""Files of word vectors of fastText and of gensim's own; none of their code is run."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require

Read = tuple[list[str], npt.NDArray[Any]]


def read_fasttext(path: Path, limit: int | None) -> Read:
    """Vectors of the words in a fastText model; none are made from character n-grams."""
    module = require("gensim.models.fasttext", "words", f"the fastText model {path}")
    found = module.load_facebook_vectors(str(path))
    return list(found.index_to_key)[:limit], np.asarray(found.vectors)[:limit]


class _Plain:
    """What stands for a gensim object: its attributes, without its code."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)


_ARRAYS = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}


class _Attributes(pickle.Unpickler):
    """Reads attributes and arrays; any class or function but these is refused, so no code of the file runs."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that a file of word vectors needs."""
        if module.startswith("gensim.models.") and name[:1].isupper():
            return _Plain
        if module.partition(".")[0] == "numpy" and name in _ARRAYS:
            return super().find_class(module, name)
        if (module, name) in {("collections", "OrderedDict"), ("collections", "defaultdict"), ("builtins", "int")}:
            return super().find_class(module, name)
        raise InputError(
            f"the file asks for {module}.{name}, which word vectors do not need, and is not read; load it with gensim "
            "yourself and save it with save_word2vec_format"
        )


def read_gensim(path: Path, limit: int | None) -> Read:
    """A file of ``KeyedVectors.save``; the array beside it is memory-mapped."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            found = _Attributes(file).load().__dict__
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError) as error:
        raise InputError(f"{path} is no file of KeyedVectors.save ({error}); save the vectors again") from error
    inner = found.get("wv")
    stem = path
    if isinstance(inner, _Plain):
        found, stem = inner.__dict__, path.with_name(f"{path.name}.wv")
    words = list(found.get("index_to_key") or found.get("index2word") or ())
    x = next(_arrays(found, stem), None)
    if x is None:
        x = made_of_ngrams(found, stem, words, path)
    if not words or x is None or len(x) < len(words):
        raise InputError(f"{path} holds no words with vectors; save model.wv with KeyedVectors.save")
    return words[:limit], x[: len(words)][:limit]


def _arrays(
    found: dict[str, Any], stem: Path, names: tuple[str, ...] = ("vectors", "syn0")
) -> Iterator[npt.NDArray[Any]]:
    for name in names:
        if isinstance(found.get(name), np.ndarray):
            yield found[name]
        beside = stem.with_name(f"{stem.name}.{name}.npy")
        if beside.is_file():
            yield np.load(beside, mmap_mode="r", allow_pickle=False)


def made_of_ngrams(found: dict[str, Any], stem: Path, words: list[str], path: Path) -> npt.NDArray[Any] | None:
    """Vectors (n, d) of the words of a ``FastTextKeyedVectors``, which keeps only the parts they are made of.

    A word's vector is the mean of its own and those of its character n-grams, by gensim's own code; None where
    ``found`` holds no such parts.
    """
    own, grams = (next(_arrays(found, stem, (name,)), None) for name in ("vectors_vocab", "vectors_ngrams"))
    if own is None or grams is None:
        return None
    sizes = [found.get(name) for name in ("min_n", "max_n", "bucket")]
    if not all(type(v) is int and 0 <= v < 1 << 31 for v in sizes) or not found.get("compatible_hash", True):
        raise InputError(f"{path} holds fastText vectors of another version of gensim; save them again")
    least, most, bucket = (int(v) for v in sizes if v is not None)
    if own.shape != (len(words), grams.shape[-1]) or grams.shape[:1] != (bucket,):
        raise InputError(
            f"{path} holds {len(words):,} words, vectors of shape {own.shape} and n-grams of shape {grams.shape} in "
            f"{bucket:,} buckets, which do not fit; save the vectors again"
        )
    module = require("gensim.models.fasttext", "words", f"the fastText vectors {path}")
    made = module.FastTextKeyedVectors(own.shape[1], least, most, bucket)
    made.index_to_key, made.key_to_index = words, {word: i for i, word in enumerate(words)}
    made.vectors_vocab, made.vectors_ngrams = np.asarray(own), np.asarray(grams)
    made.recalc_char_ngram_buckets()
    made.adjust_vectors()
    return np.asarray(made.vectors)
