"""``embedscope mcp``: the verbs as tools for agents."""

from __future__ import annotations

EXAMPLES = ("embedscope mcp",)


def mcp() -> None:
    """Serve the verbs as tools for agents, over standard input and output (Model Context Protocol).

    Nothing is written outside the folder that it is started in.
    """
    from embedscope.mcp_server.server import server

    server().run("stdio")
