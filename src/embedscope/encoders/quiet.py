"""Loading without transformers' bars and notices; errors still raise."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any


@contextmanager
def quiet(*, bars: bool = False) -> Iterator[None]:
    """Silence transformers, huggingface_hub and tqdm within the block.

    ``bars`` also swallows the bars that ignore settings.
    """
    import transformers.utils.logging

    hf: Any = transformers.utils.logging
    level, shown = hf.get_verbosity(), hf.is_progress_bar_enabled()
    loggers = [logging.getLogger(n) for n in ("sentence_transformers", "huggingface_hub", "accelerate", "gguf")]
    levels = [log.level for log in loggers]
    hf.set_verbosity(logging.CRITICAL)
    hf.disable_progress_bar()
    for log in loggers:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if bars:
                with redirect_stderr(io.StringIO()):
                    yield
            else:
                yield
    finally:
        hf.set_verbosity(level)
        if shown:
            hf.enable_progress_bar()
        for log, old in zip(loggers, levels, strict=True):
            log.setLevel(old)
