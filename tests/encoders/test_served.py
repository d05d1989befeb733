"""``openai:`` against a real server on this machine: batches, faults, order, resumption, cost, and the key."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders import ALIASES, is_model, open_encoder, open_model, reading_note, role_pooling, score_of
from embedscope.encoders._served import _message
from embedscope.encoders.openai import parse_served

spec = importlib.util.spec_from_file_location("embedding_server", Path(__file__).with_name("embedding_server.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

TEXTS = [f"text number {i} of the corpus" for i in range(10)]
SECRET = "sk-do-not-tell"


def letters(texts):
    """A vector per text: how often each of 8 groups of letters occurs, and the length."""
    x = np.zeros((len(texts), 9))
    for row, text in enumerate(texts):
        for letter in text:
            x[row, ord(letter) % 8] += 1
        x[row, 8] = len(text)
    return x


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = module.EmbeddingServer(letters)
    yield made
    made.close()


@pytest.fixture
def pauses(monkeypatch):
    """Seconds that were waited between attempts; nothing really waits."""
    found = []
    monkeypatch.setattr("embedscope.encoders._served.time.sleep", found.append)
    return found


def open_served(server, options="", **kwargs):
    how = {"note": lambda _: None, "cache": False, **kwargs}
    return open_model(f"openai:letters?base_url={server.url}{options}", **how)


def test_vectors_in_batches(server):
    model = open_served(server, "&batch=4")
    np.testing.assert_allclose(model.matrix(None, "pooled", [*TEXTS, TEXTS[0]]), letters([*TEXTS, TEXTS[0]]))
    assert [len(r["input"]) for r in server.requests] == [4, 4, 2]
    assert (model.facts["requests"], model.facts["tokens"]) == (3, 60)
    assert is_model(f"openai:letters?base_url={server.url}")


@pytest.mark.parametrize("options", ["&encoding=base64", "&dimensions=5", "&dimensions=5&encoding=base64"])
def test_forms_of_vectors(server, options):
    found = open_served(server, options).matrix(None, "pooled", TEXTS)
    np.testing.assert_allclose(found, letters(TEXTS)[:, : found.shape[1]])
    assert found.shape[1] == (5 if "dimensions" in options else 9)


def test_order_is_that_of_the_index(server):
    server.always = lambda answer: {**answer, "data": answer["data"][::-1]}
    np.testing.assert_allclose(open_served(server).matrix(None, "pooled", TEXTS), letters(TEXTS))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda a: {**a, "data": a["data"][:-1]}, "9 vectors for 10 texts"),
        (lambda a: {**a, "data": [*a["data"], a["data"][0]]}, "11 vectors for 10 texts"),
        (lambda a: {**a, "data": [{**d, "index": 0} for d in a["data"]]}, "wanted each of 0 to 9 once"),
        (lambda a: {**a, "data": [{**a["data"][0], "embedding": [1.0]}, *a["data"][1:]]}, "wanted one size"),
        (lambda a: {**a, "data": [{**d, "embedding": [None] * 9} for d in a["data"]]}, "not finite"),
        (lambda a: {**a, "data": [{**d, "embedding": "no base64!"} for d in a["data"]]}, "neither numbers nor base64"),
        (lambda a: {**a, "data": [{**d, "embedding": [[1.0]]} for d in a["data"]]}, "shape"),
        (lambda _: {"error": "model is loading"}, "no vectors for 10 texts"),
        (lambda _: b"<html>welcome</html>", "did not answer in JSON"),
        (lambda _: [1, 2], "wanted an object"),
        (400, "refused the texts"),
        (404, "has no model 'letters'"),
        (413, r"refused the texts \(413: as the test asked\); if these are too many at once, add &batch=32"),
        ((302, {"Location": "http://example.org/"}), "points to another address"),
    ],
)
def test_wrong_answers_are_refused_at_once(server, pauses, fault, message):
    server.faults = [fault]
    with pytest.raises(InputError, match=message):
        open_served(server).matrix(None, "pooled", TEXTS)
    assert len(server.requests) == 1
    assert not pauses


def test_an_error_in_a_body_that_is_nested_too_deep_is_shown_as_it_came():
    assert _message(b"[" * 100_000) == "[" * 200


def test_passing_failures_are_repeated(server, pauses):
    server.faults = [(429, {"Retry-After": "7"}), 503, "drop", 500]
    model = open_served(server)
    np.testing.assert_allclose(model.matrix(None, "pooled", TEXTS), letters(TEXTS))
    assert pauses[0] == 7.0
    assert all(a < b for a, b in itertools.pairwise(pauses[1:]))
    assert model.facts["repeated_requests"] == 4


def test_a_slow_server_is_asked_again(server, pauses):
    server.faults = ["slow"]
    np.testing.assert_allclose(open_served(server, "&timeout=0.2").matrix(None, "pooled", TEXTS), letters(TEXTS))
    assert len(pauses) == 1


def test_repetition_has_an_end(server, pauses):
    server.faults = [429] * 10
    with pytest.raises(DataUnavailableError, match="3 attempts"):
        open_served(server, "&retries=2").matrix(None, "pooled", TEXTS)
    assert len(server.requests) == 3
    assert len(pauses) == 2


def test_a_long_retry_after_is_bounded(server, pauses):
    server.faults = [(429, {"Retry-After": "86400"})]
    open_served(server).matrix(None, "pooled", TEXTS)
    assert pauses == [60.0]


def test_no_server(pauses):
    with pytest.raises(DataUnavailableError, match="did not answer after 2 attempts"):
        open_model("openai:m?base_url=http://127.0.0.1:9/v1&retries=1", cache=False).matrix(None, "pooled", ["a"])


def test_what_came_is_kept(server, pauses):
    """A run that fails half-way keeps what it paid for; the next one asks for the rest alone, a third for nothing."""
    server.faults = [None, None, 400]
    with pytest.raises(InputError):
        open_served(server, "&batch=2", cache=True).matrix(None, "pooled", TEXTS)
    assert server.answered == TEXTS[:4]
    server.answered.clear()
    found = open_served(server, "&batch=2", cache=True).matrix(None, "pooled", TEXTS)
    np.testing.assert_allclose(found, letters(TEXTS))
    assert server.answered == TEXTS[4:]
    asked = len(server.requests)
    open_served(server, cache=True).matrix(None, "pooled", TEXTS[::-1])
    assert len(server.requests) == asked
    open_served(server, "&dimensions=3", cache=True).matrix(None, "pooled", TEXTS)
    assert len(server.requests) == asked + 1  # other dimensions are other vectors


def test_cost_is_said_before_it_is_spent(server):
    said = []
    with pytest.raises(InputError, match=r"10 texts .* about 68 tokens, about \$0\.0014 at \$20 .* --yes"):
        open_served(server, "&price=20", note=said.append).matrix(None, "pooled", TEXTS)
    assert server.requests == []
    open_served(server, "&price=20", note=said.append, yes=True).matrix(None, "pooled", TEXTS)
    assert len(said) == 1
    assert "$0.0014" in said[0]
    open_served(server, note=said.append).matrix(None, "pooled", TEXTS)
    assert "no price named" in said[1]


def test_what_is_cached_costs_nothing(server):
    texts = [f"{t}!" for t in TEXTS]
    open_served(server, "&price=20", yes=True, cache=True).matrix(None, "pooled", texts)
    open_served(server, "&price=20", cache=True).matrix(None, "pooled", texts)
    with pytest.raises(InputError, match="1 texts"):
        open_served(server, "&price=20", cache=True).matrix(None, "pooled", [*texts, "another"])


def test_the_key_comes_from_the_environment_and_is_never_told(server, monkeypatch):
    server.key = SECRET
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        open_served(server).matrix(None, "pooled", TEXTS)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-key")
    with pytest.raises(InputError) as wrong:
        open_served(server).matrix(None, "pooled", TEXTS)
    assert "sk-another-key" not in str(wrong.value)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    said = []
    model = open_served(server, note=said.append)
    model.matrix(None, "pooled", TEXTS)
    assert SECRET not in json.dumps(dict(model.facts)) + "".join(said)
    assert server.headers[-1]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("openai:", "name of a model"),
        ("openai:m?url=http://x", "has the options"),
        ("openai:m?base_url=ftp://x/v1", "must be an address"),
        ("openai:m?base_url=http://user:secret@x/v1", "no user, password"),
        ("openai:m?base_url=http://x/v1&price=-1", "price must be"),
        ("openai:m?base_url=http://x/v1&batch=0", "at least 1"),
        ("openai:m?base_url=http://x/v1&batch=1.5", "whole number"),
        ("openai:m?base_url=http://x/v1&encoding=hex", "float or base64"),
        ("openai:m", "OPENAI_API_KEY"),
    ],
)
def test_addresses(monkeypatch, uri, message):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match=message) as error:
        open_model(uri)
    assert "secret" not in str(error.value)
    assert parse_served("nomic-embed-text:latest?base_url=http://x/v1").server.model == "nomic-embed-text:latest"


def test_the_whole_address_may_be_named(server):
    model = open_model(f"openai:m?base_url={server.url}/embeddings", cache=False, note=lambda _: None)
    np.testing.assert_allclose(model.matrix(None, "pooled", TEXTS), letters(TEXTS))


def test_prompts_and_empty_texts(server):
    model = open_served(server, query_prompt="query: ", score="dot")
    assert (role_pooling(model, "query"), role_pooling(model, "document")) == ("query", None)
    np.testing.assert_allclose(model.matrix("query", "pooled", ["a"]), letters(["query: a"]))
    assert (score_of(model), reading_note(model)) == ("dot", "query prompt 'query: '; score dot")
    with pytest.raises(InputError, match="text 1 is empty"):
        model.matrix(None, "pooled", ["a", ""])


@pytest.mark.models
def test_minilm_behind_a_server(monkeypatch):
    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    encoder = open_encoder("minilm", device="cpu")
    wanted = encoder.encode(TEXTS, [], pooled=True)[None]["pooled"]
    server = module.EmbeddingServer(lambda texts: encoder.encode(texts, [], pooled=True)[None]["pooled"])
    for options in ("&batch=3", "&batch=3&encoding=base64"):
        np.testing.assert_allclose(open_served(server, options).matrix(None, "pooled", TEXTS), wanted, atol=1e-6)
    server.close()
