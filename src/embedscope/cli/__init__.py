"""The command line: one file a verb, no logic."""

from __future__ import annotations


def main() -> None:
    """Run ``embedscope`` with the arguments of this process."""
    try:
        from embedscope.cli._signals import run
    except KeyboardInterrupt:  # before the signals are listened to
        import sys

        sys.stderr.write("embedscope: stopped by Ctrl-C; nothing was begun\n")
        sys.exit(130)
    run(_start)


def _start() -> None:
    import sys

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    from embedscope.cli._app import app

    app(prog_name="embedscope")
