"""The command line: one file a verb, no logic."""

from __future__ import annotations


def main() -> None:
    """Run ``embedscope`` with the arguments of this process."""
    from embedscope.cli._signals import run

    run(_start)


def _start() -> None:
    import sys

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    from embedscope.cli._app import app

    app(prog_name="embedscope")
