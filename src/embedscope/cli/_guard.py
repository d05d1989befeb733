"""What every verb has in common: inputs that no output may overwrite, and errors as one sentence."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from embedscope.core.errors import EmbedscopeError, EmbedscopeWarning, InputError
from embedscope.core.inputs import check_not_input, paths_in, reading
from embedscope.core.printable import printable
from embedscope.core.progress import end_progress

_OUTPUTS = {
    "json",
    "out",
    "report",
    "figures",
    "csv",
    "latex",
    "markdown",
    "parquet",
    "items",
    "export",
    "projector",
    "eval_results",
    "mteb",
    "model_card",
    "rows_out",
}
_NEITHER = {"study", "data", "checkpoint", "label_pairs", "into", "journal", "folder", *_OUTPUTS}


def guard(verb: Callable[..., None]) -> Callable[..., None]:
    """``verb`` with errors made for users printed as one sentence and turned into its exit code.

    No file or folder that its arguments name is overwritten by one of its outputs; that is found out before any work.
    """

    @functools.wraps(verb)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with reading(_inputs(kwargs)), _notes():
                _check_outputs(kwargs)
                try:
                    verb(*args, **kwargs)
                finally:
                    end_progress()
        except EmbedscopeError as error:
            raise _exit(str(error), error.exit_code) from error
        except BrokenPipeError:
            _to_nowhere()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno is None:
                raise
            raise _exit(_words(error), 2) from error
        except MemoryError as error:
            why = f" ({error})" if str(error) else ""
            raise _exit(f"there is not enough memory{why}; use fewer rows, metrics or workers", 2) from error

    return run


@contextmanager
def _notes() -> Iterator[None]:
    """Warnings of this package as notes on standard error, in place of lines of its source."""
    shown = warnings.showwarning

    def note(message: Any, category: type[Warning], *rest: Any) -> None:
        if issubclass(category, EmbedscopeWarning):
            typer.echo(printable(f"· {message}"), err=True)
        else:
            shown(message, category, *rest)

    with warnings.catch_warnings():
        warnings.simplefilter("always", EmbedscopeWarning)
        warnings.showwarning = note  # type: ignore[assignment]
        yield


def _exit(sentence: str, code: int) -> typer.Exit:
    typer.echo(printable(f"embedscope: {sentence}"), err=True)
    return typer.Exit(code)


def _words(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return f"system error: {reason}; resolve it and run again"
    return f"cannot use {_name(error.filename)}: {reason}; choose another path"


def _name(file: object) -> str:
    return os.fsdecode(file) if isinstance(file, bytes) else str(file)


def _to_nowhere() -> None:
    """Standard output goes nowhere: who read it has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _inputs(options: Mapping[str, Any]) -> Iterator[str]:
    """Every path that an argument may mean; those where there is nothing do no harm."""
    for name, value in options.items():
        if name not in _NEITHER:
            yield from paths_in(value)


def _check_outputs(options: Mapping[str, Any]) -> None:
    taken: dict[str, str] = {}
    for name in _OUTPUTS & set(options):
        value = options[name]
        if not isinstance(value, str | Path) or str(value) == "-":
            continue
        check_not_input(value)
        real = os.path.realpath(value)
        if real in taken and not real.startswith("/dev/"):
            raise InputError(f"--{taken[real]} and --{name} both name {value}; give each output a file of its own")
        taken[real] = name
