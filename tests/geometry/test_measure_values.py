"""Every default metric against naive float64 formulas on whole matrices, out of every format and in every plan."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

from embedscope import measure
from embedscope.execution import Local
from embedscope.geometry.measure import measure_stream
from embedscope.metrics import DEFAULTS
from embedscope.readers import open_vectors


def matrix(n=900, d=24, zero=True):
    rng = np.random.default_rng(7)
    x = rng.standard_normal((n, d)) * np.geomspace(3, 0.2, d) + rng.standard_normal(d)
    if zero:
        x[[3, 500]] = 0
    return x.astype(np.float32)


def mean_cosine(u):
    cosines = u @ u.T
    return cosines[~np.eye(len(u), dtype=bool)].mean()


def unit(x):
    norms = np.linalg.norm(x, axis=1)
    return x[norms > 0] / norms[norms > 0, None]


def top_share(x, k):
    parts = np.sort(np.abs(unit(x)), axis=1)[:, -k:]
    return np.linalg.norm(parts, axis=1).mean()


def naive(x):
    """The definitions, written down without sharing anything with the library."""
    x = x.astype(np.float64)
    u, norms = unit(x), np.linalg.norm(x, axis=1)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    ratio = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    singular = np.linalg.svd(x, compute_uv=False)
    p = singular / singular.sum()
    _, v = np.linalg.eigh(u.T @ u)
    z = np.exp(u @ np.hstack([v, -v])).sum(axis=0)
    std = x.std(axis=0)
    return {
        "self_similarity": mean_cosine(u),
        "self_similarity_centered": mean_cosine(unit(u - u.mean(axis=0))),
        "isoscore": (ratio - 1) / (x.shape[1] - 1),
        "participation_ratio": ratio,
        "effective_rank": np.exp(-(p * np.log(p)).sum()),
        "i1": z.min() / z.max(),
        "i2": z.std() / z.mean(),
        "top5_share": top_share(x, 5),
        "top8_share": top_share(x, 8),
        "coordinate_std": std.mean(),
        "coordinate_std.std": std.std(),
        "coordinate_std.cv": std.std() / std.mean(),
        "mean_norm": norms.mean(),
        "norm_cv": norms.std() / norms.mean(),
        "zero_rows": (norms == 0).sum(),
    }


def values(records):
    return {r.metric: r.value for r in records}


def check(records, wanted, rtol=1e-10):
    found = values(records)
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert_allclose(found[name], value, rtol=rtol, atol=1e-14, err_msg=name)


def write(folder, x, kind):
    if kind in ("npy", "fortran"):
        np.save(folder / "x.npy", np.asarray(x, order="F" if kind == "fortran" else "C"))
        return f"{folder}/x.npy"
    if kind == "npz":
        np.savez_compressed(folder / "x.npz", emb=x)
        return f"{folder}/x.npz::emb"
    if kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"emb": x}, folder / "x.safetensors")
        return f"{folder}/x.safetensors::emb"
    column = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])
    pq.write_table(pa.table({"emb": column}), folder / "x.parquet", row_group_size=333)
    return f"{folder}/x.parquet::emb"


@pytest.mark.parametrize("kind", ["npy", "fortran", "npz", "safetensors", "parquet"])
def test_defaults_of_a_file(tmp_path, kind):
    x = matrix()
    source = write(tmp_path, x, kind)
    result = measure(source)
    check(result, naive(x))
    assert {r.metric.partition(".")[0] for r in result} == set(DEFAULTS)
    assert {r.source for r in result} == {source}
    assert {r.space for r in result} == {"vectors" if kind in ("npy", "fortran") else "emb"}
    assert all(r.exact for r in result)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int16"])
def test_defaults_of_other_dtypes(tmp_path, dtype):
    x = (matrix() * 50).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    check(measure(tmp_path / "x.npy"), naive(x))


def test_many_shards_and_any_number_of_workers(tmp_path):
    x = np.tile(matrix(), (90, 1))
    np.save(tmp_path / "x.npy", x)
    stream = open_vectors(f"{tmp_path}/x.npy")
    assert len(stream.shards()) == 3
    one = measure_stream(stream, source="x", engine=Local(1))
    assert one == measure_stream(stream, source="x", engine=Local(3))
    small = naive(matrix())
    found = values(one)
    for name in ("participation_ratio", "effective_rank", "i1", "i2", "coordinate_std", "mean_norm", "top5_share"):
        terms32 = name in ("i1", "i2")  # of so many rows
        assert_allclose(found[name], small[name], rtol=0 if terms32 else 1e-9, atol=1e-8 * terms32, err_msg=name)


def test_torch_equals_numpy():
    torch = pytest.importorskip("torch")
    x = matrix()
    check(measure(torch.from_numpy(x)), naive(x), rtol=1e-9)


def test_several_spaces_over_the_same_rows():
    a, b = matrix(zero=False), matrix(zero=False)[:, :9] ** 2
    result = measure({"a": a, "b": b})
    check(result.select(space="a"), naive(a))
    check(result.select(space="b"), naive(b))
    assert [r.space for r in result] == ["a"] * (len(result) // 2) + ["b"] * (len(result) // 2)


def test_fast_is_near_and_says_so():
    x = matrix(4000)
    exact, fast = measure(x), measure(x, precision="fast")
    for a, b in zip(exact, fast, strict=True):
        assert_allclose(b.value, a.value, rtol=2e-4, err_msg=a.metric)
    products = {"isoscore", "participation_ratio", "effective_rank", "i1", "i2"}
    products |= {"coordinate_std", "coordinate_std.std", "coordinate_std.cv"}
    assert {r.metric for r in fast if not r.exact} == products
    assert all("float32 blocks" in (r.note or "") for r in fast if r.metric in products)
    assert {r.metric for r in fast if r.exact} == {r.metric for r in exact} - products


def test_rows_unit_takes_all_that_can_be_on_unit_rows():
    x = matrix()
    u = unit(x.astype(np.float64))
    result = measure(x, rows="unit")
    wanted = naive(u)
    assert {r.rows for r in result} == {"raw", "unit"}
    for record in result:
        if record.metric in ("mean_norm", "norm_cv", "zero_rows"):
            assert record.rows == "raw"
        else:
            assert record.rows == "unit"
            assert_allclose(record.value, wanted[record.metric], rtol=1e-9, err_msg=record.metric)


def test_transform_is_fitted_on_the_rows_themselves():
    x = matrix(zero=False)
    result = measure(x, transform="center,abtt:1,whiten:8", metrics=["participation_ratio", "self_similarity"])
    assert result.value(metric="participation_ratio") == pytest.approx(8)
    assert {(r.transform, r.fitted_on, r.dim) for r in result} == {("center,abtt:1,whiten:8", "all rows of array", 8)}
    from embedscope.transforms import parse_chain

    mapped = parse_chain("center,abtt:1,whiten:8").fit_transform(x)
    assert result.value(metric="self_similarity") == pytest.approx(mean_cosine(unit(mapped)), abs=1e-12)


def test_centring_of_a_file_equals_centring_by_hand(tmp_path):
    x = matrix(zero=False)
    np.save(tmp_path / "x.npy", x)
    check(
        measure(tmp_path / "x.npy", transform="center"), naive(x.astype(np.float64) - x.mean(0, dtype=np.float64)), 1e-7
    )


def test_order_of_rows_does_not_matter_with_ids():
    from embedscope.core.ids import hash_rows
    from embedscope.geometry.measure import measure as measure_rows

    x, order = matrix(), np.random.default_rng(0).permutation(900)
    ids = hash_rows(0, 900)
    straight, shuffled = measure_rows(x, ids=ids), measure_rows(x[order], ids=ids[order])
    assert sum(r.stderr is not None for r in straight) > len(straight.records) // 2
    for a, b in zip(straight, shuffled, strict=True):
        assert_allclose(b.value, a.value, rtol=1e-9)
        if a.stderr is not None:
            assert_allclose(b.stderr, a.stderr, rtol=1e-6)


def test_clusters_widen_the_error_bar():
    from embedscope.core.ids import hash_rows

    rng = np.random.default_rng(1)
    x = np.repeat(rng.standard_normal((200, 16)) + 0.5, 20, axis=0) + 0.05 * rng.standard_normal((4000, 16))
    clusters = np.repeat(hash_rows(0, 200), 20)
    shuffled = rng.permutation(4000)
    (single,) = measure(x[shuffled], metrics=["mean_norm"])
    (cluster,) = measure(x, metrics=["mean_norm"], groups=clusters)
    assert cluster.value == pytest.approx(single.value)
    assert cluster.stderr > 2 * single.stderr
