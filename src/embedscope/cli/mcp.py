"""``embedscope mcp``: the verbs as tools for agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = ("embedscope mcp", "embedscope mcp --folder project")


def mcp(
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Folder to work in. Default: the current one.")
    ] = None,
) -> None:
    """Serve the verbs as tools for agents, over standard input and output (Model Context Protocol).

    Nothing is written outside the folder that it works in.
    """
    from embedscope.core.errors import InputError
    from embedscope.mcp_server.server import server

    if folder is not None and not folder.is_dir():
        raise InputError(f"--folder {folder} is not a folder; make it first")
    server(folder or ".").run("stdio")
