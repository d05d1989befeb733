"""Queries and documents with ids: vectors of files, or texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.datasets._qrels import Judgements, read_beir_texts
from embedscope.readers import file_of, ids_of, is_vectors, open_vectors
from embedscope.sources.options import ModelOptions
from embedscope.sources.vector_files import read_matrix


@dataclass(frozen=True, eq=False)
class Collection:
    """Queries or documents with ids (n,): as vectors ``x`` (n, d), or as ``texts`` (n,) still to be encoded.

    ``modalities`` (n,) names the modality of each row; it is empty where there is only one.
    """

    name: str
    ids: tuple[str, ...]
    x: npt.NDArray[Any] | None = None
    texts: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def read_collection(source: str, ids: str | Path | None, provenance: Provenance) -> Collection:
    """A file of vectors with the ids of its rows, or a BEIR file of JSON lines.

    Parameters
    ----------
    source : ``FILE`` or ``FILE::KEY`` of vectors, or ``FILE.jsonl`` of texts
    ids : text file, one id per row; where None, ``STEM.ids.txt`` beside the file of vectors, or else the ids that
        the file itself keeps (a column ``id``, ids of an index)

    Raises
    ------
    InputError
        if a file cannot be read, or there is not one distinct id per row.
    """
    path = file_of(source)
    if path.suffix.lower() == ".jsonl" and not is_vectors(source):
        if ids is not None:
            raise InputError(f"{source} has ids of its own; leave out {ids}")
        texts = read_beir_texts(path)
        provenance.data[source] = file_facts(path)
        return Collection(source, tuple(texts), texts=tuple(texts.values()))
    if not is_vectors(source):
        raise InputError(f"{source} is neither a file of vectors nor of texts; wanted .npy, .parquet... or .jsonl")
    stream = open_vectors(source)
    _, x = read_matrix(stream, source)
    id_file = Path(ids) if ids is not None else path.with_name(f"{path.stem}.ids.txt")
    own = ids_of(stream)
    if ids is None and own is not None and not id_file.exists():
        provenance.data[source] = file_facts(path) | {"ids": own.source}
        return Collection(source, own.unique(), x)
    if ids is None and not id_file.exists():
        raise InputError(
            f"{source} has vectors without ids; write {id_file.name} beside it with one id per line, or name a file "
            "with --query-ids, --corpus-ids"
        )
    names = read_lines(id_file)
    if len(names) != len(x):
        raise InputError(f"{id_file} has {len(names):,} ids for the {len(x):,} rows of {source}; wanted one per row")
    provenance.data[source] = file_facts(path)
    provenance.data[str(id_file)] = file_facts(id_file)
    return _check_distinct(Collection(source, names, x))


def read_lines(path: str | Path) -> tuple[str, ...]:
    """Lines of a UTF-8 text file, without spaces at their ends; raises ``InputError`` where it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} ({error}); wanted UTF-8 text, one entry per line") from error
    return tuple(line.strip() for line in text.removesuffix("\n").split("\n"))


def read_corpus(
    sources: Sequence[str],
    ids: Sequence[str | Path],
    modalities: str | Path | None,
    provenance: Provenance,
) -> Collection:
    """All documents of one index.

    Parameters
    ----------
    sources : files of documents, each ``FILE`` or ``MODALITY=FILE``
    ids : one file of ids per source, in the same order; empty for the default of :func:`read_collection`
    modalities : text file with the modality of each document, one per line, where one file holds several modalities

    Raises
    ------
    InputError
        if the files do not fit together.
    """
    if ids and len(ids) != len(sources):
        raise InputError(f"{len(ids)} files of ids for {len(sources)} corpora; name one for each, in the same order")
    split = [_split_modality(source) for source in sources]
    if len(sources) > 1 and not all(modality for modality, _ in split):
        raise InputError(
            "several corpora make a mixed index; name the modality of each, as in --corpus text=T --corpus image=I"
        )
    parts = []
    for i, (modality, file) in enumerate(split):
        part = read_collection(file, ids[i] if ids else None, provenance)
        parts.append(replace(part, modalities=(modality,) * len(part)) if modality else part)
    whole = concat(parts)
    if modalities is None:
        return whole
    if whole.modalities:
        raise InputError(f"modalities are given twice, by --corpus MODALITY=FILE and by {modalities}; leave one out")
    provenance.data[str(modalities)] = file_facts(Path(modalities)) if Path(modalities).is_file() else {}
    lines = read_lines(modalities)
    if len(lines) != len(whole) or not all(lines):
        raise InputError(
            f"{modalities} has {len(lines):,} modalities for {len(whole):,} documents; wanted one per row, none empty"
        )
    return replace(whole, modalities=lines)


def concat(parts: Sequence[Collection]) -> Collection:
    """One collection of several, each of one modality; raises ``InputError`` where they do not fit together."""
    if len(parts) == 1:
        return parts[0]
    if any(p.x is None for p in parts) != all(p.x is None for p in parts):
        raise InputError("some corpora hold vectors and some texts; encode all of them, or none")
    dims = {p.name: p.x.shape[1] for p in parts if p.x is not None}
    if len(set(dims.values())) > 1:
        listed = ", ".join(f"{name} has {d}" for name, d in dims.items())
        raise InputError(f"corpora of one index need the same dimensions, but {listed}; encode all into one space")
    x = np.concatenate([p.x for p in parts if p.x is not None]) if dims else None
    whole = Collection(
        " + ".join(p.name for p in parts),
        tuple(i for p in parts for i in p.ids),
        x,
        tuple(t for p in parts for t in p.texts),
        tuple(m for p in parts for m in p.modalities),
    )
    return _check_distinct(whole)


def _check_distinct(collection: Collection) -> Collection:
    seen: set[str] = set()
    for i in collection.ids:
        if i in seen:
            raise InputError(f"{collection.name} has the id '{i}' twice; every row needs an id of its own")
        seen.add(i)
    return collection


@dataclass(frozen=True, eq=False)
class RetrievalSpace:
    """Vectors of ``queries`` (m, d) and ``corpus`` (n, d) in one space of a source.

    ``score`` compares them; ``note`` says how a model read them.
    """

    source: str
    pooling: str | None
    space: str
    queries: npt.NDArray[Any]
    corpus: npt.NDArray[Any]
    score: str = "cosine"
    note: str | None = None


def retrieval_spaces(
    queries: Collection,
    corpus: Collection,
    model: str | None,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[RetrievalSpace]:
    """Vectors of queries and documents, space by space: as they are in files, or in the spaces of a model.

    Parameters
    ----------
    model : URI of the model that encodes texts; None for vectors
    options : its text vector is read where no layer or pooling is named

    Raises
    ------
    InputError
        if one side is vectors and the other texts, a model is missing or superfluous, or a text has no vector.
    """
    if queries.x is not None and corpus.x is not None:
        if model is not None or options.layers is not None or options.pooling is not None:
            raise InputError(
                f"{queries.name} and {corpus.name} hold vectors already; leave out the model, layers and pooling"
            )
        if prompts := [name for name in ("query_prompt", "document_prompt") if getattr(options, name) is not None]:
            raise InputError(f"{prompts[0]} is for models; {queries.name} and {corpus.name} hold vectors already")
        score = options.score or "cosine"
        note = f"score {score}" if score != "cosine" else None
        yield RetrievalSpace(corpus.name, None, "vectors", queries.x, corpus.x, score, note)
        return
    if queries.x is not None or corpus.x is not None:
        raise InputError(
            f"one of {queries.name} and {corpus.name} has vectors and the other texts; encode both or none"
        )
    if model is None:
        raise InputError(
            f"{queries.name} has texts; name a model that encodes them, as in `embedscope evaluate minilm`"
        )
    from embedscope.sources.models import Side, check_known, encode_sides

    sides: list[Side] = [("query", queries.texts), ("document", corpus.texts)]
    for one in encode_sides(model, sides, options, provenance, progress):
        both = [check_known(one.matrix(i), model, side.name) for i, side in enumerate((queries, corpus))]
        yield RetrievalSpace(model, one.pooling, one.space, both[0], both[1], one.score, one.note)


def single_retrieval_space(spaces: Sequence[RetrievalSpace]) -> RetrievalSpace:
    """The only one of ``spaces``; raises ``InputError`` where there are several."""
    if len(spaces) > 1:
        names = ", ".join(one.space for one in spaces)
        raise InputError(f"one space at a time, got {names}; name one with --layers {spaces[-1].space}")
    return spaces[0]


@dataclass(frozen=True)
class JudgedRows:
    """``grade`` (p,) of row ``document`` (p,) for row ``query`` (p,); ``notes`` say which judgements were dropped."""

    query: Index
    document: Index
    grade: npt.NDArray[np.float64]
    notes: tuple[str, ...] = ()


def judged_rows(
    judgements: Judgements, queries: Collection, corpus: Collection, *, allow_missing: bool = False
) -> JudgedRows:
    """Judgements by row number instead of id.

    Parameters
    ----------
    allow_missing : drop judgements of queries and documents that are missing, with a note

    Raises
    ------
    InputError
        if judgements name missing ids, unless ``allow_missing``; if no judgement is left.
    """
    notes = []
    rows = []
    for ids, collection, name in ((judgements.query, queries, "queries"), (judgements.document, corpus, "documents")):
        row_of = {i: row for row, i in enumerate(collection.ids)}
        missing = list(dict.fromkeys(i for i in ids if i not in row_of))
        rows.append(np.array([row_of.get(i, -1) for i in ids], dtype=np.intp))
        if not missing:
            continue
        if not allow_missing:
            raise InputError(
                f"the judgements name {len(missing):,} {name} that {collection.name} does not have, first "
                f"'{missing[0]}'; its ids look like '{collection.ids[0]}'. Add them, or drop their judgements with "
                "--allow-missing"
            )
        notes.append(f"judgements of {len(missing):,} missing {name} dropped")
    query, document = rows
    known = (query >= 0) & (document >= 0)
    if not known.any():
        raise InputError(f"none of the {len(judgements):,} judgements fits the queries and the corpus; check the ids")
    grade = np.array(judgements.grade, dtype=np.float64)[known]
    return JudgedRows(query[known], document[known], grade, tuple(notes))


def _split_modality(source: str) -> tuple[str, str]:
    """``MODALITY=FILE`` as its two parts; the modality is empty where none is named, or a file has such a name.

    >>> _split_modality("image=photos.npy"), _split_modality("photos.npy")
    (('image', 'photos.npy'), ('', 'photos.npy'))
    """
    modality, sign, file = source.partition("=")
    plain = not sign or "/" in modality or "\\" in modality or Path(source).exists()
    return ("", source) if plain else (modality.strip(), file)
