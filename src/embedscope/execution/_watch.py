"""Waiting for a cluster with a bound: for its start, its scheduler, its workers, and shards that kill these."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from embedscope.core.errors import EmbedscopeError
from embedscope.core.waiting import call_within

R = TypeVar("R")

_TICK_SECONDS = 2.0
_STRIKES = 3
"""Workers that may be lost for each that there was while one outcome is waited for."""

_LEAST_LOST = 10


class EngineError(EmbedscopeError):
    """The cluster could not do the work (out of reach, workers that die); the numbers are not at fault."""

    exit_code = 6


class Watch:
    """Looks after a cluster while its outcomes are waited for.

    Parameters
    ----------
    client : of ``distributed``
    address : of its scheduler, None for one of this process
    patience : seconds that no worker, or a silent scheduler, is borne
    """

    def __init__(self, client: Any, address: str | None, patience: float) -> None:
        self._client = client
        self._at = f" at {address}" if address else ""
        self._patience = patience
        self._known: set[str] = set()
        self._most = 1
        self._lost = 0
        self._alone_since: float | None = None

    def ask(self, call: Callable[..., R], *args: Any) -> R:
        """What the scheduler says; ``EngineError`` where it says nothing."""
        try:
            return call_within(partial(call, *args), self._patience)
        except (OSError, TimeoutError) as error:
            raise EngineError(
                f"the scheduler{self._at} does not answer ({error}); look after it and run again, with --checkpoint "
                "DIR finished shards are kept"
            ) from error

    def threads(self) -> int:
        """Threads of all workers, at least one; waits for the first worker."""
        since = time.monotonic()
        while not (workers := self.ask(self._client.nthreads)):
            if time.monotonic() - since > self._patience:
                raise EngineError(
                    f"the scheduler{self._at} has had no workers for {self._patience:g} s; start some, "
                    "`dask worker ADDRESS`"
                )
            time.sleep(min(_TICK_SECONDS, self._patience) / 4)
        self._known = set(workers)
        self._most = len(workers)
        return max(1, int(sum(workers.values())))

    def result(self, future: Any) -> Any:
        """The outcome of ``future``.

        Raises
        ------
        EngineError
            if too many workers are lost meanwhile, none is left, or the scheduler is silent.
        """
        self._lost, self._alone_since = 0, None
        while True:
            try:
                return future.result(timeout=_TICK_SECONDS)
            except TimeoutError:
                if future.status == "error":  # the work itself raised it
                    raise
                self._look()

    def _look(self) -> None:
        workers = set(self.ask(self._client.nthreads))
        now = time.monotonic()
        self._lost += len(self._known - workers)
        self._known = workers
        self._most = max(self._most, len(workers))
        self._alone_since = None if workers else self._alone_since or now
        if self._lost > max(_LEAST_LOST, _STRIKES * self._most):
            raise self._dying("more come and go")
        if self._alone_since is not None and now - self._alone_since > self._patience:
            raise self._dying(f"for {self._patience:g} s there has been none")

    def _dying(self, rest: str) -> EngineError:
        return EngineError(
            f"workers died again and again on one shard: {self._lost} were lost and {rest}; they may lack memory: give "
            "each more, or measure fewer metrics at a time"
        )
