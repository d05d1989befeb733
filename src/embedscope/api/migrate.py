"""``embedscope.migrate``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.api._inputs import collection_of, comma, cost_options, labels_of, progress_of, source_of
from embedscope.api._keywords import public
from embedscope.core.choices import DirectionChoice, Dtype
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.execution.current import running_on
from embedscope.migration.migrate import migrate as migrated
from embedscope.transforms.repair import Repair


@short_repr
@dataclass(frozen=True)
class MigrationOutcome:
    """What :func:`embedscope.migrate` found.

    Attributes
    ----------
    verdict : ``stay``, ``bridge``, ``re-embed`` or ``pilot more pairs``
    repair : the bridge, with the kinds ``old`` and ``new``; None where none is certified
    result : everything that was measured, the verdict first

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(400, 6))
    >>> migrate(x, x, candidates="none").verdict
    'stay'
    """

    verdict: str
    repair: Repair | None
    result: Result

    @property
    def accepted(self) -> bool:
        """Whether held-out data certify the bridge; False for one that ``force`` gave."""
        return self.verdict == "bridge"

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()


@public
def migrate(  # noqa: PLR0913
    old: Any,
    new: Any,
    *,
    old_queries: Any = None,
    new_queries: Any = None,
    qrels: Any = None,
    allow_missing: bool = False,
    groups: Any = None,
    retain: float = 0.95,
    direction: DirectionChoice = "auto",
    candidates: str | Iterable[str] = "auto",
    index_rows: int | None = None,
    tokens_per_row: float | None = None,
    price_per_million_tokens: float | None = None,
    max_eval_rows: int = 10_000,
    force: bool = False,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    queries: str | Path | Sequence[str] | None = None,
    layers: str | int | None = None,
    pooling: str | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    engine: str = "local",
    seed: int = 0,
    progress: bool | Progress = False,
) -> MigrationOutcome:
    """Whether the index of an old model can serve a new one: stay, bridge, re-embed, or pilot more pairs.

    A bridge maps vectors of one model into the space of the other. Half of the rows fit candidates (a quarter of
    them first selects one), the other half certifies what it keeps of the full re-embedding: the ten nearest in
    common, or nDCG@10 with judgements.

    Parameters
    ----------
    old, new : the same rows by both models, as of :func:`embedscope.measure` or {id: vector}; rows match by id, else
        by position. Models with ``texts`` or ``images``
    old_queries, new_queries : queries by both models; without, held-out rows are the queries
    qrels : judgements {query id: {row id: grade}}, or a file of TREC or BEIR
    allow_missing : skip judgements of unknown queries and rows
    groups : what each row of ``old`` belongs to; rows of one group are relevant to each other, and stay together
    retain : share that a bridge must keep, certified by the lower end of a 95 % interval
    direction : ``queries`` maps new queries into the old index, ``documents`` stored vectors into the new space
    candidates : ``auto``, or some of none, procrustes, ridge, lowrank, cca, mlp
    index_rows : rows of the whole index, where ``old`` is a sample of it: verdict and costs are about so many
    tokens_per_row, price_per_million_tokens : for the costs
    max_eval_rows : rows kept in memory to select and to certify; of more than four times as many, so many are taken
    force : give the best bridge even if nothing certifies it
    texts, images, layers, pooling, device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``
    queries : texts of queries, for models
    query_prompt, document_prompt : as of :func:`embedscope.evaluate`
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of the split and the bootstrap
    progress : True shows bars on standard error

    Returns
    -------
    MigrationOutcome

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 6))
    >>> turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    >>> outcome = migrate(x, x @ turn, candidates="procrustes")
    >>> outcome.verdict, outcome.result["migrate"].value
    ('bridge', 1.0)
    """
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    bridge, result = running_on(engine)(migrated)(
        _vectors(old, "old"),
        _vectors(new, "new"),
        texts=texts,
        images=images,
        old_queries=collection_of(old_queries, "old_queries"),
        new_queries=collection_of(new_queries, "new_queries"),
        queries=queries,
        qrels=qrels,
        allow_missing=allow_missing,
        groups=labels_of(groups, "groups"),
        retain=retain,
        direction=direction,
        candidates=candidates,
        max_eval_rows=max_eval_rows,
        index_rows=index_rows,
        tokens_per_row=tokens_per_row,
        price_per_million_tokens=price_per_million_tokens,
        force=force,
        seed=seed,
        layers=comma(layers if layers is None else [layers]),
        pooling=pooling,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | cost_options(yes)
        | {k: v for k, v in prompts.items() if v is not None},
        data=data,
        cache=cache,
        progress=progress_of(progress),
    )
    return MigrationOutcome(str(result.provenance["settings"]["verdict"]), bridge, result)


def _vectors(x: Any, name: str) -> Any:
    """{id: vector} as it is, model objects by a name, everything else as vectors."""
    return collection_of(x, name) if isinstance(x, Mapping) else source_of(x, name)
