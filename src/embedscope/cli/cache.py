"""``embedscope cache``: the extracted vectors that are kept on disk."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console, progress

EXAMPLES = ("embedscope cache", "embedscope cache --clear")


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete all cached vectors.")] = False,
    json: opt.Json = None,
    quiet: opt.Quiet = False,
) -> None:
    """Show the cache of extracted vectors, or clear it."""
    import json as codec
    from dataclasses import asdict

    from embedscope.core.atomic import write_text
    from embedscope.core.cache import VectorCache, named_cache_folder

    store, shown = VectorCache(named_cache_folder()), progress(quiet)
    if clear:
        shown.start("deleting vectors", None)
        store.clear()
        shown.close()
    stats = asdict(store.stats())
    text = codec.dumps(stats, indent=1) + "\n"
    if json == "-":
        sys.stdout.write(text)
        return
    if json is not None:
        write_text(json, text)
    if not quiet:
        out = console()
        for name, value in stats.items():
            out.print(f"{name:<14}{value}", soft_wrap=True)
