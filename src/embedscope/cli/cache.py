"""``embedscope cache``: what extracted vectors are kept, and how to drop them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from embedscope.cli import _common as common


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete every cached vector.")] = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Show the cache of extracted vectors, or clear it."""
    import json as codec
    from dataclasses import asdict

    from embedscope.core.atomic import write_text
    from embedscope.core.cache import VectorCache, named_cache_folder

    store = VectorCache(named_cache_folder())
    if clear:
        store.clear()
    stats = asdict(store.stats())
    text = codec.dumps(stats, indent=1) + "\n"
    if json == "-":
        sys.stdout.write(text)
        return
    if json is not None:
        write_text(json, text)
    if not quiet:
        out = common.console()
        for name, value in stats.items():
            out.print(f"{name:<14}{value}", soft_wrap=True)
