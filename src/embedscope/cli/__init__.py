"""The command line: one file a verb, no logic."""

from __future__ import annotations


def main() -> None:
    """Run ``embedscope`` with the arguments of this process."""
    from embedscope.cli._app import app

    app(prog_name="embedscope")
