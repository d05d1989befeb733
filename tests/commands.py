"""The command ``embedscope`` in a process of its own, forked from one that has imported it: an import takes longer."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import BinaryIO


def run_command(
    *arguments: object,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = False,
    max_file_bytes: int | None = None,
    timeout: float = 150,
) -> subprocess.CompletedProcess[str]:
    """The finished command ``embedscope`` with ``arguments``, as ``subprocess.run`` gives it.

    ``max_file_bytes`` is the most that it may write into one file.
    """
    words = [str(a) for a in arguments]
    request = {
        "words": words,
        "cwd": str(cwd or Path.cwd()),
        "env": dict(os.environ if env is None else env),
        "max_file_bytes": max_file_bytes,
    }
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    server, answers = _server()
    text = json.dumps(request).encode()
    socket.send_fds(server, [len(text).to_bytes(8, "big")], [out_end, err_end])
    server.sendall(text)
    os.close(out_end)
    os.close(err_end)
    pid = int(answers.readline())
    with ThreadPoolExecutor(3) as pool:
        outputs = [pool.submit(_read, end) for end in (out, err)]
        code = pool.submit(answers.readline)
        try:
            done = subprocess.CompletedProcess(words, int(code.result(timeout)))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        done.stdout, done.stderr = (output.result() for output in outputs)
    if check:
        done.check_returncode()
    return done


def _read(end: int) -> str:
    with open(end, encoding="utf-8") as stream:
        return stream.read()


@cache
def _server() -> tuple[socket.socket, BinaryIO]:
    """The socket of a server that ends with this process, and its answers."""
    ours, theirs = socket.socketpair()
    script = Path(__file__).with_name("command_server.py")
    command = [sys.executable, str(script), str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    theirs.close()
    answers = ours.makefile("rb")

    def end() -> None:
        answers.close()
        ours.close()
        process.wait()

    atexit.register(end)
    return ours, answers
