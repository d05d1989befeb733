"""``embedscope.repair`` and ``embedscope.apply``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from embedscope.api._inputs import (
    collection_of,
    comma,
    corpus_ids_of,
    cost_options,
    labels_of,
    pair_ids_of,
    progress_of,
    sides_of,
    source_of,
    vectors_of,
)
from embedscope.api._keywords import public
from embedscope.core.arrays import to_numpy
from embedscope.core.choices import Dtype
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.execution.current import running_on
from embedscope.repairs.apply import Applied, apply_repair, check_outputs
from embedscope.repairs.in_place import InPlace, roll_back, write_in_place
from embedscope.repairs.repair import repair as repaired
from embedscope.transforms.repair import Repair


@short_repr
@dataclass(frozen=True)
class RepairOutcome:
    """What :func:`embedscope.repair` decided.

    Attributes
    ----------
    repair : the repair; the identity where the original is kept
    result : everything that was measured, the verdict first
    accepted : whether held-out data certify the repair; False for one that ``force`` gave

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> outcome = repair(x, candidates="center")  # no pairs, judgements or labels: nothing to judge it by
    >>> outcome.accepted
    False
    """

    repair: Repair
    result: Result
    accepted: bool

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()


@public
def repair(  # noqa: PLR0913
    source: Any = None,
    *,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    pairs: Any = None,
    modalities: tuple[str, str] | None = None,
    queries: Any = None,
    corpus: Any = None,
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Any = None,
    corpus_modality: Any = None,
    allow_missing: bool = False,
    labels: Any = None,
    scores: Any = None,
    groups: Any = None,
    candidates: str | Iterable[str] = "auto",
    objective: str | float | None = None,
    normalize: bool = True,
    max_eval_rows: int = 10_000,
    positive_rate: float = 0.5,
    force: bool = False,
    rows_out: str | Path | None = None,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
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
) -> RepairOutcome:
    """Fit repairs on one part of the data, select one on another, and accept it if a third certifies that it helps.

    Parameters
    ----------
    source : vectors or a model, as of :func:`embedscope.measure`; with ``queries`` the documents
    pair, pair_ids, modalities : two sides in place of a source, as of ``measure``
    pairs : (p, 2) row numbers of matching rows, or a file with two per line
    queries, corpus, qrels, query_ids, corpus_ids, corpus_modality, allow_missing : as of :func:`embedscope.evaluate`
    query_prompt, document_prompt : as of :func:`embedscope.evaluate`
    labels : class of each row (with ``pair``: of the first side)
    scores : (p, 3) of two row numbers and a human similarity score, a file, or for models a data set
    groups : what each row belongs to: rows of one group fall into one part
    candidates : repairs to try, such as ``["center", "whiten:64"]``; ``auto`` for those that suit the data
    objective : ``pairs`` or ``mixed``, for pairs also a weight of the mixed index from 0 to 1; with labels ``zeroshot``
        or ``probe``
    normalize : L2-normalise rows before the repair
    max_eval_rows : rows per side kept in memory to select and to certify
    positive_rate : share of matching pairs that the score calibration assumes
    force : give the best candidate even if nothing certifies it
    rows_out : CSV file of every certifying query, pair or row before and after the chosen candidate
    texts, images, layers, pooling, device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``;
        images in folders of classes are judged on those where no labels are given
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of the split and the bootstrap
    progress : True shows bars on standard error

    Returns
    -------
    RepairOutcome

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 16))
    >>> labels = (x[:, 0] > 0).astype(int) + 2 * (x[:, 1] > 0)
    >>> repair(x, labels=labels, candidates=["center"]).accepted
    False
    """
    several = isinstance(corpus, list | tuple) and bool(corpus) and isinstance(corpus[0], str)
    documents = () if corpus is None else tuple(corpus) if several else (collection_of(corpus, "corpus"),)
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    chosen = (
        collection_of(source, "documents") if qrels is not None and isinstance(source, Mapping) else source_of(source)
    )
    if qrels is not None and corpus is None and not isinstance(chosen, str | Path | None):
        chosen, documents = None, (chosen,)
    best, result = running_on(engine)(repaired)(
        chosen,
        pair=sides_of(pair),
        pair_ids=pair_ids_of(pair_ids),
        pairs=pairs,
        queries=collection_of(queries, "queries"),
        corpus=documents,
        qrels=qrels,
        query_ids=labels_of(query_ids, "query_ids"),
        corpus_ids=corpus_ids_of(corpus_ids, several),
        corpus_modality=labels_of(corpus_modality, "corpus_modality"),
        allow_missing=allow_missing,
        labels=labels_of(labels, "labels"),
        scores=scores,
        groups=labels_of(groups, "groups"),
        texts=texts,
        images=images,
        layers=comma(layers if layers is None else [layers]),
        pooling=pooling,
        modalities=modalities or (),
        candidates=candidates,
        objective=None if objective is None else str(objective),
        normalize=normalize,
        max_eval_rows=max_eval_rows,
        positive_rate=positive_rate,
        force=force,
        rows_out=rows_out,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | cost_options(yes)
        | {k: v for k, v in prompts.items() if v is not None},
        data=data,
        cache=cache,
        progress=progress_of(progress),
    )
    return RepairOutcome(best, result, bool(result.provenance["settings"]["accepted"]))


@overload
def apply(
    repair: Repair | RepairOutcome | str | Path,
    source: str | Path,
    out: str | Path,
    *,
    kind: str | None = None,
    model: str | None = None,
    engine: str = "local",
    progress: bool | Progress = False,
) -> Applied: ...


@overload
def apply(
    repair: Repair | RepairOutcome | str | Path,
    source: Any,
    out: None = None,
    *,
    kind: str | None = None,
    model: str | None = None,
    engine: str = "local",
    in_place: Literal[False] = False,
    rollback: Literal[False] = False,
    journal: None = None,
    progress: bool | Progress = False,
) -> npt.NDArray[Any]: ...


@overload
def apply(
    repair: Repair | RepairOutcome | str | Path,
    source: str,
    out: None = None,
    *,
    kind: str | None = None,
    model: str | None = None,
    in_place: bool = False,
    rollback: bool = False,
    journal: str | Path | None = None,
    progress: bool | Progress = False,
) -> InPlace: ...


@public
def apply(  # noqa: PLR0913
    repair: Repair | RepairOutcome | str | Path,
    source: Any,
    out: str | Path | None = None,
    *,
    kind: str | None = None,
    model: str | None = None,
    engine: str = "local",
    in_place: bool = False,
    rollback: bool = False,
    journal: str | Path | None = None,
    progress: bool | Progress = False,
) -> Applied | InPlace | npt.NDArray[Any]:
    """Vectors through a repair: an array gives an array, a file or a store is written to another one, block by block.

    Parameters
    ----------
    repair : a repair, an outcome of :func:`embedscope.repair`, or a saved file
    source : (n, d) vectors, as of :func:`embedscope.measure`; a path with ``out``
    out : file to write: .npy, .parquet or .safetensors, or the address of a new collection of a vector store; a name
        without a suffix is a folder, a file for each shard
    kind : role of the vectors (``query``, ``document``, ``image``), where the repair has several
    model : name or weights sha256 of the model that made them; another one than that of the repair is refused
    engine : who maps them: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    in_place : replace the vectors of the store ``source``; the old ones are kept in a journal, a killed run goes on
    rollback : put the vectors that ``in_place`` replaced back, and remove the journal
    journal : folder of the journal; by default beside the folder of the store
    progress : True shows bars on standard error

    Returns
    -------
    (n, d') array, or with ``out``, ``in_place`` or ``rollback`` what was written

    Examples
    --------
    >>> from embedscope.transforms.repair import Repair
    >>> centred = Repair.centre_kinds({"document": np.array([1.0, 0.0])}, normalise_after=False)
    >>> apply(centred, [[2.0, 0.0], [0.0, 3.0]]).tolist()
    [[0.0, 0.0], [-1.0, 1.0]]
    """
    applied = repair.repair if isinstance(repair, RepairOutcome) else repair
    if in_place or rollback:
        where = None if out is None else str(out)
        check_outputs(str(source), where, in_place=in_place, rollback=rollback, journal=journal)
        if rollback:
            return roll_back(applied, str(source), kind=kind, journal=journal, progress=progress_of(progress))
        return write_in_place(
            applied, str(source), kind=kind, model=model, journal=journal, progress=progress_of(progress)
        )
    if out is not None:
        if not isinstance(source, str | Path):
            raise InputError("out is for files; an array is returned: leave out `out`, or pass the path of the vectors")
        return running_on(engine)(apply_repair)(
            applied, source, out, kind=kind, model=model, progress=progress_of(progress)
        )
    if isinstance(source, str | Path):
        raise InputError(f"{source} is a file: say where to write with out=, or pass an array")
    loaded = applied if isinstance(applied, Repair) else Repair.load(applied)
    name = loaded.kind_name(kind)
    if model is not None:
        loaded.check_source(model, name)
    return np.asarray(loaded.store(to_numpy(vectors_of(source)), name))
