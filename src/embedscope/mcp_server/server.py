"""The server: tools of :class:`embedscope.mcp_server.tools.Tools` over standard input and output."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from embedscope.core.extras import require
from embedscope.mcp_server.folder import Root

_ABOUT = (
    "Embedding spaces: start with diagnose on a file of vectors; measure and evaluate give numbers; repair writes a "
    "change only where held-out data certify it, apply runs it. Paths are relative to the folder of the server, and "
    "nothing is written outside it. Models that are not on this machine are not downloaded."
)


def server(folder: str | Path = ".") -> Any:
    """A server whose tools write below ``folder`` alone, as an object of the package ``mcp``.

    Raises ``MissingExtraError`` without ``mcp``.
    """
    library = require("mcp.server.mcpserver", "mcp", "the MCP server")
    from embedscope.mcp_server.tools import Tools

    root = Root(Path(folder).resolve())
    root.settle()
    tools = library.MCPServer("embedscope", instructions=_ABOUT, version=version("embedscope"))
    for tool in Tools(root).all():
        tools.add_tool(tool, name=tool.__name__, structured_output=False)
    return tools
