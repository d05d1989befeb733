"""Queries and documents with ids: vectors of files, or texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.datasets._qrels import Judgements, read_beir_texts, read_qrels
from embedscope.readers import file_of, is_vectors, open_vectors


@dataclass(frozen=True, eq=False)
class Collection:
    """Things with ids, as vectors ``x`` (n, d) or as ``texts`` (n,) still to be encoded; ``kinds`` (n,) or empty."""

    name: str
    ids: tuple[str, ...]
    x: npt.NDArray[Any] | None = None
    texts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def read_collection(source: Any, ids: Any, provenance: Provenance, name: str = "array") -> Collection:
    """A file of vectors with the ids of its rows, a BEIR file of JSON lines, or either from memory.

    Parameters
    ----------
    source : ``FILE`` or ``FILE::KEY`` of vectors, ``FILE.jsonl`` of texts, {id: text}, {id: vector} or (n, d) vectors
    ids : text file with one id per row, or (n,) ids; ``STEM.ids.txt`` beside the file of vectors where None
    name : what messages and records call a collection from memory

    Raises
    ------
    InputError
        if a file cannot be read, or there is not one distinct id a row.
    """
    if not isinstance(source, str | Path):
        return _from_memory(source, ids, name)
    source = str(source)
    path = file_of(source)
    if path.suffix.lower() == ".jsonl":
        if ids is not None:
            raise InputError(f"{source} brings its own ids; leave out {ids}")
        found = read_beir_texts(path)
        provenance.data[source] = file_facts(path)
        return Collection(source, tuple(found), texts=tuple(found.values()))
    if not is_vectors(source):
        raise InputError(f"{source} is neither a file of vectors nor of texts; wanted .npy, .parquet... or .jsonl")
    stream = open_vectors(source)
    space = next(iter(stream.dims))
    x = np.concatenate([to_numpy(b.spaces[space]) for shard in stream.shards() for b in shard.batches()])
    provenance.data[source] = file_facts(path)
    if ids is not None and not isinstance(ids, str | Path):
        return _distinct(Collection(source, _one_per_row(ids, len(x), source), x))
    named = Path(ids) if ids is not None else path.with_name(f"{path.stem}.ids.txt")
    if ids is None and not named.exists():
        raise InputError(
            f"{source} holds vectors without ids; put one id per row into {named.name} beside it, or name a file with "
            "--query-ids, --corpus-ids"
        )
    names = read_lines(named)
    if len(names) != len(x):
        raise InputError(f"{named} holds {len(names)} ids for the {len(x)} rows of {source}; wanted one per row")
    provenance.data[str(named)] = file_facts(named)
    return _distinct(Collection(source, names, x))


def _from_memory(source: Any, ids: Any, name: str) -> Collection:
    """A mapping of ids to texts or to vectors, or vectors with ``ids``."""
    if not isinstance(source, Mapping):
        if ids is None:
            raise InputError(f"{name} are vectors without ids; pass one id per row, or a dict of id -> vector")
        x = to_numpy(as_matrix(source, name))
        given = read_lines(ids) if isinstance(ids, str | Path) else ids
        return _distinct(Collection(name, _one_per_row(given, len(x), name), x))
    if ids is not None:
        raise InputError(f"{name} is a dict, which brings its own ids; leave out the ids")
    if not source:
        raise InputError(f"{name} is empty; wanted {{id: text}} or {{id: vector}}")
    found = tuple(str(i) for i in source)
    kinds = {isinstance(value, str) for value in source.values()}
    if kinds == {True}:
        return _distinct(Collection(name, found, texts=tuple(source.values())))
    if kinds == {False}:
        vectors = [np.asarray(to_numpy(v)) for v in source.values()]
        if len({v.shape for v in vectors}) > 1:
            raise InputError(f"the vectors of {name} have several shapes; wanted one number of dimensions")
        return _distinct(Collection(name, found, to_numpy(as_matrix(np.stack(vectors), name))))
    raise InputError(f"{name} mixes texts and vectors; pass {{id: text}} or {{id: vector}}")


def _one_per_row(ids: Any, n: int, name: str) -> tuple[str, ...]:
    found = tuple(str(i) for i in ids)
    if len(found) != n:
        raise InputError(f"got {len(found)} ids for the {n} rows of {name}; wanted one per row")
    return found


def judgements_of(qrels: Any, provenance: Provenance) -> Judgements:
    """Judgements of a file in the format of TREC or BEIR, or of {query id: {document id: grade}}.

    Raises
    ------
    InputError
        if the file cannot be read, or the mapping is empty or has another form.
    """
    if isinstance(qrels, str | Path):
        provenance.data[str(qrels)] = file_facts(Path(qrels)) if Path(qrels).is_file() else {}
        return read_qrels(qrels)
    try:
        rows = [(str(q), str(d), float(grade)) for q, judged in qrels.items() for d, grade in judged.items()]
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"qrels must be a file or {{query id: {{document id: grade}}}}, got {type(qrels).__name__} ({error})"
        ) from error
    if not rows:
        raise InputError("qrels hold no judgements; wanted {query id: {document id: grade}}")
    query, document, grade = zip(*rows, strict=True)
    return Judgements(query, document, grade)


def own_documents(queries: Collection, corpus: Collection) -> Index:
    """Row (m,) of the document with the id of each query, -1 where there is none."""
    of = {i: row for row, i in enumerate(corpus.ids)}
    return np.array([of.get(i, -1) for i in queries.ids], dtype=np.intp)


def read_lines(path: str | Path) -> tuple[str, ...]:
    """Lines of a UTF-8 text file without blanks around them; raises ``InputError`` where it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} ({error}); wanted UTF-8 text, one entry a line") from error
    return tuple(line.strip() for line in text.removesuffix("\n").split("\n"))


def joined(parts: Sequence[Collection]) -> Collection:
    """One collection out of several, each of one kind; raises ``InputError`` where they do not go together."""
    if len(parts) == 1:
        return parts[0]
    if any(p.x is None for p in parts) != all(p.x is None for p in parts):
        raise InputError("some corpora hold vectors and some texts; encode all of them, or none")
    widths = {p.name: p.x.shape[1] for p in parts if p.x is not None}
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{name} {d}" for name, d in widths.items())
        raise InputError(f"corpora of one index must have one width, got {said}; encode all into one space")
    x = np.concatenate([p.x for p in parts if p.x is not None]) if widths else None
    whole = Collection(
        " + ".join(p.name for p in parts),
        tuple(i for p in parts for i in p.ids),
        x,
        tuple(t for p in parts for t in p.texts),
        tuple(k for p in parts for k in p.kinds),
    )
    return _distinct(whole)


def _distinct(found: Collection) -> Collection:
    seen: set[str] = set()
    for i in found.ids:
        if i in seen:
            raise InputError(f"{found.name} holds the id '{i}' twice; an id must name one row")
        seen.add(i)
    return found


@dataclass(frozen=True, eq=False)
class Place:
    """Vectors of ``queries`` (m, d) and ``corpus`` (n, d) in one space of a source."""

    source: str
    pooling: str | None
    space: str
    queries: npt.NDArray[Any]
    corpus: npt.NDArray[Any]


def both_sides(
    queries: Collection,
    corpus: Collection,
    source: str | None,
    where: tuple[str | None, str | None],
    cache: bool,
    model: dict[str, Any],
    provenance: Provenance,
    progress: Progress,
) -> Iterator[Place]:
    """Vectors of both sides: as they are in files, or in the spaces of a model."""
    if queries.x is not None and corpus.x is not None:
        if source is not None or any(where):
            raise InputError(
                f"{queries.name} and {corpus.name} hold vectors already; leave out the model, layers, poolings"
            )
        yield Place(corpus.name, None, "vectors", queries.x, corpus.x)
        return
    if queries.x is not None or corpus.x is not None:
        raise InputError(
            f"one of {queries.name} and {corpus.name} holds vectors and the other texts; encode both or none"
        )
    if source is None:
        raise InputError(
            f"{queries.name} holds texts; name a model that encodes them, as in `embedscope evaluate minilm`"
        )
    vectors, spaces = encoded(source, (*queries.texts, *corpus.texts), where, cache, model, provenance, progress)
    for pooling, space in spaces:
        both = [vectors.matrix(pooling, space, side.texts) for side in (queries, corpus)]
        for x, side in zip(both, (queries, corpus), strict=True):
            if unknown := int((~np.isfinite(x).all(axis=1)).sum()):
                raise InputError(
                    f"{source} has no vector for {unknown} texts of {side.name}; take them out, judgements too"
                )
        yield Place(source, pooling, space, *both)


def encoded(
    source: str,
    texts: Sequence[str],
    where: tuple[str | None, str | None],
    cache: bool,
    model: dict[str, Any],
    provenance: Provenance,
    progress: Progress,
) -> tuple[Any, list[tuple[str | None, str]]]:
    """Vectors of ``texts`` and the poolings and spaces to score, the model's own sentence vector by default."""
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import TextEncoder, open_model
    from embedscope.sources.layer_selection import chosen_spaces
    from embedscope.sources.text_vectors import extract

    layers, pooling = where
    encoder = open_model(source, **model)
    if not isinstance(encoder, TextEncoder):
        provenance.models[source] = dict(encoder.facts)
        return encoder, [(None, space) for space in chosen_spaces(layers, tuple(encoder.spaces))]
    provenance.models[source] = encoder.info.as_dict()
    own = encoder.has_pooled and layers in (None, "pooled") and pooling in (None, "pooled")
    if own:
        spaces: list[tuple[str | None, str]] = [(None, "pooled")]
    else:
        read = pooling or "plain"
        if read not in encoder.poolings:
            raise InputError(f"pooling '{read}' does not fit {source}; it has {', '.join(map(str, encoder.poolings))}")
        spaces = [(read, space) for space in chosen_spaces(layers or _last(encoder.spaces), tuple(encoder.spaces))]
    distinct = list(dict.fromkeys(texts))
    kept = VectorCache() if cache else None
    return extract(encoder, distinct, [spaces[0][0]], cache=kept, progress=progress), spaces


def one_place(places: Sequence[Place]) -> Place:
    """The only one of ``places``; raises ``InputError`` where there are several spaces."""
    if len(places) > 1:
        names = ", ".join(place.space for place in places)
        raise InputError(f"one space at a time, got {names}; name one with --layers {places[-1].space}")
    return places[0]


def _last(spaces: Iterable[str]) -> str:
    """``final`` where there is such a space, else the last one."""
    names = list(spaces)
    return "final" if "final" in names else names[-1]


@dataclass(frozen=True)
class Judged:
    """``grade`` (p,) of row ``document`` (p,) for row ``query`` (p,); ``notes`` say what is missing."""

    query: Index
    document: Index
    grade: npt.NDArray[np.float64]
    notes: tuple[str, ...] = ()


def judged_rows(found: Judgements, queries: Collection, corpus: Collection, *, allow_missing: bool = False) -> Judged:
    """Judgements by row number.

    Raises
    ------
    InputError
        if they name ids that are not there, unless ``allow_missing``; if nothing is left.
    """
    notes = []
    rows = []
    for ids, collection, name in ((found.query, queries, "queries"), (found.document, corpus, "documents")):
        of = {i: row for row, i in enumerate(collection.ids)}
        missing = list(dict.fromkeys(i for i in ids if i not in of))
        rows.append(np.array([of.get(i, -1) for i in ids], dtype=np.intp))
        if not missing:
            continue
        if not allow_missing:
            raise InputError(
                f"the judgements name {len(missing)} {name} that {collection.name} does not hold, first "
                f"'{missing[0]}'; its ids look like '{collection.ids[0]}'. Add them, or leave them out with "
                "--allow-missing"
            )
        notes.append(f"judgements of {len(missing)} {name} that are not there left out")
    query, document = rows
    kept = (query >= 0) & (document >= 0)
    if not kept.any():
        raise InputError(f"none of the {len(found)} judgements fits the queries and the corpus; check the ids")
    return Judged(query[kept], document[kept], np.array(found.grade, dtype=np.float64)[kept], tuple(notes))


def _corpus(named: Sequence[Any], ids: Sequence[Any], modality: Any, provenance: Provenance) -> Collection:
    """All documents; the modality of each from ``MODALITY=FILE`` or from ``modality``: a file, or one name per row."""
    if ids and len(ids) != len(named):
        raise InputError(f"got {len(ids)} sets of ids for {len(named)} corpora; name one for each, in the same order")
    split = [_kind_and_file(name) if isinstance(name, str) else ("", name) for name in named]
    if len(named) > 1 and not all(kind for kind, _ in split):
        raise InputError(
            "several corpora make a mixed index; name the modality of each, as in --corpus text=T --corpus image=I"
        )
    parts = []
    for i, (kind, file) in enumerate(split):
        part = read_collection(file, ids[i] if ids else None, provenance, "corpus")
        parts.append(replace(part, kinds=(kind,) * len(part)) if kind else part)
    whole = joined(parts)
    if modality is None:
        return whole
    if whole.kinds:
        raise InputError(
            "modalities are named twice: by --corpus MODALITY=FILE and by --corpus-modality; leave one out"
        )
    if isinstance(modality, str | Path):
        provenance.data[str(modality)] = file_facts(Path(modality)) if Path(modality).is_file() else {}
        return replace(whole, kinds=_one_a_row(read_lines(modality), whole, modality))
    return replace(whole, kinds=_one_a_row(tuple(map(str, modality)), whole, "corpus_modality"))


def _one_a_row(lines: tuple[str, ...], corpus: Collection, kinds: Any) -> tuple[str, ...]:
    if len(lines) != len(corpus) or not all(lines):
        raise InputError(
            f"{kinds} holds {len(lines)} modalities for {len(corpus)} documents; wanted one per row, none empty"
        )
    return lines


def _kind_and_file(named: str) -> tuple[str, str]:
    """``KIND=FILE`` taken apart; the kind is empty where there is none, or where a file has such a name.

    >>> _kind_and_file("image=photos.npy"), _kind_and_file("photos.npy")
    (('image', 'photos.npy'), ('', 'photos.npy'))
    """
    kind, sign, file = named.partition("=")
    plain = not sign or "/" in kind or "\\" in kind or Path(named).exists()
    return ("", named) if plain else (kind.strip(), file)
