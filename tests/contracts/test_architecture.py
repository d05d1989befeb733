"""ARCHITECTURE.md is one page and true: its packages are those of the code, and so is the import rule."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src" / "embedscope"


def test_one_page() -> None:
    assert len(PAGE.splitlines()) <= 80


def test_packages_are_those_of_the_code() -> None:
    table = PAGE.partition("## Tree")[2].partition("\n\n")[0]
    named = {name for cell in re.findall(r"^\| ([^|]+) \|", table, re.M) for name in re.findall(r"`([\w ]+)`", cell)}
    named = {word for name in named for word in name.split()}
    assert named == {p.parent.name for p in SOURCE.glob("*/__init__.py")}


def test_import_rule_is_the_one_that_is_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c for c in contracts if c["type"] == "layers")
    assert layers["exhaustive"]
    assert not any(key.startswith("ignore") for c in contracts for key in c)
    rule = re.search(r"`(cli > .*?)`", PAGE, re.S).group(1).replace("\n", " ")
    written = [re.split(r"\s*\|\s*", part.strip()) for part in rule.split(">")]
    checked = [re.split(r"\s*\|\s*", part) for part in layers["layers"] if part != "__main__"]
    leaves = max(checked, key=len)
    assert [leaves if part == ["leaves"] else part for part in written] == checked


def test_files_stay_readable() -> None:
    lengths = {p.relative_to(SOURCE): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCE.rglob("*.py")}
    assert not {p: n for p, n in lengths.items() if n > 500}


def _nav_pages(entries: list) -> list[str]:
    values = [value for entry in entries for value in entry.values()]
    return [page for v in values for page in (_nav_pages(v) if isinstance(v, list) else [v])]


def test_every_document_is_in_the_navigation_once() -> None:
    yaml = pytest.importorskip("yaml", reason="the extra docs is not installed")
    listed = _nav_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert len(listed) == len(set(listed))
    at_the_root = {"index.md", "architecture.md", "changelog.md", "contributing.md", "benchmarks.md"}
    assert set(listed) == at_the_root | {p.name for p in (ROOT / "docs").glob("*.md")}


def test_links_of_the_readme_exist() -> None:
    linked = set(re.findall(r"\]\(([\w/.-]+\.(?:md|cff))\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert "docs/start.md" in linked
    assert all((ROOT / link).is_file() for link in linked)


def test_every_citation_is_in_the_bibliography() -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text(encoding="utf-8"), re.M))
    used = set()
    for path in SOURCE.rglob("*.py"):
        used |= set(re.findall(r'\b(?:cite|citation)="(\w+)"', path.read_text(encoding="utf-8")))
    assert used <= keys, used - keys


def _modules_imported(node: ast.ImportFrom) -> list[list[str]]:
    """Modules of this package that ``from ... import ...`` reads, in parts."""
    base = (node.module or "").split(".")[1:]
    inside = [[*base, alias.name] for alias in node.names]
    return [parts if SOURCE.joinpath(*parts).with_suffix(".py").exists() else base for parts in inside]


def test_modules_that_others_import_have_public_names() -> None:
    """``_name`` is for the modules of its own package, in every package."""
    private, seen = [], 0
    for path in SOURCE.rglob("*.py"):
        package = path.relative_to(SOURCE).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("embedscope"):
                others = [parts for parts in _modules_imported(node) if parts and parts[0] != package]
                seen += len(others)
                private += [f"{path.name}: {'.'.join(m)}" for m in others if any(p.startswith("_") for p in m)]
    assert seen > 2_000 and not private


VAGUE = {"found", "made", "told", "lent", "stuff", "taken_apart", "things"}
"""Names that do not say what is in them."""


def bound_name(node: ast.AST) -> str:
    """The name that a node of the source gives to something; empty where it gives none."""
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.id if isinstance(node, ast.Name) else node.attr
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else ""


def test_names_say_what_they_hold() -> None:
    vague, seen = [], 0
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = bound_name(node).strip("_")
            seen += bool(name)
            vague += [f"{path.relative_to(SOURCE)}: {name}"] if name in VAGUE else []
    assert seen > 10_000 and not vague


PARTICIPLES = """
    accepted added adjusted aligned altered anchored annotated applied arrived asked awaited barred bootstrapped
    bounded built called centred certified chained changed charted checked chosen classified closed collected
    coloured compared completed connected converted counted covered crossed decided declared decoded
    decompressed defined delimited dequantised descended described diagnosed done drawn edited encoded ended
    escaped expanded explained failed fed fitted fixed flushed folded forced frozen gained gathered given
    globbed grouped guarded held illustrated indexed installed interleaved inverted joined judged kept killed
    labelled learned left licensed linked listed loaded locked lost mapped marked matched measured merged mixed
    moved mutated named noted numbered omitted opened packed padded paired parsed perturbed photographed picked
    placed planned prepared printed pruned published pushed quoted raised ranked reached recognised refined
    refitted refused regrouped related rendered repaired repeated resampled restarted restricted resumed
    rewritten rounded said sampled saved scaled scored searched selected served settled shifted shown shuffled
    signed spelled stacked started stated stopped stored streamed stretched surveyed swapped taken tapped tested
    trained transformed translated tried truncated unpacked updated used verified weighted whitened widened
    worded wrapped written zipped
"""
"""Former names of functions; a verb says what they do: ``concat``, not ``joined``. Properties may state one."""

LEADING = {"checked", "chosen", "converted", "drawn", "joined", "opened", "refitted"}
"""Participles that said in front of a noun what the function does: ``check_rows``, not ``checked_rows``."""


def states(node: ast.FunctionDef) -> bool:
    """Whether a function is read by its name alone, as properties and fixtures are."""
    return any(word in ast.unparse(d) for d in node.decorator_list for word in ("property", "fixture"))


def test_functions_are_called_by_verbs() -> None:
    acting, seen, participles = [], 0, set(PARTICIPLES.split())
    for path in (p for top in ("src", "tests", "benchmarks", "docs", "mutations") for p in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not states(node):
                seen += 1
                name = node.name.strip("_")
                if name in participles or ("_" in name and name.partition("_")[0] in LEADING):
                    acting.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert seen > 5_000 and not acting
