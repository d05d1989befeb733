"""What Python shows of results is one line below 200 characters, and of errors one below 400."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import EmbedscopeError

N = 300
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 16)) + 0.3
Y = X + 0.5 * RNG.normal(size=X.shape)
RETRIEVAL: dict[str, Any] = {
    "queries": {str(i): Y[i] for i in range(N)},
    "corpus": {str(i): X[i] for i in range(N)},
    "qrels": {str(i): {str(i): 1} for i in range(N)},
}
CALLS: dict[str, Any] = {
    "measure": lambda: embedscope.measure(X),
    "measure a pair": lambda: embedscope.measure(pair=(X, Y)),
    "diagnose": lambda: embedscope.diagnose(X),
    "diagnose a pair": lambda: embedscope.diagnose(pair=(X, Y)),
    "check": lambda: embedscope.check(X, baseline=embedscope.measure(X)),
    "compare": lambda: embedscope.compare(X, Y),
    "calibrate": lambda: embedscope.calibrate(pair=(X, Y)),
    "compress": lambda: embedscope.compress(X),
    "migrate": lambda: embedscope.migrate(X, Y),
    "evaluate": lambda: embedscope.evaluate(**RETRIEVAL),
    "repair": lambda: embedscope.repair(**RETRIEVAL, candidates="center", force=True),
}


def parts(thing: Any, depth: int = 0) -> Iterator[Any]:
    """``thing`` and the data classes of this package in its public fields and properties, at any depth."""
    if dataclasses.is_dataclass(thing) and type(thing).__module__.startswith("embedscope"):
        yield thing
        names = [f.name for f in dataclasses.fields(thing) if not f.name.startswith("_")]
        names += [n for n, v in inspect.getmembers(type(thing)) if isinstance(v, property) and n[0] != "_"]
        inner = [getattr(thing, name) for name in names]
    elif isinstance(thing, Mapping):
        inner = list(thing.values())[:20]
    else:
        inner = list(thing[:20]) if isinstance(thing, list | tuple) else []
    for value in inner if depth < 8 else []:
        yield from parts(value, depth + 1)


@pytest.mark.parametrize("name", CALLS)
def test_a_result_is_one_short_line(name: str) -> None:
    seen = 0
    for thing in parts(CALLS[name]()):
        text = repr(thing)
        assert len(text) < 200 and "\n" not in text, text[:400]
        assert text.startswith(f"{type(thing).__name__}(")
        seen += 1
    assert seen > 3


class Odd:
    """An object with a long name of its own."""

    def __repr__(self) -> str:
        return f"Odd({'x' * 2000})"


WRONG: dict[str, Any] = {
    "a matrix": X,
    "many numbers": list(range(5000)),
    "rows": X.tolist(),
    "vectors by id": RETRIEVAL["corpus"],
    "a long text": "y" * 3000,
    "an object": Odd(),
    "many words": [f"word{i}" for i in range(3000)],
}
OPTIONS = {
    "measure": ({"source": X}, ("metrics", "rows", "transform", "memory", "precision", "groups", "name", "seed")),
    "diagnose": ({"source": X}, ("thresholds", "row_texts", "layers", "modalities", "texts")),
    "evaluate": (RETRIEVAL, ("qrels", "query_ids", "score", "corpus_modality", "layers", "transform")),
    "compare": ({}, ("pair_ids", "texts", "layers")),
    "migrate": ({"old": X, "new": Y}, ("new", "candidates", "qrels", "ids")),
}


@pytest.mark.parametrize(("verb", "option"), [(verb, option) for verb, (_, all_) in OPTIONS.items() for option in all_])
def test_an_error_is_one_short_line(verb: str, option: str) -> None:
    """Of values that nobody means, whatever they are."""
    function, (given, _) = getattr(embedscope, verb), OPTIONS[verb]
    sides = (X, Y) if verb == "compare" else ()
    raised = 0
    for value in WRONG.values():
        try:
            function(*sides, **(given | {option: value}))
        except EmbedscopeError as error:
            assert len(str(error)) < 400 and "\n" not in str(error), str(error)
            raised += 1
    assert raised


def test_arguments_of_other_types_are_refused_by_their_names() -> None:
    with pytest.raises(EmbedscopeError, match=r"measure\(\) takes transform as str or None, got float64 \(300, 16\)"):
        embedscope.measure(X, transform=X)  # type: ignore[arg-type]
    with pytest.raises(EmbedscopeError, match="seed must be 0 or more, got -1"):
        embedscope.measure(X, seed=-1)
    with pytest.raises(EmbedscopeError, match="is too long to be the name of a file"):
        embedscope.measure("y" * 3000)
