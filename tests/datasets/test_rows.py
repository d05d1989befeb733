"""Counts and the first, tenth and last rows of every data set, read by eye from the files."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from embedscope.core.tables import Pairs
from embedscope.datasets import DATASETS, Finder

PAIRS = {
    # name: (relation, pairs, distinct texts, {row: (start of left, start of right, score, subset)})
    "rg65": (
        "pairs",
        65,
        48,
        [("cord", "smile", 0.02, None), ("asylum", "monk", 0.39, None), ("gem", "jewel", 3.94, None)],
    ),
    "wordsim353": (
        "pairs",
        353,
        437,
        [("love", "sex", 6.77, None), ("television", "radio", 6.77, None), ("architecture", "century", 3.78, None)],
    ),
    "simlex999": (
        "pairs",
        999,
        1028,
        [("old", "new", 1.58, None), ("weird", "strange", 8.93, None), ("attend", "arrive", 6.08, None)],
    ),
    "simverb3500": (
        "pairs",
        3500,
        827,
        [("take", "remove", 6.81, None), ("believe", "pretend", 1.66, None), ("protest", "release", 1.16, None)],
    ),
    "stsb": (
        "test",
        1379,
        2552,
        [
            ("A girl is styling her hair.", "A girl is brushing her hair.", 2.5, "MSRvid"),
            ("A man is playing a guitar.", "A man is playing a trumpet.", 1.714, "MSRvid"),
            ("South Korea declares end to MERS", "North Korea Delegation Meets With", 0.0, "headlines"),
        ],
    ),
    "sts12": (
        "pairs",
        3108,
        4964,
        [
            ("The problem likely will mean", "He said the problem needs", 4.4, "MSRpar"),
            ("He later learned that the incident was", "He later found out the alarming", 5.0, "MSRpar"),
            ("He did, but the initiative did not get", "What it did without the", 3.5, "surprise.SMTnews"),
        ],
    ),
    "sts13": (
        "pairs",
        1500,
        2644,
        [
            ("there exist a number of different", "doing as one pleases or chooses;", 0.6, "FNWN"),
            ("an offerer indicates that he or she", "provide (usually but not", 0.8, "FNWN"),
            ("Barrick in talks with China firm", "Obama aide holds talks in China", 1.2, "headlines"),
        ],
    ),
    "sts14": (
        "pairs",
        3750,
        6384,
        [
            ("the activity of learning or being", "the gradual process of acquiring", 4.0, "OnWN"),
            ("create code or computer programs", "create code, write a computer program.", 4.6, "OnWN"),
            ("DAILY REVIEW: Selected Letters of", "?Selected Letters of William Styron?", 4.0, "tweet-news"),
        ],
    ),
    "sts15": (
        "pairs",
        3000,
        5183,
        [
            ("You'll need to check the particular", "If you need to publish the book", 3.0, "answers-forums"),
            ("It is perfectly okay to ask for", "You can always ask, then it is", 3.6, "answers-forums"),
            ("A young girl dressed in a Minnie", "a man wearing a white suit", 1.0, "images"),
        ],
    ),
    "sts16": (
        "pairs",
        1186,
        1870,
        [
            ("I remained under the banyan tree", "I remained under the banyan tree", 3.0, "answer-answer"),
            ("You need to read a lot", "You have to decide how much", 0.0, "answer-answer"),
            ("What could be wrong with my furnace?", "What is wrong with my gas", 4.0, "question-question"),
        ],
    ),
    "lee": (
        "pairs",
        1225,
        50,
        [
            ("The national executive", "Cash-strapped financial", 0.3, None),
            ("The national executive", "Iraq and Russia are close", 0.26, None),
            ("Australia's Commonwealth Bank", "Labor needed to distinguish", 0.36, None),
        ],
    ),
}


@pytest.fixture(scope="module")
def data(data_at_hand):
    finder = Finder(data_at_hand, download=False)

    def load(name):
        dataset = DATASETS.get(name)
        if not finder.present(dataset):
            pytest.skip(f"files of {name} are not on this machine")
        return dataset.load(finder)

    return load


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name, data):
    relation, n, n_texts, rows = PAIRS[name]
    loaded = data(name)
    pairs = loaded.relations[relation]
    texts = loaded.tables[pairs.table].texts
    assert isinstance(pairs, Pairs)
    assert (len(pairs.gold), len(texts)) == (n, n_texts)
    for i, (left, right, gold, subset) in zip((0, 9, -1), rows, strict=True):
        assert texts[pairs.left[i]].startswith(left)
        assert texts[pairs.right[i]].startswith(right)
        assert pairs.gold[i] == gold
        assert (pairs.subset[i] if pairs.subset else None) == subset


@pytest.mark.parametrize(
    ("name", "n", "words", "gold"),
    [
        ("bellezza", 399, ("abuse", "ambulance", "world"), (1.53, 1.95, 4.03)),
        ("vader", 7209, ("aas", "ayor", "zealous"), (2.5, -1.2, 0.5)),
    ],
)
def test_valence(name, n, words, gold, data):
    loaded = data(name)
    texts, labels = loaded.tables["words"].texts, loaded.relations["valence"]
    assert len(texts) == n
    assert tuple(texts[i] for i in (0, 9, -1)) == words
    assert tuple(labels.gold[[0, 9, -1]]) == gold
    assert len(loaded.tables["pleasant"]) == len(loaded.tables["unpleasant"]) == 25
    assert not set(loaded.tables["pleasant"].texts) & set(loaded.tables["unpleasant"].texts)


def test_vader_takes_the_last_of_repeated_entries(data):
    loaded = data("vader")
    gold = dict(zip(loaded.tables["words"].texts, loaded.relations["valence"].gold, strict=True))
    assert (gold["sob"], gold["lol"]) == (-1.0, 1.8)
    assert all(word.isalpha() for word in gold)


def test_analogies(data):
    loaded = data("google_analogies")
    questions = loaded.relations["questions"]
    texts = loaded.tables["words"].texts
    assert questions.rows.shape == (19544, 4)
    assert (len(texts), len(set(questions.section))) == (905, 14)
    assert [texts[i] for i in questions.rows[0]] == ["Athens", "Greece", "Baghdad", "Iraq"]
    assert [texts[i] for i in questions.rows[-1]] == ["write", "writes", "work", "works"]
    assert (questions.section[0], questions.section[-1]) == ("capital-common-countries", "gram9-plural-verbs")


def test_strings_are_those_of_the_file(data):
    words = set(data("wordsim353").tables["words"].texts)
    assert {"Maradona", "FBI", "Jerusalem"} <= words
    pairs = data("wordsim353").relations["pairs"]
    assert (pairs.left == pairs.right).sum() == 1


@pytest.mark.shared_data
def test_official_editions_have_the_same_rows(data, shared_data):
    """gensim's copies and the official files of WordSim-353 and SimLex-999."""
    for name, path in (
        ("wordsim353", "wordsim/wordsim353/combined.tab"),
        ("simlex999", "wordsim/simlex/SimLex-999.txt"),
    ):
        if not (shared_data / path).is_file():
            pytest.skip(f"{path} is not on this machine")
        dataset = DATASETS.get(name)
        tables, relations = dataset.loader({dataset.files[0].name: (shared_data / path).read_bytes().decode()})
        loaded = data(name)
        assert tables == loaded.tables
        for field in ("left", "right", "gold"):
            assert getattr(relations["pairs"], field).tolist() == getattr(loaded.relations["pairs"], field).tolist()


def test_stsb_parts_and_the_published_reading(data):
    """Counts of the README of the benchmark, and of wolfe2022's code run on the file."""
    loaded = data("stsb")
    for part, n in (("dev", 1500), ("train", 5749)):
        if part in loaded.relations:
            assert len(loaded.relations[part].gold) == n
    correct, published = (
        {
            (loaded.tables[name].texts[a], loaded.tables[name].texts[b])
            for a, b in zip(loaded.relations[name].left, loaded.relations[name].right, strict=True)
        }
        for name in ("test", "published")
    )
    assert len(loaded.relations["published"].gold) == 1273
    assert len(published - correct) > 200


def test_unscored_pairs_are_left_out_and_sources_kept_apart(data):
    subset = data("sts16").relations["pairs"].subset
    counts = {name: subset.count(name) for name in dict.fromkeys(subset)}
    assert counts == {
        "answer-answer": 254,
        "headlines": 249,
        "plagiarism": 230,
        "postediting": 244,
        "question-question": 209,
    }
    assert all(a <= b for a, b in pairwise(subset))


def test_sentences_of_documents(data):
    table = data("lee_sentences").tables["sentences"]
    assert len(table) == 2595
    assert table.texts[0].startswith("Hundreds of people have been forced")
    assert table.texts[9].startswith("But the Bureau of Meteorology's Claire Richards")
    assert table.texts[-1].startswith('"I knew I could win on the last day')
    assert (table.clusters[0], table.clusters[-1]) == ("document 0", "document 299")
    assert np.mean([len(text.split()) for text in table.texts]) == pytest.approx(23, abs=2)


def test_corpus_of_contexts(data):
    table = data("sts_sentences").tables["sentences"]
    assert len(table) == 41724
    assert table.texts[0].startswith("But other sources close to the sale said Vivendi")
    assert table.texts[9].startswith("The technology-laced Nasdaq Composite Index <.IXIC>")
    assert table.texts[-1].startswith("Is it ethical/legal to use the University's resources")
