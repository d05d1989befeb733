"""What a study needs and whether it is on this machine, said before hours are spent."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.document import Action, Cell, Column, Document, Finding, Table
from embedscope.core.errors import EmbedscopeError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments.experiment import Experiment, Options


@dataclass(frozen=True)
class Need:
    """Something that a study reads.

    Attributes
    ----------
    kind, name : "data set", "model", "model of the paper" or "library", and its name
    missing : why it is not here, with what to do; None where it is
    required : whether the run asked for stops, or leaves something out, without it
    gives : what it adds
    lacks : of several files, how many are not here and which is the first
    """

    kind: str
    name: str
    missing: str | None
    required: bool = True
    gives: str = ""
    lacks: str = ""

    @property
    def state(self) -> str:
        """The cell of the table."""
        return "here" if self.missing is None else "missing"


def setup(experiment: Experiment, options: Options) -> Result:
    """A table of everything that ``experiment`` reads, with what is missing; nothing is downloaded or opened.

    The first finding is "warning" where something that the run asked for is missing, else "ok"; one for each missing
    thing follows.
    """
    experiment.check(options)
    needs = [*_libraries(experiment), *_data(experiment, options), *_models(experiment, options)]
    missing = [need for need in needs if need.missing is not None and need.required]
    document = Document(
        f"Setup of {experiment.id}",
        experiment.question,
        (_finding(experiment, options, missing), *(_missing(need) for need in needs if need.missing is not None)),
        (_table(needs),),
    )
    return Result((), Provenance(options.command, options.seed).as_dict(), document)


def is_complete(result: Result) -> bool:
    """Whether :func:`setup` found everything that the run asked for."""
    return result.document is not None and result.document.findings[0].status == "ok"


def _finding(experiment: Experiment, options: Options, missing: Sequence[Need]) -> Finding:
    if not missing:
        return Finding(f"Everything that {experiment.id} reads at scale {options.scale} is here.", "ok")
    names = ", ".join(need.name for need in missing)
    return Finding(
        f"Missing of what {experiment.id} reads: {names}.",
        "warning",
        harm="A missing model or library stops the run; a missing data set is left out, and the report says so.",
    )


def _missing(need: Need) -> Finding:
    """What is not here, what it would give, and how to get it."""
    text = f"{need.kind.capitalize()} {need.name} is not here" + (f"; it gives {need.gives}." if need.gives else ".")
    if need.lacks:
        text = f"{need.kind.capitalize()} of {need.name}: {need.lacks}."
    actions = (Action(need.missing),) if need.missing else ()
    return Finding(text, "warning" if need.required else "info", actions=actions)


def _table(needs: Sequence[Need]) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple((n.kind, n.name, n.state) for n in needs)
    columns = (Column("what"), Column("name"), Column("state"))
    return Table("setup", "What the study reads", columns, rows)


def _libraries(experiment: Experiment) -> list[Need]:
    libraries = []
    for module, extra in experiment.libraries.items():
        there = importlib.util.find_spec(module) is not None
        libraries.append(Need("library", module, None if there else f'pip install "embedscope[{extra}]"'))
    return libraries


def _data(experiment: Experiment, options: Options) -> list[Need]:
    from embedscope.datasets import DATASETS, Finder

    finder = Finder(options.data, download=False)
    rows = []
    for name in experiment.datasets_at(options.scale):
        entry = DATASETS.get(name)
        missing = None
        if not finder.present(entry):
            fetched = "is downloaded on the first run, or: " if options.download and _for_download(entry) else ""
            missing = f"{fetched}{entry.hint or entry.homepage}"
        rows.append(Need("data set", name, missing, gives=entry.about))
    for files in experiment.file_sets:
        here = finder.paths(files)
        lacking = [file.name for file in files.files if file.name not in here]
        lacks = f"{len(lacking)} of {len(files.files)} not here, first {lacking[0]}" if lacking else ""
        rows.append(Need("files", files.name, files.hint if lacking else None, lacks=lacks))
    return rows


def _for_download(entry: Any) -> bool:
    return any(file.url for file in entry.files if not file.optional)


def _models(experiment: Experiment, options: Options) -> list[Need]:
    """Models of the run, then those of the paper that are not among them."""
    if experiment.own_models_alone:
        return []
    rows = [
        Need("model", part, absent(part), required=bool(experiment.published_models) or uri not in experiment.models)
        for uri in options.models
        for part in dict.fromkeys(uri.split("+"))
        if part
    ]
    asked = {need.name for need in rows} | set(options.published.values())
    known = experiment.published_models
    for name, published in known.items():
        alike = [other for other in known if known[other] is published]
        if name != alike[0]:
            continue
        numbers = sum(getattr(claim, "role", None) == published.role for claim in experiment.claims)
        uris = [other if ":" in other else f"hf:{other}" for other in alike]
        if numbers and not {*alike, *uris, *(f"{uri}{published.suffix}" for uri in uris)} & asked:
            label = published.config is None and "/" not in name
            missing = [f"say which source it is with --as {name}=SOURCE" if label else absent(uri) for uri in uris]
            gives = f"{numbers} published numbers"
            why = None if None in missing else missing[0]
            rows.append(Need("model of the paper", name, why, required=False, gives=gives))
    return rows


def absent(uri: str) -> str | None:
    """Why the model ``uri`` cannot be opened on this machine without a network; None where it can.

    Files of models are looked for, not read: a damaged one shows when it is opened.
    """
    from embedscope.encoders import ALIASES, MODELS, ImageModel

    bare = uri.removeprefix("random:")
    name, _, rest = bare.partition("?")[0].partition("#")[0].partition(":")
    if name in ALIASES:
        return _error_of(ALIASES[name].find)
    if name in MODELS and isinstance(model := MODELS.get(name), ImageModel):
        return None if model.path() is not None else model.install
    if name == "gensim":
        return None if Path(rest).expanduser().is_file() else f"there is no file {rest}"
    return _hub(bare)


def _error_of(find: Any) -> str | None:
    try:
        find()
    except EmbedscopeError as error:
        return str(error)
    return None


def _hub(uri: str) -> str | None:
    """A folder, or a snapshot in the local cache of the hub."""
    name = uri.removeprefix("hf:").removeprefix("st:").partition("#")[0].partition("?")[0]
    if Path(name).expanduser().is_dir():
        return None
    if importlib.util.find_spec("huggingface_hub") is None:
        return 'pip install "embedscope[hf]"'
    from huggingface_hub import try_to_load_from_cache

    repository, _, revision = name.partition("@")
    if "/" not in repository and uri.startswith("st:"):
        repository = f"sentence-transformers/{repository}"
    try:
        config = try_to_load_from_cache(repository, "config.json", revision=revision or None)
    except ValueError:
        return f"{uri} is no name of a model, a folder or a file"
    if isinstance(config, str):
        return None
    return (
        f"fetch it once on a connected machine (hf download {repository}), or name its folder with --as {name}=FOLDER"
    )
