"""FAISS indexes of every make, with ids of one's own, against the vectors that went in and what FAISS itself gives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from embedscope.core.errors import InputError
from embedscope.readers import describe_stream, ids_of, open_vectors

faiss = pytest.importorskip("faiss", reason="extra faiss is not installed")

X = np.random.default_rng(1).standard_normal((1500, 16)).astype(np.float32)


def read(path):
    stream = open_vectors(str(path))
    x = np.concatenate([b.spaces["vectors"] for s in stream.shards() for b in s.batches()])
    assert stream.n_rows == len(x)
    return stream, x


def write(tmp_path, index):
    binary = isinstance(index, faiss.IndexBinary)
    (faiss.write_index_binary if binary else faiss.write_index)(index, str(tmp_path / "x.index"))
    return tmp_path / "x.index"


def build(spec, x=X, ids=None):
    index = faiss.index_factory(x.shape[1], spec)
    index.train(x)
    index.add(x) if ids is None else index.add_with_ids(x, ids)
    return index


def test_inverted_lists_after_removing_and_adding(tmp_path):
    """ntotal 450, ids up to 449 with 50 of them twice: FAISS's own direct map gives uninitialised memory here."""
    index = build("IVF8,Flat", X[:400])
    index.remove_ids(np.arange(100, 150))
    index.add(X[400:500])
    stream, x = read(write(tmp_path, index))
    wanted = np.concatenate([X[:100], X[150:400], X[400:500]])
    ids = np.concatenate([np.arange(100), np.arange(150, 400), np.arange(350, 450)])
    order = np.argsort(ids, kind="stable")
    assert ids_of(stream).values() == tuple(map(str, ids[order]))
    assert_allclose(np.linalg.norm(x, axis=1).mean(), np.linalg.norm(wanted, axis=1).mean(), rtol=1e-6)
    assert_array_equal(sort(x), sort(wanted))
    assert "50 vectors have an id that another one has too" in describe_stream(stream)
    with pytest.raises(InputError, match="'350' is in row"):
        ids_of(stream).unique()


def sort(x):
    return x[np.lexsort(x.T)]


@pytest.mark.parametrize("spec", ["IVF8,Flat", "IDMap,Flat", "IDMap2,HNSW8", "IDMap,IVF8,Flat", "IVF8_HNSW8,Flat"])
def test_ids_of_ones_own_are_served_in_step_with_the_vectors(tmp_path, spec):
    ids = np.random.default_rng(0).permutation(10_000)[: len(X)]
    stream, x = read(write(tmp_path, build(spec, ids=ids)))
    got = np.array(ids_of(stream).values(), dtype=np.int64)
    assert_array_equal(x, X[np.argsort(ids)][np.searchsorted(np.sort(ids), got)])
    assert set(got) == set(ids)


def test_an_id_added_twice(tmp_path):
    index = build("IVF8,Flat", X[:200], np.arange(200))
    index.add_with_ids(X[200:201], np.array([7]))
    stream, x = read(write(tmp_path, index))
    assert_array_equal(sort(x), sort(X[:201]))
    assert ids_of(stream).values().count("7") == 2


def through(chain, x):
    for i in range(chain.chain.size()):
        x = faiss.downcast_VectorTransform(chain.chain.at(i)).apply(x)
    return x


@pytest.mark.parametrize("spec", ["PCA8,IVF8,Flat", "PCA8,Flat", "L2norm,Flat", "IDMap,PCA8,IVF8,Flat"])
def test_behind_transforms_lie_the_vectors_that_are_searched(tmp_path, spec):
    index = build(spec, ids=np.arange(len(X)) if spec.startswith("IDMap") else None)
    stream, x = read(write(tmp_path, index))
    chain = faiss.downcast_index(index.index) if spec.startswith("IDMap") else index
    assert_allclose(x, through(chain, X), atol=1e-5)
    assert "the vectors that are searched, after" in describe_stream(stream)
    assert "lossy" not in describe_stream(stream)


def test_behind_opq(tmp_path):
    turn = faiss.OPQMatrix(16, 4, 8)
    turn.niter = turn.niter_pq_0 = turn.niter_pq = 2
    index = faiss.IndexPreTransform(turn, faiss.index_factory(8, "IVF8,PQ4x4"))
    index.train(X)
    index.add(X)
    stream, x = read(write(tmp_path, index))
    assert np.corrcoef(x.ravel(), through(index, X).ravel())[0, 1] > 0.7
    assert "after LinearTransform from 16 to 8 dimensions" in describe_stream(stream)


@pytest.mark.parametrize("spec", ["IVF8,Flat,RFlat", "PQ4x4fs,RFlat", "HNSW8", "NSG8,Flat"])
def test_exact_vectors_behind_graphs_and_second_looks(tmp_path, spec):
    stream, x = read(write(tmp_path, build(spec)))
    assert_array_equal(x, X)
    assert "lossy" not in describe_stream(stream)


@pytest.mark.parametrize("spec", ["PQ4x4fs", "IVF8,PQ4x4fs", "IVF8,PQ4x4fsr", "IVF8,SQ8", "IVF8,PQ4+2", "HNSW8_SQ8"])
def test_lossy_codes_are_near_and_said(tmp_path, spec):
    stream, x = read(write(tmp_path, build(spec)))
    assert np.corrcoef(x.ravel(), X.ravel())[0, 1] > 0.6
    assert "is lossy" in describe_stream(stream)


def test_codes_of_inverted_lists_equal_those_faiss_gives(tmp_path):
    index = build("IVF8,PQ4x4")
    _, x = read(write(tmp_path, index))
    index.make_direct_map()
    assert_allclose(x, index.reconstruct_n(0, len(X)), atol=1e-6)


@pytest.mark.parametrize("spec", ["BFlat", "BIVF4", "BHNSW8"])
def test_binary_indexes_give_bits(tmp_path, spec):
    bits = (X > 0).astype(np.uint8)
    index = faiss.index_binary_factory(16, spec)
    index.train(np.packbits(bits, axis=1))
    index.add(np.packbits(bits, axis=1))
    stream, x = read(write(tmp_path, index))
    assert_array_equal(x, bits)
    assert "bits" in describe_stream(stream)


def test_binary_ids(tmp_path):
    packed = np.packbits((X > 0).astype(np.uint8), axis=1)
    index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(16))
    index.add_with_ids(packed, np.arange(len(X)) + 5)
    stream, _ = read(write(tmp_path, index))
    assert ids_of(stream).values()[:2] == ("5", "6")


def test_counts_that_contradict_each_other_are_refused(tmp_path):
    index = build("IVF8,Flat")
    index.ntotal = 1400
    with pytest.raises(InputError, match="says 1,400 vectors and its lists hold 1,500"):
        open_vectors(str(write(tmp_path, index)))
    index = build("IDMap,IVF8,Flat", ids=np.arange(len(X)) * 2)
    faiss.downcast_index(index.index).remove_ids(np.arange(10))
    with pytest.raises(InputError, match="does not match IndexIDMap"):
        open_vectors(str(write(tmp_path, index)))
    index.ntotal = 1490
    index.id_map.resize(1490)
    with pytest.raises(InputError, match="do not match its map of ids"):
        open_vectors(str(write(tmp_path, index)))


def test_an_exported_repair_is_read_behind_its_chain(tmp_path):
    """What export writes, filled with raw vectors: the repaired ones are measured, not the way back."""
    from embedscope.exports.faiss import faiss_index
    from embedscope.transforms import parse_chain
    from embedscope.transforms.repair import Repair

    raw = X + 3.0
    repair = Repair.from_chain(parse_chain("center,pca:8").fit(raw), normalise_after=True)
    index = faiss_index(repair)
    index.add(raw)
    _, x = read(write(tmp_path, index))
    assert_allclose(x, repair.transform(raw), atol=1e-5)


@pytest.mark.skipif(not hasattr(faiss, "set_deserialization_vector_byte_limit"), reason="this FAISS has no bound")
def test_a_small_file_that_says_it_is_large_takes_no_memory(tmp_path):
    index = faiss.IndexIDMap(faiss.IndexFlatL2(16))
    index.add_with_ids(X[:40], np.arange(40))
    path = write(tmp_path, index)
    content, usual = path.read_bytes(), faiss.get_deserialization_vector_byte_limit()
    at = content.rindex((40).to_bytes(8, "little") + bytes(8))  # how many ids follow, the first of which is 0
    path.write_bytes(content[:at] + (1 << 27).to_bytes(8, "little") + content[at + 8 :])
    with pytest.raises(InputError, match="byte_limit"):
        open_vectors(str(path))
    assert faiss.get_deserialization_vector_byte_limit() == usual
