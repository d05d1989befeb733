"""Scorers against naive loops, and what they are for: a hub no longer wins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.transforms.scorers import parse_scorer


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return unit(rng.standard_normal((40, 8))), unit(rng.standard_normal((60, 8))), unit(rng.standard_normal((9, 8)))


def naive(text, q, c, corpus, bank):
    name, number = text.split(":")
    k = int(float(number))
    from_bank = sorted((float(b @ c) for b in bank), reverse=True)
    from_corpus = sorted((float(q @ other) for other in corpus), reverse=True)
    s = float(q @ c)
    if name == "csls":
        return 2 * s - np.mean(from_corpus[:k]) - np.mean(from_bank[:k])
    if name == "local-scaling":
        usual = np.sqrt((2 - 2 * from_corpus[k - 1]) * (2 - 2 * from_bank[k - 1]))
        return np.exp(-(2 - 2 * s) / usual)
    return s - np.log(np.mean(np.exp(float(number) * np.array(from_bank)))) / float(number)


@pytest.mark.parametrize("text", ["csls:1", "csls:7", "local-scaling:3", "inverted-softmax:20", "inverted-softmax:0.5"])
def test_against_a_naive_loop(text, data):
    corpus, bank, queries = data
    found = parse_scorer(text).fit(corpus, bank).adjust(queries @ corpus.T)
    wanted = [[naive(text, q, c, corpus, bank) for c in corpus] for q in queries]
    assert_allclose(found, wanted, atol=1e-10)


@pytest.mark.parametrize("text", ["csls:3", "local-scaling:3", "inverted-softmax:20"])
def test_without_a_bank_the_other_rows_take_its_place(text, data):
    corpus = data[0]
    found = parse_scorer(text).fit(corpus).corpus_
    for i in range(len(corpus)):
        others = np.delete(corpus, i, axis=0)
        assert_allclose(found[i], parse_scorer(text).fit(corpus[i : i + 1], others).corpus_[0], atol=1e-12)


def test_blocks_do_not_matter(data, monkeypatch):
    corpus, bank, _ = data
    whole = parse_scorer("csls:5").fit(corpus, bank).corpus_, parse_scorer("csls:5").fit(corpus).corpus_
    monkeypatch.setattr("embedscope.transforms.scorers.scorer._CELLS", 130)
    assert_allclose(parse_scorer("csls:5").fit(corpus, bank).corpus_, whole[0], atol=1e-14)
    assert_allclose(parse_scorer("csls:5").fit(corpus).corpus_, whole[1], atol=1e-14)


@pytest.mark.parametrize("text", ["csls:5", "local-scaling:5", "inverted-softmax:20"])
def test_a_hub_is_marked_down(text):
    """A document that points where all queries point takes their answers, until it is marked down."""
    rng = np.random.default_rng(1)
    hub = 2 * np.eye(16)[:1]
    documents = rng.standard_normal((50, 16))
    documents[:, 0] = 2
    queries = unit(documents + 0.3 * rng.standard_normal((50, 16)) + 2 * hub)
    documents = unit(np.vstack([documents, hub]))
    bank = unit(rng.standard_normal((200, 16)) + 3 * hub)
    scores = queries @ documents.T
    raw = (scores.argmax(axis=1) == np.arange(50)).mean()
    better = (parse_scorer(text).fit(documents, bank).adjust(scores).argmax(axis=1) == np.arange(50)).mean()
    assert raw < 0.6
    assert better > 0.95


def test_transductive_is_said(data):
    corpus, bank, queries = data
    assert parse_scorer("csls:3").fit(corpus, bank).transductive is False
    assert parse_scorer("csls:3").fit(corpus, queries, transductive=True).transductive is True


def test_duplicates_have_score_one_and_no_warning():
    rows = np.repeat(np.eye(3), 3, axis=0)
    found = parse_scorer("local-scaling:1").fit(rows, rows).adjust(rows @ rows.T)
    assert_allclose(found, (rows @ rows.T > 0).astype(float))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cls", "unknown scorer 'cls'; did you mean 'csls'?"),
        ("csls:0", "write csls or csls:K"),
        ("csls:1:2", "is not understood"),
        ("local-scaling:x", "write local-scaling or local-scaling:K"),
        ("inverted-softmax:x", "a number above 0"),
        ("inverted-softmax:-1", "a number above 0"),
    ],
)
def test_scorers_that_are_not_understood(text, message):
    with pytest.raises((InputError, UnknownNameError), match=message.replace("?", r"\?")):
        parse_scorer(text)


def test_messages(data):
    corpus, bank, queries = data
    with pytest.raises(InputError, match="call fit"):
        parse_scorer("csls").adjust(queries @ corpus.T)
    with pytest.raises(InputError, match="needs 61 neighbours, got 60 rows of the bank"):
        parse_scorer("csls:61").fit(corpus, bank)
    with pytest.raises(InputError, match="needs 50 neighbours, got 40 rows of the corpus"):
        parse_scorer("csls:50").fit(corpus, bank).adjust(queries @ corpus.T)
    with pytest.raises(InputError, match="corpus of 40 rows, got scores of 39"):
        parse_scorer("csls:3").fit(corpus, bank).adjust(queries @ corpus[1:].T)
    with pytest.raises(InputError, match="equal dimensions, got 8 and 7"):
        parse_scorer("csls:3").fit(corpus, bank[:, :7])
