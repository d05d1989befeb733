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
