"""Shards processed by an engine and merged; bad shards can be skipped, and finished shards saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from embedscope.core.accumulate import fold
from embedscope.core.batch import Batch, Shard
from embedscope.core.document import Skipped
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.execution import Engine
from embedscope.execution.block_hashes import Hashed, digest_of
from embedscope.execution.checkpoint import BadShard

if TYPE_CHECKING:
    from embedscope.execution.checkpoint import Checkpoint

S = TypeVar("S")
R = TypeVar("R")


def fold_shards(engine: Engine, work: Callable[[Shard], S], shards: Sequence[Shard], merge: Callable[[S, S], S]) -> S:
    """Outcomes of all ``shards``, merged in the tree of :func:`embedscope.core.accumulate.fold`."""
    if isinstance(engine, ShardRunner):
        return engine.fold(work, shards, merge)
    return fold(engine.map(work, shards), merge)


@dataclass
class ShardRunner:
    """An engine at work on one source: it leaves out shards that cannot be read, and goes on where a run was cut off.

    Attributes
    ----------
    engine : who does the work
    skip_bad : leave out a shard that cannot be read, instead of raising its error
    checkpoint : where states of finished shards are kept
    missing : shards left out so far; a later pass leaves out the same
    unopened : why files could not even be opened, which are left out from the beginning
    """

    engine: Engine
    skip_bad: bool = False
    checkpoint: Checkpoint | None = None
    missing: list[BadShard] = field(default_factory=list)
    unopened: tuple[str, ...] = ()
    _passes: int = 0
    _shards: int = 0

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """Outcomes of the engine, as they are."""
        return self.engine.map(work, shards)

    def fold(self, work: Callable[[Shard], R], shards: Sequence[Shard], merge: Callable[[R, R], R]) -> R:
        """Outcomes of the shards that can be read, merged in a tree fixed by their order.

        Raises
        ------
        InputError
            if none can be read, or one that a pass before could read cannot be read any more.
        """
        self._passes, self._shards = self._passes + 1, len(shards)
        if self.checkpoint is None:
            states: Iterator[R] = (s for _, s in self._outcomes(work, shards, 0) if not isinstance(s, BadShard))
            return fold(states, merge)
        return self.checkpoint.fold(
            work,
            shards,
            lambda first: self._outcomes(Hashed(work), shards, first),
            lambda first, end: self._digests(shards, first, end),
            merge,
            self.missing,
        )

    @property
    def note(self) -> str | None:
        """What is missing, in one sentence for the records; None where nothing is."""
        files = f"{len(self.unopened)} of the files could not be opened" if self.unopened else ""
        shards = f"{len(self.missing)} of {self._shards} shards could not be read" if self.missing else ""
        return f"{' and '.join(filter(None, (files, shards)))}; they are missing" if files or shards else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, one sentence for each file or shard that is missing."""
        return (*self.unopened, *(bad.reason for bad in self.missing))

    def _outcomes(self, work: Callable[[Shard], Any], shards: Sequence[Shard], first: int) -> Iterator[tuple[int, Any]]:
        """What came of each shard from ``first`` on, with its number: a state, or :class:`BadShard`."""
        if not self.skip_bad:
            yield from enumerate(self.engine.map(work, shards[first:]), start=first)
            return
        known = {bad.shard for bad in self.missing}
        rest = [Watched(i, shards[i]) for i in range(first, len(shards)) if i not in known]
        for watched, outcome in zip(rest, self.engine.map(Guarded(work), rest), strict=True):
            if isinstance(outcome, BadShard):
                self._leave_out(outcome)
            yield watched.index, outcome

    def _digests(self, shards: Sequence[Shard], first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Hashes of the rows of the shards from ``first`` to before ``end``, with their numbers, without bad ones."""
        known = {bad.shard for bad in self.missing}
        rest = [i for i in range(first, end) if i not in known]
        yield from zip(rest, self.engine.map(digest_of, [shards[i] for i in rest]), strict=True)

    def _leave_out(self, bad: BadShard) -> None:
        if self._passes > 1:
            raise InputError(f"a shard was read in the pass before and cannot be read now: {bad.reason}; try again")
        self.missing.append(bad)
        if len(self.missing) == self._shards:
            raise InputError(f"none of the {self._shards} shards can be read; the first says: {self.missing[0].reason}")


def add_skip_notes(records: Iterable[Record], engine: Engine) -> list[Record]:
    """``records`` with a note on the shards that ``engine`` skipped."""
    note = engine.note if isinstance(engine, ShardRunner) else None
    return [r if note is None else replace(r, note=f"{r.note}; {note}" if r.note else note) for r in records]


def skipped_shards(source: str, engine: Engine) -> tuple[Skipped, ...]:
    """What ``engine`` left out of ``source``, for the document."""
    return tuple(Skipped(source, why) for why in engine.reasons) if isinstance(engine, ShardRunner) else ()


@dataclass(frozen=True)
class Watched:
    """A shard whose errors of reading are distinguished from all others."""

    index: int
    shard: Shard

    def batches(self) -> Iterator[Batch]:
        """The batches of the shard."""
        try:
            yield from self.shard.batches()
        except (InputError, OSError) as error:
            raise _UnreadableError(str(error)) from error


class _UnreadableError(Exception):
    """A shard could not be read."""


@dataclass(frozen=True)
class Guarded:
    """``work`` that gives a :class:`BadShard` for a shard that cannot be read."""

    work: Callable[[Shard], Any]

    def __call__(self, shard: Watched) -> Any:
        """The outcome of the shard, or why there is none."""
        try:
            return self.work(shard)
        except _UnreadableError as error:
            return BadShard(shard.index, str(error))

    def note_arrival(self, outcome: Any) -> None:
        """Pass on that an outcome came from elsewhere."""
        note_arrival = getattr(self.work, "note_arrival", None)
        if note_arrival is not None and not isinstance(outcome, BadShard):
            note_arrival(outcome)
