"""Names of what is being written, which tell their process, and the removal of what dead processes left."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

_LONGEST = 255
_FOREIGN_SECONDS = 7 * 24 * 3600.0
_NAME = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-(\d+)\.[0-9a-f]{8}\.part", re.DOTALL)
_swept: set[str] = set()


def aside_name(name: str) -> str:
    """Name of a hidden file or folder of this process that is to become ``name``."""
    tail = f".{_host()}-{os.getpid()}-{start_time(os.getpid())}.{secrets.token_hex(4)}.part"
    head = os.fsencode(name)[: _LONGEST - 1 - len(tail)]
    return f".{os.fsdecode(head)}{tail}"


def sweep(folder: Path) -> None:
    """Remove from ``folder`` what processes that are gone were writing; once a folder in each process.

    What another machine wrote goes after a week, since its processes cannot be seen from here.
    """
    key = str(folder.absolute())
    if key in _swept:
        return
    _swept.add(key)
    with suppress(OSError), os.scandir(folder) as listing:
        for entry in listing:
            match = _NAME.fullmatch(entry.name)
            if match and _is_left(entry, match[1], int(match[2]), match[3]):
                _remove(entry)


def start_time(pid: int) -> str:
    """When the process ``pid`` started, so that a reused number is noticed; 0 where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return "0"


def is_alive(pid: int) -> bool:
    """Whether there is a process ``pid`` on this machine."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_left(entry: os.DirEntry[str], host: str, pid: int, since: str) -> bool:
    if host != _host():
        with suppress(OSError):
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > _FOREIGN_SECONDS
        return False
    return not is_alive(pid) or start_time(pid) not in (since, "0")


def _remove(entry: os.DirEntry[str]) -> None:
    with suppress(OSError):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


@cache
def _host() -> str:
    """Eight hex digits that stand for this machine, or container, and its space of process numbers."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]
