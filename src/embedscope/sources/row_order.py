"""Two files whose rows are to match by position, and whose own ids say that they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.readers import ids_of, is_vectors, open_vectors
from embedscope.sources.id_files import id_files
from embedscope.sources.retrieval_data import read_lines


def check_row_order(a: Any, b: Any) -> None:
    """Refuse two files of vectors that hold the same ids in different orders, where rows match by position.

    Ids are those of a column, of an index, or of ``STEM.ids.txt`` beside the file. Other ids on either side (images
    and their captions) say nothing of the order.

    Raises
    ------
    InputError
        if the same ids stand in different orders.
    """
    left, right = _ids(a), _ids(b)
    if left is None or right is None:
        return
    pairs = enumerate(zip_longest(left, right))
    row, one, other = next(((i, *ids) for i, ids in pairs if ids[0] != ids[1]), (0, None, None))
    if one is None or other is None or Counter(_ids(a) or ()) != Counter(_ids(b) or ()):
        return
    raise InputError(
        f"{a} and {b} hold the same ids in different orders (row {row} is '{one[:40]}' and '{other[:40]}'), so their "
        "rows do not match by position; match them by id with --pair-ids, or write both in one order"
    )


def _ids(source: Any) -> Iterable[str] | None:
    """The ids of the rows of a file of vectors, None where it has none or is no file."""
    if not isinstance(source, str | Path) or not is_vectors(str(source)):
        return None
    name, part = str(source), str(source).partition("::")[2]
    if part.isdigit():  # a part of one array, which has no ids
        return None
    stream = open_vectors(name)
    if files := id_files(name, stream):
        return [line for file in files for line in read_lines(file)]
    return ids_of(stream)
