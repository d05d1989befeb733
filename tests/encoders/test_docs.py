"""docs/encoders.md names every model with its source; every source is in the bibliography."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedscope.encoders import MODELS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_has_its_row(name):
    model = MODELS.get(name)
    rows = [line for line in (DOCS / "encoders.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert sum(f"(`{model.cite}`)" in row for row in rows) == 1
    assert f"{{{model.cite}," in (DOCS / "references.bib").read_text()
    assert model.name == name
