"""The one writer: an output appears whole or not at all, and nothing but what was named is touched.

A regular file is written aside, flushed to the disk and renamed, so that a full disk, a crash or a signal leaves the
old one. Links are followed, the mode and the owner stay, devices and pipes are written through, and what is read in the
same run is never overwritten. A name aside tells the process that made it, so that what a killed one left goes with the
next write to the same folder.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from embedscope.core._leftovers import aside_name, sweep
from embedscope.core.errors import EmbedscopeError, InputError, OutputError
from embedscope.core.inputs import check_not_input

_PIPE_SECONDS = 30.0
_DESCRIPTORS = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
_OS_ERROR = re.compile(r"(?:os error|errno) (\d+)", re.IGNORECASE)
_OF_WRITING = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some of the quota or write elsewhere",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) or write elsewhere",
    errno.EROFS: "write elsewhere",
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success its bytes become ``path``, on any error it is removed.

    Raises
    ------
    InputError
        if ``path`` is a folder, or a file that this run reads.
    OutputError
        if it cannot be written (full disk, size limit, no permission); what was there is unchanged.
    """
    named = Path(path)
    check_not_input(named)
    with _explain_failures(named):
        through = _special(named)
        target = Path(os.path.realpath(named))
    folder, name = (Path(tempfile.gettempdir()), "embedscope") if through else (target.parent, target.name)
    part = folder / aside_name(name)
    try:  # from here on, since a signal may come right after the file is made
        with _explain_failures(named):
            _make(part, None if through else target)
        with _explain_failures(named, part):
            yield part
        with _explain_failures(named, part, everything=True):
            if through:
                _write_through(named, part)
            else:
                _replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it where they are not there; ``OSError`` where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except RecursionError as error:
        raise OSError(errno.ENAMETOOLONG, "the path has too many folders", str(folder)) from error


def check_new_folder(path: str | Path) -> None:
    """Raise ``InputError`` unless a folder can be made at ``path``: it is not there, or is an empty folder."""
    target = Path(os.path.realpath(path))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{path} is there already; name a new folder, or remove it")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give an empty temporary folder beside ``path``, which may not be there or must be empty; renamed on success.

    Raises
    ------
    InputError
        if ``path`` is a file or a folder with something in it.
    OutputError
        if it cannot be written.
    """
    named = Path(path)
    target = Path(os.path.realpath(named))
    check_new_folder(named)
    with _explain_failures(named):
        make_folder(target.parent)
        sweep(target.parent)
    part = target.parent / aside_name(target.name)
    try:
        with _explain_failures(named):
            part.mkdir()
        with _explain_failures(named, part):
            yield part
        with _explain_failures(named, part, everything=True):
            for file in part.rglob("*"):
                if file.is_file():
                    _flush(file)
            part.replace(target)
            _flush_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    r"""Write ``text`` to ``path`` as UTF-8, as :func:`atomic_path` does.

    What is not UTF-8 in the name of a file becomes ``\udcff``, which JSON reads back as it was.
    """
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: str | Path, data: bytes | memoryview) -> None:
    """Write ``data`` to ``path``, as :func:`atomic_path` does."""
    with atomic_path(path) as part, part.open("wb") as file:
        file.write(data)


def write_at(path: str | Path, offset: int, data: bytes) -> None:
    """Write ``data`` into the file ``path``, made where it is not there, from ``offset`` on, and bring it to the disk.

    Not atomic: for files of which a part counts only when another file, written afterwards, says so.
    """
    named = Path(path)
    with _explain_failures(named):
        handle = os.open(named, os.O_CREAT | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            with os.fdopen(handle, "r+b", buffering=0, closefd=False) as file:
                file.seek(offset)
                file.write(data)
            os.fsync(handle)
        finally:
            os.close(handle)


def _special(path: Path) -> bool:
    """Whether ``path`` is written through: a device, a pipe, or an open file of this process such as /dev/stdout."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder; name the file to write in it")
    if stat.S_ISSOCK(mode):
        raise InputError(f"{path} is a socket, which cannot be written to; name a file")
    return not stat.S_ISREG(mode)


def _descriptor(path: Path) -> int | None:
    text = os.path.normpath(path)
    match = _DESCRIPTORS.fullmatch(text)
    return int(match[1]) if match else _STANDARD.get(text)


def _make(part: Path, target: Path | None) -> None:
    """Make the empty file ``part``, with the rights that a new file gets, or those of ``target``; None: private."""
    make_folder(part.parent)
    sweep(part.parent)
    mode = 0o600 if target is None else 0o666
    if target is not None and target.exists():
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is write-protected", str(target))
        mode = stat.S_IMODE(target.stat().st_mode)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), mode))


def _replace(part: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        old = target.stat()
        with suppress(OSError):
            os.chown(part, old.st_uid, old.st_gid)
        part.chmod(stat.S_IMODE(old.st_mode))
    _flush(part)
    part.replace(target)
    _flush_folder(target.parent)


def _flush(file: Path) -> None:
    """Bring the bytes of ``file`` to the disk; an error where they do not get there."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """Bring the new name to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_through(path: Path, part: Path) -> None:
    with part.open("rb") as source, _open_existing(path) as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def _open_existing(path: Path) -> BinaryIO:
    """A device or a pipe for writing; a pipe that nobody reads is waited for for half a minute."""
    own = _descriptor(path)
    if own is not None:
        if own == 1:
            sys.stdout.flush()
        return os.fdopen(os.dup(own), "wb")
    until = time.monotonic() + _PIPE_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, f"no process reads this pipe after {_PIPE_SECONDS:g} s", str(path)) from None
            time.sleep(0.05)
    os.set_blocking(handle, True)
    return os.fdopen(handle, "wb")


@contextmanager
def _explain_failures(path: Path, part: Path | None = None, *, everything: bool = False) -> Iterator[None]:
    """Failures to write as one sentence: any OSError, or with ``part`` those of writing to it alone."""
    try:
        yield
    except (EmbedscopeError, BrokenPipeError):
        raise
    except OSError as error:
        code = error.errno or _code_in(error)
        of_part = part is not None and str(error.filename).startswith(str(part))
        ours = part is None or everything or of_part or (error.filename is None and code in _OF_WRITING)
        if not ours:
            raise
        raise _failure(path, code, error.strerror or str(error)) from error
    except Exception as error:
        code = _code_in(error)
        if code not in _OF_WRITING:
            raise
        raise _failure(path, code, os.strerror(code)) from error


def _code_in(error: Exception) -> int:
    """The number of the system's error that a library put into words (``os error 28``); 0 where there is none."""
    match = _OS_ERROR.search(str(error))
    return int(match[1]) if match else 0


def _failure(path: Path, code: int, reason: str) -> OutputError:
    try:
        kept = "; the file that was there is unchanged" if stat.S_ISREG(path.stat().st_mode) else ""
    except OSError:
        kept = ""
    hint = _OF_WRITING.get(code, "write elsewhere")
    return OutputError(f"cannot write {path}: {reason[:1].lower()}{reason[1:]}{kept}; {hint}")


@contextmanager
def scratch_folder(stem: str) -> Iterator[Path]:
    """A folder in the system's temporary one that goes with the block; what killed processes left of it goes first."""
    folder = Path(tempfile.gettempdir())
    sweep(folder)
    part = folder / aside_name(stem)
    try:
        with _explain_failures(part):
            part.mkdir(mode=0o700)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
