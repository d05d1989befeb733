"""What a worker holds of a file beside the blocks that it gives."""

from __future__ import annotations

from embedscope.core.batch import Stream


def held_bytes(stream: Stream) -> int:
    """Bytes that a worker holds of its shard beside the blocks: what the file stores in one piece, and is read whole.

    A page of Parquet, a batch of Arrow, a compressed chunk of HDF5 or zarr; 0 where any rows can be read alone.
    """
    return int(getattr(stream, "held", 0))
