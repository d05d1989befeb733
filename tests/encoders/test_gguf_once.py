"""A GGUF file is parsed once for all that is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedscope.encoders._gguf import GgufFile


def test_a_file_is_parsed_once_for_all_that_asks_within_the_block(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    file = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("one")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map
    model = GgufFile(file, "0" * 64)
    with model._parse_once():
        first = gguf.GGUFReader(str(file))
        table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
        assert gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2) is table
    with model._parse_once():
        assert gguf.GGUFReader(file) is first
        assert gguf.GGUFReader(file, "r") is not first  # other ways to open it are left alone
    assert (gguf.GGUFReader, gguf.get_tensor_name_map) == (reader, names)
    assert "general.name" in first.fields
