"""What a user asks of ``repair``, and what its records say of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.unused import refuse_unused
from embedscope.sources.texts import TextSource

OBJECTIVES = {"pair": ("pairs", "mixed"), "qrels": ("mixed", "pairs"), "labels": ("zeroshot", "probe")}


_OPTIONS = {"pair": "--pair", "qrels": "--queries", "labels": "--labels", "similarity_scores": "--scores"}


@dataclass(frozen=True, eq=False)
class Request:
    """What the user gives; see :func:`embedscope.repairs.repair.repair`."""

    source: Any = None
    pair: tuple[Any, Any] | None = None
    pair_ids: tuple[Any, Any] | None = None
    pairs: Any = None
    queries: Any = None
    corpus: tuple[Any, ...] = ()
    qrels: Any = None
    labels: Any = None
    similarity_scores: Any = None
    modalities: tuple[str, ...] = ()
    texts: TextSource | None = None
    groups: Any = None
    query_ids: Any = None
    corpus_ids: tuple[Any, ...] = ()
    corpus_modality: Any = None
    allow_missing: bool = False
    images: Any = None

    @property
    def way(self) -> str:
        """Which judge the request is for.

        Raises
        ------
        InputError
            if none or several are.
        """
        named = {
            "pair": self.pair is not None,
            "qrels": self.queries is not None or self.qrels is not None,
            "labels": self.labels is not None,
            "similarity_scores": self.similarity_scores is not None,
        }
        ways = [name for name, present in named.items() if present]
        if self.pair is not None and self.labels is not None:
            ways.remove("labels")
        if len(ways) > 1:
            options = " and ".join(_OPTIONS[way] for way in ways)
            raise InputError(f"{options} decide in different ways; run them one after the other")
        if self.pair is None and (self.pair_ids is not None or self.pairs is not None):
            raise InputError("--pairs and --pair-ids say which rows of --pair A B belong together; add --pair A B")
        if self.pair is not None and self.source is not None:
            raise InputError("give either a SOURCE or --pair A B, not both")
        if self.pair is None and self.source is None and not self.corpus:
            raise InputError("there is nothing to repair: name a SOURCE, or two files with --pair A B")
        self._refuse_unused(bool(self.queries is not None or self.qrels is not None))
        return ways[0] if ways else "geometry"

    def _refuse_unused(self, retrieval: bool) -> None:
        material = {"texts": self.texts, "images": self.images}
        if self.pair is not None:
            refuse_unused("is for a model, and --pair A B holds vectors", **material)
        if retrieval:
            refuse_unused("is for one SOURCE, and with --queries the texts are --corpus", **material)
            refuse_unused("names the two sides of --pair A B", modalities=self.modalities)
            return
        refuse_unused(
            "is for --queries and --qrels",
            query_ids=self.query_ids,
            corpus=self.corpus,
            corpus_ids=self.corpus_ids,
            corpus_modality=self.corpus_modality,
            allow_missing=self.allow_missing,
        )


@dataclass(frozen=True)
class RecordContext:
    """What records of a run share."""

    source: str
    space: str
    dim: int
    fitted_on: str
