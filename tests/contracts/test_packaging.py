"""What the package promises about its dependencies, its version and its release is said in one way everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {key.lower().replace("_", "-"): value for key, value in pairs}


def _bounds(requirements: list[str]) -> dict[str, str]:
    bounds = {}
    for requirement in map(Requirement, requirements):
        for spec in requirement.specifier:
            if spec.operator in (">=", "=="):
                bounds[requirement.name.lower().replace("_", "-")] = spec.version
    return bounds


def test_lowest_versions_are_the_lower_bounds() -> None:
    lowest, bounds = _pins("constraints-lowest.txt"), _bounds(PROJECT["dependencies"])
    assert lowest.keys() - bounds.keys() == {"click", "pytest"}  # newer ones do not go with the lowest of the others
    for name, bound in bounds.items():
        assert Version(lowest[name]) == Version(bound), name


def test_what_the_tests_passed_with_is_allowed() -> None:
    pins = _pins("constraints.txt")
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(r for name, rs in extras.items() if name != "vision" for r in rs)]
    for requirement in map(Requirement, wanted):
        if requirement.name != "embedscope":
            name = requirement.name.lower().replace("_", "-")
            assert name in pins, f"constraints.txt does not pin {name}"
            assert requirement.specifier.contains(pins[name]), f"{requirement} does not allow {pins[name]}"


def test_one_version() -> None:
    version = PROJECT["version"]
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert first == version


def test_every_verb_has_a_page() -> None:
    from embedscope.cli._app import app

    elsewhere = {"quickstart": "reproduce", "analogy": "analogies", "cache": "list", "example": "list"}
    verbs = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert {"measure", "evaluate", "diagnose", "repair"} <= set(verbs)
    for verb in verbs:
        page = ROOT / "docs" / f"{elsewhere.get(verb, verb)}.md"
        assert page.is_file(), f"the verb {verb} has no page"
        assert re.search(rf"\b{verb}\b", page.read_text(encoding="utf-8"))
