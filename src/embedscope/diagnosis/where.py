"""A source as a command takes it, so that what is suggested runs as it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.short_repr import short_repr

_SOURCE = "SOURCE"
_SIDES = "AB"
_MODALITIES = ("image", "text")


@short_repr
@dataclass(frozen=True)
class Where:
    """What was diagnosed, by the names that a command takes; None for what is in memory and has none.

    Attributes
    ----------
    sources : files or models; of a pair, its two sides
    is_pair : whether the sources are two sides whose rows match
    pair_ids : files of ids of the two sides; empty where there are none
    texts, images : what a model reads
    modalities : names of the two sides of a pair; image and text, as commands take them to be, need not be said

    >>> str(Where(("my vectors.npy",))), str(Where()), str(Where(("a.npy", None), is_pair=True))
    ("'my vectors.npy'", 'SOURCE', '--pair a.npy B')
    """

    sources: tuple[str | None, ...] = (None,)
    is_pair: bool = False
    pair_ids: tuple[str | None, ...] = ()
    texts: str | None = None
    images: str | None = None
    modalities: tuple[str, str] = _MODALITIES

    @classmethod
    def of(
        cls,
        source: Any,
        pair: Any = None,
        pair_ids: Any = None,
        read: Mapping[str, Any] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Where:
        """Names of the options of ``diagnose``; ``read`` holds those of a model, of which texts and images are named.

        >>> str(Where.of(None, ("a.npy", "b.npy"), ("a.txt", "b.txt"), modalities=("photo", "caption")))
        '--pair a.npy b.npy --pair-ids a.txt b.txt --modalities photo,caption'
        >>> str(Where.of("clip", read={"images": "photos"}))
        'clip --images photos'
        """
        sources = pair if pair is not None else source if isinstance(source, list | tuple) else [source]
        ids = () if pair_ids is None else tuple(map(_name, pair_ids))
        texts, images = (_name((read or {}).get(option)) for option in ("texts", "images"))
        first, second = modalities or _MODALITIES
        return cls(tuple(map(_name, sources)), pair is not None, ids, texts, images, (first, second))

    @property
    def is_named(self) -> bool:
        """Whether a command can take it: everything has a name.

        >>> Where(("x.npy",)).is_named, Where(("a.npy", None), is_pair=True).is_named
        (True, False)
        """
        return None not in (*self.sources, *self.pair_ids)

    def as_corpus(self) -> str:
        """The sources as the documents of queries.

        >>> Where(("a.npy", "b.npy"), is_pair=True).as_corpus()
        '--corpus image=a.npy --corpus text=b.npy'
        """
        if self.texts is not None:
            return f"{self._words()[0]} --corpus {shlex.quote(self.texts)}"
        roles = [f"{name}=" for name in self.modalities] if self.is_pair else [""] * len(self.sources)
        named = zip(roles, self._sources(), strict=True)
        return " ".join(f"--corpus {shlex.quote(role + source)}" for role, source in named)

    def __str__(self) -> str:
        """As a command takes it."""
        return f"--pair {self.title}" if self.is_pair else self.title

    @property
    def title(self) -> str:
        """The same without the option of a pair, as a heading."""
        words = self._words()
        if self.pair_ids and None not in self.pair_ids:
            words += ["--pair-ids", *(shlex.quote(name) for name in self.pair_ids if name)]
        if self.is_pair and self.modalities != _MODALITIES:
            words += ["--modalities", shlex.quote(",".join(self.modalities))]
        for option, value in (("--texts", self.texts), ("--images", self.images)):
            words += [option, shlex.quote(value)] if value is not None else []
        return " ".join(words)

    def _sources(self) -> list[str]:
        standins = _SIDES if self.is_pair else [_SOURCE] * len(self.sources)
        return [name or standin for name, standin in zip(self.sources, standins, strict=True)]

    def _words(self) -> list[str]:
        return [shlex.quote(name) for name in self._sources()]


UNNAMED = Where()
"""What is in memory."""


def _name(value: Any) -> str | None:
    return str(value) if isinstance(value, str) or hasattr(value, "__fspath__") else None
