"""The page of benchmarks is made from the results, and a benchmark without its data or peer says so and goes on."""

from __future__ import annotations

import pytest
from benchmarks import _page
from benchmarks._rows import absent, peer, rows

from embedscope.core.errors import DataUnavailableError, InputError


def test_the_page_is_that_of_the_results() -> None:
    assert _page.PAGE.read_text(encoding="utf-8") == _page.page(_page.read())


def test_a_row_without_its_peer_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    rows("the same", 5, lambda: peer("no_such_package", "no-such-package==1.0"))
    said = "| the same | not run: no_such_package is not installed: pip install no-such-package==1.0 | | | |\n"
    assert capsys.readouterr().out == said


def test_faults_are_not_taken_for_what_is_missing() -> None:
    with pytest.raises(ZeroDivisionError):
        rows("a row", 3, lambda: 1 // 0)
    assert absent(InputError("rows hold nan")) is None
    assert absent(ModuleNotFoundError("no", name="embedscope.gone")) is None
    assert absent(ModuleNotFoundError("no", name="gensim.models")) == "gensim.models is not installed"
    assert absent(DataUnavailableError("no file")) == "no file"
