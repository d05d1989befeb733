"""Embeddings of LangChain and LlamaIndex: subclasses of their base classes, and their own fakes, are models."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

import embedscope
from embedscope.encoders import open_model, role_pooling

TEXTS = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in ("car", "house", "tree", "cat")]


def rows(texts):
    """One vector per text, decided by its characters."""
    return np.stack([np.random.default_rng(zlib.crc32(text.encode())).normal(size=6) for text in texts])


def langchain_base():
    return pytest.importorskip("langchain_core.embeddings", reason="langchain-core is not installed")


def langchain():
    base = langchain_base()

    class Lists(base.Embeddings):
        def embed_documents(self, texts):
            return rows(texts).tolist()

        def embed_query(self, text):
            return rows([f"query: {text}"])[0].tolist()

    class Arrays(Lists):
        def embed_documents(self, texts):
            return rows(texts)

        def embed_query(self, text):
            return rows([f"query: {text}"])[0]

    class Limited(Lists):
        def embed_documents(self, texts):
            if len(texts) > 5:
                raise ValueError("at most 5 texts")
            return super().embed_documents(texts)

    return {kind.__name__: kind for kind in (Lists, Arrays, Limited)}


def langchain_asynchronous():
    base = langchain_base()

    class Asynchronous(base.Embeddings):
        def embed_documents(self, texts):
            raise NotImplementedError

        def embed_query(self, text):
            raise NotImplementedError

        async def aembed_documents(self, texts):
            return rows(texts).tolist()

        async def aembed_query(self, text):
            return rows([f"query: {text}"])[0].tolist()

    return {"Asynchronous": Asynchronous}


def llama_index():
    base = pytest.importorskip("llama_index.core.embeddings", reason="llama-index-core is not installed")

    class OneByOne(base.BaseEmbedding):
        def _get_text_embedding(self, text):
            return rows([text])[0].tolist()

        def _get_query_embedding(self, query):
            return rows([f"query: {query}"])[0].tolist()

        async def _aget_query_embedding(self, query):
            return self._get_query_embedding(query)

    class Batched(OneByOne):
        embed_batch_size: int = 5

        def _get_text_embeddings(self, texts):
            assert len(texts) <= self.embed_batch_size
            return rows(texts).tolist()

    class Asynchronous(OneByOne):
        def _get_text_embedding(self, text):
            raise NotImplementedError

        def _get_query_embedding(self, query):
            raise NotImplementedError

        async def _aget_text_embedding(self, text):
            return rows([text])[0].tolist()

        async def _aget_query_embedding(self, query):
            return rows([f"query: {query}"])[0].tolist()

    return {kind.__name__: kind for kind in (OneByOne, Batched, Asynchronous)}


KINDS = [
    *((langchain, name) for name in ("Lists", "Arrays", "Limited")),
    (langchain_asynchronous, "Asynchronous"),
    *((llama_index, name) for name in ("OneByOne", "Batched", "Asynchronous")),
]


@pytest.mark.parametrize(("library", "name"), KINDS)
def test_a_subclass_of_the_base_class_is_a_model(library, name):
    model = library()[name]()
    encoder = open_model(model)
    np.testing.assert_allclose(encoder.matrix(None, "pooled", TEXTS), rows(TEXTS), rtol=1e-6)
    queries = encoder.matrix(role_pooling(encoder, "query"), "pooled", TEXTS)
    np.testing.assert_allclose(queries, rows([f"query: {text}" for text in TEXTS]), rtol=1e-6)
    measured = embedscope.measure(model, texts=TEXTS, metrics="effective_rank").value()
    assert measured == pytest.approx(embedscope.measure(rows(TEXTS), metrics="effective_rank").value(), rel=1e-6)
    data = {
        "queries": {"q": "red car"},
        "corpus": dict(zip("abcdefghijkl", TEXTS, strict=True)),
        "qrels": {"q": {"c": 1}},
    }
    found = embedscope.evaluate(model, **data, cache=False).value(metric="mrr")
    similar = rows(TEXTS) @ rows(["query: red car"])[0] / np.linalg.norm(rows(TEXTS), axis=1)
    rank = 1 + int((similar > similar[2]).sum())
    assert found == pytest.approx(1 / rank)


def test_the_fakes_of_the_libraries_are_models():
    fake = langchain_base().DeterministicFakeEmbedding(size=7)
    x = open_model(fake).matrix(None, "pooled", TEXTS)
    np.testing.assert_allclose(x, fake.embed_documents(TEXTS), rtol=1e-6)


def test_the_mock_of_llama_index_is_a_model():
    base = pytest.importorskip("llama_index.core.embeddings", reason="llama-index-core is not installed")
    np.testing.assert_allclose(open_model(base.MockEmbedding(4)).matrix(None, "pooled", TEXTS), np.full((12, 4), 0.5))
