"""Analogy sets: counts of the papers and of the files, rows read by eye."""

from __future__ import annotations

import re

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.datasets import DATASETS, Finder
from embedscope.datasets.semeval2012 import paradigm_pairs, rated_pairs


@pytest.fixture(scope="module")
def data(data_at_hand):
    finder = Finder(data_at_hand, download=False)

    def load(name):
        if not finder.present(DATASETS.get(name)):
            pytest.skip(f"files of {name} are not on this machine")
        return DATASETS.get(name).load(finder)

    return load


def words(data, relation, row):
    return " ".join(data.tables["words"].texts[i] for i in data.relations[relation].rows[row])


def test_semeval_counts(data):
    """79 categories and 3,218 rated pairs: Jurgens et al. 2012; 3,217 questions: shimangaud2024."""
    loaded = data("semeval2012")
    rated = loaded.relations["rated"]
    assert len(rated.gold) == 3218
    assert len(set(rated.subset)) == len(set(loaded.relations["paradigms"].subset)) == 79
    sizes = {name: len(loaded.relations[name].rows) for name in ("published", "per_category", "paradigm")}
    assert sizes == {"published": 3217, "per_category": 3218 - 79, "paradigm": 3218}


def test_semeval_rows(data):
    loaded = data("semeval2012")
    texts, rated = loaded.tables["words"].texts, loaded.relations["rated"]
    rows = [(texts[rated.left[i]], texts[rated.right[i]], rated.gold[i]) for i in (0, 9, -1)]
    assert rows == [("weapon", "spear", 50.0), ("bird", "swan", 25.0), ("boy", "gender", -68.0)]
    assert rated.subset[0] == "1a CLASS-INCLUSION: Taxonomic"
    assert rated.subset[-1] == "10f REFERENCE: Concealment"
    assert words(loaded, "published", 0) == "weapon spear bird robin"
    assert words(loaded, "per_category", 0) == "weapon spear bird robin"
    assert words(loaded, "paradigm", 0) == "flower tulip weapon spear"
    assert (loaded.relations["published"].rows[:, :2] == loaded.relations["published"].rows[0, :2]).all()


def test_semeval_lines_with_two_pairs(data):
    """4g, 5h, 8d and 8f have three examples each, two of them on one line."""
    loaded = data("semeval2012")
    texts, paradigms = loaded.tables["words"].texts, loaded.relations["paradigms"]
    for category, first in (
        ("4g", "popular:shy"),
        ("5h", "sterilize:infectious"),
        ("8d", "eat:satiation"),
        ("8f", "anesthetic:numbness"),
    ):
        rows = [i for i, name in enumerate(paradigms.subset) if name.startswith(f"{category} ")]
        pairs = [f"{texts[paradigms.left[i]]}:{texts[paradigms.right[i]]}" for i in rows]
        assert len(pairs) == 3
        assert pairs[0] == first
        assert paradigms.gold[rows].tolist() == [0, 1, 2]
    assert all(re.fullmatch(r"[\w'-]+", texts[i]) for i in paradigms.right)


def test_semeval_refuses_other_files():
    with pytest.raises(InputError, match="wanted: score"):
        rated_pairs("weapon spear 50")
    with pytest.raises(InputError, match="no list of word pairs"):
        paradigm_pairs("weapon:spear")


def test_bats(data):
    loaded = data("bats")
    asked = loaded.relations["questions"]
    assert asked.rows.shape == (40 * 50 * 49, 4)
    assert len(dict.fromkeys(asked.section)) == 40
    assert words(loaded, "questions", 0) == "album albums application applications"
    assert words(loaded, "questions", 9) == "album albums development developments"
    assert words(loaded, "questions", -1) == "west east uphill downhill"
    assert asked.section[-1] == "L10 antonyms-binary"
    texts, answers = loaded.tables["words"].texts, loaded.relations["answers L01 hypernyms-animals"]
    anaconda = [texts[b] for a, b in zip(answers.left, answers.right, strict=True) if texts[a] == "anaconda"]
    assert anaconda == ["snake", "reptile", "boa", "serpent", "ophidian"]
    assert "" not in texts


def test_bats_answers_hold_every_target(data):
    loaded = data("bats")
    asked = loaded.relations["questions"]
    for name in dict.fromkeys(asked.section):
        known = loaded.relations[f"answers {name}"]
        pairs = set(zip(known.left.tolist(), known.right.tolist(), strict=True))
        rows = asked.rows[np.array([section == name for section in asked.section])]
        assert {(c, d) for c, d in rows[:, 2:].tolist()} <= pairs
