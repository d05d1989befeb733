"""What a study is: its claims as data and a run that measures what they speak of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from embedscope.core.document import Status
from embedscope.core.progress import Progress, Silent
from embedscope.core.result import Result

Statistic = Literal["best", "top", "at", "max", "min"]


@dataclass(frozen=True)
class Claim:
    """A published number, where it stands, and how it is found in our records.

    Attributes
    ----------
    source : place in the paper ("Table 1")
    role : model it speaks of ("causal", "contrastive")
    metric, setting : what is read, and how a vector was read
    statistic : "best" / "top" layer, "at" one ``layer``, "max" / "min" over the layers
    expected : the published value; ``bound`` turns it into a limit ("below", "above")
    tolerance : largest difference that still counts as agreement
    best_layer : published layer of the best value
    """

    source: str
    role: str
    metric: str
    expected: float
    statistic: Statistic
    setting: str | None = None
    variant: str | None = None
    layer: int | None = None
    best_layer: int | None = None
    bound: Literal["below", "above"] | None = None
    tolerance: float = 0.02
    note: str = ""

    def verdict(self, ours: float) -> Status:
        """Whether ``ours`` agrees with the claim within its tolerance."""
        if self.bound == "below":
            return "agrees" if ours <= self.expected + self.tolerance else "deviates"
        if self.bound == "above":
            return "agrees" if ours >= self.expected - self.tolerance else "deviates"
        return "agrees" if abs(ours - self.expected) <= self.tolerance else "deviates"


@dataclass(frozen=True)
class Options:
    """How a study is run."""

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
    first_position: Literal["keep", "drop", "bos"] = "keep"
    progress: Progress = field(default_factory=Silent)
    command: str = ""


@dataclass(frozen=True)
class Experiment:
    """A published study that can be carried out."""

    id: str
    title: str
    citation: str
    question: str
    claims: tuple[Claim, ...]
    run: Callable[[Options], Result]
    models: tuple[str, ...]
