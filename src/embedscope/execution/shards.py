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
from embedscope.execution.checkpoint import BadShard

if TYPE_CHECKING:
    from embedscope.execution.checkpoint import Checkpoint

S = TypeVar("S")
R = TypeVar("R")


def fold_shards(engine: Engine, work: Callable[[Shard], S], shards: Sequence[Shard], merge: Callable[[S, S], S]) -> S:
    """Results of all ``shards``, merged in the tree of :func:`embedscope.core.accumulate.fold`."""
    if isinstance(engine, ShardRunner):
        return engine.fold(work, shards, merge)
    return fold(engine.map(work, shards), merge)


@dataclass
class ShardRunner:
    """An engine for one source, which can skip shards that cannot be read and resume an interrupted run.

    Attributes
    ----------
    engine : the engine that processes the shards
    skip_bad : skip a shard that cannot be read, instead of raising its error
    checkpoint : where the states of finished shards are saved
    skipped : shards skipped so far; later passes skip the same ones
    unopened : reasons of the files that could not be opened, which are skipped from the beginning
    """

    engine: Engine
    skip_bad: bool = False
    checkpoint: Checkpoint | None = None
    skipped: list[BadShard] = field(default_factory=list)
    unopened: tuple[str, ...] = ()
    _passes: int = 0
    _shards: int = 0

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """Results of the engine, as they are."""
        return self.engine.map(work, shards)

    def fold(self, work: Callable[[Shard], R], shards: Sequence[Shard], merge: Callable[[R, R], R]) -> R:
        """Results of the shards that can be read, merged in a tree that depends on their order alone.

        Raises
        ------
        InputError
            if none can be read, or a shard that an earlier pass read can no longer be read.
        """
        self._passes, self._shards = self._passes + 1, len(shards)
        if self.checkpoint is None:
            states: Iterator[R] = (s for _, s in self._outcomes(work, shards, 0) if not isinstance(s, BadShard))
            return fold(states, merge)
        return self.checkpoint.fold(
            work, shards, lambda first: self._outcomes(work, shards, first), merge, self.skipped
        )

    @property
    def note(self) -> str | None:
        """What was skipped, in one sentence for the records; None where nothing was."""
        files = f"{len(self.unopened)} of the files could not be opened" if self.unopened else ""
        shards = f"{len(self.skipped)} of {self._shards} shards could not be read" if self.skipped else ""
        return f"{' and '.join(filter(None, (files, shards)))}; they are skipped" if files or shards else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """One sentence for each file or shard that was skipped."""
        return (*self.unopened, *(bad.reason for bad in self.skipped))

    def _outcomes(self, work: Callable[[Shard], Any], shards: Sequence[Shard], first: int) -> Iterator[tuple[int, Any]]:
        """The number and the result of each shard from ``first`` on: a state, or a :class:`BadShard`."""
        if not self.skip_bad:
            yield from enumerate(self.engine.map(work, shards[first:]), start=first)
            return
        known = {bad.shard for bad in self.skipped}
        rest = [Watched(i, shards[i]) for i in range(first, len(shards)) if i not in known]
        for watched, outcome in zip(rest, self.engine.map(Guarded(work), rest), strict=True):
            if isinstance(outcome, BadShard):
                self._skip(outcome)
            yield watched.index, outcome

    def _skip(self, bad: BadShard) -> None:
        if self._passes > 1:
            raise InputError(
                f"a shard that the previous pass read can no longer be read: {bad.reason}; run the command again"
            )
        self.skipped.append(bad)
        if len(self.skipped) == self._shards:
            raise InputError(
                f"none of the {self._shards} shards can be read; the first reason: {self.skipped[0].reason}"
            )


def add_skip_notes(records: Iterable[Record], engine: Engine) -> list[Record]:
    """``records`` with a note on the shards that ``engine`` skipped."""
    note = engine.note if isinstance(engine, ShardRunner) else None
    return [r if note is None else replace(r, note=f"{r.note}; {note}" if r.note else note) for r in records]


def skipped_shards(source: str, engine: Engine) -> tuple[Skipped, ...]:
    """The shards of ``source`` that ``engine`` skipped, for the document."""
    return tuple(Skipped(source, why) for why in engine.reasons) if isinstance(engine, ShardRunner) else ()


@dataclass(frozen=True)
class Watched:
    """A shard whose reading errors can be distinguished from all others."""

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
    """``work`` that returns a :class:`BadShard` for a shard that cannot be read."""

    work: Callable[[Shard], Any]

    def __call__(self, shard: Watched) -> Any:
        """The result of the shard, or why there is none."""
        try:
            return self.work(shard)
        except _UnreadableError as error:
            return BadShard(shard.index, str(error))

    def arrived(self, outcome: Any) -> None:
        """Forward a result that was computed elsewhere."""
        arrived = getattr(self.work, "arrived", None)
        if arrived is not None and not isinstance(outcome, BadShard):
            arrived(outcome)
