"""The layout of clip-retrieval: ``img_emb/``, ``text_emb/`` and ``metadata/`` with shards of the same numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._shards import _SPACES, Found, Open, open_shards, side_by_side, suffix_of
from embedscope.readers.paths import Place

_WHAT = "clip-retrieval layout"


def open_clip(
    folder: str, files: Mapping[tuple[str, ...], Place], key: str | None, open_file: Open, skip_bad: bool
) -> Found:
    """Spaces ``image`` and ``text`` of a folder as clip-retrieval writes it, rows aligned shard by shard.

    ``key`` names one of the spaces. Every space must have the same shards, each of as many rows in all spaces and in
    its metadata, where there are any.
    """
    shards, metadata = _shards(files)
    if key is not None and key != ALL:
        shards = {space: shards[space] for space in select_keys(folder, "space", key, list(shards))}
    numbers = sorted(set().union(*shards.values(), metadata))
    for name, of in [*shards.items(), *([("metadata", metadata)] if metadata else [])]:
        lacking = [n for n in numbers if n not in of]
        if lacking and not skip_bad:
            raise InputError(
                f"{folder} ({_WHAT}) has {len(numbers)} shards, but none of {name} with the number {lacking[0]}; "
                "complete it, or add --skip-bad-shards to go on without"
            )
    one = partial(_shard, folder, shards, metadata, open_file)
    extra = ", rows checked against its metadata" if metadata else ""
    return open_shards(folder, {f"{folder} shard {n}": partial(one, n) for n in numbers}, _WHAT + extra, skip_bad)


def _shards(files: Mapping[tuple[str, ...], Place]) -> tuple[dict[str, dict[int, Place]], dict[int, Place]]:
    """Shards of every space, and of the metadata, by their numbers."""
    shards: dict[str, dict[int, Place]] = {}
    metadata: dict[int, Place] = {}
    for parts, file in files.items():
        if len(parts) == 2 and parts[0] in _SPACES and suffix_of(file) == "npy":
            shards.setdefault(_SPACES[parts[0]], {})[_number(file)] = file
        elif len(parts) == 2 and parts[0] == "metadata" and suffix_of(file) == "parquet":
            metadata[_number(file)] = file
    return dict(sorted(shards.items())), metadata


def _shard(
    folder: str, shards: Mapping[str, dict[int, Place]], metadata: dict[int, Place], open_file: Open, number: int
) -> Stream:
    """The spaces of one shard, side by side."""
    lacking = [space for space, of in shards.items() if number not in of]
    if lacking:
        raise InputError(f"{folder} has no shard {number} of {', '.join(lacking)}")
    stream = side_by_side({space: open_file(of[number], None) for space, of in shards.items()}, folder)
    if number in metadata:
        _check(stream, next(iter(shards.values()))[number], metadata[number])
    return stream


def rows_of_metadata(folder: str, files: Sequence[Place]) -> int:
    """Rows of Parquet files beside ``.npy`` shards, which must not hold vectors themselves."""
    from embedscope.readers.parquet import rows_and_columns

    total = 0
    for file in files:
        rows, vectors = rows_and_columns(file)
        if vectors:
            raise InputError(
                f"{folder} holds .npy files, and vectors in {file} too; name those meant: '{folder.rstrip('/')}/*.npy'"
            )
        total += rows
    return total


def _check(stream: Stream, shard: Place, metadata: Place) -> None:
    from embedscope.readers.parquet import rows_and_columns

    rows = rows_and_columns(metadata)[0]
    if rows != stream.n_rows:
        raise InputError(
            f"{shard} has {stream.n_rows:,} rows and {metadata} has {rows:,}; "
            "rows of one shard must match: write it again"
        )


def _number(file: Place) -> int:
    """Number of a shard: the last one in its name."""
    digits = re.findall(r"[0-9]+", file.stem)
    if not digits:
        raise InputError(f"{file} has no number in its name; shards of the {_WHAT} are numbered, as img_emb_0.npy")
    return int(digits[-1])
