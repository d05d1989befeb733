"""Text files with the ids of rows that lie beside files of vectors."""

from __future__ import annotations

from pathlib import Path

from embedscope.core.batch import Stream
from embedscope.core.compressed import inner_name
from embedscope.core.errors import InputError
from embedscope.readers import facts_of, file_of, source_of


def default_id_file(path: Path) -> Path:
    """Where the ids of ``path`` lie by default.

    >>> str(default_id_file(Path("vectors/part-0.npy"))), str(default_id_file(Path("docs.jsonl.gz")))
    ('vectors/part-0.ids.txt', 'docs.ids.txt')
    """
    return path.with_name(f"{Path(inner_name(path.name)).stem}.ids.txt")


def id_files(source: str, stream: Stream) -> tuple[Path, ...]:
    """The files of ids beside ``source``: one for all of its rows, or one beside each of its files; empty without any.

    Raises
    ------
    InputError
        if some of its files have one and others do not.
    """
    whole = default_id_file(file_of(source))
    if whole.exists():
        return (whole,)
    each = [default_id_file(file) for file in map(source_of, facts_of(stream).files) if isinstance(file, Path)]
    files = [file for file in each if file.exists()]
    if 0 < len(files) < len(each):
        first = next(file for file in each if not file.exists())
        raise InputError(
            f"{len(files):,} of the {len(each):,} files of {source} have their ids beside them and {first.name} is "
            f"missing; write it, or all ids to {whole}"
        )
    return tuple(files)
