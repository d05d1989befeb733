"""Queries and documents with ids: vectors of files, or texts that a model encodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import as_matrix, to_numpy
from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.short_repr import shorten
from embedscope.core.tables import Index
from embedscope.core.wording import count
from embedscope.datasets.id_texts import beir_texts_in, is_text_table, read_beir_texts
from embedscope.datasets.qrels import Judgements, read_qrels
from embedscope.datasets.tables import read_text
from embedscope.readers import NoVectorsError, file_of, ids_of, is_vectors, open_vectors
from embedscope.readers.facts import SEARCH_CODES
from embedscope.sources.id_files import default_id_file, id_files
from embedscope.sources.options import ModelOptions
from embedscope.sources.vector_files import read_matrix, vector_file_facts


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


def read_collection(source: Any, ids: Any, provenance: Provenance, name: str = "array") -> Collection:
    """A file of vectors with the ids of its rows, a table of texts with ids, or either from memory.

    Parameters
    ----------
    source : ``FILE`` or ``FILE::KEY`` of vectors, a table of texts (JSONL, CSV, TSV, Parquet), {id: text},
        {id: vector} or (n, d) vectors
    ids : (n,) ids, or a text file with one per row; where None, ``STEM.ids.txt`` beside the file or folder of vectors,
        or one beside each file of the folder, or else the ids that the files keep (a column ``id``, ids of an index)
    name : what messages and records call a collection from memory

    Raises
    ------
    InputError
        if a file cannot be read, or there is not one distinct id per row.
    """
    if not isinstance(source, str | Path):
        return _from_memory(source, ids, name)
    source = str(source)
    path = file_of(source)
    stream = _vectors_in(source, path)
    if stream is None:
        if ids is not None:
            raise InputError(f"{source} has ids of its own; leave out {ids}")
        texts = read_beir_texts(path)
        provenance.data[source] = file_facts(path)
        return Collection(source, tuple(texts), texts=tuple(texts.values()))
    _, x = read_matrix(stream, source)
    names = row_names(source, stream, ids, len(x), provenance)
    if names is None:
        raise InputError(
            f"{source} has vectors without ids; write {default_id_file(path).name} next to it with one id per line, or "
            "name a file with --query-ids, --corpus-ids"
        )
    return Collection(source, names, x)


def row_names(source: str, stream: Stream, ids: Any, n: int, provenance: Provenance) -> tuple[str, ...] | None:
    """The ids of the ``n`` rows of a file of vectors, where it has any; see :func:`read_collection`.

    Raises
    ------
    InputError
        if there is not one distinct id per row.
    """
    provenance.data[source] = vector_file_facts(source, stream)
    if ids is not None and not isinstance(ids, str | Path):
        return _distinct(_one_per_row(ids, n, source), source)
    files = id_files(source, stream) if ids is None else (Path(ids),)
    held = ids_of(stream) if ids is None else None
    own = None if held is None else held.unique()
    if held is not None and own is not None and not files:
        provenance.data[source] |= {"ids": held.source}
        return own
    if not files:
        return None
    names = tuple(line for file in files for line in read_lines(file))
    said = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1:,} more"
    if own is not None and len(names) == len(own) and list(names) != list(own):
        raise InputError(
            f"{source} and {said} beside it give other ids to the same rows (first '{own[0]}' and '{names[0]}'); "
            "remove one of the two, or name a file with --query-ids, --corpus-ids"
        )
    if len(names) != n:
        raise InputError(
            f"{said} {'has' if len(files) == 1 else 'have'} {len(names):,} ids for the {n:,} rows of {source}; "
            "wanted one per row"
        )
    provenance.data |= {str(file): file_facts(file) for file in files}
    return _distinct(names, source)


def _vectors_in(source: str, path: Path) -> Stream | None:
    """The vectors of ``source``; None where it is a table of texts, which has none."""
    may_be_texts = is_text_table(path) and str(path) == source
    if not is_vectors(source) and not may_be_texts:
        raise InputError(
            f"{source} is neither a file of vectors (.npy, .parquet, ...) nor a table of texts (.jsonl, .csv, .tsv)"
        )
    if not is_vectors(source):
        return None
    try:
        return open_vectors(source)
    except NoVectorsError:
        if not may_be_texts:
            raise
        return None


def _from_memory(source: Any, ids: Any, name: str) -> Collection:
    """A mapping of ids to texts or to vectors, or vectors with ``ids``."""
    if not isinstance(source, Mapping):
        if len(source) and isinstance(next(iter(source)), str):
            raise InputError(f"{name} are texts without ids; pass a dict of id -> text")
        if ids is None:
            raise InputError(f"{name} are vectors without ids; pass one id per row, or a dict of id -> vector")
        x = to_numpy(as_matrix(source, name))
        given = read_lines(ids) if isinstance(ids, str | Path) else ids
        return _check_distinct(Collection(name, _one_per_row(given, len(x), name), x))
    if ids is not None:
        raise InputError(f"{name} is a dict, which has its own ids; leave out the ids")
    if not source:
        raise InputError(f"{name} is empty; wanted {{id: text}} or {{id: vector}}")
    names = tuple(str(i) for i in source)
    kinds = {isinstance(value, str | Mapping) for value in source.values()}
    if kinds == {True}:
        return _check_distinct(Collection(name, names, texts=beir_texts_in(source, name)))
    if kinds == {False}:
        vectors = [np.asarray(to_numpy(v)) for v in source.values()]
        if len({v.shape for v in vectors}) > 1:
            raise InputError(f"the vectors of {name} have several shapes; wanted one number of dimensions")
        return _check_distinct(Collection(name, names, to_numpy(as_matrix(np.stack(vectors), name))))
    raise InputError(f"{name} mixes texts and vectors; pass {{id: text}} or {{id: vector}}")


def _one_per_row(ids: Any, n: int, name: str) -> tuple[str, ...]:
    own_ids = tuple(str(i) for i in ids)
    if len(own_ids) != n:
        raise InputError(f"got {len(own_ids)} ids for the {n} rows of {name}; wanted one per row")
    return own_ids


def judgements_of(qrels: Any, provenance: Provenance) -> Judgements:
    """Judgements of a file in the format of TREC or BEIR, or of {query id: {document id: grade}}.

    Raises
    ------
    InputError
        if the file cannot be read, the mapping is empty or has another form, or no grade is above 0.
    """
    if isinstance(qrels, str | Path):
        provenance.data[str(qrels)] = file_facts(Path(qrels)) if Path(qrels).is_file() else {}
        return _with_relevant(read_qrels(qrels), str(qrels))
    try:
        rows = [(str(q), str(d), float(grade)) for q, judged in qrels.items() for d, grade in judged.items()]
    except (AttributeError, TypeError, ValueError) as error:
        values = list(qrels.items()) if isinstance(qrels, Mapping) else []
        odd = next((f"; query '{q}' has {shorten(v)}" for q, v in values if not isinstance(v, Mapping)), "")
        raise InputError(
            "qrels must be a file or {query id: {document id: grade}}, with grade 1 for each relevant document, got "
            f"{type(qrels).__name__}{odd or f' ({error})'}"
        ) from error
    if not rows:
        raise InputError("qrels hold no judgements; wanted {query id: {document id: grade}}")
    for query_id, document_id, value in rows:
        if not math.isfinite(value):
            raise InputError(
                f"qrels grade document '{document_id}' of query '{query_id}' with {value:g}; wanted a finite number"
            )
    query, document, grade = zip(*rows, strict=True)
    return _with_relevant(Judgements(query, document, grade), "qrels")


def _with_relevant(judgements: Judgements, name: str) -> Judgements:
    """``judgements`` where at least one grade is above 0, else ``InputError``: nothing could be found."""
    if not any(grade > 0 for grade in judgements.grade):
        raise InputError(
            f"none of the {len(judgements):,} judgements of {name} has a grade above 0, so no document is relevant; "
            "check which column holds the grade, and add the relevant documents with a grade of 1 or more"
        )
    return judgements


def own_documents(queries: Collection, corpus: Collection) -> Index:
    """Row (m,) of the document with the id of each query, -1 where there is none."""
    of = {i: row for row, i in enumerate(corpus.ids)}
    return np.array([of.get(i, -1) for i in queries.ids], dtype=np.intp)


def read_lines(path: str | Path) -> tuple[str, ...]:
    """Lines of a UTF-8 text file, without spaces at their ends; raises ``InputError`` where it cannot be read."""
    text = read_text(path, "UTF-8 text, one entry per line")
    return tuple(line.strip() for line in text.removesuffix("\n").split("\n"))


def read_corpus(
    sources: Sequence[Any],
    ids: Sequence[Any],
    modalities: Any,
    provenance: Provenance,
) -> Collection:
    """All documents of one index.

    Parameters
    ----------
    sources : documents as :func:`read_collection` takes them; a file may be ``MODALITY=FILE``
    ids : ids of each source, in the same order; empty for the default of :func:`read_collection`
    modalities : modality of each document, from a text file or an array, where one source holds several modalities

    Raises
    ------
    InputError
        if the files do not fit together.
    """
    if ids and len(ids) != len(sources):
        raise InputError(f"{len(ids)} files of ids for {len(sources)} corpora; name one for each, in the same order")
    split = [_split_modality(source) if isinstance(source, str) else ("", source) for source in sources]
    if len(sources) > 1 and not all(modality for modality, _ in split):
        raise InputError(
            "several corpora make a mixed index; name the modality of each, as in --corpus text=T --corpus image=I"
        )
    parts = []
    for i, (modality, file) in enumerate(split):
        part = read_collection(file, ids[i] if ids else None, provenance, "corpus")
        parts.append(replace(part, modalities=(modality,) * len(part)) if modality else part)
    whole = concat(parts)
    if modalities is None:
        return whole
    if whole.modalities:
        raise InputError(f"modalities are given twice, by --corpus MODALITY=FILE and by {modalities}; leave one out")
    name = str(modalities) if isinstance(modalities, str | Path) else "corpus_modality"
    if isinstance(modalities, str | Path):
        provenance.data[name] = file_facts(Path(modalities)) if Path(modalities).is_file() else {}
        lines = read_lines(modalities)
    else:
        lines = tuple(map(str, modalities))
    if len(lines) != len(whole) or not all(lines):
        raise InputError(
            f"{name} has {len(lines):,} modalities for {len(whole):,} documents; wanted one per row, none empty"
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
    _distinct(collection.ids, collection.name)
    return collection


def _distinct(ids: tuple[str, ...], name: str) -> tuple[str, ...]:
    seen: set[str] = set()
    for i in ids:
        if i in seen:
            raise InputError(f"{name} has the id '{i}' twice; every row needs an id of its own")
        seen.add(i)
    return ids


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
        codes = _check_codes(queries, corpus)
        score = options.score or "cosine"
        notes = [f"score {score}"] if score != "cosine" else []
        note = "; ".join([*notes, *codes]) or None
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


def _check_codes(queries: Collection, corpus: Collection) -> list[str]:
    """What is said of documents that may be codes; raises ``InputError`` where the two sides differ in dimensions."""
    assert queries.x is not None and corpus.x is not None
    coded = [(side.name, side.x.dtype.name) for side in (queries, corpus) if side.x is not None and _is_coded(side.x)]
    asked, held = queries.x.shape[1], corpus.x.shape[1]
    if asked != held:
        what = "; ".join(
            f"{name} holds {dtype} numbers, which may be codes of compressed rows: packed bits are read as "
            f"{name}?bits, other {SEARCH_CODES}"
            for name, dtype in coded
        )
        advice = what or "encode both into one space"
        raise InputError(f"queries have {asked} dimensions and corpus {held}; {advice}")
    return [
        f"{name} holds {dtype} numbers, which are compared as they are: if they are codes, the step of each coordinate "
        f"is lost; {SEARCH_CODES}"
        for name, dtype in coded
    ]


def _is_coded(x: npt.NDArray[Any]) -> bool:
    """Whether ``x`` are whole numbers of one byte, and not bits one by one."""
    return x.dtype in (np.int8, np.uint8) and bool(len(x)) and int(np.abs(x.astype(np.int16)).max()) > 1


def cosine_notes(score: str) -> tuple[str, ...]:
    """What is said where rows are ranked by cosine though their model compares them by ``score``.

    >>> cosine_notes("cosine"), cosine_notes("dot")
    ((), ('the model compares by dot; here rows are compared by cosine',))
    """
    return () if score == "cosine" else (f"the model compares by {score}; here rows are compared by cosine",)


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
    sides = ((judgements.query, queries, "queries", "query"), (judgements.document, corpus, "documents", "document"))
    for ids, collection, name, one in sides:
        row_of = {i: row for row, i in enumerate(collection.ids)}
        missing = list(dict.fromkeys(i for i in ids if i not in row_of))
        rows.append(np.array([row_of.get(i, -1) for i in ids], dtype=np.intp))
        if not missing:
            continue
        if not allow_missing:
            if _are_swapped(judgements, queries, corpus):
                raise InputError(
                    f"the query ids of the judgements are in {corpus.name} and their document ids in {queries.name}; "
                    "swap the two (--queries and --corpus)"
                )
            raise InputError(
                f"the judgements name {len(missing):,} {name if len(missing) > 1 else one} that {collection.name} "
                f"does not have, first '{missing[0]}'; its ids look like '{collection.ids[0]}'. Add them, or drop "
                "their judgements with --allow-missing"
            )
        notes.append(f"judgements of {count(len(missing), f'missing {one}')} dropped")
    query, document = rows
    known = (query >= 0) & (document >= 0)
    if not known.any():
        raise InputError(f"none of the {len(judgements):,} judgements fits the queries and the corpus; check the ids")
    grade = np.array(judgements.grade, dtype=np.float64)[known]
    return JudgedRows(query[known], document[known], grade, tuple(notes))


def _are_swapped(judgements: Judgements, queries: Collection, corpus: Collection) -> bool:
    return set(judgements.query) <= set(corpus.ids) and set(judgements.document) <= set(queries.ids)


def _split_modality(source: str) -> tuple[str, str]:
    """``MODALITY=FILE`` as its two parts; the modality is empty where none is named, or a file has such a name.

    >>> _split_modality("image=photos.npy"), _split_modality("photos.npy")
    (('image', 'photos.npy'), ('', 'photos.npy'))
    """
    modality, sign, file = source.partition("=")
    plain = not sign or "/" in modality or "\\" in modality or Path(source).exists()
    return ("", source) if plain else (modality.strip(), file)
