"""Work on a cluster: shards are mapped on Dask workers and the outcomes come back in the order of the shards."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.threads import cores, one_blas_thread
from embedscope.core.waiting import call_within, check_listening
from embedscope.execution._watch import EngineError, Watch

IDS = ("dask",)

_AHEAD = 2
"""Shards handed out for each worker thread: one that is worked on, one that waits."""

_LISTENING = 5.0
"""Seconds that nothing may listen at the address of a scheduler, which may be starting."""

_ENVIRONMENT = {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1}
_ENVIRONMENT |= {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 25}
"""Of workers started here. Dask has them give back every 64 KiB, so that each block would be mapped anew."""

S = TypeVar("S")
R = TypeVar("R")


@dataclass
class Dask:
    """Engine of a Dask cluster: the scheduler at ``address``, or ``workers`` processes on this machine.

    Outcomes come in the order of the shards, every worker thread multiplies on one BLAS thread, and a shard whose
    worker is lost is worked on again elsewhere: what is folded from them has the same bits for any number of workers of
    one kind (one BLAS build, one type of processor). At most two shards a worker thread are under way.

    Attributes
    ----------
    address : of a scheduler (``tcp://host:8786``); where None, processes with one thread each are started here
    workers : how many processes, by default one a core
    timeout : seconds to wait for the scheduler
    patience : seconds to wait for a worker where there is none, for workers to start, for an answer of a scheduler that
        is silent, and for the cluster to end
    """

    address: str | None = None
    workers: int | None = None
    timeout: float = 30.0
    patience: float = 180.0
    _open: ExitStack = field(default_factory=ExitStack, init=False, repr=False, compare=False)
    _client: Any = field(default=None, init=False, repr=False, compare=False)
    _others: set[Any] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in their order; errors of ``work`` come with their own type and message.

        Where ``work`` has a method ``note_arrival``, it is told of every outcome, since its progress is seen elsewhere.
        """
        client = self.client()
        watch = Watch(client, self.address, self.patience)
        limit = _AHEAD * watch.threads()
        recipe = client.submit(_unpack, _pack(work), pure=False)
        note_arrival = getattr(work, "note_arrival", _nobody)
        waiting: deque[Any] = deque()
        try:
            for shard in shards:
                waiting.append(client.submit(_run_shard, recipe, _pack(shard), pure=False))
                if len(waiting) > limit:
                    note_arrival(outcome := self._outcome(waiting.popleft(), watch))
                    yield outcome
            while waiting:
                note_arrival(outcome := self._outcome(waiting.popleft(), watch))
                yield outcome
        finally:
            with suppress(EngineError):
                watch.ask(client.cancel, [*waiting, recipe])

    def client(self) -> Any:
        """The client, connected at the first call; ``EngineError`` where there is no scheduler."""
        if self._client is None:
            distributed = require("distributed", "dask", "the engine dask")
            where = self.address
            self._open.enter_context(_quiet())
            self._others = set(multiprocessing.active_children())
            try:
                if where is not None:
                    check_listening(where, min(self.timeout, _LISTENING))
                else:
                    start = partial(_local_cluster, distributed, self.workers or cores())
                    where = self._open.enter_context(call_within(start, self.patience))
                # states come straight from workers here; those of a cluster may only be within reach of its scheduler
                direct = self.address is None
                options = {"timeout": self.timeout, "set_as_default": False, "direct_to_workers": direct}
                client = call_within(partial(distributed.Client, where, **options), self.timeout + self.patience)
            except (OSError, TimeoutError, ValueError, RuntimeError) as error:
                self.close()
                raise self._no_cluster(error) from error
            self._client = self._open.enter_context(client)
        return self._client

    def close(self) -> None:
        """Let go of the cluster, and end it where it was started here; the next ``map`` opens it again.

        What does not end in ``patience`` seconds is killed, since Python would wait for it at its own end.
        """
        ended = self._client is not None or self._others is None
        self._client = None
        opened, self._open = self._open, ExitStack()
        try:
            call_within(opened.close, self.patience)
        except TimeoutError:
            ended = False
        finally:
            if not ended:  # what goes on alone would log how its workers were lost, after the sentence that says it
                _silence()
            if self.address is None and self._others is not None:
                for process in set(multiprocessing.active_children()) - self._others:
                    process.kill()
            self._others = None

    def _no_cluster(self, error: Exception) -> EngineError:
        why = str(error) or type(error).__name__
        if self.address is None:
            return EngineError(
                f"no Dask workers could be started on this machine ({why}); free some memory or take fewer, dask:1, "
                "or use --engine local"
            )
        return EngineError(
            f"no Dask scheduler answers at {self.address} ({why}); check the address and that it runs, "
            "or leave it out to start workers on this machine"
        )

    def _outcome(self, future: Any, watch: Watch) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return watch.result(future)
        except KilledWorker as error:
            raise EngineError(
                f"workers died again and again on one shard ({error}); they may lack memory: give each more, "
                "or measure fewer metrics at a time"
            ) from error
        except CancelledError as error:
            raise EngineError(
                f"the scheduler{f' at {self.address}' if self.address else ''} was lost ({error}); start it and run "
                "again, with --checkpoint DIR finished shards are kept"
            ) from error
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "embedscope":
                raise
            raise EngineError(f"the workers have no {error.name}; install this version of embedscope there") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No log of workers that come and go: what matters is raised."""
    handlers = logging.getLogger("distributed").handlers
    levels = [handler.level for handler in handlers]
    _silence()
    try:
        yield
    finally:
        for handler, level in zip(handlers, levels, strict=False):
            handler.setLevel(level)


def _silence() -> None:
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(logging.CRITICAL)


def _local_cluster(distributed: Any, workers: int) -> AbstractContextManager[Any]:
    import dask

    with dask.config.set({"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}):
        cluster: AbstractContextManager[Any] = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        )
    return cluster


def _pack(thing: object) -> bytes:
    """Bytes for a worker of this run, packed here so that Dask does not look for tasks inside."""
    import cloudpickle  # type: ignore[import-untyped]

    try:
        return bytes(cloudpickle.dumps(thing))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise InputError(f"{type(thing).__name__} cannot be sent to workers ({error}); use --engine local") from error


def _unpack(data: bytes) -> Any:
    return pickle.loads(data)


def _nobody(outcome: object) -> None:
    """Nobody is told of outcomes."""


def _run_shard(work: Callable[[Any], Any], shard: bytes) -> Any:
    """On a worker: the outcome of one shard."""
    with _single_threaded_products():
        return work(_unpack(shard))


_lock = threading.Lock()
_inside = 0
_limit = ExitStack()


@contextmanager
def _single_threaded_products() -> Iterator[None]:
    """One BLAS thread while any thread of this worker is inside: the limit holds for the whole process."""
    global _inside  # noqa: PLW0603
    with _lock:
        if _inside == 0:
            _limit.enter_context(one_blas_thread())
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.close()


ENTRIES = {"dask": Dask}
