"""Forks one process for each command that ``tests.commands`` asks for through the socket it was started with."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import runpy
import socket
import sys
from typing import Any

from typer.testing import CliRunner

from embedscope.cli._app import app

READY = (("measure", "--help"), ("list", "metrics"))
"""Commands that import what most commands need, without a thread, which no fork would have."""

IMPORTED = ("numpy.random", "pyarrow.parquet", "embedscope.diagnosis", "embedscope.repairs", "embedscope.sources.open")


def serve(client: socket.socket) -> None:
    """Answer each request with two lines: the number of the process, and the code it ended with."""
    while True:
        size, descriptors, _, _ = socket.recv_fds(client, 8, 2)
        if not size:
            return
        request = json.loads(client.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        pid = os.fork()
        if not pid:
            client.close()
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        client.sendall(b"%d\n" % pid)
        client.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    for descriptor, place in zip(descriptors, (1, 2), strict=True):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdout, sys.stderr = (open(place, "w", encoding="utf-8", closefd=False) for place in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    if request["max_file_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["max_file_bytes"],) * 2)
    sys.argv = ["embedscope", *request["words"]]
    runpy.run_module("embedscope", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    for command in READY:
        CliRunner().invoke(app, command)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as client:
        serve(client)
