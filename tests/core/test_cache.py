"""Vectors on disk: found again, bounded, damaged chunks dropped, two processes at once."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from embedscope.core.cache import LostChunkError, VectorCache, cache_folder, namespace_of, text_key
from embedscope.core.errors import EmbedscopeWarning

KEYS = [text_key(t) for t in ("one", "two", "three")]


def spaces(rows=3, seed=0):
    rng = np.random.default_rng(seed)
    return {"layer00": rng.normal(size=(rows, 4)).astype(np.float32), "final": np.ones((rows, 4), dtype=np.float32)}


def test_rows_come_back_with_their_bits(tmp_path):
    cache, x = VectorCache(tmp_path), spaces()
    chunk = cache.put("space", KEYS, x)
    found = VectorCache(tmp_path).find("space", [KEYS[2], text_key("four")])
    assert found == {KEYS[2]: (chunk, 2)}
    np.testing.assert_array_equal(cache.read(chunk, "layer00"), x["layer00"])
    assert cache.find("another model", KEYS) == {}


def test_stats_and_clear(tmp_path):
    cache = VectorCache(tmp_path / "c", limit_bytes=1000)
    assert (cache.stats().rows, (tmp_path / "c").exists()) == (0, False)
    cache.put("space", KEYS, spaces())
    (tmp_path / "c" / "models").mkdir()
    (tmp_path / "c" / "models" / "weights").write_bytes(b"1234")
    stats = cache.stats()
    assert (stats.rows, stats.chunks, stats.model_bytes, stats.limit_bytes) == (3, 1, 4, 1000)
    assert cache.clear() == stats.vector_bytes + 4
    assert cache.stats().vector_bytes == cache.stats().model_bytes == 0
    assert cache.find("space", KEYS) == {}


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_chunk_is_dropped(tmp_path, damage):
    cache = VectorCache(tmp_path)
    chunk = cache.put("space", KEYS, spaces())
    path = next(tmp_path.rglob("*.safetensors"))
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(data[:-5])
    elif damage == "flip":
        data[-1 - 16 * len(KEYS)] ^= 1  # the last byte of the vectors; the addresses of the rows come after them
        path.write_bytes(data)
    else:
        path.unlink()
    with pytest.raises(LostChunkError):
        for name in spaces():
            cache.read(chunk, name)
    assert cache.find("space", KEYS) == {}
    assert cache.stats().chunks == 0


def test_truncation_is_seen_at_the_look_up(tmp_path):
    cache = VectorCache(tmp_path)
    cache.put("space", KEYS, spaces())
    path = next(tmp_path.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.find("space", KEYS) == {}


def test_least_recently_used_goes_first(tmp_path):
    size = VectorCache(tmp_path / "a")
    size.put("s", KEYS[:1], spaces(1))
    one = size.stats().vector_bytes
    cache = VectorCache(tmp_path / "b", limit_bytes=2 * one)
    cache.put("s", KEYS[:1], spaces(1, 1))
    cache.put("s", KEYS[1:2], spaces(1, 2))
    cache.find("s", KEYS[:1])
    cache.put("s", KEYS[2:], spaces(1, 3))
    assert set(cache.find("s", KEYS)) == {KEYS[0], KEYS[2]}
    assert cache.stats().vector_bytes <= 2 * one


def test_pinned_chunks_outlive_the_limit_until_released(tmp_path):
    cache = VectorCache(tmp_path, limit_bytes=1)
    for i, key in enumerate(KEYS):
        cache.put("s", [key], spaces(1, i), owner="run")
    assert len(cache.find("s", KEYS)) == 3
    cache.release("run")
    assert cache.stats().vector_bytes <= 1


WRITE = """
import sys
import numpy as np
from embedscope.core.cache import VectorCache, text_key
folder, start, stop, owner = sys.argv[1:]
for i in range(int(start), int(stop)):
    x = {"x": np.full((1, 3), i, dtype=np.float32)}
    VectorCache(folder).put("s", [text_key(f"text {i}")], x, owner or None)
"""


def write_elsewhere(folder, start, stop, owner=""):
    return subprocess.Popen([sys.executable, "-c", WRITE, str(folder), str(start), str(stop), owner])


def test_pins_of_a_dead_process_do_not_count(tmp_path):
    assert write_elsewhere(tmp_path, 0, 1, "gone").wait() == 0
    cache = VectorCache(tmp_path, limit_bytes=1)
    cache.put("s", KEYS[:1], spaces(1))
    assert set(cache.find("s", [text_key("text 0"), KEYS[0]])) == {KEYS[0]}


def test_two_processes_at_once(tmp_path):
    processes = [write_elsewhere(tmp_path, *span) for span in ((0, 20), (10, 30))]
    assert [p.wait() for p in processes] == [0, 0]
    cache = VectorCache(tmp_path)
    found = cache.find("s", [text_key(f"text {i}") for i in range(30)])
    assert len(found) == 30
    for i in range(30):
        chunk, position = found[text_key(f"text {i}")]
        assert cache.read(chunk, "x")[position].tolist() == [i] * 3


def test_an_index_that_is_no_database_is_built_again(tmp_path):
    cache = VectorCache(tmp_path)
    cache.put("s", KEYS, spaces())
    (tmp_path / "vectors" / "index.sqlite").write_bytes(b"x" * 5000)
    with pytest.warns(EmbedscopeWarning, match="built again"):
        assert len(cache.find("s", KEYS)) == 3


def test_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "x"))
    assert VectorCache().folder == cache_folder() == tmp_path / "x"
    monkeypatch.delenv("EMBEDSCOPE_CACHE")
    assert "embedscope" in str(cache_folder())
    assert os.environ.get("EMBEDSCOPE_CACHE") is None


def test_namespace_depends_on_every_fact():
    assert namespace_of({"a": 1, "b": [2]}) == namespace_of({"b": [2], "a": 1}) != namespace_of({"a": 1, "b": [3]})
