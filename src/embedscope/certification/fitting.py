"""Candidates fitted from moments: one map for each kind of vector, in one basis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from embedscope.core.arrays import Array, Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.stats.cross import CrossGaussian
from embedscope.stats.moments import Gaussian, Moments
from embedscope.transforms.repair import Header, KindMap, Origin, Repair

JOINT = "joint"
_BLOCK = 8192


@dataclass(frozen=True)
class FitContext:
    """What all fits of a run share: the rows, how they are read, where they come from."""

    normalize: bool = True
    fitted_on: str = ""
    sources: Mapping[str, Origin] = field(default_factory=dict)


def moments_of(x: Array, normalize: bool) -> Gaussian:
    """Moments of the rows of ``x`` (n, d), L2-normalised where ``normalize``; rows of length zero are left out then."""
    state = Moments("unit" if normalize else "raw").start({})
    for lo in range(0, len(x), _BLOCK):
        block = x[lo : lo + _BLOCK]
        state.update(block, hash_rows(lo, lo + len(block)))
    return state.result()


def own_means(text: str) -> tuple[str, bool]:
    """The chain ``text`` of several kinds without ``:joint``, and whether a step has it: one mean for all kinds.

    >>> own_means("center:joint,abtt:1")
    ('center,abtt:1', True)
    """
    steps = [step.strip().split(":") for step in text.split(",")]
    plain = ",".join(":".join(word for word in step if word != JOINT) for step in steps)
    return plain, any(JOINT in step for step in steps)


def fit_kinds(text: str, moments: Mapping[str, Gaussian], context: FitContext) -> Repair:
    """The chain ``text`` for several kinds: each its own mean, then one map from the rows of all about their means.

    ``:joint`` after a step (``center:joint``) takes one mean for all kinds instead. The map is fitted on all rows, so
    a kind weighs as much as it has rows.

    Raises
    ------
    InputError, UnknownNameError
        if the chain is not right, or kinds differ in width.
    """
    from embedscope.transforms import parse_chain
    from embedscope.transforms.affine import Spread
    from embedscope.transforms.align import Side
    from embedscope.transforms.repair.fitted import side_of

    widths = {kind: g.dim for kind, g in moments.items()}
    if len(set(widths.values())) > 1:
        raise InputError(f"vectors of one index must have the same dimensions, got {widths}; encode all into one space")
    plain, joint = own_means(text)
    chain = parse_chain(plain)
    n = sum(g.n for g in moments.values())
    if not n:
        raise InputError("all rows to fit on are zero rows, which have no direction; embed these rows again")
    mean = sum((g.n * g.mean for g in moments.values()), np.zeros(next(iter(widths.values())))) / n
    scatter = sum((g.scatter for g in moments.values()), np.zeros((len(mean), len(mean))))
    if joint:
        scatter = scatter + _between(moments, mean)
        own = {kind: Side(len(mean)) for kind in moments}
        side = side_of(chain.fit_moments(Spread(n, mean, scatter, _quartic(moments) if len(moments) == 1 else None)))
    else:
        own = {kind: Side(len(mean), g.mean) for kind, g in moments.items()}
        side = side_of(chain.fit_moments(Spread(n, np.zeros(len(mean)), scatter, _quartic(moments))))
    kinds = {k: KindMap(s.then(side), context.normalize, True, context.sources.get(k)) for k, s in own.items()}
    return Repair(kinds, Header(candidate=text, n=n, fitted_on=context.fitted_on))


def fit_sides(
    text: str, cross: CrossGaussian, rows: tuple[Array, Array], kinds: tuple[str, str], context: FitContext
) -> Repair:
    """The alignment ``text`` of two kinds, from cross moments; from the ``rows`` kept where moments do not suffice."""
    from embedscope.transforms.align import parse_alignment

    alignment = parse_alignment(text)
    fitted = alignment.fit_cross(cross) if alignment.fits_from_moments else alignment.fit(*rows)
    return Repair.from_alignment(
        fitted,
        kinds,
        normalise_before=context.normalize,
        normalise_after=True,
        sources=dict(context.sources) or None,
        fitted_on=context.fitted_on,
        candidate=text,
    )


def _between(moments: Mapping[str, Gaussian], mean: Floats) -> Floats:
    """Scatter of the means of the kinds about the ``mean`` of all rows."""
    gaps = np.stack([np.sqrt(g.n) * (g.mean - mean) for g in moments.values()])
    return np.asarray(gaps.T @ gaps)


def _quartic(moments: Mapping[str, Gaussian]) -> float | None:
    """Sum of |x - mean|^4 over all kinds about their own means, None where one is not known."""
    known = [g.quartic for g in moments.values()]
    return None if any(q is None for q in known) else float(sum(q for q in known if q is not None))
