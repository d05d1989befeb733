"""A one-sided chain for each side, where both stay in a basis that they share."""

from __future__ import annotations

from typing import Self

from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian
from embedscope.stats.moments import Gaussian
from embedscope.transforms._chain import Chain, parse
from embedscope.transforms.affine import Affine
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.joint import SEPARATE, linear
from embedscope.transforms.align.sides import Side

IDS = ("own",)


class OwnChains(Aligner):
    """A chain of one-sided transforms for each side, each fitted on that side alone.

    Only transforms that keep the basis are allowed (center, abtt, whiten with zca).

    Parameters
    ----------
    left : the chain of the left side, as text
    right : the chain of the right side, the same as the left one where None
    renormalise : divide the rows that come out by their norms

    Raises
    ------
    InputError
        where a chain would give its side a basis of its own (pca, whiten).
    """

    name = "own"
    usage = "own:CHAIN"

    def __init__(self, left: str = "center", right: str | None = None, renormalise: bool = False) -> None:
        self.left = left
        self.right = right
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``own:`` and a chain with ``+`` for the comma: ``own:center+abtt:1``."""
        left, slash, right = ":".join(words).replace("+", ",").partition("/")
        return cls(parse(left).text, parse(right).text if slash else None)

    @property
    def text(self) -> str:
        """``own:`` and the chains."""
        chains = [self.left] if self.right is None else [self.left, self.right]
        return "own:" + "/".join(chains).replace(",", "+")

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        right = self.left if self.right is None else self.right
        return _fit(parse(self.left), cross.x), _fit(parse(right), cross.y)


def _fit(chain: Chain, moments: Gaussian) -> Side:
    for step in chain.steps:
        if turns(step):
            raise InputError(f"own:{step.text} is not possible: {SEPARATE}")
    side = Side(moments.dim)
    for step in chain.fit_moments(moments).steps_:
        own = Side(step.n_features_in_, step.mean_)
        side = side.then(own if step.name == "center" else Side(own.width, own.mean, linear(step)))
    return side


def turns(step: Affine) -> bool:
    """Whether ``step`` gives its rows a basis that depends on the rows it is fitted on."""
    return step.name == "pca" or (step.name == "whiten" and step.get_params()["form"] != "zca")


ENTRIES = {"own": OwnChains}
