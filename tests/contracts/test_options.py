"""Options that the command line and Python share have one default, and one list of choices."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import embedscope
from embedscope.api._types import is_of
from embedscope.errors import InputError

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


def types_in(hint: Any) -> Iterator[Any]:
    """A type and the types that it is made of."""
    yield hint
    for part in () if get_origin(hint) is Literal else get_args(hint):
        yield from types_in(part)


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_is_checked(verb: str) -> None:
    """Its type is one that the check knows, through and through, and a value of another type is refused by its name."""
    function = getattr(embedscope, verb)
    typed = [(name, hint) for name, hint in get_type_hints(inspect.unwrap(function)).items() if name != "return"]
    assert {name for name, _ in typed} == set(inspect.signature(function).parameters)
    for name, hint in typed:
        assert all(is_of(object(), part) == (part is Any) for part in types_in(hint)), name
        if hint is not Any:
            with pytest.raises(InputError, match=rf"^{verb}\(\) takes {name} as "):
                function(**{name: object()})


def test_a_type_that_cannot_be_checked_is_no_type_of_an_argument() -> None:
    with pytest.raises(TypeError, match="cannot be checked"):
        is_of([1], set[int])


@pytest.mark.parametrize(
    ("verb", "options", "said"),
    [
        ("measure", {"metrics": ["isoscore", 1]}, "whose item 1 is 1"),
        ("measure", {"max_rows": True}, "takes max_rows as int or None, got True"),
        ("measure", {"max_rows": 2.0}, "takes max_rows as int or None, got 2.0"),
        ("measure", {"modalities": ("a", "b", "c")}, "takes modalities as two sides"),
        ("measure", {"modalities": "ab"}, "takes modalities as two sides"),
        ("measure", {"pair": {"a": np.eye(2), "b": np.eye(2)}}, r"takes pair as two sides, \(A, B\) or None"),
        ("check", {"tolerance": {"isoscore": "wide"}}, r"takes tolerance as Mapping\[str, float\]"),
        ("explore", {"map_kind": "tsne"}, "takes map_kind as 'pca' or 'umap', got 'tsne'"),
    ],
)
def test_items_and_choices_are_checked_too(verb: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        getattr(embedscope, verb)(np.eye(4), **options)


def test_arguments_that_may_be_many_are_no_others() -> None:
    """The second source of ``compare`` was checked as its texts."""
    with pytest.raises(InputError) as raised:
        embedscope.compare(object(), object())
    assert "texts" not in str(raised.value)
