"""Strings of HDF5 in damaged heaps, over which its library loops without end: refused before it reads them."""

import struct

import numpy as np
import pytest
from tests.readers.formats import X, consume, sentence

from embedscope.core.errors import InputError
from embedscope.readers import ids_of, open_vectors

h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
pytestmark = pytest.mark.timeout(30)

IDS = [f"name {i:>{i}}" for i in range(len(X))]
LAYOUTS = {
    "in one piece": {},
    "in chunks": {"chunks": (7,)},
    "gzip": {"chunks": (7,), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (7,), "compression": "lzf"},
}


def _write(path, options, **how):
    with h5py.File(path, "w", **how) as file:
        file["x"] = X
        file.create_dataset("ids", data=IDS, **options)


def _objects(content):
    """Where the objects of the first collection begin, and their numbers; the last one, of number 0, is free space."""
    at = content.index(b"GCOL") + 16
    end = at - 16 + struct.unpack_from("<Q", content, at - 8)[0]
    while at < end:
        number, size = struct.unpack_from("<H6xQ", content, at)
        yield at, number
        at += 16 + (size + 7 & ~7) if number else size


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("how", [{}, {"libver": "latest"}, {"userblock_size": 1024}], ids=["old", "latest", "shifted"])
def test_right_strings_are_read(tmp_path, options, how):
    _write(tmp_path / "x.h5", options, **how)
    assert ids_of(open_vectors(f"{tmp_path}/x.h5")).values() == tuple(IDS)


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(
    ("which", "size"),
    [(-1, 0), (-1, 8), (0, (1 << 64) - 16), (0, (1 << 64) - 1), (0, 1 << 40), (-1, 1 << 20), (3, 5000)],
)
def test_a_collection_whose_sizes_lead_nowhere_is_refused(tmp_path, options, which, size):
    path = tmp_path / "x.h5"
    _write(path, options)
    content = bytearray(path.read_bytes())
    at, number = list(_objects(content))[which]
    assert (number == 0) is (which == -1)
    struct.pack_into("<Q", content, at + 8, size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.h5::ids has damaged strings, at byte") as caught:
        consume(path)
    sentence(caught.value)


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_lengths_beyond_the_file_are_refused_in_compressed_chunks_too(tmp_path, options):
    """References are written as they would be, with a length that the file cannot hold."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = X
        array = file.create_dataset("ids", shape=(len(X),), dtype=h5py.string_dtype(), **options)
        array[:] = IDS
    content = bytearray(path.read_bytes())
    if options.get("compression"):
        with h5py.File(path, "r+") as file:
            array = file["ids"]
            huge = np.array([(1 << 30, 8, 1)] * 7, "<u4,<u8,<u4").tobytes()
            array.id.write_direct_chunk((0,), huge, 0b11)  # with no filter applied
    else:
        place = content.index(struct.pack("<I", len(IDS[0])) + struct.pack("<Q", content.index(b"GCOL")))
        struct.pack_into("<I", content, place, 1 << 30)
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"says that its strings take .* more than the file"):
        consume(path)


def test_strings_in_the_header_of_their_data_set_are_refused(tmp_path):
    from h5py import h5d, h5p, h5s, h5t

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
        options = h5p.create(h5p.DATASET_CREATE)
        options.set_layout(h5d.COMPACT)
        kind = h5t.py_create(h5py.string_dtype(), logical=True)
        h5py.Dataset(h5d.create(file.id, b"ids", kind, h5s.create_simple((len(X),)), options))[:] = IDS
    with pytest.raises(InputError, match="in the compact layout, which are not read"):
        ids_of(open_vectors(f"{tmp_path}/x.h5")).values()


def test_a_scale_that_is_a_string_is_not_looked_up_in_a_heap(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = X
        file["x"].attrs["scale_factor"] = "two"
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, list(_objects(content))[-1][0] + 8, 0)
    path.write_bytes(content)
    with pytest.raises(InputError, match="says scale_factor of strings, so its numbers are not the values"):
        consume(path)
