"""Whether a path is a file that ends: pipes, devices, sockets and files of the kernel are refused, not waited for."""

from __future__ import annotations

import difflib
import os
import stat
from contextlib import suppress
from pathlib import Path

from embedscope.core.errors import InputError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISSOCK, "a socket"),
)

_OF_KERNEL = {"proc", "sysfs", "tracefs", "debugfs", "securityfs", "cgroup", "cgroup2", "bpf"}
"""File systems without a disk, whose files say that they have no bytes."""

EXAMPLE = "example"
"""Folder of the files that the pages of the documentation work with."""


def check_name(name: str) -> None:
    """Raise ``InputError`` where ``name`` cannot be one: empty, bytes that are not UTF-8, a null character."""
    if not name.strip():
        raise InputError("the name of a file is empty; is a variable of the shell not set?")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the file name {name!a} is not valid UTF-8; rename the file") from error
    if "\0" in name:
        raise InputError(f"the file name {name!a} holds a null character; check the spelling")


def check_regular(path: Path) -> None:
    """Raise ``InputError`` unless ``path`` (or what it links to) is a regular file; nothing is opened.

    A missing file names the nearest name in its folder.
    """
    check_name(str(path))
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"there is no file {path}; {near_name(path)}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from error
    mode = facts.st_mode
    if not stat.S_ISREG(mode):
        kind = next((words for test, words in _KINDS if test(mode)), "something else")
        raise InputError(f"{path} is {kind}, not a regular file; copy its content to a file and pass that")
    if _is_virtual(facts):
        raise InputError(
            f"{path} is a file of the kernel, which may never end, not a regular file; copy its content to a file and "
            "pass that"
        )


def is_regular(path: Path) -> bool:
    """Whether ``path`` (or what it links to) is a file that ends; nothing is opened."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(facts.st_mode) and not _is_virtual(facts)


def check_not_root(folder: str | Path, holds: str) -> None:
    """Raise ``InputError`` where ``folder`` is the root of the file system: all of it would be searched."""
    place = Path(folder).resolve()
    if place == place.parent:
        raise InputError(f"{folder} is the root of the file system; name the folder or the file that holds {holds}")


def check_ends(path: str | Path) -> None:
    """Raise ``InputError`` where ``path`` is a pipe, a device or a socket, which may never end; nothing is opened."""
    try:
        facts = Path(path).stat()
    except (OSError, ValueError):
        return  # who opens it says why
    if not stat.S_ISDIR(facts.st_mode):
        check_regular(Path(path))


def check_folder(folder: str | Path) -> None:
    """Raise ``InputError`` where a file in or under ``folder`` is a pipe, a device, a socket or a file of the kernel.

    For folders that a library reads, which opens what it finds there; links to other folders are not followed.
    """
    waiting = [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    check_ends(entry.path)


def _is_virtual(facts: os.stat_result) -> bool:
    """Whether a file has no bytes on any disk: the kernel writes it as it is read, and may make its reader wait."""
    if facts.st_size:
        return False
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    device = f"{os.major(facts.st_dev)}:{os.minor(facts.st_dev)}"
    kinds = {line.partition(" - ")[2].partition(" ")[0] for line in mounts if line.split(" ", 3)[2] == device}
    return not kinds.isdisjoint(_OF_KERNEL)


def near_name(path: Path) -> str:
    """What to do about a missing ``path``: the nearest name in its folder, or where to look."""
    try:
        names = [p.name for p in path.parent.iterdir()]
    except OSError:
        hint = "; `embedscope example` writes the files of the documentation" if path.parent.name == EXAMPLE else ""
        return f"its folder {path.parent} does not exist either: check the path{hint}"
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    if not near:
        stems = {Path(name).stem: name for name in names}
        near = [stems[path.stem]] if path.stem in stems else []
    return f"did you mean {path.parent / near[0]}?" if near else "check the spelling and the folder"
