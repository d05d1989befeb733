"""The rows that both models embedded: OLD and NEW matched by id, queries, judgements, what belongs together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification.split import keep_clusters
from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, hash_texts
from embedscope.core.model_folders import is_model_folder
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.core.unused import refuse_unused
from embedscope.datasets import is_text_table, read_text_rows
from embedscope.readers import file_of, is_vectors, open_vectors
from embedscope.sources.images import Images
from embedscope.sources.options import ModelOptions
from embedscope.sources.paired_vectors import read_side
from embedscope.sources.retrieval_data import judgements_of, read_collection, row_names
from embedscope.sources.texts import Texts, TextSource, encode, material_of, texts_of
from embedscope.sources.vector_files import StoredRows
from embedscope.tasks.means import check_apart, directions
from embedscope.transforms.repair import Origin

Judged = tuple[Index, Index, Floats]

Material = tuple[Texts | Images, tuple[str, ...] | None]
"""What a model encodes, and the ids of its rows where they have ids."""


@dataclass(frozen=True, eq=False)
class Request:
    """What the user gives; see :func:`embedscope.migration.migrate.migrate`."""

    old: Any
    new: Any
    texts: TextSource | None = None
    old_queries: Any = None
    new_queries: Any = None
    queries: TextSource | None = None
    qrels: Any = None
    groups: Any = None
    allow_missing: bool = False
    images: Any = None


@dataclass(frozen=True, eq=False)
class Side:
    """Vectors (n, d) of one model, with the ids of the rows where they have ids, and tokens where it counted them.

    Those of a file are read when rows of them are asked for.
    """

    name: str
    x: npt.NDArray[Any] | StoredRows
    ids: tuple[str, ...] | None = None
    origin: Origin | None = None
    tokens: int | None = None


@dataclass(frozen=True, eq=False)
class MigrationRows:
    """Rows of both models, row i of one the same text or image as row i of the other; all of unit length.

    Attributes
    ----------
    old, new : (n, d), (n, k)
    ids : (n,) names of the rows
    names, origins : what OLD and NEW are called, and where they come from
    index_rows : rows that the index holds, paired or not
    old_queries, new_queries : (m, d), (m, k) queries apart from the rows; the first is None where only NEW has them
    query_ids : (m,) names of the queries
    judged : (query, row, grade), each (p,), from judgements; None without
    groups : (n,) what each row belongs to, None without a declaration
    tokens : of all rows, counted by the tokenizer of NEW; None where NEW is no model
    notes : what was matched, left out, or read in which way
    """

    old: Floats
    new: Floats
    ids: tuple[str, ...]
    names: tuple[str, str]
    origins: Mapping[str, Origin]
    index_rows: int
    old_queries: Floats | None = None
    new_queries: Floats | None = None
    query_ids: tuple[str, ...] = ()
    judged: Judged | None = None
    groups: npt.NDArray[Any] | None = None
    tokens: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def dims(self) -> tuple[int, int]:
        """Dimensions of the old and of the new vectors."""
        return self.old.shape[1], self.new.shape[1]


def read_rows(
    request: Request,
    encoder: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    *,
    count_tokens: bool,
    most: int | None = None,
    seed: int = 0,
) -> MigrationRows:
    """Everything that ``request`` names, read, encoded where it is a model, and matched.

    Of more than ``most`` rows (None: any number) those with the smallest hashes are kept, whole groups; of a file only
    these are held. With judgements all are kept, for they name rows.

    Raises
    ------
    InputError
        if the sides cannot be matched, queries or judgements do not fit, or rows are not finite.
    """
    if (encoder.layers is not None or encoder.pooling is not None) and not any(
        map(is_model, (request.old, request.new))
    ):
        raise InputError("--layers and --pooling are for models, and OLD and NEW hold vectors: leave them out")
    if not any(map(is_model, (request.old, request.new))):
        refuse_unused("is for models, and OLD and NEW hold vectors", texts=request.texts, images=request.images)
        encoder.refuse_for_vectors("OLD and NEW")
    if request.qrels is None:
        refuse_unused("is for --qrels", allow_missing=request.allow_missing)
    asked = any(given is not None for given in (request.old_queries, request.new_queries, request.queries))
    role = "document" if asked else None
    material = _material(request, encoder, provenance)
    old = _side(request.old, material, role, "OLD", encoder, provenance, progress)
    new = _side(request.new, material, role, "NEW", encoder, provenance, progress, tokens=count_tokens)
    rows, ids, notes = _match(old, new)
    groups = None if request.groups is None else _groups(request.groups, old, rows[0])
    if most is not None and len(ids) > most and request.qrels is None:
        rows, ids, groups = _sample(rows, ids, groups, most, seed, notes)
    x, y = directions(old.x[rows[0]], "OLD"), directions(new.x[rows[1]], "NEW")
    if most is not None and len(ids) > most:
        notes.append(
            f"all {len(ids):,} rows are held, {(x.nbytes + y.nbytes) / 1e9:.1f} GB, because judgements name rows"
        )
    check_apart(x, old.name)
    check_apart(y, new.name)
    queries = _queries(request, encoder, provenance, progress) if asked else None
    if queries is not None:
        _check_width(queries[1], y, "NEW queries", "NEW")
        if queries[0] is not None:
            _check_width(queries[0], x, "OLD queries", "OLD")
    judged = None
    if request.qrels is not None:
        if queries is None:
            raise InputError("--qrels judge queries; add --new-queries (and --old-queries), or --queries for models")
        judged, more = _read_judgements(request, queries[2], ids, provenance)
        notes += more
    origins = {k: s.origin for k, s in (("old", old), ("new", new)) if s.origin is not None}
    tokens = None if new.tokens is None else round(new.tokens / len(new.x) * len(old.x))
    return MigrationRows(
        x,
        y,
        ids,
        (old.name, new.name),
        origins,
        max(len(old.x), len(new.x)),
        None if queries is None or queries[0] is None else directions(queries[0], "OLD queries"),
        None if queries is None else directions(queries[1], "NEW queries"),
        () if queries is None else queries[2],
        judged,
        groups,
        tokens,
        tuple(notes),
    )


def _sample(
    rows: tuple[Index, Index],
    ids: tuple[str, ...],
    groups: npt.NDArray[Any] | None,
    most: int,
    seed: int,
    notes: list[str],
) -> tuple[tuple[Index, Index], tuple[str, ...], npt.NDArray[Any] | None]:
    """At most ``most`` of the matched rows, whole groups, by the hash of their id or group."""
    names = hash_texts(ids) if groups is None else hash_rows(0, int(groups.max()) + 1)[groups]
    keep = keep_clusters(names, most, seed)
    if not keep.any():
        raise InputError(
            f"a sample of {most:,} rows holds "
            + ("no whole group of --groups; pass finer groups, or raise" if groups is not None else "none; raise")
            + " --max-eval-rows"
        )
    notes.append(f"{int(keep.sum()):,} of {len(ids):,} rows were taken, by their hash, to fit, select and certify")
    kept = None if groups is None else groups[keep]
    return (rows[0][keep], rows[1][keep]), tuple(compress(ids, keep)), kept


def is_model(source: Any) -> bool:
    """Whether ``source`` names a model, and no file or folder of vectors."""
    return (
        isinstance(source, str)
        and not is_vectors(source)
        and (is_model_folder(file_of(source)) or not file_of(source).exists())
    )


def _side(
    source: Any,
    material: Material | None,
    role: Any,
    name: str,
    encoder: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    *,
    tokens: bool = False,
) -> Side:
    if isinstance(source, Path):
        source = str(source)
    if not isinstance(source, str):
        return _from_memory(source, name)
    if is_model(source):
        if material is None:
            raise InputError(
                f"{source} is no file of vectors; if it is a model, say what it encodes with --texts FILE or --images "
                "FOLDER"
            )
        return _encode(source, material, role, encoder, provenance, progress, tokens)
    return _file(source, provenance)


def _encode(
    uri: str,
    material: Material,
    role: Any,
    encoder: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    tokens: bool,
) -> Side:
    rows, ids = material
    _, (x,) = encode(uri, [rows], encoder, provenance, progress, (role,))
    counted = _tokens(uri, rows.texts, encoder, provenance, progress) if tokens and isinstance(rows, Texts) else None
    origin = Origin(uri, weights_sha256=provenance.models.get(uri, {}).get("weights_sha256"))
    return Side(uri, x, ids, origin, counted)


def _material(request: Request, encoder: ModelOptions, provenance: Provenance) -> Material | None:
    """What models encode: texts, or images, whose ids are their names."""
    rows = material_of(request.texts, request.images, encoder.data, provenance)
    if rows is None:
        return None
    return rows, rows.titles if isinstance(rows, Images) else _text_ids(request.texts)


def _text_ids(texts: TextSource | None) -> tuple[str, ...] | None:
    """Ids of a table of texts; other texts have none."""
    if isinstance(texts, str | Path) and is_text_table(texts) and Path(texts).is_file():
        return read_text_rows(texts)[0]
    return None


def _tokens(
    uri: str, texts: tuple[str, ...], encoder: ModelOptions, provenance: Provenance, progress: Progress
) -> int | None:
    """Tokens of ``texts`` as the tokenizer of the model counts them; None where the model shows none."""
    from embedscope.encoders import TextEncoder
    from embedscope.sources.models import open_text_model, text_vector

    model = open_text_model(uri, encoder, provenance, progress)
    if not isinstance(model, TextEncoder):
        return None
    framed = model.frame(list(texts), model.framing(text_vector(model).pooling))
    return sum(len(ids) for ids in framed.ids)


def _from_memory(source: Any, name: str) -> Side:
    if isinstance(source, Mapping):
        collection = read_collection(source, None, Provenance(), name)
        if collection.x is None:
            raise InputError(f"{name} is a dict of texts; pass {{id: vector}}, or name a model and pass texts=")
        return Side(name, collection.x, collection.ids)
    return Side(name, to_numpy(as_matrix(source, name)))


def _file(source: str, provenance: Provenance) -> Side:
    path = file_of(source)
    ids = None
    x: npt.NDArray[Any] | StoredRows
    if path.suffix.lower() == ".npy" and source.partition("::")[2].isdigit():
        x = np.asarray(read_side(source, provenance))
    else:
        stream = open_vectors(source)
        x = StoredRows.of(stream, source)
        with provenance.phase(f"checksum {source}"):
            ids = row_names(source, stream, None, len(x), provenance)
    sha = provenance.data.get(source, {}).get("sha256")
    return Side(source, x, ids, Origin(path.name, file_sha256=sha))


def _match(old: Side, new: Side, kind: str = "") -> tuple[tuple[Index, Index], tuple[str, ...], list[str]]:
    """Rows of both sides that are the same, in the order of OLD, their names, and what is to be said.

    ``kind`` is what the rows are in messages: nothing, or " queries".
    """
    n, m = len(old.x), len(new.x)
    if old.ids is None or new.ids is None:
        if n != m:
            nameless = [s.name for s in (old, new) if s.ids is None]
            raise InputError(
                f"OLD{kind} has {n:,} rows and NEW{kind} {m:,}, and {' and '.join(nameless)} "
                f"{'have' if len(nameless) > 1 else 'has'} no ids to match them by; write STEM.ids.txt next to each "
                "file, one id per line, or pass {id: vector}"
            )
        names = old.ids or new.ids or tuple(str(i) for i in range(n))
        every = np.arange(n)
        return (every, every), names, ["rows of OLD and NEW were matched by their position"]
    place = {name: i for i, name in enumerate(new.ids)}
    left = np.array([i for i, name in enumerate(old.ids) if name in place], dtype=np.intp)
    if not len(left):
        raise InputError(
            f"no id of OLD{kind} is an id of NEW{kind} ('{old.ids[0]}' and '{new.ids[0]}' come first); check that both "
            "use the same ids"
        )
    right = np.array([place[old.ids[i]] for i in left], dtype=np.intp)
    notes = []
    if len(left) < max(n, m):
        notes.append(
            f"{len(left):,} rows have the same id in OLD ({n:,} rows) and NEW ({m:,} rows); others are not used"
        )
    return (left, right), tuple(old.ids[i] for i in left), notes


def _queries(
    request: Request, encoder: ModelOptions, provenance: Provenance, progress: Progress
) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any], tuple[str, ...]]:
    """Queries as OLD and as NEW embed them, matched, and their ids."""
    if request.queries is not None:
        if request.new_queries is not None or request.old_queries is not None:
            raise InputError("--queries are texts that both models encode; leave out --old-queries and --new-queries")
        if not is_model(request.new):
            raise InputError(
                "--queries are texts for models; for files of vectors give --old-queries and --new-queries"
            )
        asked = texts_of(request.queries, encoder.data, provenance), _text_ids(request.queries)
        new = _encode(request.new, asked, "query", encoder, provenance, progress, tokens=False)
        old: Side | None = None
        if is_model(request.old):
            old = _encode(request.old, asked, "query", encoder, provenance, progress, tokens=False)
    else:
        if request.new_queries is None:
            raise InputError("--old-queries alone say nothing of the new model; add --new-queries")
        new = _side(request.new_queries, None, "query", "NEW queries", encoder, provenance, progress)
        old = None
        if request.old_queries is not None:
            old = _side(request.old_queries, None, "query", "OLD queries", encoder, provenance, progress)
    if old is None:
        every = np.arange(len(new.x))
        return None, new.x[every], new.ids or tuple(map(str, every.tolist()))
    rows, ids, _ = _match(old, new, " queries")
    return old.x[rows[0]], new.x[rows[1]], ids


def _read_judgements(
    request: Request, query_ids: tuple[str, ...], ids: tuple[str, ...], provenance: Provenance
) -> tuple[Judged, list[str]]:
    """Judgements by row; those of rows that are not in both files are left out, with a note, where that is allowed."""
    judgements = judgements_of(request.qrels, provenance)
    of_query = {name: i for i, name in enumerate(query_ids)}
    of_row = {name: i for i, name in enumerate(ids)}
    known = [
        (of_query[q], of_row[d], float(g))
        for q, d, g in zip(judgements.query, judgements.document, judgements.grade, strict=True)
        if q in of_query and d in of_row
    ]
    if not known:
        raise InputError(
            f"none of the {len(judgements):,} judgements names a query and a row that both models embedded: they name "
            f"'{judgements.query[0]}' and '{judgements.document[0]}', the ids look like '{query_ids[0]}' and "
            f"'{ids[0]}'; use the same ids"
        )
    notes = []
    if missing := len(judgements) - len(known):
        if not request.allow_missing:
            raise InputError(
                f"{missing:,} of {len(judgements):,} judgements name a query or a row that is not in both files; add "
                "them, or drop these judgements with --allow-missing"
            )
        notes.append(f"{missing:,} judgements of queries or rows that are not in both files were dropped")
    query, row, grade = zip(*known, strict=True)
    return (np.array(query, dtype=np.intp), np.array(row, dtype=np.intp), np.array(grade)), notes


def _groups(groups: Any, old: Side, rows: Index) -> npt.NDArray[Any]:
    """What each matched row belongs to; declared for the rows of OLD."""
    from embedscope.sources.grouped_stream import read_groups

    labels = np.asarray(read_groups(groups, old.name) if isinstance(groups, str | Path) else groups)
    if len(labels) != len(old.x):
        raise InputError(f"--groups has {len(labels):,} lines for the {len(old.x):,} rows of OLD; wanted one per row")
    return np.asarray(np.unique(labels, return_inverse=True)[1][rows])


def _check_width(x: npt.NDArray[Any], rows: Floats, what: str, side: str) -> None:
    if x.shape[1] != rows.shape[1]:
        raise InputError(
            f"{what} have {x.shape[1]} dimensions, {side} has {rows.shape[1]}; pass queries of the same model"
        )
