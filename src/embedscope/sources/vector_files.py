"""Files of vectors read whole: one matrix per file, and facts that identify the files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.readers import facts_of, file_of, state_of
from embedscope.sources.row_blocks import row_blocks

Matrix = npt.NDArray[Any]


def read_matrix(stream: Stream, name: str) -> tuple[str, Matrix]:
    """All rows (n, d) of the only space of ``stream``, read by the engine of the run, and the name of that space.

    Raises
    ------
    InputError
        if there are several spaces; ``name`` is what the user called the file.
    """
    spaces = list(stream.dims)
    if len(spaces) != 1:
        raise InputError(f"{name} holds {len(spaces)} spaces ({', '.join(spaces)}); name one with ::NAME")
    space = spaces[0]
    return space, np.concatenate(list(row_blocks(stream, space)))


def vector_file_facts(source: str, stream: Stream) -> dict[str, Any]:
    """Checksum of one local file; for several or remote files, a checksum of their names, sizes and times of change."""
    files = facts_of(stream).files
    if len(files) == 1 and isinstance(files[0], Path):
        return file_facts(file_of(source) if file_of(source).is_file() else files[0])
    states = [state_of(file) for file in files]
    listing = hashlib.sha256(repr(states).encode()).hexdigest()
    return {"files": len(files), "bytes": sum(size for _, size, _ in states), "listing_sha256": listing}
