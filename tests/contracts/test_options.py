"""Options that the command line and Python share have one default, and one list of choices."""

from __future__ import annotations

import importlib
import inspect
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

import embedscope

VERBS = tuple(
    name
    for name in embedscope.__all__
    if inspect.isfunction(getattr(embedscope, name)) and not name.startswith("list_")
)
DIFFERENT = {
    ("measure", "modalities"): "a list of two on the command line, which its own definition splits",
    ("check", "baseline"): "another way to say what is compared on the command line",
}


def both(verb: str) -> tuple[object, object]:
    return getattr(importlib.import_module(f"embedscope.cli.{verb}"), verb), getattr(embedscope, verb)


def choices(hint: object) -> set[tuple[object, ...]]:
    """The literal choices somewhere in a type."""
    if get_origin(hint) is Literal:
        return {get_args(hint)}
    return set().union(*(choices(part) for part in get_args(hint)))


@pytest.mark.parametrize("verb", VERBS)
def test_defaults_and_choices_are_those_of_python(verb: str) -> None:
    command, function = both(verb)
    shell, python = inspect.signature(command).parameters, inspect.signature(function).parameters
    shared = [name for name in shell if name in python and (verb, name) not in DIFFERENT]
    assert shared
    assert {name: shell[name].default for name in shared} == {name: python[name].default for name in shared}
    ours, theirs = get_type_hints(command), get_type_hints(inspect.unwrap(function))
    assert {name: choices(ours[name]) for name in shared} == {name: choices(theirs[name]) for name in shared}


def test_what_is_listed_as_different_is() -> None:
    for verb, name in DIFFERENT:
        command, function = (inspect.signature(one).parameters for one in both(verb))
        assert command[name].default != function[name].default
