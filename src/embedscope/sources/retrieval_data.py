"""Queries and documents with ids: vectors of files, or texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.datasets._qrels import Judgements, read_beir_texts
from embedscope.readers import file_of, is_vectors, open_vectors
from embedscope.sources.models import Side, encoded_sides


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


def read_collection(source: str, ids: str | Path | None, provenance: Provenance) -> Collection:
    """A file of vectors with the ids of its rows, or a BEIR file of JSON lines.

    Parameters
    ----------
    source : ``FILE`` or ``FILE::KEY`` of vectors, or ``FILE.jsonl`` of texts
    ids : text file, one id a row; ``STEM.ids.txt`` beside the file of vectors where None

    Raises
    ------
    InputError
        if a file cannot be read, or there is not one distinct id a row.
    """
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
    named = Path(ids) if ids is not None else path.with_name(f"{path.stem}.ids.txt")
    if ids is None and not named.exists():
        raise InputError(
            f"{source} holds vectors without ids; put one id a row into {named.name} beside it, or name a file with "
            "--query-ids, --corpus-ids"
        )
    names = read_lines(named)
    if len(names) != len(x):
        raise InputError(f"{named} holds {len(names)} ids for the {len(x)} rows of {source}; wanted one a row")
    provenance.data[source] = file_facts(path)
    provenance.data[str(named)] = file_facts(named)
    return _distinct(Collection(source, names, x))


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
        if prompts := [name for name in ("query_prompt", "document_prompt") if model.get(name) is not None]:
            raise InputError(f"{prompts[0]} is for models; {queries.name} and {corpus.name} hold vectors already")
        score = str(model.get("score") or "cosine")
        note = f"score {score}" if score != "cosine" else None
        yield Place(corpus.name, None, "vectors", queries.x, corpus.x, score, note)
        return
    if queries.x is not None or corpus.x is not None:
        raise InputError(
            f"one of {queries.name} and {corpus.name} holds vectors and the other texts; encode both or none"
        )
    if source is None:
        raise InputError(
            f"{queries.name} holds texts; name a model that encodes them, as in `embedscope evaluate minilm`"
        )
    sides: list[Side] = [("query", queries.texts), ("document", corpus.texts)]
    for found in encoded_sides(source, sides, where, cache, model, provenance, progress):
        both = [found.matrix(side) for side in range(2)]
        for x, side in zip(both, (queries, corpus), strict=True):
            if unknown := int((~np.isfinite(x).all(axis=1)).sum()):
                raise InputError(
                    f"{source} has no vector for {unknown} texts of {side.name}; take them out, judgements too"
                )
        yield Place(source, found.pooling, found.space, both[0], both[1], found.score, found.note)


def one_place(places: Sequence[Place]) -> Place:
    """The only one of ``places``; raises ``InputError`` where there are several spaces."""
    if len(places) > 1:
        names = ", ".join(place.space for place in places)
        raise InputError(f"one space at a time, got {names}; name one with --layers {places[-1].space}")
    return places[0]


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


def _corpus(
    named: Sequence[str], ids: Sequence[str | Path], kinds: str | Path | None, provenance: Provenance
) -> Collection:
    """All documents; the kind of each from ``KIND=FILE`` or from the file ``kinds``."""
    if ids and len(ids) != len(named):
        raise InputError(f"{len(ids)} files of ids for {len(named)} corpora; name one for each, in the same order")
    split = [_kind_and_file(name) for name in named]
    if len(named) > 1 and not all(kind for kind, _ in split):
        raise InputError(
            "several corpora make a mixed index; name the kind of each, as in --corpus text=T --corpus image=I"
        )
    parts = []
    for i, (kind, file) in enumerate(split):
        part = read_collection(file, ids[i] if ids else None, provenance)
        parts.append(replace(part, kinds=(kind,) * len(part)) if kind else part)
    whole = joined(parts)
    if kinds is None:
        return whole
    if whole.kinds:
        raise InputError(f"the kinds are named twice: by --corpus KIND=FILE and by {kinds}; leave one out")
    provenance.data[str(kinds)] = file_facts(Path(kinds)) if Path(kinds).is_file() else {}
    return replace(whole, kinds=_one_a_row(read_lines(kinds), whole, kinds))


def _one_a_row(lines: tuple[str, ...], corpus: Collection, kinds: str | Path) -> tuple[str, ...]:
    if len(lines) != len(corpus) or not all(lines):
        raise InputError(f"{kinds} holds {len(lines)} kinds for {len(corpus)} documents; wanted one a row, none empty")
    return lines


def _kind_and_file(named: str) -> tuple[str, str]:
    """``KIND=FILE`` taken apart; the kind is empty where there is none, or where a file has such a name.

    >>> _kind_and_file("image=photos.npy"), _kind_and_file("photos.npy")
    (('image', 'photos.npy'), ('', 'photos.npy'))
    """
    kind, sign, file = named.partition("=")
    plain = not sign or "/" in kind or "\\" in kind or Path(named).exists()
    return ("", named) if plain else (kind.strip(), file)
