"""Files of word vectors of fastText and of gensim's own; none of their code is run."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._gensim_pickle import Plain, attributes_of, plain_arrays
from embedscope.encoders._wordvectors_text import WordFile

Read = tuple[list[str], npt.NDArray[Any]]


def read_fasttext(path: Path, limit: int | None, name: str | None = None) -> Read:
    """Vectors of the words in a fastText model, called ``name``; none are made from character n-grams."""
    called = name or str(path)
    module = require("gensim.models.fasttext", "words", f"the fastText model {called}")
    try:
        vectors = module.load_facebook_vectors(str(path))
    except (ValueError, EOFError, LookupError, AssertionError, AttributeError, NotImplementedError) as error:
        raise InputError(f"{called} is no fastText model that gensim reads ({error}); get the file again") from error
    except (struct.error, TypeError, MemoryError, OverflowError) as error:
        raise InputError(f"{called} is no fastText model that gensim reads ({error!r}); get the file again") from error
    return list(vectors.index_to_key)[:limit], np.asarray(vectors.vectors)[:limit]


def read_gensim(path: Path, limit: int | None) -> Read:
    """A file of ``KeyedVectors.save``; the array beside it is memory-mapped."""
    with WordFile(path).open() as file:
        attributes = attributes_of(file, path)
    inner = attributes.get("wv")
    stem = path
    if isinstance(inner, Plain):
        attributes, stem = plain_arrays(vars(inner)), path.with_name(f"{path.name}.wv")
    named = attributes.get("index_to_key") or attributes.get("index2word") or ()
    words = list(named) if isinstance(named, list | tuple) else []
    x = next(_arrays(attributes, stem), None)
    if x is None:
        x = compose_from_ngrams(attributes, stem, words, path)
    if not words or not all(isinstance(w, str) for w in words) or x is None or x.ndim != 2 or len(x) < len(words):
        raise InputError(f"{path} holds no words with vectors; save model.wv with KeyedVectors.save")
    return words[:limit], x[: len(words)][:limit]


def _arrays(
    attributes: dict[str, Any], stem: Path, names: tuple[str, ...] = ("vectors", "syn0")
) -> Iterator[npt.NDArray[Any]]:
    for name in names:
        if isinstance(attributes.get(name), np.ndarray):
            yield attributes[name]
        beside = stem.with_name(f"{stem.name}.{name}.npy")
        if beside.is_file():
            try:
                yield np.load(beside, mmap_mode="r", allow_pickle=False)
            except (ValueError, EOFError, OSError) as error:
                raise InputError(f"{beside} is no array ({error}); save the vectors again") from error


def compose_from_ngrams(
    attributes: dict[str, Any], stem: Path, words: list[str], path: Path
) -> npt.NDArray[Any] | None:
    """Vectors (n, d) of the words of a ``FastTextKeyedVectors``, which keeps only the parts they are made of.

    A word's vector is the mean of its own and those of its character n-grams, by gensim's own code; None where
    ``attributes`` holds no such parts.
    """
    own, grams = (next(_arrays(attributes, stem, (name,)), None) for name in ("vectors_vocab", "vectors_ngrams"))
    if own is None or grams is None:
        return None
    sizes = [attributes.get(name) for name in ("min_n", "max_n", "bucket")]
    if not all(type(v) is int and 0 <= v < 1 << 31 for v in sizes) or not attributes.get("compatible_hash", True):
        raise InputError(f"{path} holds fastText vectors of another version of gensim; save them again")
    least, most, bucket = (int(v) for v in sizes if v is not None)
    if own.shape != (len(words), grams.shape[-1]) or grams.shape[:1] != (bucket,):
        raise InputError(
            f"{path} holds {len(words):,} words, vectors of shape {own.shape} and n-grams of shape {grams.shape} in "
            f"{bucket:,} buckets, which do not fit; save the vectors again"
        )
    module = require("gensim.models.fasttext", "words", f"the fastText vectors {path}")
    vectors = module.FastTextKeyedVectors(own.shape[1], least, most, bucket)
    vectors.index_to_key, vectors.key_to_index = words, {word: i for i, word in enumerate(words)}
    vectors.vectors_vocab, vectors.vectors_ngrams = np.asarray(own), np.asarray(grams)
    vectors.recalc_char_ngram_buckets()
    vectors.adjust_vectors()
    return np.asarray(vectors.vectors)
