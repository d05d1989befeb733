"""A repair written into a vector store in place: every old vector is kept first, a killed run goes on, all can go back.

1. *Keep*: ids and old vectors of all rows go to a journal; nothing of the store is touched before it is complete.
2. *Write*: each block of the journal is mapped and written by id; how far it got is kept after each block. A block that
   was half-written is written again from the journal, so that no vector is ever mapped twice.
3. *Verify*: the store is read once more; ids, their number and every bit are compared with what was written.

The way back is the same with the old vectors in place of the mapped ones.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import check_finite
from embedscope.core.atomic import scratch_folder
from embedscope.core.boundary import sentences
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.short_repr import short_repr
from embedscope.core.wording import count
from embedscope.readers import find_vectors, store_of
from embedscope.readers.columns import ColumnStream
from embedscope.readers.store_writers import STORE_WRITERS, Loss, StoreWriter
from embedscope.readers.stores import STORES, StorePlace
from embedscope.repairs._row_sums import IdDigests, RowSum, differences
from embedscope.repairs.journal import Journal, State, journal_folder, restart
from embedscope.repairs.to_store import check_storable, writing_to
from embedscope.repairs.zero_rows import ZeroRows
from embedscope.transforms.repair import KindMap, Repair

__all__ = ["InPlace", "journal_folder", "roll_back", "write_in_place"]

_VALUES = 1 << 23
_ROWS = 1 << 16
"""Numbers and rows of a block at most; LanceDB looks through the whole table for each."""
_MIGRATED = {"old", "new"}
_TOLERANCE = 1e-5
"""Largest difference of a coordinate, of rows of length one, where a store does not keep every bit."""

Rows = npt.NDArray[Any]


@short_repr
@dataclass(frozen=True)
class InPlace:
    """What was changed in a store.

    Attributes
    ----------
    address : the collection
    column : of its vectors
    kind : of the vectors
    rows, dim : how many hold what was written (rows that were deleted meanwhile do not count), and their width
    journal : folder that holds the old vectors; it is gone after they were put back
    resumed : rows that an earlier run had written
    already : whether everything was written and verified before this run
    seconds : wall time
    notes : what the user must know or do
    """

    address: str
    column: str
    kind: str
    rows: int
    dim: int
    journal: Path
    resumed: int
    already: bool
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Collection:
    """A collection with one column of vectors and ids, as it is when it is opened."""

    source: str
    place: StorePlace
    stream: ColumnStream

    @property
    def column(self) -> str:
        return self.stream.columns[0].name

    @property
    def dim(self) -> int:
        return self.stream.columns[0].dim

    @property
    def address(self) -> str:
        """The address in a form that does not depend on the folder of the process."""
        place = self.place
        return f"{place.scheme}:{Path(place.path).resolve()}/{place.collection}" if place.is_local else str(place)

    def rows(self) -> Iterator[tuple[list[str], Rows]]:
        """Ids and vectors in blocks."""
        with sentences(str(self.place), "check that the store can be read"):
            yield from self.stream.with_ids(min(_ROWS, max(1, _VALUES // self.dim)))

    @contextmanager
    def writer(self, dim: int) -> Iterator[StoreWriter]:
        """The writer of rows of ``dim`` dimensions."""
        with STORE_WRITERS.get(self.place.scheme).open(self.place, self.stream, dim) as writer:
            yield writer


def write_in_place(
    repair: Repair | str | Path,
    source: str,
    *,
    kind: str | None = None,
    model: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> InPlace:
    """Replace the vectors of the collection ``source`` by what the repair makes of them; go on where a run was killed.

    Parameters
    ----------
    repair : a repair or its file
    source : address of a collection of a vector store, ``ADDRESS::COLUMN`` where it has several columns of vectors
    kind : of the vectors, needed where the repair has several; ``old`` for one that `migrate` wrote
    model : name or weights sha256 of the model that made the vectors; refused where it is not the repair's
    journal : folder for the old vectors, see :func:`journal_folder`

    Raises
    ------
    InputError
        if the store cannot hold the new vectors, ids are not unique, or rows do not hold what was written; a journal of
        another change is there.
    """
    begin = time.perf_counter()
    progress = progress or Silent()
    loaded = repair if isinstance(repair, Repair) else Repair.load(repair)
    name = loaded.kind_name("old" if kind is None and set(loaded.kinds) == _MIGRATED else kind)
    if model is not None:
        loaded.check_source(model, name)
    collection = _open_collection(source)
    mapped = _usable(loaded.kinds[name], name, collection)
    loaded.check_dim(collection.dim, name, f"the vectors of {source}")
    book = Journal(journal_folder(collection.place, collection.column) if journal is None else Path(journal))
    with book.lock():
        with collection.writer(mapped.dim_out) as writer:
            state = _earlier(book, collection, loaded, name) or _keep_old(book, collection, loaded, name, progress)
            before, already = RowSum(state.new).n, state.phase == "written"
            new = _mapping(mapped, state.dtype, collection)
            if not already:
                state = _write_new(book, collection, state, writer, new, progress)
        gone, said = _verify(book, _open_collection(source), state, new, writer.loss is None, progress)
        if not already:
            book.keep_state(replace(state, phase="written"))
    notes = (*(() if already else writer.notes), *said)
    return _outcome(collection, book, state, mapped.dim_out, (before, already), notes, begin, gone)


def roll_back(
    repair: Repair | str | Path | None,
    source: str,
    *,
    kind: str | None = None,
    journal: str | Path | None = None,
    progress: Progress | None = None,
) -> InPlace:
    """Put the old vectors of a journal back into the collection ``source``, verify them, and remove the journal.

    Where the run was killed, a second one begins again. Arguments and errors are those of :func:`write_in_place`;
    another ``repair`` or ``kind`` than those of the journal is refused, and None is whatever the journal holds.
    """
    begin = time.perf_counter()
    progress = progress or Silent()
    collection = _open_collection(source)
    book = Journal(journal_folder(collection.place, collection.column) if journal is None else Path(journal))
    with book.lock():
        state = book.state()
        if state is None:
            raise InputError(
                f"there is no journal in {book.folder}, so {source} was never changed in place or was put back; a "
                "journal elsewhere is named with --journal"
            )
        _check_address(book, state, collection)
        _check_repair(book, state, collection, repair, kind)
        with collection.writer(state.dim) as writer:
            resumed = state.phase == "undoing"
            state = state if resumed else book.keep_state(restart(state, "undoing"))
            before = RowSum(state.new).n
            state = _write_new(book, collection, state, writer, _as_it_was, progress)
        gone, notes = _verify(book, _open_collection(source), state, _as_it_was, writer.loss is None, progress)
        if writer.loss is not None:
            notes = (*notes, writer.loss.how)
        book.remove()
    return _outcome(collection, book, state, state.dim, (before, False), notes, begin, gone)


def _open_collection(source: str) -> _Collection:
    place = store_of(source)
    if place is None:
        known = ", ".join(f"{scheme}:" for scheme in STORES.names())
        raise InputError(f"{source} is no vector store, and files are never changed in place; stores are {known}")
    if place.scheme not in STORE_WRITERS:
        raise InputError(f"{place.scheme} stores are read and not written; write a file, and load it with their client")
    stream = find_vectors(source).stream
    if not isinstance(stream, ColumnStream) or len(stream.columns) != 1:
        names = ", ".join(stream.dims)
        raise InputError(
            f"{source} has the columns {names}; one is changed at a time: {place}::{next(iter(stream.dims))}"
        )
    if stream.ids is None:
        raise InputError(
            f"{place} has no column of ids that is known by its name, and rows are written by id; add ?ids=COLUMN"
        )
    return _Collection(source, place, stream)


def _usable(mapped: KindMap, name: str, collection: _Collection) -> KindMap:
    check_storable(mapped, str(collection.place))
    if mapped.is_identity:
        raise InputError(
            f"this repair leaves {name} vectors as they are, so there is nothing to write to {collection.place}"
        )
    return mapped


def _mapping(mapped: KindMap, dtype: str, collection: _Collection) -> Callable[[Rows], Rows]:
    """Old rows -> the numbers that the column is to hold."""

    def new(rows: Rows) -> Rows:
        with np.errstate(over="ignore"):
            mapped_rows: Rows = np.asarray(mapped.apply(rows)).astype(dtype)
        check_finite(mapped_rows, f"what the map gives, as {dtype} for {collection.place},")
        return mapped_rows

    return new


def _as_it_was(rows: Rows) -> Rows:
    return rows


def _earlier(book: Journal, collection: _Collection, loaded: Repair, name: str) -> State | None:
    """What an earlier run of the same change did; ``InputError`` where the journal is of another change."""
    state = book.state()
    if state is None:
        return None
    _check_address(book, state, collection)
    if state.phase == "undoing":
        raise InputError(
            f"the old vectors of {collection.place} are being put back; finish that with --rollback, then run this "
            "again"
        )
    if (state.kind, state.repair_sha256) != (name, _fingerprint(loaded)):
        did = "were replaced" if state.phase == "written" else "are half replaced"
        raise InputError(
            f"vectors of {collection.place} {did} by another repair ({book.repair}, kind {state.kind}); put the old "
            f"ones back with --rollback, or keep the new ones: finish with that file, then delete {book.folder}"
        )
    return state


def _check_address(book: Journal, state: State, collection: _Collection) -> None:
    if (state.address, state.column) != (collection.address, collection.column):
        raise InputError(
            f"the journal {book.folder} belongs to {state.address}::{state.column}, not to "
            f"{collection.place}::{collection.column}; name another folder with --journal"
        )


def _check_repair(
    book: Journal, state: State, collection: _Collection, repair: Repair | str | Path | None, kind: str | None
) -> None:
    """Raise ``InputError`` unless ``repair`` and ``kind`` are those that the journal is of; None is any."""
    kept = f"{book.repair}, kind {state.kind}"
    if isinstance(repair, str | Path) and not Path(repair).exists():
        raise InputError(f"there is no file {repair}; the journal keeps a copy of the repair that was applied: {kept}")
    if repair is not None:
        loaded = repair if isinstance(repair, Repair) else Repair.load(repair)
        if _fingerprint(loaded) != state.repair_sha256:
            named = "the repair that was given" if isinstance(repair, Repair) else Path(repair).name
            raise InputError(
                f"vectors of {collection.place} were replaced by another repair than {named}; the one that can be "
                f"taken back is kept in the journal: {kept}"
            )
    if kind is not None and kind != state.kind:
        raise InputError(
            f"vectors of {collection.place} were replaced as {state.kind}, not as {kind}; leave --kind out"
        )


def _fingerprint(loaded: Repair) -> str:
    with scratch_folder("embedscope-repair") as folder:
        loaded.save(folder / "repair.safetensors")
        return hashlib.sha256((folder / "repair.safetensors").read_bytes()).hexdigest()


def _keep_old(book: Journal, collection: _Collection, loaded: Repair, name: str, progress: Progress) -> State:
    """Keep the old vectors of all rows, and say so; until this is done the store is as it was."""
    total, digests = RowSum(), IdDigests()
    progress.start("keeping the old vectors", collection.stream.n_rows)

    def blocks() -> Iterator[tuple[Sequence[str], Rows]]:
        for ids, rows in collection.rows():
            total.add(ids, rows)
            digests.add(ids)
            progress.advance(len(ids))
            yield ids, rows

    book.keep_rows(blocks())
    if total.n != collection.stream.n_rows:
        raise InputError(
            f"{collection.place} said that it has {collection.stream.n_rows:,} rows and gave {total.n:,}; is it being "
            "written to?"
        )
    if (twice := digests.find_repeated(ids for ids, _ in collection.rows())) is not None:
        raise InputError(
            f"{collection.place}: the id '{twice[:60]}' stands in several rows, and rows are written by their ids; "
            f"name a column of unique values with ?ids=COLUMN"
        )
    loaded.save(book.repair)
    dtype = np.dtype(collection.stream.columns[0].dtype).name
    begun = State(
        "writing",
        collection.address,
        collection.column,
        name,
        _fingerprint(loaded),
        total.n,
        collection.dim,
        dtype,
        0,
        0,
        total.text,
        "",
    )
    return book.keep_state(restart(begun, "writing"))


def _write_new(
    book: Journal,
    collection: _Collection,
    state: State,
    writer: StoreWriter,
    new: Callable[[Rows], Rows],
    progress: Progress,
) -> State:
    """Write the blocks that are left; what is half-written is written again."""
    total = RowSum(state.new)
    if slow := STORE_WRITERS.get(collection.place.scheme).slow(collection.place, state.rows - total.n):
        progress.note(slow)
    progress.start("writing", state.rows - total.n)
    zeros = ZeroRows()
    for block in book.blocks(state, state.offset):
        rows = new(block.rows)
        with writing_to(state.address, "run this again, which goes on where it stopped"):
            writer.replace(block.ids, rows)
            if writer.loss is not None:
                _check_read_back(writer.loss, block.ids, rows)
        total.add(block.ids, rows)
        zeros.add(rows, block.ids)
        state = book.keep_state(replace(state, done=state.done + 1, offset=block.after, new=total.text))
        progress.advance(len(block.ids))
    if not total.same(RowSum(state.old), bits=False):
        raise InputError(f"{book.folder} has {total.n:,} of its {state.rows:,} rows; get it from a backup")
    for note in zeros.notes:
        progress.note(note)
    return state


def _unit(rows: Rows) -> Rows:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny))


def _check_read_back(loss: Loss, ids: Sequence[str], rows: Rows) -> None:
    """Compare what a store made of the rows with what was written, both L2-normalised."""
    held = loss.read(ids)
    there = [i for i, name in enumerate(ids) if name in held]
    if not there:
        return
    got, wanted = np.asarray([held[ids[i]] for i in there], dtype=np.float64), np.asarray(rows[there], dtype=np.float64)
    worst = np.abs(_unit(got) - _unit(wanted)).max(axis=1)
    if worst.max() > _TOLERANCE:
        bad = there[int(worst.argmax())]
        raise InputError(f"the store does not hold what was written to '{ids[bad][:60]}'; is it being written to?")


def _verify(
    book: Journal, collection: _Collection, state: State, new: Callable[[Rows], Rows], exact: bool, progress: Progress
) -> tuple[int, tuple[str, ...]]:
    """Read the store again and compare all of it; how many rows are gone, and notes on rows that came or went.

    Raises
    ------
    InputError
        if rows do not hold what was written. The next run writes all of them again.
    """
    held = RowSum()
    progress.start("verifying", state.rows)
    for ids, rows in collection.rows():
        held.add(ids, rows)
        progress.advance(len(ids))
    progress.close()
    if held.same(RowSum(state.new), bits=exact):
        return 0, ()
    kept = ((block.ids, new(block.rows)) for block in book.blocks(state))
    changes = differences(kept, collection.rows(), bits=exact)
    if changes.changed:
        if state.phase == "written":
            remedy = f"if the collection was made anew, delete {book.folder}; else --rollback"
        else:
            remedy = "stop what else writes to it, then run this again"
            book.keep_state(restart(state, state.phase))
        holds = "does not hold" if changes.changed == 1 else "do not hold"
        raise InputError(
            f"{count(changes.changed, 'row')} of {collection.place} {holds} what was written, such as "
            f"'{changes.first_changed[:60]}'; {remedy}"
        )
    notes = []
    if changes.added:
        were = "row was" if changes.added == 1 else "rows were"
        notes.append(
            f"{changes.added:,} {were} added since the old vectors were kept, such as '{changes.first_added[:60]}', "
            "and left as they are: old and new vectors must not be mixed"
        )
    if changes.gone:
        one = changes.gone == 1
        notes.append(
            f"{changes.gone:,} {'row is' if one else 'rows are'} no longer there, deleted since the old vectors "
            "were kept"
        )
    return changes.gone, tuple(notes)


def _outcome(
    collection: _Collection,
    book: Journal,
    state: State,
    dim: int,
    before: tuple[int, bool],
    notes: tuple[str, ...],
    begin: float,
    gone: int,
) -> InPlace:
    took = time.perf_counter() - begin
    return InPlace(
        str(collection.place), collection.column, state.kind, state.rows - gone, dim, book.folder, *before, took, notes
    )
