"""What an encoder says of itself, and which states it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """Facts that identify a model and how it is read; ``policies`` holds whatever can change a number."""

    uri: str
    name: str
    kind: str
    architecture: str
    revision: str | None
    weights_sha256: str
    tokenizer_sha256: str | None
    config_sha256: str
    width: int
    n_layers: int
    max_length: int
    licence: str | None
    policies: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON types."""
        return asdict(self) | {"policies": dict(self.policies)}


@dataclass(frozen=True)
class Picks:
    """Which states of a batch to read: (rows, cols) pairs; those of one owner are averaged where ``owners`` is set."""

    rows: Sequence[int]
    cols: Sequence[int]
    owners: Sequence[int] | None = None
