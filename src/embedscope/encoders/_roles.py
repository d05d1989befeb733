"""What a text is to a model: a query, a document, or neither; and what a caller may override."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from embedscope.core.choices import Score
from embedscope.core.errors import InputError

Role = Literal["query", "document"]

OWN: tuple[str | None, ...] = (None, *get_args(Role))
"""Settings that give a model's own sentence vector: of a text as such, of a query, of a document."""


@dataclass(frozen=True)
class Overrides:
    """What stands in place of a saved model's own settings.

    Attributes
    ----------
    query_prompt, document_prompt : put before every query, every document; "" is no prompt, None the model's own
    score : how queries and documents are compared; None is the model's own
    """

    query_prompt: str | None = None
    document_prompt: str | None = None
    score: str | None = None

    def __post_init__(self) -> None:
        if self.score is not None and self.score not in get_args(Score):
            raise InputError(f"score must be one of {', '.join(get_args(Score))}, got '{self.score}'")

    @property
    def prompts(self) -> dict[str, str]:
        """The prompts that are named, by role."""
        named = {"query": self.query_prompt, "document": self.document_prompt}
        return {role: prompt for role, prompt in named.items() if prompt is not None}


def role_pooling(encoder: Any, role: Role | None) -> str | None:
    """The pooling that reads texts of ``role``: None where the encoder treats them as any other text.

    Works for every encoder and ``Lookup``; one without roles reads all texts alike.
    """
    ask = getattr(encoder, "role_pooling", None)
    pooling: str | None = ask(role) if ask is not None else None
    return pooling


def score_of(encoder: Any) -> str:
    """How the vectors of ``encoder`` are compared: the score saved with the model or asked for, else the cosine."""
    return str(getattr(encoder, "score", None) or "cosine")


def reading_note(encoder: Any) -> str | None:
    """What a record should say about how sentence vectors were read; None where nothing departs from plain cosine."""
    facts: Mapping[str, Any] = getattr(encoder, "reading", {})
    said = [f"{name} {value!r}" if name.endswith("prompt") else f"{name} {value}" for name, value in facts.items()]
    return "; ".join(said) or None
