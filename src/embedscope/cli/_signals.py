"""Ctrl-C, SIGTERM and a lost terminal: one line and the exit code of the signal, from the first moment on."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False  # so that typing is not imported before signals are listened to
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

_SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "the end of its terminal"}
_AGAIN_SECONDS = 0.05


class Stopped(BaseException):
    """A signal asked this process to end. No library takes it for its own KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(start: Callable[[], object]) -> NoReturn:
    """Call ``start`` and exit with its code; where a signal comes, with one line and 128 + its number.

    What was being written is removed on the way out. A second signal ends the process at once.
    """
    code: int | str | None = 0
    try:
        _listen()
        start()
    except SystemExit as error:
        code = error.code
    except (Stopped, KeyboardInterrupt) as stopped:
        code = _report_stop(stopped.number if isinstance(stopped, Stopped) else signal.SIGINT)
    _listen(signal.SIG_DFL)
    sys.exit(code or _flush())


def _listen(handler: signal.Handlers | None = None) -> None:
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        with suppress(ValueError, OSError):  # another thread than the main one cannot
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _stop if handler is None else handler)
    sys.unraisablehook = sys.__unraisablehook__ if handler is not None else _unraisable


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise Stopped(number)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Raise the signal again where it came inside a finalizer, which swallows what is raised in it."""
    if not isinstance(lost.exc_value, Stopped):
        sys.__unraisablehook__(lost)
        return
    import threading

    number = lost.exc_value.number
    signal.signal(number, _stop)
    timer = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()


def _report_stop(number: int) -> int:
    words = next(why for name, why in _SIGNALS.items() if getattr(signal, name, None) == number)
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[?25h")  # a progress bar may have hidden the cursor
        sys.stderr.write(f"embedscope: stopped by {words}; what was finished is kept, nothing half-written is left\n")
        sys.stderr.flush()
    return 128 + number


def _flush() -> int:
    """0, or 2 with a line where the last of the output could not be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
    except (OSError, ValueError) as error:
        _silence()
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"embedscope: cannot write to standard output: {reason.lower()}; write elsewhere\n")
        return 2
    return 0


def _silence() -> None:
    """Standard output goes nowhere from here on, so that the interpreter does not complain at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
