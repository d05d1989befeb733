"""Registries: names without imports, objects on demand, near misses named, entry points from outside."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from embedscope.core.boundary import sentences
from embedscope.core.errors import InputError, MissingExtraError, PluginError, UnknownNameError
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


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("IDS = ()\ndef open(:\n", r"SyntaxError in .*plugin_of_test\.py, line 2 \(invalid syntax"),
        ("import no_such_module_at_all\n", r"ModuleNotFoundError in .* \(No module named 'no_such_module_at_all'"),
        ("x = 1\n\ny = 1 / 0\n", r"ZeroDivisionError in .*plugin_of_test\.py, line 3 \(division by zero"),
        ("", r"AttributeError in .* \(module 'plugin_of_test' has no attribute 'open'"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_named_with_the_place_of_its_error(
    leaves: str, tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "plugin_of_test.py").write_text(source)
    points = tmp_path / "outside_of_test-1.dist-info" / "entry_points.txt"
    points.write_text("[embedscope.leaves_of_test]\nbad = plugin_of_test:open\n")
    sys.modules.pop("plugin_of_test", None)
    with pytest.raises(PluginError, match=f"the leaf 'bad' of the package outside-of-test cannot be loaded: {said}"):
        Registry("leaf", leaves).get("bad")


def test_a_syntax_error_in_code_is_not_one_of_the_file_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "lazy.py").write_text("def (:\n")
    said = r"x\.foo could not be read, since the code that does it .*lazy\.py, line 1"
    with pytest.raises(PluginError, match=said), sentences("x.foo"):
        runpy.run_path(str(tmp_path / "lazy.py"))
    with pytest.raises(InputError, match=r"x\.foo could not be read \(invalid syntax"), sentences("x.foo"):
        ast.literal_eval("(1,,")


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
