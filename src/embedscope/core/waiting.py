"""Waiting with a bound for what may never answer: a server, a cluster, a connection."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

__all__ = ["Patient", "call_within", "check_listening", "end_after"]

R = TypeVar("R")

_RETRY_SECONDS = 0.25


def call_within(call: Callable[[], R], seconds: float) -> R:
    """What ``call`` gives or raises, in at most ``seconds``; after these ``TimeoutError``, and it goes on alone.

    >>> call_within(lambda: 2 + 2, 60.0)
    4
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((True, call()))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True, name="embedscope-bounded")
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer in {seconds:g} s")
    done, outcome_of_call = outcome[0]
    if done:
        return outcome_of_call  # type: ignore[no-any-return]
    raise outcome_of_call


def check_listening(address: str, seconds: float) -> None:
    """Raise ``OSError`` where nothing accepts connections at ``tcp://HOST:PORT`` within ``seconds``.

    Other protocols are left to their own client, which waits longer and leaves connections behind where nobody answers.
    """
    scheme, _, place = address.rpartition("://")
    host, colon, port = place.rpartition(":")
    if scheme not in ("", "tcp", "tls") or not colon or not port.isdecimal():
        return
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=max(left, 0.1)).close()
            return
        except OSError as error:
            if left < _RETRY_SECONDS:
                raise OSError(f"nothing listened for {seconds:g} s: {error.strerror or error}") from error
        time.sleep(_RETRY_SECONDS)


class Patient:
    """A client whose methods have ``seconds`` to answer, each time; else ``TimeoutError``.

    Parameters
    ----------
    client : any object; what its methods give is wrapped too where it is of one of ``kinds``
    seconds : that each call may take
    kinds : names of the classes of further objects that ask the server, such as ``Collection``
    """

    def __init__(self, client: Any, seconds: float, kinds: tuple[str, ...] = ()) -> None:
        self._client, self._seconds, self._kinds = client, seconds, kinds

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        @wraps(attribute)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = call_within(lambda: attribute(*args, **kwargs), self._seconds)
            return Patient(given, self._seconds, self._kinds) if type(given).__name__ in self._kinds else given

        return call


@contextmanager
def end_after(seconds: float, descriptor: int) -> Generator[threading.Event, None, None]:
    """Within the block, shut the socket ``descriptor`` down after ``seconds``, so that who waits for it gets an error.

    The event tells whether that happened.
    """
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with socket.socket(fileno=os.dup(descriptor)) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
