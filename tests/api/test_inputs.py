"""Whatever people hold is a source: every form of the same vectors gives the same numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import embedscope
from embedscope.api._inputs import vectors_of
from embedscope.errors import InputError, UnknownOptionError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32) + 0.5


def pandas_frame():
    return pytest.importorskip("pandas").DataFrame(X)


def pandas_series():
    return pytest.importorskip("pandas").DataFrame({"vector": list(X), "id": range(60)})["vector"]


def arrow_fixed():
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 4)


def arrow_chunked():
    import pyarrow as pa

    return pa.chunked_array([pa.array(X[:20].tolist()), pa.array(X[20:].tolist())])


def torch_tensor():
    return pytest.importorskip("torch").tensor(X)


FORMS = {
    "array": lambda: X,
    "lists": X.tolist,
    "objects": lambda: np.array([*X, None], dtype=object)[:-1],
    "frame": pandas_frame,
    "series": pandas_series,
    "arrow, fixed size": arrow_fixed,
    "arrow, chunks": arrow_chunked,
    "torch": torch_tensor,
}


@pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))
def test_every_form_gives_the_same_numbers(form):
    wanted = [r.value for r in embedscope.measure(X, metrics=["isoscore", "self_similarity"])]
    found = [r.value for r in embedscope.measure(form(), metrics="isoscore,self_similarity")]
    assert found == pytest.approx(wanted, rel=1e-6)


def test_a_slice_of_an_arrow_column_is_that_slice():
    assert np.array_equal(vectors_of(arrow_fixed().slice(10, 5)), X[10:15])
    assert np.array_equal(vectors_of(arrow_chunked().slice(10, 20)), X[10:30])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_are_no_coordinates_are_refused_with_what_drops_them(library):
    """In a file the same columns are left out with a note; here they were coordinates, and the numbers wrong."""
    frames = pytest.importorskip(library)
    columns = {f"e{i}": X[:, i] for i in range(4)}
    for beside, said in [
        ({"id": range(60)}, "its column id is no coordinate by name; pass frame.drop("),
        ({"year": [2000] * 60, "text": ["a"] * 60}, "its columns year, text are none by name; pass frame.drop("),
    ]:
        with pytest.raises(InputError) as error:
            vectors_of(frames.DataFrame({**columns, **beside}))
        assert said in str(error.value)
        call = str(error.value).partition("; pass ")[2]
        assert np.array_equal(vectors_of(eval(call, {"frame": frames.DataFrame({**columns, **beside})})), X)
    with pytest.raises(InputError, match="its column ID is no coordinate"):
        vectors_of(frames.DataFrame({"ID": range(60), "a": X[:, 0], "b": X[:, 1]}))
    assert np.array_equal(vectors_of(frames.DataFrame({"a": X[:, 0], "b": X[:, 1]})), X[:, :2])
    assert np.array_equal(vectors_of(frames.DataFrame({"id": X[:, 0]})), X[:, :1])
    assert np.array_equal(vectors_of(frames.DataFrame({"v": list(X)})), X)


def test_numbers_of_pandas_that_may_be_missing_are_numbers():
    frame = pytest.importorskip("pandas").DataFrame(X).astype("Float32")
    assert vectors_of(frame) == pytest.approx(X)
    frame.iloc[7, 2] = None
    with pytest.raises(InputError, match="1 of 60 rows read, first in row 7"):
        embedscope.measure(frame)


def test_bfloat16_of_numpy_is_float32_exactly(tmp_path):
    """As safetensors and jax give it; every value of bfloat16 is one of float32."""
    kinds = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    half = X.astype(kinds.bfloat16)
    plain = half.astype(np.float32)
    assert not np.array_equal(plain, X)
    for form in (half, list(half), {"v": half}):
        found = embedscope.measure(form, metrics="isoscore,mean_norm")
        assert [r.value for r in found] == [r.value for r in embedscope.measure(plain, metrics="isoscore,mean_norm")]
    both = [embedscope.measure(pair=(x, x), metrics="paired_cosine")[0].value for x in (half, plain)]
    assert both[0] == both[1]
    kept = dict(enumerate(half))
    asked = embedscope.evaluate(queries=kept, corpus=kept, qrels={i: {i: 1} for i in kept})
    assert asked["recall@1"].value == 1.0
    small = embedscope.measure(X.astype(kinds.float8_e4m3fn), metrics="mean_norm")[0].value
    assert small == embedscope.measure(X.astype(kinds.float8_e4m3fn).astype(np.float32), metrics="mean_norm")[0].value
    np.save(tmp_path / "x.npy", half)
    for source in (str(tmp_path / "x.npy"), np.load(tmp_path / "x.npy")):
        with pytest.raises(
            InputError, match=r"got dtype .*V2; NumPy saves bfloat16 so, without its name: save x.astype"
        ):
            embedscope.measure(source)
    with pytest.raises(InputError, match="got dtype bool; convert it to float32"):
        embedscope.measure(X > 0)


def torch_odd():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X)
    return {
        "pass vectors.to_dense()": x.to_sparse(),
        "got dtype torch.bool; convert it to float32": x > 0,
        "got dtype torch.complex64; pass its real part": x + 1j,
        "on the device meta, which has no values": x.to("meta"),
        "pass vectors.dequantize()": torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_tensors_that_hold_no_plain_numbers_are_refused():
    """Complex ones were measured by their absolute values, the others were errors of torch."""
    for said, tensor in torch_odd().items():
        with pytest.raises(InputError) as error:
            embedscope.measure(tensor, metrics="mean_norm")
        assert said in str(error.value)
    torch = pytest.importorskip("torch")
    small = torch.tensor(X).to(torch.float8_e4m3fn)
    assert embedscope.measure(small, metrics="mean_norm").value() == pytest.approx(
        np.linalg.norm(small.float().numpy().astype(float), axis=1).mean()
    )


def test_forms_that_are_no_array_say_what_makes_them_one():
    sparse = pytest.importorskip("scipy.sparse")
    kept = dict(enumerate(X))
    for said, call in {
        "array is a sparse matrix (csr_matrix); pass array.toarray()": lambda: embedscope.measure(sparse.csr_matrix(X)),
        "image is a model, and vectors are wanted here": lambda: embedscope.measure(pair=(letters, X)),
        "array is a dict of 60 vectors, and a dict names spaces": lambda: embedscope.measure(kept),
        "source is a dict; pass its vectors as one array": lambda: embedscope.calibrate(kept),
        "got dict; query 'q' has ['d']": lambda: embedscope.evaluate(queries=kept, corpus=kept, qrels={"q": ["d"]}),
        "got dtype complex64; pass its real part": lambda: embedscope.measure(X + 1j),
        "60 labels for 59 rows of array (is the first a header?)": lambda: embedscope.repair(
            X[:59], labels=["label", *"ab" * 29, "a"]
        ),
        "60 values for 59 rows; wanted one per row, in the same order (is the first, 'doc', a header?)": (
            lambda: embedscope.measure(X[:59], groups=["doc", *"ab" * 29, "a"])
        ),
    }.items():
        with pytest.raises(InputError) as error:
            call()
        assert said in str(error.value)


def test_masked_values_are_refused():
    masked = np.ma.masked_greater(X, 2.0)
    assert masked.mask.any()
    with pytest.raises(InputError, match=f"masked values in {masked.mask.any(axis=1).sum()} rows"):
        embedscope.measure(masked)
    assert embedscope.measure(np.ma.masked_array(X), metrics="mean_norm").value() > 0


def test_what_is_no_matrix_is_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="columns vector, id, not all of them numbers; pass one"):
        embedscope.measure(pandas.DataFrame({"vector": list(X), "id": ["a"] * 60}))
    with pytest.raises(InputError, match="different shapes"):
        embedscope.measure([[1.0, 2.0], [1.0]])
    import pyarrow as pa

    with pytest.raises(InputError, match="from 1 to 2 values"):
        vectors_of(pa.array([[1.0], [1.0, 2.0]]))
    with pytest.raises(InputError, match=r"null rows \(1\)"):
        vectors_of(pa.array([[1.0], None]))
    with pytest.raises(InputError, match="is a SimpleNamespace; wanted a path"):
        embedscope.measure(SimpleNamespace())


def letters(texts):
    return np.array([[text.count(c) + 0.5 for c in "abcdefgh"] for text in texts])


class WithEncode:
    def encode(self, texts):
        return letters(texts)


class WithEmbed:
    def embed_documents(self, texts):
        return letters(texts).tolist()

    def embed_query(self, text):
        return letters([text])[0].tolist()


@pytest.mark.parametrize("model", [letters, WithEncode(), WithEmbed()], ids=["function", "encode", "embed"])
def test_objects_are_models_in_every_verb(model):
    words = ["abba", "cab", "dab", "face", "cage", "head", "bed", "fad", "egg", "had"] * 3
    one = embedscope.measure(model, texts=[f"{w}{i}" for i, w in enumerate(words)], metrics="mean_norm")
    assert one["mean_norm"].n == 30
    assert embedscope.evaluate(model, tasks="rg65")["rg65"].value is not None
    found = embedscope.evaluate(
        model, queries={"q": "abba"}, corpus={"a": "abab", "b": "high"}, qrels={"q": {"a": 1}}, seed=1
    )
    assert found["recall@1"].value == 1.0


@pytest.mark.parametrize("hold", [list, tuple, np.array, "series"], ids=["list", "tuple", "array", "series"])
def test_texts_may_be_held_in_any_column(hold):
    words = [f"{a}{b} cab" for a in "abcdefgh" for b in "abcdefgh"]
    column = pytest.importorskip("pandas").Series if hold == "series" else hold
    assert embedscope.measure(letters, texts=column(words), metrics="mean_norm")[0].n == 64
    assert embedscope.compare(letters, WithEncode(), texts=column(words)).relation.name == "same"
    with pytest.raises(InputError, match="whose item 1 is nan"):
        embedscope.measure(letters, texts=np.array(["a", float("nan")], dtype=object), metrics="mean_norm")


def test_a_corpus_as_loaders_of_beir_give_it_is_read():
    """In a JSON file the same was read; in Python it was taken for vectors."""
    queries, qrels = {"q": "abba"}, {"q": {"a": 1}}
    plain = {"a": "abab ab", "b": "high"}
    loaded = {"a": {"title": "abab", "text": "ab"}, "b": {"title": "", "text": "high"}}
    found = [
        embedscope.evaluate(letters, queries=queries, corpus=corpus, qrels=qrels)["mrr"].value
        for corpus in (plain, loaded)
    ]
    assert found == [1.0, 1.0]
    with pytest.raises(InputError, match='corpus, entry 2, has no "_id" and "text"'):
        embedscope.evaluate(letters, queries=queries, corpus={**loaded, "b": {"title": "x"}}, qrels=qrels)
    with pytest.raises(InputError, match="queries are texts without ids; pass a dict of id -> text"):
        embedscope.evaluate(letters, queries=["abba"], corpus=plain, qrels=qrels)


def test_unknown_keywords_suggest_the_right_one():
    with pytest.raises(UnknownOptionError, match=r"measure\(\) has no option 'metric'; did you mean 'metrics'"):
        embedscope.measure(X, metric="isoscore")
    with pytest.raises(TypeError, match="did you mean 'pooling'"):
        embedscope.evaluate("minilm", tasks="rg65", poolings="plain")


def test_calls_print_nothing(capsys):
    embedscope.measure(X)
    embedscope.diagnose(X)
    assert capsys.readouterr() == ("", "")
    embedscope.measure(X, metrics="isoscore", progress=True)
    assert "pass 1" in capsys.readouterr().err


def test_an_arrow_table_of_one_column_is_that_column():
    import pyarrow as pa

    assert np.array_equal(vectors_of(pa.table({"v": X.tolist()})), X)
    with pytest.raises(InputError, match=r"an Arrow table with the columns v, id; pass one, as in table\['vector'\]"):
        vectors_of(pa.table({"v": X.tolist(), "id": list(range(60))}))


def test_tensors_with_gradients_are_read_without_a_warning():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(X, requires_grad=True)
    assert embedscope.measure(tensor, metrics="isoscore").value() == pytest.approx(
        embedscope.measure(X, metrics="isoscore").value(), rel=1e-6
    )


@pytest.mark.parametrize(
    ("verb", "old", "new"),
    [("repair", "tries", "candidates"), ("measure", "on", "texts"), ("repair", "scored", "scores")],
)
def test_names_of_version_0_1_suggest_their_new_ones(verb, old, new):
    with pytest.raises(UnknownOptionError, match=f"did you mean '{new}'") as raised:
        getattr(embedscope, verb)(X, **{old: "x"})
    assert len(str(raised.value)) < 200


def test_analogies_of_vectors_of_the_caller():
    vectors = {"king": [1.0, 1.0], "man": [1.0, 0.0], "woman": [0.1, 0.2], "queen": [0.1, 1.2]}
    matrix = np.array(list(vectors.values()))
    by_name = [
        embedscope.analogy(vectors, "king - man + woman", top=1),
        embedscope.analogy(matrix, ["king", "-", "man", "+", "woman"], names=list(vectors), top=1),
    ]
    assert [r[0].subset for r in by_name] == ["queen", "queen"]
    with pytest.raises(InputError, match=r"have no words; pass names"):
        embedscope.analogy(matrix, "king - man + woman")
    with pytest.raises(InputError, match="no vector of tsar"):
        embedscope.analogy(vectors, "tsar - man + woman")


def test_diagnoses_and_checks_show_themselves_in_a_notebook():
    assert "<table" in embedscope.diagnose(X)._repr_html_()
    assert "<div" in embedscope.check(X, baseline=embedscope.measure(X))._repr_html_()


def test_a_pair_is_checked_against_its_own_measure():
    baseline = embedscope.measure(pair=(X, X[:, ::-1]))
    assert not embedscope.check(pair=(X, X[:, ::-1]), baseline=baseline).drifted


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2], ids=["rows", "declared"])
def test_huge_rows_are_measured_whatever_is_declared(groups):
    x = X.astype(np.float64)
    plain = embedscope.measure(x, groups=groups, metrics="isoscore,self_similarity")
    far = embedscope.measure(x * 1e140, groups=groups, metrics="isoscore,self_similarity")
    assert [r.value for r in far] == pytest.approx([r.value for r in plain], rel=1e-9)


def test_spaces_of_zero_rows_are_diagnosed_and_not_repaired():
    zeros = np.zeros((60, 8))
    assert embedscope.diagnose(zeros).worst == "serious"
    assert not embedscope.repair(zeros, labels=[i % 3 for i in range(60)]).accepted


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "groups is 3; wanted a file, or one value per row"),
        (object(), "groups is .*; wanted a file, or one value per row"),
        ({"a": 1}, "groups is .*; wanted a file, or one value per row"),
        ({"a", "b"}, "groups is .*; wanted a file, or one value per row"),
        (np.zeros((60, 2)), r"groups is float64 \(60, 2\); wanted a file, or one value per row"),
        (["a", None] * 30, r"groups has no value for row 1 \(None\); give every row one"),
        (np.array([0.0, np.nan] * 30), r"groups has no value for row 1 \(nan\)"),
        ([[1], [2, 3]], r"groups has \[1\] for row 0; wanted one value per row"),
    ],
    ids=["number", "object", "dict", "set", "matrix", "none", "nan", "nested"],
)
def test_labels_are_one_value_per_row(value, said):
    """Missing values were one group, a set had the order of its hashes, and others were errors of Python."""
    with pytest.raises(InputError, match=said):
        embedscope.measure(X, groups=value, metrics="isoscore")


def test_labels_of_any_kind_are_strings_and_numbers_as_they_are():
    pd = pytest.importorskip("pandas")
    days = pd.Series(pd.date_range("2020-01-01", periods=60))
    plain = embedscope.measure(X, groups=list(map(str, days)), metrics="isoscore")
    assert embedscope.measure(X, groups=days, metrics="isoscore").records == plain.records
    with pytest.raises(InputError, match="groups has no value for row 3"):
        embedscope.measure(X, groups=days.where(days.index != 3), metrics="isoscore")


@pytest.mark.parametrize("option", ["labels", "scores", "pairs"])
def test_what_judges_a_repair_is_checked(option):
    with pytest.raises(InputError, match=option.removesuffix("s")):
        embedscope.repair(X, **{option: object()})


def test_components_and_queries_of_compress_are_matrices():
    for option in ("pca_on", "queries"):
        with pytest.raises(InputError, match=rf"{option} must have shape \(n, d\), got \(2, 3, 4\)"):
            embedscope.compress(X, **{option: np.zeros((2, 3, 4))}, candidates="int8")


def test_a_dict_of_words_takes_no_other_names():
    with pytest.raises(InputError, match="leave out names"):
        embedscope.analogy({"a": [1.0, 0.0], "b": [0.0, 1.0]}, "a - b", names=["c", "d"])
