"""What a study is: its claims as data, and a run that measures them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from embedscope.core.choices import FirstPosition
from embedscope.core.document import Status
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.progress import Progress, Silent
from embedscope.core.result import Result
from embedscope.experiments.published import Published
from embedscope.sources.options import ModelOptions

Statistic = Literal["best", "top", "at", "max", "min", "count"]


@dataclass(frozen=True)
class Claim:
    """A published number, its place in the paper, and the record that it is compared with.

    Attributes
    ----------
    source : place in the paper ("Table 1")
    role : the model ("causal", "contrastive"; "both" for comparisons of the two)
    metric, pooling : what is read, and how a vector was read
    statistic : "best" / "top" layer, "at" one ``layer``, "max" / "min" over the layers, "count" of tests
    expected : the published value; ``bound`` turns it into a limit ("below", "above", "at least") without tolerance
    tolerance : largest difference that still counts as agreement
    best_layer : published layer of the best value
    limit : why public models and data do not suffice to check the number exactly; empty where they do
    """

    source: str
    role: str
    metric: str
    expected: float
    statistic: Statistic
    pooling: str | None = None
    variant: str | None = None
    layer: int | None = None
    best_layer: int | None = None
    bound: Literal["below", "above", "at least"] | None = None
    tolerance: float = 0.02
    note: str = ""
    limit: str = ""

    def verdict(self, ours: float) -> Status:
        """Whether ``ours`` agrees with the claim within its tolerance."""
        if self.bound == "below":
            return "agrees" if ours < self.expected else "deviates"
        if self.bound == "above":
            return "agrees" if ours > self.expected else "deviates"
        if self.bound == "at least":
            return "agrees" if ours >= self.expected else "deviates"
        return "agrees" if abs(ours - self.expected) <= self.tolerance else "deviates"


@dataclass(frozen=True)
class ValueClaim:
    """A published number and the record that answers it.

    Attributes
    ----------
    source : place in the article
    role : model of the article ("clip", "bert", "ruclip")
    metric, space, variant, transform, fitted_on, subset : fields of our record
    expected : the published value
    tolerance : largest difference that counts as agreement
    dataset : what it was measured on
    note : remark on the published number
    limit : why public models and data do not suffice to check the number exactly; empty where they do
    """

    source: str
    role: str
    metric: str
    expected: float
    space: str | None = None
    variant: str | None = None
    transform: str | None = None
    fitted_on: str | None = None
    dataset: str = "coco"
    tolerance: float = 0.03
    relation: Literal["equal", "impossible"] = "equal"
    note: str = ""
    subset: str | None = None
    limit: str = ""

    def verdict(self, ours: float) -> Status:
        """Whether ``ours`` agrees within the tolerance; an impossible number never agrees."""
        if self.relation == "impossible":
            return "deviates"
        return "agrees" if abs(ours - self.expected) <= self.tolerance else "deviates"


class PublishedNumber(Protocol):
    """What all claims have in common."""

    @property
    def source(self) -> str:
        """Place in the paper."""

    @property
    def expected(self) -> float:
        """The published value."""

    @property
    def limit(self) -> str:
        """Why public models and data do not suffice to check it exactly; empty where they do."""

    def verdict(self, ours: float) -> Status:
        """Whether ``ours`` agrees."""


@dataclass(frozen=True)
class Options:
    """How a study is run.

    ``published`` says which published model a source is, where its name does not; ``contexts`` are sentences in which
    words are read, a data set or a file.
    """

    models: tuple[str, ...]
    scale: str = "smoke"
    data: Path | None = None
    download: bool = True
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"
    trust_remote_code: bool = False
    cache: bool = True
    transform: str | None = None
    first_position: FirstPosition = "keep"
    prompt: str | None = None
    contexts: str | None = None
    published: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)
    command: str = ""

    @property
    def of_models(self) -> ModelOptions:
        """How the models of the study are opened."""
        return ModelOptions(
            device=self.device,
            dtype=self.dtype,
            seed=self.seed,
            trust_remote_code=self.trust_remote_code,
            cache=self.cache,
        )


_LEFT_OUT: Mapping[str, Any] = {"transform": None, "prompt": None, "first_position": "keep"}
"""Options that only some studies read, and what they hold where the user says nothing."""


@dataclass(frozen=True)
class Experiment:
    """A published study that can be carried out.

    Attributes
    ----------
    datasets, libraries : data sets that it reads, and modules that it imports with the extra that brings each
    file_sets : further files that it reads by checksum
    reads_contexts : whether words can be read in sentences
    reads : options beside models, scale and data that mean something: ``transform``, ``prompt``, ``first_position``
    full_models, full_datasets : what full scale takes beside ``models`` where none are named, and beside ``datasets``
    own_models_alone : whether ``--models`` takes some of these alone
    """

    id: str
    title: str
    citation: str
    question: str
    claims: tuple[PublishedNumber, ...]
    run: Callable[[Options], Result]
    models: tuple[str, ...]
    published_models: Mapping[str, Published] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    file_sets: tuple[Any, ...] = ()
    reads_contexts: bool = False
    reads: tuple[str, ...] = ()
    full_models: tuple[str, ...] = ()
    full_datasets: tuple[str, ...] = ()
    own_models_alone: bool = False

    def models_at(self, scale: str) -> tuple[str, ...]:
        """Models where none are named."""
        return (*self.models, *(self.full_models if scale == "full" else ()))

    def datasets_at(self, scale: str) -> tuple[str, ...]:
        """Data sets that it reads."""
        return (*self.datasets, *(self.full_datasets if scale == "full" else ()))

    def check(self, options: Options) -> None:
        """Refuse ``options`` that do not fit the study.

        Raises
        ------
        InputError, UnknownNameError
            where an option is for other studies, or holds a name that there is not.
        """
        if options.contexts is not None and not self.reads_contexts:
            raise InputError(f"--contexts is for studies of words, such as shimangaud2024; leave it out for {self.id}")
        for name, left_out in _LEFT_OUT.items():
            if getattr(options, name) != left_out and name not in self.reads:
                raise InputError(f"--{name.replace('_', '-')} means nothing to {self.id}; leave it out")
        if self.own_models_alone:
            known = self.models_at("full")
            for name in options.models:
                if name not in known:
                    raise UnknownNameError.among(f"model of {self.id}", name, known)
        from embedscope.evaluation.scoring import parse_transform

        parse_transform(options.transform)

    def start(self, options: Options) -> Result:
        """Carry out the study.

        Raises
        ------
        InputError, UnknownNameError
            if an option does not fit it.
        DataUnavailableError
            if a model that installs from PyPI is not installed: before the others are measured, which takes hours.
        """
        from embedscope.encoders import ALIASES

        self.check(options)
        for uri in options.models:
            for name in uri.removeprefix("random:").split("+"):
                if name in ALIASES:
                    ALIASES[name].find()
        return self.run(options)
