"""Sentences of a page: links to papers and licences, words that open, and nothing of strangers as HTML."""

from __future__ import annotations

import re

import pytest

from embedscope.core.document import Action
from embedscope.reports.prose import Prose, link_licences, papers


def test_terms_open_once_per_sentence_and_once_per_page() -> None:
    prose = Prose()
    first, second = prose("The cosine, a cosine."), prose("Another cosine and recall@1.")
    assert first.count('<button type="button" class="term"') == 1
    assert [term for _, term, _ in prose.terms] == ["cosine", "recall@1"]
    assert 'popovertarget="term-0"' in first and 'popovertarget="term-0"' in second
    assert all(meaning.endswith(".") for _, _, meaning in prose.terms)


def test_metrics_are_terms_and_parts_of_words_are_not() -> None:
    prose = Prose()
    text = prose("self_similarity 0.8; my_self_similarity, recall@10.5, isoscore.npy, center.py and cosines")
    assert [term for _, term, _ in prose.terms] == ["self_similarity"]
    assert "my_self_similarity" in text


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("same_modality_share.image", "same_modality_share"),
        ("recall@1.image_to_text", "recall@1"),
        ("isoscore.best", "isoscore"),
        ("two_populations.gap", "two_populations.gap"),
    ],
)
def test_a_name_with_parts_of_its_own_opens_the_entry_of_what_it_is_part_of(name: str, term: str) -> None:
    prose = Prose()
    for text in (prose(f"Here {name} is 0.8 and {term} too."), prose.name(name)):
        assert f'<button type="button" class="term" popovertarget="term-0">{name}</button>' in text
    assert [entry for _, entry, _ in prose.terms] == [term]
    assert prose.name("documents.npy & more") == "documents.npy &amp; more"


def test_a_metric_that_is_a_word_is_a_term_in_front_of_its_number_alone() -> None:
    prose = Prose()
    assert "<button" not in prose("Retrieval, alignment by alignment; the alignment") and prose.terms == []
    assert ">alignment</button> 1.96" in prose("alignment 1.96") and ">uniformity</button>" in prose.name("uniformity")
    assert ">uniformity</button> \u22122.5" in prose("uniformity -2.5")


def test_citation_keys_become_names_with_links() -> None:
    text = Prose()("timkey2021 reports it")
    assert text.startswith('<a href="https://arxiv.org/abs/2109.04404"')
    assert "Timkey and van Schijndel (2021)</a> reports it" in text


def test_every_paper_has_an_address_and_no_latex() -> None:
    assert len(papers()) > 90
    for who, title, address in papers().values():
        assert address.startswith("https://")
        assert not re.search(r"[{}\\]", who + title)


def test_text_of_strangers_stays_text() -> None:
    assert Prose()("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert link_licences('"><img src=x>') == "&quot;&gt;&lt;img src=x&gt;"


def test_remedies_show_commands_as_code() -> None:
    text = Prose().remedy((Action("or ", "embedscope repair x.npy --candidates center"), Action("add; --labels")))
    whole = "".join(text.replace('<span class="word">', "").split("</span>"))
    assert whole == "or <code>embedscope repair x.npy --candidates center</code>; add; --labels"
    assert '<span class="word">--candidates</span> <span class="word">center</span>' in text, "no break in an option"


def test_lines_break_neither_before_a_sign_nor_between_a_term_and_what_closes_after_it() -> None:
    text = Prose()("n 3 (3 units of evidence) and recall@1, 25 % of them (p = 2.8e-13)")
    assert ">units of evidence</button>)</span>" in text and ">recall@1</button>,</span>" in text
    assert "25\xa0% of them (p\xa0=\xa02.8e-13)" in text


def test_arrows_and_minus_signs_are_true_ones() -> None:
    assert Prose()("old -> new keeps -0.5, -o FILE") == "old \u2192 new keeps \u22120.5, -o FILE"
