"""The index of the cache is checked against its chunks; a folder that cannot be used costs a note, not the run."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from embedscope.core import cache as caching
from embedscope.core.cache import LostChunkError, VectorCache, text_key
from embedscope.core.errors import CacheUnusableError, EmbedscopeWarning
from embedscope.core.steady_cache import SteadyCache
from embedscope.encoders._checksums import sha256_of

WORDS = [f"word {i}" for i in range(40)]
KEYS = [text_key(word) for word in WORDS]
X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)


@pytest.fixture
def notes():
    return []


@pytest.fixture
def cache(tmp_path, notes):
    made = VectorCache(tmp_path / "c", note=notes.append)
    for start in range(0, 40, 10):
        part = slice(start, start + 10)
        made.put("model a", KEYS[part], {"final": X[part]})
    made.put("model b", KEYS[:10], {"final": -X[:10]})
    return made


def rows(cache, namespace="model a"):
    """word -> its vector, as a run reads them."""
    found = cache.find(namespace, KEYS)
    out = {}
    for word, key in zip(WORDS, KEYS, strict=True):
        if key in found:
            chunk, position = found[key]
            out[word] = cache.read(chunk, "final")[position].tolist()
    return out


OTHER = {word: (-x).tolist() for word, x in zip(WORDS, X, strict=True)}
RIGHT = {word: x.tolist() for word, x in zip(WORDS, X, strict=True)}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rows SET position = position + 1 WHERE namespace = 'model a'",
        "UPDATE rows SET position = 9 - position WHERE namespace = 'model a'",
        "UPDATE rows SET position = -1",
        "UPDATE rows SET position = 'x'",
        "UPDATE rows SET chunk = (SELECT MAX(id) FROM chunks)",
        "UPDATE rows SET chunk = (SELECT chunk FROM rows WHERE namespace = 'model b') WHERE namespace = 'model a'",
        "DELETE FROM rows WHERE namespace = 'model b'; UPDATE rows SET namespace = 'model b'",
        "UPDATE chunks SET sums = 'what'",
        "UPDATE chunks SET sums = '{}'",
        f"UPDATE chunks SET sums = '{'[' * 100_000}'",
        "UPDATE chunks SET bytes = bytes + 1",
    ],
)
def test_an_index_that_was_touched_gives_no_other_numbers(cache, notes, damage):
    with sqlite3.connect(cache.folder / "vectors" / "index.sqlite") as db:
        db.executescript(damage)
    for namespace, wanted in (
        ("model a", RIGHT),
        ("model b", OTHER),
    ):
        found = rows(cache, namespace)
        assert {word: wanted[word] for word in found} == found
    if "bytes" not in damage:
        assert rows(cache) == RIGHT
        assert any("is damaged" in note and "built again" in note for note in notes)


@pytest.mark.parametrize("content", [b"", b"no database", "half", "middle"])
def test_an_index_that_is_no_database_is_built_again(cache, notes, content):
    path = cache.folder / "vectors" / "index.sqlite"
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "middle":
        data = bytearray(path.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        path.write_bytes(data)
    else:
        path.write_bytes(content)
    found = rows(cache)
    assert found == {word: RIGHT[word] for word in found}
    if content:
        assert len(found) == 40
        assert any("built again" in note for note in notes)


def test_a_chunk_of_other_bytes_is_dropped_when_the_index_is_built(cache, notes):
    victim = sorted((cache.folder / "vectors").rglob("*.safetensors"))[0]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    (cache.folder / "vectors" / "index.sqlite").write_bytes(b"no database")
    found = rows(cache)
    assert found == {word: RIGHT[word] for word in found}
    assert not victim.exists()


def test_without_a_note_it_is_a_warning(cache):
    cache.note = None
    (cache.folder / "vectors" / "index.sqlite").write_bytes(b"no database")
    with pytest.warns(EmbedscopeWarning, match="built again from what is there"):
        assert rows(cache) == RIGHT


def test_a_file_in_place_of_the_folder_costs_a_note(tmp_path, notes):
    (tmp_path / "c").write_text("not a folder")
    cache = VectorCache(tmp_path / "c")
    with pytest.raises(CacheUnusableError, match="cannot be used"):
        cache.find("model a", KEYS)
    steady = SteadyCache(cache, notes.append)
    assert steady.find("model a", KEYS, "me") == {}
    chunk = steady.put("model a", KEYS, {"final": X}, "me")
    np.testing.assert_array_equal(steady.read(chunk, "final"), X)
    assert steady.find("model a", KEYS[:1], "me") == {KEYS[0]: (chunk, 0)}
    assert len(notes) == 1
    assert "goes on without it" in notes[0]


def test_a_cache_that_fails_in_the_middle_is_left(cache, notes, monkeypatch):
    steady = SteadyCache(cache, notes.append)
    old = steady.find("model a", KEYS[:10], "me")

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching, "write_bytes", full)
    monkeypatch.setattr(SteadyCache, "_give_up", _and_mend(monkeypatch))
    chunk = steady.put("model c", KEYS, {"final": X}, "me")
    np.testing.assert_array_equal(steady.read(chunk, "final"), X)
    assert "No space left on device" in notes[0]
    with pytest.raises(LostChunkError):
        steady.read(old[KEYS[0]][0], "final")


def _and_mend(monkeypatch):
    from embedscope.core.atomic import write_bytes

    before = SteadyCache._give_up

    def give_up(self, error):
        monkeypatch.setattr(caching, "write_bytes", write_bytes)
        before(self, error)

    return give_up


@pytest.mark.parametrize("name", ["c", "x" * 5000, "a/" * 1800])
def test_an_unusable_folder_of_the_user_becomes_a_temporary_one(tmp_path, monkeypatch, name):
    parent = tmp_path if "/" in name else tmp_path / "f"
    (tmp_path / "f").write_text("")
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(parent / name))
    with pytest.warns(EmbedscopeWarning, match="nothing is kept after this run") as caught:
        spare = caching.cache_folder()
    assert spare.is_dir()
    assert caching.cache_folder() == spare
    assert len(str(caught[0].message)) < 400


PUT = """
import sys
import numpy as np
from embedscope.core.cache import VectorCache, text_key
cache = VectorCache(sys.argv[1])
words = [f"word {i}" for i in range(40)]
x = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
for turn in range(30):
    for i in range(0, 40, 10):
        keys = [text_key(w) for w in words[i : i + 10]]
        found = cache.find("model a", keys, sys.argv[2])
        assert turn == 0 or set(found) == set(keys), "what this process has put is found"
        for key, (chunk, position) in found.items():
            assert (cache.read(chunk, "final")[position] == x[i + keys.index(key)]).all()
        cache.put("model a", keys, {"final": x[i : i + 10]}, sys.argv[2])
"""


def test_two_processes_on_one_cache(tmp_path):
    both = [
        subprocess.Popen([sys.executable, "-c", PUT, str(tmp_path), str(i)], stderr=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    said = [process.communicate(timeout=100)[1] for process in both]
    assert said == ["", ""]
    assert rows(VectorCache(tmp_path)) == RIGHT


@pytest.mark.parametrize(
    "content", ["[]", "null", "{", '{"files": [], "sha256": ""}', "other", "old", "pipe", "folder"]
)
def test_remembered_checksums_are_used_with_a_checksum_of_their_own_alone(tmp_path, monkeypatch, content):
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "c"))
    (tmp_path / "weights").write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    assert sha256_of(tmp_path / "weights") == right
    memory = tmp_path / "c" / "checksums.json"
    if content == "other":
        memory.write_text(memory.read_text().replace(right, "0" * 64))
    elif content == "old":
        memory.write_text(json.dumps(dict.fromkeys(json.loads(memory.read_text())["files"], "0" * 64)))
    elif content == "pipe":
        memory.unlink()
        os.mkfifo(memory)
    elif content == "dir":
        memory.unlink()
        memory.mkdir()
    else:
        memory.write_text(content)
    assert sha256_of(tmp_path / "weights") == right
