"""Registries: names without imports, objects on demand, near misses named, entry points from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embedscope.core.errors import MissingExtraError, UnknownNameError
from embedscope.core.extras import require
from embedscope.core.registry import Registry


@pytest.fixture
def leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "leaves_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text("IDS = ('one', 'two')\nENTRIES = {'one': 1, 'two': 2}\n")
    (folder / "broken.py").write_text("IDS = ('three',)\nraise RuntimeError('imported')\n")
    (folder / "_private.py").write_text("IDS = ('hidden',)\n")
    outside = tmp_path / "outside_of_test-1.dist-info"
    outside.mkdir()
    (outside / "METADATA").write_text("Name: outside-of-test\nVersion: 1\n")
    (outside / "entry_points.txt").write_text("[embedscope.leaves_of_test]\nforeign = leaves_of_test.good:IDS\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "leaves_of_test"


def test_names_are_read_without_importing(leaves: str) -> None:
    registry: Registry[int] = Registry("leaf", leaves)
    assert registry.names() == ["three", "one", "two", "foreign"]
    assert "two" in registry
    assert "hidden" not in registry
    assert registry.get("two") == 2
    assert registry.get("foreign") == ("one", "two")
    with pytest.raises(RuntimeError, match="imported"):
        registry.get("three")


def test_near_miss_is_named(leaves: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown leaf 'thre'; did you mean 'three'"):
        Registry("leaf", leaves).get("thre")


def test_missing_extra_gives_the_install_line() -> None:
    with pytest.raises(MissingExtraError, match=r'pip install "embedscope\[report\]"'):
        require("no_such_module_here", "report", "a report")


@pytest.mark.parametrize("package", ["metrics", "datasets", "tasks", "transforms", "experiments"])
def test_listing_ids_imports_no_leaf(package: str) -> None:
    code = (
        f"import sys\nfrom embedscope.core.registry import Registry\nr = Registry('x', 'embedscope.{package}')\n"
        f"assert r.names()\nloaded = [m for m in sys.modules if m.startswith('embedscope.{package}.')]\n"
        "public = [m for m in loaded if not m.rpartition('.')[2].startswith('_')]\nassert not public, public"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
