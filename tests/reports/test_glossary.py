"""Words that reports print are explained where they stand: verdicts, statuses, numbers, heads of tables."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import embedscope
from embedscope.core.document import Column, Document, Finding, Headline, Status, Table
from embedscope.core.result import Result
from embedscope.diagnosis.change import Outcome
from embedscope.diagnosis.rule import SEVERITIES, severity_word
from embedscope.experiments._checked import Checked
from embedscope.reports import render_html
from embedscope.reports.glossary import definitions, help_of, term_of
from embedscope.reports.terms import HEADS, TERMS, VERDICTS

pytest.importorskip("jinja2", reason="needs the extra report")

SOURCE = Path(embedscope.__file__).parent
PLAIN = {
    "number", "value", "meaning", "metric", "test", "model", "task", "source", "document", "item", "candidate",
    "rank", "pairs", "rows", "set", "relation", "relations", "objects", "questions", "method", "part", "data", "batch",
    "min", "max", "mean", "mean cosine", "mean distance of pairs", "others' cosine", "pairs' cosine", "gap there",
    "cosine of a name with itself", "median rank, offset", "median rank, b alone", "median rank, c alone",
    "queries", "images", "names", "the same names", "with other names", "languages", "place", "whose", "what", "name",
    "state", "remark", "corpus", "spaces", "measure", "now", "before", "after", "written", "price", "tokens", "score",
    "rows to embed", "bytes per row", "our median", "our range", "why it is no check of the very number", "quantity",
    "space or change", "of all", "ratio", "top 5", "accuracy", "by dot product", "by distance", "seen classes",
    "unseen classes", "widest in", "a, b, c", "per concept", "top-1", "top-5",
}  # fmt: skip
"""Heads that say what stands below them."""


def test_every_verdict_word_is_explained() -> None:
    claim = Checked(None, None, "agrees").verdict  # type: ignore[arg-type]
    words = {claim, "too few rows", *get_args(Outcome), *map(severity_word, SEVERITIES)}
    words |= {severity_word(s) for s in get_args(Status)}
    assert words <= VERDICTS.keys(), words - VERDICTS.keys()
    assert all(term_of(w) == w for w in words)


def test_definitions_are_sentences_and_heads_are_no_second_ones() -> None:
    assert not VERDICTS.keys() & (HEADS.keys() | TERMS.keys())
    for entries in (definitions(), HEADS):
        assert [name for name, text in entries.items() if not text.endswith(".")] == []


@pytest.mark.parametrize("status", get_args(Status))
def test_a_status_opens_in_the_headline_and_in_the_count_of_findings(status: Status) -> None:
    findings = (Finding("a sentence", status), Finding("another", "info"))
    page = render_html(Result((), document=Document("t", findings=findings, headline=Headline("x y", status))))
    opened = dict(re.findall(r'<button type="button" class="term" popovertarget="(term-\d+)">([^<]+)', page))
    meaning = VERDICTS[severity_word(status)]
    anchors = re.findall(rf'id="(term-\d+)"[^>]*>(?:(?!id=").)*?{re.escape(meaning[:30])}', page, flags=re.DOTALL)
    assert len(anchors) == 1 and anchors[0] in opened


def test_a_verdict_in_a_table_opens_and_its_head_has_a_tooltip() -> None:
    table = Table("t", "T", (Column("model"), Column("verdict"), Column("p (Holm)")), (("m", "deviates", "0.01"),))
    page = render_html(Result((), document=Document("t", tables=(table,))))
    assert re.search(r"<td>(<button[^>]*>)deviates</button></td>", page)
    assert f'title="{HEADS["verdict"]}"' in page and f'title="{TERMS["p (Holm)"]}"' in page


def heads_in_source() -> set[str]:
    """Titles of columns that are written in the source and have no help of their own."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "core.document import" not in text and path.name != "document.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column" and node.args:
                first, helped = node.args[0], len(node.args) > 2 or any(k.arg == "help" for k in node.keywords)
                if isinstance(first, ast.Constant) and not helped:
                    found.add(str(first.value).strip())
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("heads", "columns"):
                cells = node.value.elts if isinstance(node.value, ast.Tuple) else []
                found |= {cell.value for cell in cells if isinstance(cell, ast.Constant)}
    return found


def test_every_head_of_a_table_is_explained_or_plain() -> None:
    heads = heads_in_source()
    assert len(heads) > 80
    unexplained = sorted(h for h in heads - PLAIN if not help_of(h))
    assert unexplained == []
    assert sorted(PLAIN - heads) == [], "heads that no table has"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What every verb gives on small files."""
    from embedscope.datasets import example_files

    folder = tmp_path_factory.mktemp("verbs")
    example_files(folder)
    x = np.load(folder / "documents.npy")
    documents, queries, qrels = (str(folder / n) for n in ("documents.npy", "queries.npy", "qrels.tsv"))
    images, texts = np.load(folder / "images.npy"), np.load(folder / "texts.npy")
    other = x @ np.linalg.qr(np.random.default_rng(0).normal(size=(x.shape[1],) * 2))[0]
    before = embedscope.diagnose(documents).result
    labels = np.arange(len(x)) % 4
    return {
        "measure": embedscope.measure(documents),
        "measure of a pair": embedscope.measure(pair=(images, texts)),
        "evaluate": embedscope.evaluate(queries=queries, corpus=documents, qrels=qrels),
        "diagnose": before,
        "diagnose queries": embedscope.diagnose(documents, queries=queries).result,
        "diagnose a pair": embedscope.diagnose(pair=(images, texts)).result,
        "check": embedscope.check(other, baseline=before).result,
        "repair": embedscope.repair(documents, queries=queries, qrels=qrels).result,
        "repair a pair": embedscope.repair(pair=(images, texts)).result,
        "repair classes": embedscope.repair(documents, labels=labels).result,
        "compare": embedscope.compare(x, other).result,
        "compress": embedscope.compress(documents).result,
        "migrate": embedscope.migrate(old=x, new=other).result,
        "calibrate": embedscope.calibrate(pair=(images, texts)).result,
    }


def test_every_number_of_every_verb_is_explained(results: dict[str, Result]) -> None:
    unknown = {
        verb: sorted({r.metric for r in result if term_of(r.metric) is None}) for verb, result in results.items()
    }
    assert {verb: names for verb, names in unknown.items() if names} == {}


def test_every_head_of_every_verb_is_explained_plain_or_a_name(results: dict[str, Result]) -> None:
    for verb, result in results.items():
        assert result.document is not None or verb.startswith("measure")
        for table in result.document.tables if result.document is not None else ():
            heads = [c for c in table.columns if c.title and not c.help]
            named = [c.title.removesuffix(" before") for c in heads]  # of a score that the verb names
            unexplained = [n for n in named if n not in PLAIN | {"rank of its match"} and not help_of(n)]
            assert unexplained == [], (verb, table.id)
