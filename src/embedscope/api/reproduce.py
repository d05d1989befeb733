"""``embedscope.reproduce``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from embedscope.api._inputs import progress_of, strings
from embedscope.api._keywords import public
from embedscope.core.choices import Dtype, FirstPosition, Scale
from embedscope.core.progress import Progress
from embedscope.core.result import Result


@public
def reproduce(  # noqa: PLR0913
    study: str,
    *,
    models: str | Iterable[str] | None = None,
    published: Mapping[str, str] | None = None,
    scale: Scale = "smoke",
    transform: str | None = None,
    prompt: str | None = None,
    contexts: str | Path | None = None,
    offline: bool = False,
    first_position: FirstPosition = "keep",
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    data: str | Path | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Result:
    """Carry out a published study; the result holds its claims, tables and figures (:func:`embedscope.report`).

    Parameters
    ----------
    study : a name of ``embedscope.list_experiments()``
    models : names; those of ``published``, or of the study, by default
    published : published name -> source, where a source is a published model and its name does not say so, as in
        ``{"gpt2": "FOLDER"}``
    scale : ``smoke`` takes minutes, ``full`` everything; ``medium``, about an hour, is for objectives2026 alone
    transform : repeat the study after a chain such as ``center``
    prompt : for zero-shot classes, containing ``{class}``
    contexts : a data set or a file of sentences in which words are read (shimangaud2024)
    offline : download nothing; missing data are skipped
    first_position : tokens at the first position: keep, drop, or add bos
    device, dtype, trust_remote_code, cache, data : as of :func:`embedscope.measure`
    seed : of samples and the bootstrap
    progress : True shows bars on standard error

    Examples
    --------
    >>> result = reproduce("wolfe2022", models="minilm")  # doctest: +SKIP
    >>> embedscope.report(result, "wolfe2022.html")  # doctest: +SKIP
    """
    from embedscope.experiments import EXPERIMENTS
    from embedscope.experiments.experiment import Options
    from embedscope.experiments.published import parse_stated_models

    experiment = EXPERIMENTS.get(study)
    stated = parse_stated_models([f"{k}={v}" for k, v in (published or {}).items()], experiment.published_models)
    options = Options(
        models=tuple(strings(models) or stated or experiment.models_at(scale)),
        published=stated,
        scale=scale,
        data=Path(data) if data is not None else None,
        download=not offline,
        seed=seed,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=cache,
        transform=transform,
        first_position=first_position,
        prompt=prompt,
        contexts=None if contexts is None else str(contexts),
        progress=progress_of(progress),
    )
    return experiment.start(options)
