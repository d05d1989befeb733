"""Extraction: aligned, deduplicated, cached, resumed after a kill; streams of tokens and static vectors."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from embedscope.core.cache import VectorCache
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Silent
from embedscope.encoders import open_encoder
from embedscope.execution.probing import Probe, probe
from embedscope.sources.text_vectors import batches_by_length, extract
from embedscope.sources.token_streams import TextStream, token_stream
from embedscope.sources.word_contexts import static_vectors

WORDS = ["cat", "dog", "mat", "park", "language", "models", "run", "sat"]
SENTENCES = [" ".join(p) for p in itertools.permutations(["the", "cat", "runs", "in"], 3)] + ["cat", "a big dog runs"]


@pytest.fixture(scope="module")
def encoder(folder):
    return open_encoder(f"hf:{folder}", device="cpu")


class Counting(Silent):
    """Progress that counts."""

    def __init__(self):
        self.done, self.notes = 0, []

    def advance(self, n):
        self.done += n

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("cached", [True, False])
def test_rows_are_aligned_with_the_texts_asked_for(encoder, tmp_path, cached):
    cache = VectorCache(tmp_path) if cached else None
    vectors = extract(
        encoder, [*SENTENCES, *SENTENCES, "cat"], ["plain", "bos_eos", "eos"], cache=cache, batch_tokens=32
    )
    assert vectors.texts == tuple(SENTENCES)
    asked = ["cat", SENTENCES[3], "cat", SENTENCES[0]]
    for pooling in vectors.poolings:
        one_by_one = [encoder.encode([t], [pooling])[pooling] for t in asked]
        for space in vectors.spaces(pooling):
            wanted = np.concatenate([v[space] for v in one_by_one])
            np.testing.assert_allclose(vectors.matrix(pooling, space, asked), wanted, atol=1e-5)


def test_distinct_texts_are_run_once_and_settings_share_passes(encoder, tmp_path):
    progress = Counting()
    extract(encoder, ["cat", "dog", "cat"], ["plain", "bos_eos", "eos"], cache=VectorCache(tmp_path), progress=progress)
    assert progress.done == 2 * 2  # two texts in two framings


def test_a_second_run_runs_nothing_and_gives_the_same_bits(encoder, tmp_path):
    first = extract(encoder, SENTENCES, ["plain"], cache=VectorCache(tmp_path))
    progress = Counting()
    again = extract(encoder, SENTENCES[::-1], ["plain"], cache=VectorCache(tmp_path), progress=progress)
    assert progress.done == 0
    x, y = (v.matrix("plain", "final", SENTENCES) for v in (first, again))
    np.testing.assert_array_equal(x, y)


def test_new_texts_and_settings_run_alone(encoder, tmp_path):
    extract(encoder, SENTENCES[:5], ["plain"], cache=VectorCache(tmp_path))
    progress = Counting()
    extract(encoder, SENTENCES[:8], ["plain", "eos"], cache=VectorCache(tmp_path), progress=progress)
    assert progress.done == 3 + 8


def test_policies_and_weights_have_their_own_rows(folder, tmp_path):
    for options in ({}, {"max_length": 3}, {"subword": "mean"}):
        progress = Counting()
        encoder = open_encoder(f"hf:{folder}", device="cpu", **options)
        extract(encoder, SENTENCES, ["plain"], cache=VectorCache(tmp_path), progress=progress)
        assert progress.done == len(SENTENCES)
    other = open_encoder(f"random:hf:{folder}", device="cpu")
    progress = Counting()
    extract(other, SENTENCES, ["plain"], cache=VectorCache(tmp_path), progress=progress)
    assert progress.done == len(SENTENCES)


def test_a_chunk_damaged_between_is_computed_again(encoder, tmp_path):
    vectors = extract(encoder, SENTENCES, ["plain"], cache=VectorCache(tmp_path))
    before = vectors.matrix("plain", "layer01", SENTENCES)
    for path in tmp_path.rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[-(len(data) // 2) :] = bytes(len(data) // 2)
        path.write_bytes(data)
    np.testing.assert_allclose(vectors.matrix("plain", "layer01", SENTENCES), before, atol=1e-5)


def test_truncated_texts_are_told_also_from_the_cache(encoder, tmp_path):
    long = "the cat runs in " * 9
    for _ in range(2):
        progress = Counting()
        vectors = extract(encoder, ["cat", long], ["eos"], cache=VectorCache(tmp_path), progress=progress)
        assert vectors.truncated["eos"] == (long,)
        assert "1 texts were cut at 16 tokens" in progress.notes[0]


def test_what_was_not_extracted_is_named(encoder):
    vectors = extract(encoder, ["cat"], ["plain"], cache=None)
    for args in (("eos", "final", ["cat"]), ("plain", "layer99", ["cat"]), ("plain", "final", ["dog"])):
        with pytest.raises(InputError, match=r"not extracted|no space"):
            vectors.matrix(*args)
    with pytest.raises(InputError, match="no pooled vector"):
        extract(encoder, ["cat"], [None], cache=None)


RUN = """
import sys, time
from embedscope.core.cache import VectorCache
from embedscope.core.progress import Silent
from embedscope.encoders import open_encoder
import embedscope.sources.text_vectors as module
module._CHUNK_BYTES = 2000
class Slow(Silent):
    def advance(self, n):
        print(n, flush=True)
        time.sleep(0.05)
encoder = open_encoder("hf:" + sys.argv[1], device="cpu")
texts = [f"w{i} cat w{i + 1}" for i in range(150)]
module.extract(encoder, texts, ["plain"], cache=VectorCache(sys.argv[2]), batch_tokens=12, progress=Slow())
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_run_resumes(encoder, folder, tmp_path):
    """A process is killed (SIGKILL) midway; the next run computes only what is not on disk."""
    command = [sys.executable, "-c", RUN, str(folder), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline() for _ in range(15)]
        process.send_signal(signal.SIGKILL)
        errors = process.stderr.read()
    assert all(seen), errors
    texts = [f"w{i} cat w{i + 1}" for i in range(150)]
    saved = VectorCache(tmp_path).stats().rows
    assert 0 < saved < 150
    progress = Counting()
    vectors = extract(encoder, texts, ["plain"], cache=VectorCache(tmp_path), progress=progress)
    assert progress.done == 150 - saved
    wanted = encoder.encode(texts, ["plain"])["plain"]["final"]
    np.testing.assert_allclose(vectors.matrix("plain", "final", texts), wanted, atol=1e-5)


def test_batches_cover_all_and_keep_the_budget():
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    for padded in (False, True):
        batches = list(batches_by_length(lengths, 256, padded=padded))
        assert sorted(i for b in batches for i in b) == list(range(500))
        assert all(len(b) * max(lengths[i] for i in b) <= 256 for b in batches)


def states_of(stream):
    parts = [b for shard in stream.shards() for b in shard.batches()]
    ids = np.concatenate([b.ids for b in parts])
    order = np.argsort(ids)
    spaces = {s: np.concatenate([b.spaces[s] for b in parts])[order] for s in stream.dims}
    return ids[order], np.concatenate([b.clusters for b in parts])[order], spaces


def test_token_stream_gives_every_token_once_and_again(encoder):
    stream = token_stream(encoder, SENTENCES, sample=None, seed=0, batch_tokens=20)
    n = sum(len(s.split()) for s in SENTENCES)
    ids, clusters, spaces = states_of(stream)
    assert stream.n_rows == stream.n_candidates == n == len(set(ids.tolist()))
    assert len(set(clusters.tolist())) == len(SENTENCES)
    again = states_of(stream)
    np.testing.assert_array_equal(ids, again[0])
    np.testing.assert_array_equal(spaces["layer01"], again[2]["layer01"])


def test_token_states_equal_a_plain_call(encoder, folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    wanted = {}
    for text, key in zip(SENTENCES, hash_texts(SENTENCES), strict=True):
        with torch.no_grad():
            states = model(torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state[0].numpy()
        places = combine(np.repeat(key, len(states)), np.arange(len(states), dtype=np.uint64))
        wanted |= dict(zip(places.tolist(), states, strict=True))
    ids, _, spaces = states_of(token_stream(encoder, SENTENCES, sample=None, seed=0))
    np.testing.assert_allclose(spaces["final"], [wanted[i] for i in ids.tolist()], atol=1e-5)


def test_sample_is_by_hash_not_by_order(encoder):
    one = states_of(token_stream(encoder, SENTENCES, sample=20, seed=3))
    other = states_of(token_stream(encoder, SENTENCES[::-1], sample=20, seed=3, batch_tokens=16))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(one[2]["final"], other[2]["final"], atol=1e-5)
    all_ids = states_of(token_stream(encoder, SENTENCES, sample=None, seed=3))[0]
    assert set(one[0].tolist()) < set(all_ids.tolist())
    assert set(one[0].tolist()) != set(states_of(token_stream(encoder, SENTENCES, sample=20, seed=4))[0].tolist())


def test_tokens_are_not_computed_to_learn_their_order(encoder, monkeypatch):
    """They are known by their texts, so the forward passes of a probe would be for nothing."""

    def no_pass(*_):
        raise AssertionError("a forward pass")

    stream = token_stream(encoder, SENTENCES, sample=None, seed=0)
    monkeypatch.setattr(type(encoder), "read", no_pass)
    assert probe(stream) == Probe()


def test_only_sentences_with_a_chosen_token_are_run(encoder):
    stream = token_stream(encoder, SENTENCES, sample=3, seed=0)
    assert sum(len(b[0]) for b in stream.batches) == len(stream.ids) <= 3
    assert any("3 of" in note for note in stream.notes)


def test_first_position_policies(encoder):
    n = {
        p: token_stream(encoder, SENTENCES, sample=None, seed=0, first_position=p).n_rows
        for p in ("keep", "drop", "bos")
    }
    assert n["keep"] - n["drop"] == len(SENTENCES)
    assert n["bos"] == n["keep"]
    bos = token_stream(encoder, SENTENCES, sample=None, seed=0, first_position="bos")
    assert all(ids[0] == 0 for ids in bos.framed.ids)
    both = token_stream(encoder, SENTENCES, sample=None, seed=0, pooling="bos_eos")
    assert both.n_rows == n["keep"] + 2 * len(SENTENCES)


def test_clusters_name_documents_and_repeats_are_left_out(encoder):
    stream = token_stream(encoder, ["the cat", "a dog", "the cat"], sample=None, seed=0, clusters=["d1", "d1", "d2"])
    _, clusters, _ = states_of(stream)
    assert (stream.n_rows, len(set(clusters.tolist()))) == (4, 1)
    assert "1 duplicate sentences dropped" in stream.notes


def test_text_stream_reads_from_the_cache(encoder, tmp_path):
    vectors = extract(encoder, ["cat", "dog", "cat"], ["eos"], cache=VectorCache(tmp_path))
    stream = TextStream(vectors, "eos", ("final", "layer00"))
    ids, clusters, spaces = states_of(stream)
    assert stream.n_rows == 2
    np.testing.assert_array_equal(ids, clusters)
    assert {space: x.shape for space, x in spaces.items()} == {"final": (2, 16), "layer00": (2, 16)}


def test_texts_are_units_by_themselves_but_where_their_vectors_are_equal(encoder, tmp_path):
    """The state of the end of a text is the same for all texts in layer 0, and for none after it."""
    vectors = extract(encoder, ["cat", "dog", "the cat"], ["eos"], cache=VectorCache(tmp_path))
    (batch,) = TextStream(vectors, "eos", ("layer00", "final")).shards()[0].batches()
    assert batch.units["final"].tolist() == batch.ids.tolist()
    assert len(set(batch.spaces["layer00"][:, 0].tolist())) == len(set(batch.units["layer00"].tolist()))
    assert set(batch.units["layer00"].tolist()) <= set(batch.ids.tolist())


def test_static_vector_is_the_mean_over_contexts(encoder):
    sentences = ["the cat runs", "a big Cat", "cat cat in", "the dog", "in the cat"]
    progress = Counting()
    got = static_vectors(encoder, ["cat", "dog", "language"], sentences, limit=3, progress=progress)
    assert got.words == ("cat", "dog")
    assert got.contexts == {"cat": 3, "dog": 1, "language": 0}
    assert got.missing == ("language",)
    prefixes = ["the cat", "a big Cat", "cat"]  # causal: the state of a word is that of the text cut after it
    wanted = encoder.encode(prefixes, ["plain"])["plain"]["layer02"].mean(axis=0)
    np.testing.assert_allclose(got.vectors["layer02"][got.words.index("cat")], wanted, atol=1e-5)
    assert "1 of 3 words have no context" in progress.notes[0]


def test_another_configuration_is_not_read_from_the_cache(folder, tmp_path):
    """The same weights with another activation give other vectors, and must not find the old ones."""
    shutil.copytree(folder, tmp_path / "other")
    config = tmp_path / "other" / "config.json"
    text = config.read_text()
    assert "gelu_new" in text
    config.write_text(text.replace("gelu_new", "relu"))
    cache = VectorCache(tmp_path / "cache")
    before = extract(open_encoder(f"hf:{folder}", device="cpu"), WORDS, ["plain"], cache=cache)
    after = extract(open_encoder(f"hf:{tmp_path / 'other'}", device="cpu"), WORDS, ["plain"], cache=cache)
    a, b = (v.matrix("plain", "layer02", WORDS) for v in (before, after))
    assert np.abs(a - b).max() > 1e-3
