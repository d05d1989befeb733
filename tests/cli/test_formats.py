"""``--format github``, ``markdown`` and ``junit``: every verb prints its answer and its numbers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app

N, DIM = 300, 12
RETRIEVAL = ("--queries", "b.npy", "--corpus", "a.npy", "--qrels", "qrels.tsv")
VERBS = {
    "measure": ("measure", "a.npy"),
    "measure of a pair": ("measure", "--pair", "a.npy", "b.npy"),
    "evaluate": ("evaluate", *RETRIEVAL),
    "evaluate --explain": ("evaluate", *RETRIEVAL, "--explain", "3"),
    "diagnose": ("diagnose", "a.npy"),
    "repair": ("repair", *RETRIEVAL, "--candidates", "center", "--out", "new.npz", "--force"),
    "compare": ("compare", "a.npy", "b.npy"),
    "calibrate": ("calibrate", "--pair", "a.npy", "b.npy"),
    "compress": ("compress", "a.npy"),
    "migrate": ("migrate", "--old", "a.npy", "--new", "b.npy"),
    "analogy": ("analogy", "gensim:words.vec", "a - b + c", "--words", "words.txt"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(N, DIM)) + 1
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", a + rng.normal(size=a.shape))
    for name in ("a", "b"):
        (tmp_path / f"{name}.ids.txt").write_text("".join(f"{i}\n" for i in range(N)))
    (tmp_path / "qrels.tsv").write_text("".join(f"{i}\t{i}\t1\n" for i in range(N)))
    words = [f"{w} {' '.join(f'{v:.4f}' for v in row)}\n" for w, row in zip("abcdefgh", a, strict=False)]
    (tmp_path / "words.vec").write_text(f"8 {DIM}\n" + "".join(words))
    (tmp_path / "words.txt").write_text("\n".join("abcdefgh"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed_text(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "-q"])
    assert done.exit_code in (0, 1), done.output
    return str(done.stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_markdown_has_the_answer_and_a_table(here: Path, verb: str) -> None:
    for form in ("github", "markdown"):
        text = printed_text(*VERBS[verb], "--format", form)
        assert text.startswith("## "), text[:200]
        assert "**" in text.splitlines()[2], text[:400]
        assert "|---" in text, text


@pytest.mark.parametrize("verb", VERBS)
def test_cases_of_junit_carry_numbers(here: Path, verb: str) -> None:
    suite = Xml.fromstring(printed_text(*VERBS[verb], "--format", "junit")).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.attrib["tests"]) > 0
    said = [case.findtext("system-out") or case.findtext("failure") or "" for case in cases]
    assert any(any(c.isdigit() for c in text) for text in said), said
