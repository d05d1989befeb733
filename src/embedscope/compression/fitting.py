"""Maps and codes of candidates, fitted on rows of the index: what is stored, and what a query becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.compression.candidates import Plan
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.stats.moments import Gaussian
from embedscope.transforms._affine import Spread, principal
from embedscope.transforms.align._sides import Side
from embedscope.transforms.codes import Code, RaBitQ, Rows32, fit_code
from embedscope.transforms.repair import Header, KindMap, Origin, Repair

QUERY, DOCUMENT = "query", "document"
FIT_ROWS = 10_000
"""Rows that codes are fitted on at most: ranges of int8, centroids of a product quantiser."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A candidate that can be searched.

    Attributes
    ----------
    plan : what it is
    map : of documents, without the code
    code : None for float32
    """

    plan: Plan
    map: KindMap
    code: Code | None

    @property
    def n_bytes(self) -> int:
        """Bytes of a stored row."""
        return 4 * self.map.dim_out if self.code is None else self.code.n_bytes

    def queries(self, x: npt.NDArray[Any]) -> Rows32:
        """Queries (m, d) as they search: mapped, not coded; with a 1 for what RaBitQ adds to estimates."""
        rows = self._mapped(x)
        return np.pad(rows, ((0, 0), (0, 1)), constant_values=1) if isinstance(self.code, RaBitQ) else rows

    def documents(self, x: npt.NDArray[Any]) -> Rows32:
        """Documents (n, d) as a search reads them back: mapped, coded, decoded."""
        rows = self._mapped(x)
        if self.code is None:
            return rows
        stored = self.code.encode(rows)
        back = self.code.decode(stored)
        return np.column_stack([back, self.code.offsets(stored)]) if isinstance(self.code, RaBitQ) else back

    def _mapped(self, x: npt.NDArray[Any]) -> Rows32:
        return np.asarray(self.map.apply(np.asarray(x, dtype=np.float32)))

    def repair(self, sources: dict[str, Origin], **header: Any) -> Repair:
        """The file that `apply` and `export` read: documents are coded, queries are not."""
        side, before, after = self.map.side, self.map.normalise_before, self.map.normalise_after
        kinds = {
            QUERY: KindMap(side, before, after, sources.get(QUERY)),
            DOCUMENT: KindMap(side, before, after, sources.get(DOCUMENT), code=self.code),
        }
        return Repair(kinds, Header(candidate=self.plan.text, **header))


def fit_plan(plan: Plan, moments: Gaussian, sample: npt.NDArray[Any], seed: int) -> Fitted:
    """The candidate ``plan``: its cut from ``moments`` (of unit rows), its code from a ``sample`` (n, d) of the index.

    Raises
    ------
    InputError
        if the cut or the code does not fit the rows.
    """
    side = _side(plan, moments, seed)
    map_ = KindMap(side, normalise_before=True, normalise_after=plan.cut.startswith("first"))
    rows = map_.apply(np.asarray(sample[:FIT_ROWS], dtype=np.float32))
    return Fitted(plan, map_, fit_code(plan.code, rows, seed))


def _side(plan: Plan, moments: Gaussian, seed: int) -> Side:
    """The cut as a linear map; RaBitQ wants rows that are turned at random.

    ``pca:K`` projects onto the eigenvectors of the second moments with the largest eigenvalues, not of the covariance:
    of all maps to K dimensions it keeps the inner products of the rows best, and so the order of results.
    """
    dim = moments.dim
    side = Side(dim)
    if plan.cut.startswith("pca"):
        second = moments.scatter + moments.n * np.outer(moments.mean, moments.mean)
        _, vectors, rank = principal(Spread(moments.n, np.zeros(dim), second))
        if (plan.dimensions or 0) > rank:
            raise InputError(f"{plan.text} keeps {plan.dimensions} components, and the rows have rank {rank}")
        side = Side(dim, None, np.ascontiguousarray(vectors[:, : plan.dimensions]))
    elif plan.cut:
        kept = plan.dimensions or dim
        if kept > dim:
            raise InputError(f"{plan.text} keeps {kept} dimensions, and the rows have {dim}")
        side = Side(dim, None, np.eye(dim, kept))
    if plan.code == "rabitq":
        side = side.then(Side(side.width_out, None, turn(side.width_out, seed)))
    return side


def turn(dim: int, seed: int) -> Floats:
    """A random rotation (dim, dim), uniform: Q of a Gaussian matrix with the signs of R's diagonal (stewart1980)."""
    q, r = np.linalg.qr(np.random.default_rng([seed, dim]).normal(size=(dim, dim)))
    return np.asarray(q * np.sign(np.diag(r)))
