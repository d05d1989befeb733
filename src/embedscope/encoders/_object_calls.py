"""Calls of a caller's object: awaited where they are asynchronous, in parts where it takes no more texts at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isawaitable
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.boundary import reason, shorten_name
from embedscope.core.errors import EmbedscopeError, InputError


@dataclass(frozen=True)
class Call:
    """A method of an object.

    Attributes
    ----------
    method : takes a list of texts, or one text where ``single``; its result may be awaitable
    single : whether it takes one text
    """

    method: Callable[[Any], Any]
    single: bool = False

    def __call__(self, texts: list[str]) -> Any:
        """What the object gives for ``texts``, as a list of rows or an array."""
        if self.single:
            return [_wait_for(self.method(text)) for text in texts]
        rows = _wait_for(self.method(texts))
        return list(rows) if isinstance(rows, Iterator) else rows


def method_of(model: Any, name: str) -> Callable[[Any], Any] | None:
    """The method ``name`` of ``model``; ``aNAME`` where there is none, or where it says that it is not implemented."""
    plain, waiting = (getattr(model, called, None) for called in (name, f"a{name}"))
    if not callable(plain) or not callable(waiting):
        return next((method for method in (plain, waiting) if callable(method)), None)

    def either(given: Any) -> Any:
        try:
            return plain(given)
        except NotImplementedError:
            return waiting(given)

    return either


@dataclass
class Caller:
    """Asks an object called ``name`` for rows.

    Attributes
    ----------
    at_once : how many texts it takes at once, where it failed on more; None where it took all
    """

    name: str
    at_once: int | None = field(default=None, init=False)

    def rows(self, call: Call, texts: list[str]) -> npt.NDArray[np.float32]:
        """Rows (n, d) of ``texts``; after a failure in parts of half as many, if one text alone is no failure.

        Raises
        ------
        InputError
            if it fails on one text, or gives anything but one row of numbers a text.
        """
        parts: list[npt.NDArray[np.float32]] = []
        first = 0
        while first < len(texts) or not parts:
            part = texts[first : first + (1 if call.single else self.at_once or len(texts))]
            try:
                parts.append(as_rows(call(part), len(part), self.name))
            except EmbedscopeError:
                raise
            except Exception as error:  # whatever the caller's object raises
                if len(part) < 2 or not self._takes(call, part[:1]):
                    raise self._failure(part, error) from error
                self.at_once = len(part) // 2
                continue
            first += len(part)
        if len({part.shape[1] for part in parts}) > 1:
            raise InputError(f"{self.name} gave rows of different lengths; wanted ({len(texts)}, d), one row per text")
        return np.concatenate(parts)

    @staticmethod
    def _takes(call: Call, texts: list[str]) -> bool:
        try:
            call(texts)
        except Exception:  # it is told with the failure on all of them
            return False
        return True

    def _failure(self, texts: list[str], error: Exception) -> InputError:
        said = f"{type(error).__name__} ({reason(error)})"
        if len(texts) == 1:
            return InputError(
                f"{self.name} failed on the text '{shorten_name(texts[0][:60])}' with {said}; try it on that text"
            )
        return InputError(f"{self.name} failed on {len(texts):,} texts with {said}, and on one of them alone; mend it")


def as_rows(rows: Any, n: int, name: str) -> npt.NDArray[np.float32]:
    """What a model gave for ``n`` texts, as (n, d) float32; raises ``InputError`` where it is not one row per text."""
    if hasattr(rows, "detach"):
        rows = rows.detach().float().cpu().numpy()
    elif isinstance(rows, list | tuple) and rows and hasattr(rows[0], "detach"):
        rows = [row.detach().float().cpu().numpy() for row in rows]
    try:
        x = np.asarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} gave {type(rows).__name__} and no array of numbers; wanted one row per text"
        ) from error
    if x.ndim != 2 or len(x) != n or x.shape[1] == 0:
        raise InputError(f"{name} gave an array of shape {x.shape} for {n} texts; wanted ({n}, d), one row per text")
    return x


def _wait_for(value: Any) -> Any:
    """``value``, waited for where it is awaitable, on a loop of its own: the caller's may be running."""
    if not isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    return _run(wait())


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(coroutine, _loop(os.getpid())).result()


@lru_cache(maxsize=1)
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """One loop for all calls of ``process``, since clients keep their connections in the loop that opened them."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="embedscope-objects", daemon=True).start()
    return loop
