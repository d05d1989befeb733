"""Pages of Parquet whose headers say more than they can have are refused before Arrow takes that much memory."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.readers.formats import consume, sentence

from embedscope.core.errors import InputError
from embedscope.readers._parquet_pages import column_chunks
from embedscope.readers._thrift import Compact, CutShortError

N, D = 50, 4
X = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)


def _write(path, compression="snappy", **options):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1)), D)
    texts = [f"{i:05}" * 1000 for i in range(N)]  # the least and the largest stand in the header of their page
    parts = {f"p.{j}": X[:, j] for j in range(D)}
    pq.write_table(pa.table({"v.w": lists, "text": texts} | parts), path, compression=compression, **options)


def _begin(path):
    with path.open("rb") as file:
        return column_chunks(file, path.stat().st_size)[0][0].begin


def _number(value):
    """A positive number as Thrift writes it."""
    value, out = 2 * value, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data_page_version": "2.0", "row_group_size": 7},
        {"use_dictionary": False, "data_page_size": 100, "write_batch_size": 4, "write_statistics": True},
        {"write_page_index": True, "write_page_checksum": True, "store_schema": False},
    ],
)
def test_right_files_are_read(tmp_path, compression, options):
    path = tmp_path / "x.parquet"
    _write(path, compression, **options)
    consume(f"{path}::v.w")
    consume(f"{path}::p")
    with path.open("rb") as file:
        groups = column_chunks(file, path.stat().st_size)
    assert {chunk.name for group in groups for chunk in group} == {"v.w", "text", *(f"p.{j}" for j in range(D))}
    meta = pq.ParquetFile(path).metadata
    assert [[chunk.stored for chunk in group] for group in groups] == [
        [meta.row_group(i).column(j).total_compressed_size for j in range(meta.num_columns)]
        for i in range(meta.num_row_groups)
    ]


@pytest.mark.parametrize("field", [2, 3])
@pytest.mark.parametrize("size", [(1 << 31) - 1, 1 << 27, 1 << 40])
def test_a_page_that_says_it_is_large_is_refused(tmp_path, field, size):
    """Fields 2 and 3 of a header are the bytes of the page in memory and in the file."""
    path = tmp_path / "x.parquet"
    _write(path, use_dictionary=False)
    content, at = path.read_bytes(), _begin(path)
    reader = Compact(content[at:])
    sizes = {number: value for number, value in reader.struct().items() if number in (2, 3)}
    head = content[at : at + 2]  # the type of the page
    old = head + b"\x15" + _number(sizes[2]) + b"\x15" + _number(sizes[3])
    assert content[at:].startswith(old)
    new = (
        head + b"\x15" + _number(sizes[2] if field == 3 else size) + b"\x15" + _number(size if field == 3 else sizes[3])
    )
    path.write_bytes(content[:at] + new + content[at + len(old) :])
    with pytest.raises(InputError, match=r"is damaged: the page at byte 4 (says that it has|goes beyond)") as caught:
        consume(f"{path}::v.w")
    sentence(caught.value)


def test_damaged_metadata_of_a_column_are_a_sentence_where_memory_is_estimated(tmp_path):
    """Arrow itself ends the process where some of those of the second, larger row group are asked for."""
    path, table = tmp_path / "x.parquet", pa.table({"v": X.tolist()})
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table[:10])
        writer.write_table(table[10:])
    content = path.read_bytes()
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for at in range(begin, len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
        try:
            consume(path)
        except InputError as error:
            sentence(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    "content",
    [
        bytes([0x19, 0xF1, *[0xFF] * 8, 0x7F]),  # 2^62 booleans, of which none is there
        bytes([0x19, 0xF3, *[0xFF] * 8, 0x7F]),
        bytes([0x18, *[0xFF] * 8, 0x7F]),
        bytes([0x15, 0xFF]),
        bytes([0x17, 0, 0, 0]),
        b"",
    ],
)
def test_a_struct_that_is_cut_short(content):
    with pytest.raises(CutShortError):
        Compact(content).struct()


@pytest.mark.parametrize("content", [b"\x1c" * 100, bytes([0x15, *[0xFF] * 20, 0]), b"\x1e"])
def test_what_is_no_struct(content):
    with pytest.raises(ValueError, match=r"nested too deep|too long|no kind"):
        Compact(content).struct()


def test_a_struct_by_hand():
    """Fields 1 (4 as an integer), 2 (a list of -1 and 300), 20 (a struct with a boolean), 21 (a double)."""
    content = bytes([0x15, 8, 0x19, 0x25, 1, 0xD8, 4, 0x0C, 40, 0x11, 0, 0x17, *bytes(8), 0])
    reader = Compact(content)
    assert reader.struct() == {1: 4, 2: [-1, 300], 20: {1: None}, 21: None}
    assert reader.at == len(content)
