"""Several files read as one source: what was found of each, side by side or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._aligned import align
from embedscope.readers._keys import EmptyFileError
from embedscope.readers._raw import RawMatrix
from embedscope.readers.concat import concat
from embedscope.readers.paths import Place, is_remote

Open = Callable[[Place, str | None], Stream]


_SPACES = {"img_emb": "image", "image_emb": "image", "text_emb": "text"}


@dataclass
class Found:
    """A stream of several files with what was passed over.

    Attributes
    ----------
    layout : how the files were understood, in words
    missing : files that could not be opened, and why
    empty : files without rows
    """

    stream: Stream
    layout: str
    missing: list[str] = field(default_factory=list)
    empty: int = 0


def open_shards(source: str, opening: Mapping[str, Callable[[], Stream]], layout: str, skip_bad: bool) -> Found:
    """Streams opened, several at a time where they are remote, and joined in their order."""
    parts: list[Stream] = []
    missing: list[str] = []
    empty = 0
    with ThreadPoolExecutor(16 if is_remote(next(iter(opening))) else 1) as pool:
        futures = [pool.submit(call) for call in opening.values()]
        for future in futures:
            try:
                parts.append(future.result())
            except EmptyFileError:
                empty += 1
            except (InputError, OSError) as error:
                if not skip_bad:
                    pool.shutdown(cancel_futures=True)
                    raise
                missing.append(str(error))
    if not parts:
        why = f"; the first says: {missing[0]}" if missing else ": all are empty"
        raise InputError(f"none of the {len(opening):,} files of {source} can be read{why}")
    return Found(concat(parts), layout, missing, empty)


def suffix_of(file: Place) -> str:
    """Suffix of the content without its dot, in lower case."""
    return file.suffix.lower().removeprefix(".")


def side_by_side(streams: Mapping[str, Stream], label: str) -> Stream:
    """Matrices of plain bytes as spaces over the same rows."""
    matrices = {}
    for space, stream in streams.items():
        if not isinstance(stream, RawMatrix):
            raise InputError(f"{label}: the space {space} must be in .npy files; got another format")
        matrices[space] = replace(stream, space=space)
    return align(matrices)
