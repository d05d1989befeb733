"""Maps and codes of candidates, fitted on rows of the index: what is stored, and what a query becomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.compression.candidates import Plan
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.threads import in_threads
from embedscope.stats.moments import Gaussian
from embedscope.transforms.affine import Spread, principal
from embedscope.transforms.align.sides import Side, unit
from embedscope.transforms.codes import Code, RaBitQ, Rows32, fit_code
from embedscope.transforms.repair import Header, KindMap, Origin, Repair

QUERY, DOCUMENT = "query", "document"
FIT_ROWS = 10_000
"""Rows that codes are fitted on at most: ranges of int8, centroids of a product quantiser."""

_BLOCK = 1024
"""Rows that are coded at once: what a cache holds."""


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
        rows = self._map_rows(x)
        return np.pad(rows, ((0, 0), (0, 1)), constant_values=1) if isinstance(self.code, RaBitQ) else rows

    def documents(self, x: npt.NDArray[Any]) -> Rows32:
        """Documents (n, d) as a search reads them back: mapped, coded, decoded."""
        return self.round_trip(self._map_rows(x))

    def round_trip(self, rows: Rows32) -> Rows32:
        """Mapped documents (n, k) as a search reads them back: coded, decoded."""
        if self.code is None:
            return rows
        code, turned = self.code, isinstance(self.code, RaBitQ)
        back = np.empty((len(rows), rows.shape[1] + turned), dtype=np.float32)

        def code_block(lo: int) -> None:
            part = slice(lo, lo + _BLOCK)
            stored = code.encode(rows[part])
            back[part, : rows.shape[1]] = code.decode(stored)
            if isinstance(code, RaBitQ):
                back[part, -1] = code.offsets(stored, back[part, :-1])

        for _ in in_threads(code_block, range(0, len(rows), _BLOCK)):
            pass
        return back

    def _map_rows(self, x: npt.NDArray[Any]) -> Rows32:
        return np.asarray(self.map.apply(np.asarray(x, dtype=np.float32)))

    def repair(self, sources: dict[str, Origin], **header: Any) -> Repair:
        """The file that `apply` and `export` read: documents are coded, queries are not."""
        side, before, after = self.map.side, self.map.normalise_before, self.map.normalise_after
        kinds = {
            QUERY: KindMap(side, before, after, sources.get(QUERY)),
            DOCUMENT: KindMap(side, before, after, sources.get(DOCUMENT), code=self.code),
        }
        return Repair(kinds, Header(candidate=self.plan.text, **header))


class Fitter:
    """Fits candidates one after the other, and shares between them what they have in common.

    Parameters
    ----------
    moments : of unit rows, whose components ``pca:K`` takes
    documents : (n, d) of the index, of unit length; codes are fitted on the first of them
    widest : components that ``pca:K`` takes at most
    """

    def __init__(self, moments: Gaussian, documents: Floats, widest: int, seed: int) -> None:
        self.moments, self.seed = moments, seed
        self._documents, self._widest = np.asarray(documents, dtype=np.float32), widest
        self._last: tuple[tuple[str, bool], Rows32] | None = None
        self._read: tuple[tuple[str, str], Rows32] | None = None

    @cached_property
    def _components(self) -> tuple[Floats, int]:
        """Eigenvectors of the second moments, and their rank."""
        m = self.moments
        second = m.scatter + m.n * np.outer(m.mean, m.mean)
        _, vectors, rank = principal(Spread(m.n, np.zeros(m.dim), second))
        return vectors, rank

    @cached_property
    def _projected(self) -> Rows32:
        """The documents on all components that any candidate takes: each takes the first of them."""
        return np.asarray(self._documents @ self._components[0][:, : self._widest].astype(np.float32))

    def fit(self, plan: Plan) -> Fitted:
        """The candidate ``plan``.

        Raises
        ------
        InputError
            if the cut or the code does not fit the rows.
        """
        map_ = KindMap(self._side(plan), normalise_before=True, normalise_after=plan.cut.startswith("first"))
        return Fitted(plan, map_, fit_code(plan.code, self._map_documents(plan)[:FIT_ROWS], self.seed))

    def documents(self, fitted: Fitted) -> tuple[Rows32, Rows32]:
        """The documents as the map of ``fitted`` gives them, and as a search reads them back.

        Those of the last candidate where it had the same cut and code, as bits with and without rescoring.
        """
        mapped, key = self._map_documents(fitted.plan), (fitted.plan.cut, fitted.plan.code)
        if self._read is None or self._read[0] != key:
            self._read = key, fitted.round_trip(mapped)
        return mapped, self._read[1]

    def _map_documents(self, plan: Plan) -> Rows32:
        """The documents as the map of ``plan`` gives them, those of the last candidate where it had the same cut."""
        key = plan.cut, plan.code == "rabitq"
        if self._last is None or self._last[0] != key:
            x = self._documents
            if plan.cut.startswith("pca"):
                x = self._projected[:, : plan.dimensions]
            elif plan.cut:
                x = unit(x[:, : plan.dimensions])
            x = x @ turn(x.shape[1], self.seed).astype(np.float32) if plan.code == "rabitq" else x
            self._last = key, np.ascontiguousarray(x)
        return self._last[1]

    def _side(self, plan: Plan) -> Side:
        """The cut as a linear map; RaBitQ wants rows that are turned at random.

        ``pca:K`` projects onto the eigenvectors of the second moments with the largest eigenvalues, not of the
        covariance: of all maps to K dimensions it keeps the inner products of the rows best, and so the order of
        results.
        """
        dim = self.moments.dim
        side = Side(dim)
        if plan.cut.startswith("pca"):
            vectors, rank = self._components
            if (plan.dimensions or 0) > rank:
                raise InputError(f"{plan.text} keeps {plan.dimensions} components, and the rows have rank {rank}")
            side = Side(dim, None, np.ascontiguousarray(vectors[:, : plan.dimensions]))
        elif plan.cut:
            kept = plan.dimensions or dim
            if kept > dim:
                raise InputError(f"{plan.text} keeps {kept} dimensions, and the rows have {dim}")
            side = Side(dim, None, np.eye(dim, kept))
        if plan.code == "rabitq":
            side = side.then(Side(side.width_out, None, turn(side.width_out, self.seed)))
        return side


def turn(dim: int, seed: int) -> Floats:
    """A random rotation (dim, dim), uniform: Q of a Gaussian matrix with the signs of R's diagonal (stewart1980)."""
    q, r = np.linalg.qr(np.random.default_rng([seed, dim]).normal(size=(dim, dim)))
    return np.asarray(q * np.sign(np.diag(r)))
