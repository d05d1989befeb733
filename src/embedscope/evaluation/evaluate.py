"""``evaluate``: scores of tasks for models and files of vectors, as a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.evaluation._sources import read_vectors
from embedscope.evaluation.comparisons import comparisons
from embedscope.evaluation.scoring import TaskScore, data_facts, load_jobs, score_tasks, write_items
from embedscope.evaluation.summary import score_document
from embedscope.evaluation.user_tasks import is_user_task
from embedscope.sources.options import ModelOptions
from embedscope.sources.word_contexts import CONTEXT_POOLINGS
from embedscope.stats.bootstrap import N_DRAWS


def evaluate(  # noqa: PLR0913
    sources: Any,
    *,
    tasks: Sequence[str],
    pooling: str | Sequence[str] | None = None,
    layers: str = "all",
    transform: str | None = None,
    names: str | Path | Sequence[str] | None = None,
    contexts: str | Path | Sequence[str] | None = None,
    items: str | Path | None = None,
    data: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Scores of ``tasks`` for every source, pooling and layer, with bootstrap intervals.

    Parameters
    ----------
    sources : model URIs, objects that encode texts, or files of vectors with ``names``
    tasks : ids of tasks (``embedscope list tasks``), or your own files: ``similarity:FILE``, ``sts:FILE``,
        ``analogy:FILE``, ``labels:FILE`` (see :mod:`embedscope.evaluation.user_tasks`)
    pooling : one or several of ``plain``, ``bos_eos``, ``eos``, ``pooled``, ``static:N`` and ``contexts:N``; None takes
        every pooling that the model has
    layers : ``all`` or a list such as ``0,4,final,last,pooled``
    transform : chain such as ``center,abtt:1``, fitted in each space on the texts of the tasks
    names : texts of the rows of a file of vectors: a list, or a file with one per line
    contexts : corpus of ``static:N`` and ``contexts:N``, in whose sentences words are read: a data set or a file with
        one sentence per line
    items : CSV file to write the contribution of every item to every score (cosine of a pair, effect size of a word)
    data : folder with data files
    seed : of the bootstrap, of samples and of random initialisations
    yes : spend what a paid server asks for its work

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
    from embedscope.datasets import Finder
    from embedscope.encoders import is_model, source_name

    if not tasks:
        raise InputError("no tasks named; `embedscope list tasks` shows them")
    if sources is None or (isinstance(sources, str | list | tuple) and not sources):
        raise InputError("no source named; wanted a model or a file of vectors, as in `embedscope evaluate minilm`")
    one = source_name(sources)
    named = [one] if isinstance(one, str) else one
    if names is not None and all(is_model(source) for source in named):
        raise InputError(f"--names are the texts of a file of vectors, and {named[0]} is a model; leave them out")
    options = ModelOptions(
        layers=layers,
        pooling=pooling,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=cache,
        data=data,
        seed=seed,
        yes=yes,
    )
    if contexts is not None and not any(p.startswith(CONTEXT_POOLINGS) for p in options.poolings or ()):
        raise InputError(
            "--contexts are the sentences of the poolings static:N and contexts:N; add --pooling contexts:50, or leave "
            "them out"
        )
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    with provenance.phase("data"):
        finder = None if all(map(is_user_task, tasks)) else Finder(Path(data) if data else None)
        jobs, skipped = load_jobs(tasks, finder, progress)
    for s in skipped:
        progress.note(f"{s.what} is skipped: {s.why}")
    scores: list[TaskScore] = []
    for source in named:
        with provenance.phase(source):
            for part in read_vectors(source, jobs, options, names, contexts, provenance, progress):
                scores += score_tasks(
                    part.vectors,
                    part.jobs,
                    part.spaces,
                    source=source,
                    transform=transform,
                    seed=seed,
                    note=part.note,
                    compared=part.compared,
                    progress=progress,
                )
    if items is not None:
        write_items(scores, items)
    provenance.data |= data_facts(jobs)
    provenance.settings = {
        "tasks": list(tasks),
        "pooling": list(options.poolings) if options.poolings else None,
        "layers": layers,
        "transform": transform,
        "dtype": dtype,
        "bootstrap_draws": N_DRAWS,
    }
    records = [*(s.record() for s in scores), *comparisons(scores)]
    return Result(tuple(records), provenance.as_dict(), score_document(records, skipped))
