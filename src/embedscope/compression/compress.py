"""How small an index may get: candidates, the frontier, the smallest that is certified to lose at most a tolerance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.certification.judges.base import SplitOptions
from embedscope.certification.judges.queries import JudgedQueries
from embedscope.certification.noninferiority import check_tolerance
from embedscope.certification.origins import model_origin, name_of
from embedscope.certification.space_rows import is_file, space_stream
from embedscope.compression.candidates import AUTO, UNKNOWN, expand_plans
from embedscope.compression.fitting import DOCUMENT, QUERY
from embedscope.compression.frontier import Frontier, frontier
from embedscope.compression.material import Material, Matrix, judged_material, kept_rows, plain_material
from embedscope.compression.matryoshka import trained_sizes
from embedscope.compression.summary import document_of, reason_of, records_of
from embedscope.core.arrays import as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.ids import row_numbers
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.core.unused import refuse_unused
from embedscope.readers import open_vectors
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.options import ModelOptions
from embedscope.sources.retrieval_data import (
    Collection,
    cosine_notes,
    judged_rows,
    judgements_of,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.sources.row_blocks import results_of
from embedscope.sources.single_space import single_space
from embedscope.sources.vector_files import read_matrix
from embedscope.stats.bootstrap import N_DRAWS
from embedscope.stats.moments import Gaussian, Moments
from embedscope.stats.sample import RowSample
from embedscope.transforms.repair import Header, KindMap, Origin, Repair

MAX_EVAL_ROWS = 2_000
TOLERANCE = 0.01
PCA_ON = ("documents", "queries")


def compress(  # noqa: PLR0913
    source: Any = None,
    *,
    queries: Any = None,
    corpus: Sequence[Any] = (),
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Sequence[Any] = (),
    allow_missing: bool = False,
    groups: Any = None,
    layers: str | None = None,
    pooling: str | None = None,
    candidates: str | Iterable[str] = AUTO,
    tolerance: float = TOLERANCE,
    pca_on: Any = "documents",
    max_eval_rows: int = MAX_EVAL_ROWS,
    seed: int = 0,
    model: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    cache: bool = True,
    out: str = "",
    progress: Progress | None = None,
    command: str = "",
) -> tuple[Repair, Result]:
    """The smallest form of an index that held-out queries certify to lose at most ``tolerance``; else the identity.

    Parameters
    ----------
    source : vectors of the index, in files or an array; with ``corpus`` a model
    queries, corpus, qrels, query_ids, corpus_ids, allow_missing : as in ``repair``; without ``qrels`` the ten nearest
        rows of the full index are what is to stay, of ``queries``, or of rows of the index
    groups : what each query (without queries: each row) belongs to
    layers, pooling : of a model
    candidates : separated by commas: ``auto``, ``int8``, ``first:128+int8``, ``pca:64+binary+rescore``, ``pq:48``
    tolerance : loss of the main score that is accepted
    pca_on : ``documents``, ``queries``, or vectors in a file or an array (prompts), whose components ``pca:K`` takes
    max_eval_rows : queries that certify at most; ten times as many rows are searched
    out : file that the caller writes the result to, for the command in the headline; empty for none

    Raises
    ------
    InputError, UnknownNameError, MissingExtraError
    """
    from embedscope.encoders import source_name

    source, progress = source_name(source), progress or Silent()
    check_tolerance(tolerance)
    expand_plans(candidates, UNKNOWN, ())
    provenance, options = Provenance(command, seed), SplitOptions(seed, max_eval_rows)
    encoder = ModelOptions.of(
        {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "data": data, "seed": seed}
    )
    provenance.settings = {
        "candidates": candidates if isinstance(candidates, str) else list(candidates),
        "tolerance": tolerance,
        "pca_on": pca_on if isinstance(pca_on, str) else "array",
        "max_eval_rows": max_eval_rows,
        "bootstrap_draws": N_DRAWS,
    }
    with provenance.phase("data"):
        given = _Given(source, queries, tuple(corpus), qrels, query_ids, tuple(corpus_ids), allow_missing, groups)
        on_queries = isinstance(pca_on, str) and pca_on == "queries"
        material, name, sources = given.read(options, provenance, progress, encoder, on_queries)
    moments = _moments_of_pca(pca_on, material, provenance)
    dim = material.documents.shape[1]
    trained = trained_sizes(name)
    plans, notes = expand_plans(candidates, dim, trained)
    notes += [f"{name} says that it was trained for {', '.join(map(str, trained))} dimensions"] if trained else []
    with provenance.phase("candidates"):
        measured = frontier(material, plans, moments, tolerance, seed, progress)
    fitted_on = f"{material.moments[DOCUMENT].n:,} documents"
    reason = reason_of(measured, material)
    provenance.settings |= {
        "evidence": material.evidence.facts(),
        "decision": reason,
        "accepted": measured.chosen is not None,
    }
    records = records_of(measured, name, dim, fitted_on)
    result = Result(tuple(records), provenance.as_dict(), document_of(measured, material, notes, name, out))
    return _to_repair(measured, material, sources, reason, fitted_on, result), result


class _Given:
    """What the user gives, read."""

    def __init__(self, source: Any, queries: Any, corpus: tuple[Any, ...], qrels: Any, *more: Any) -> None:
        self.source, self.queries, self.corpus, self.qrels = source, queries, corpus, qrels
        self.query_ids, self.corpus_ids, self.allow_missing, self.groups = more
        if source is None and not corpus:
            raise InputError("there is nothing to compress: name a SOURCE of vectors, or a model with --corpus")
        if qrels is not None and queries is None:
            raise InputError("relevance judgements need --queries too")

    def read(
        self,
        options: SplitOptions,
        provenance: Provenance,
        progress: Progress,
        encoder: ModelOptions,
        on_queries: bool,
    ) -> tuple[Material, str, dict[str, Origin]]:
        """The material, the name of the source, and where vectors come from."""
        if not self.corpus and (encoder.layers is not None or encoder.pooling is not None):
            raise InputError("--layers and --pooling are for models: leave them out, or add --corpus and --queries")
        if not self.corpus and encoder.layers is encoder.pooling is None:
            encoder.refuse_for_vectors(name_of(self.source, "the index"))
        if self.qrels is None:
            refuse_unused("is for --qrels", allow_missing=self.allow_missing)
        if self.qrels is None and not self.corpus:
            refuse_unused("is for --queries and --qrels", query_ids=self.query_ids, corpus_ids=self.corpus_ids)
            return self._plain(options, provenance, on_queries)
        model = str(self.source) if self.corpus and self.source is not None else None
        documents = self.corpus or (self.source if isinstance(self.source, Mapping) else _path_as_text(self.source),)
        if self.queries is None:
            raise InputError("a model needs the texts of --queries beside those of --corpus")
        asked = read_collection(self.queries, self.query_ids, provenance, "queries")
        pool = read_corpus(documents, self.corpus_ids, None, provenance)
        place = single_space(list(retrieval_spaces(asked, pool, model, encoder, provenance, progress)))
        notes = list(cosine_notes(place.score))
        groups = self._groups(self.queries, "the queries")
        origin = None if model is None else model_origin(model, provenance)
        sources = {} if origin is None else dict.fromkeys((QUERY, DOCUMENT), origin)
        if self.qrels is None:
            rows_of_corpus = _hold_rows(place.corpus, options)
            return plain_material(*rows_of_corpus, place.queries, options, groups), place.source, sources
        judged = judged_rows(judgements_of(self.qrels, provenance), asked, pool, allow_missing=self.allow_missing)
        rows = JudgedQueries(
            place.queries, place.corpus, asked.ids, pool.ids, (), (judged.query, judged.document, judged.grade)
        )
        return judged_material(rows, options, (*judged.notes, *notes), groups, on_queries), place.source, sources

    def _groups(self, rows: Any, what: str) -> Any:
        """What each of the ``rows``, which are called ``what`` where they are no file, belongs to."""
        return None if self.groups is None else read_groups(self.groups, name_of(rows, what))

    def _plain(
        self, options: SplitOptions, provenance: Provenance, on_queries: bool
    ) -> tuple[Material, str, dict[str, Origin]]:
        """Rows without judgements, read in one pass."""
        if isinstance(self.source, str | Path) and not is_file(self.source):
            raise InputError(
                f"{self.source} is no file of vectors; a model is compressed with the texts of --corpus and --queries"
            )
        if on_queries and self.queries is None:
            raise InputError("--pca-on queries needs --queries")
        asked = None if self.queries is None else _rows(self.queries, "queries", provenance)
        index = _rows(self.source, "the index", provenance) if isinstance(self.source, Mapping) else self.source
        held = _hold_rows(index, options)
        if asked is not None and asked.shape[1] != held[0].shape[1]:
            raise InputError(f"queries have {asked.shape[1]} dimensions, and the index has {held[0].shape[1]}")
        groups = self._groups(*((self.source, "the rows") if asked is None else (self.queries, "the queries")))
        if groups is not None and asked is None and len(held[0]) < held[1]:
            raise InputError(f"--groups of rows needs all of them held; raise --max-eval-rows to {-(-held[1] // 10):,}")
        name = str(self.source) if isinstance(self.source, str | Path) else "array"
        return plain_material(*held, asked, options, groups), name, {}


def _hold_rows(source: Any, options: SplitOptions) -> tuple[Matrix, int, Gaussian]:
    """Rows that are held, in their order; how many there are; their moments: one pass."""
    stream = space_stream(source)
    (space,) = stream.dims
    kept, moments = results_of(
        stream, space, [RowSample(kept_rows(options.max_eval_rows), options.seed), Moments("unit")]
    )
    if not kept.n:
        raise InputError("the index has no rows; pass vectors")
    order = np.argsort(row_numbers(kept.ids), kind="stable")
    return np.asarray(kept.x[order]), kept.n, moments


def _rows(source: Any, name: str, provenance: Provenance) -> Matrix:
    """Vectors of queries or prompts, from a file or memory; ``InputError`` where what ``name`` names is no matrix."""
    if isinstance(source, Collection):
        if source.x is None:
            raise InputError(f"{name} are texts; an index of vectors is searched with vectors")
        return source.x
    if isinstance(source, Mapping):
        return _rows(read_collection(source, None, provenance, name), name, provenance)
    if isinstance(source, str | Path):
        return np.asarray(read_matrix(open_vectors(str(source)), str(source))[1])
    return to_numpy(as_matrix(source, name))


def _moments_of_pca(pca_on: Any, material: Material, provenance: Provenance) -> Gaussian:
    """Moments of the rows whose components ``pca:K`` takes."""
    from embedscope.certification.fitting import moments_of

    if isinstance(pca_on, str) and pca_on in PCA_ON:
        return material.moments[DOCUMENT if pca_on == "documents" else QUERY]
    if isinstance(pca_on, str | Path) and not is_file(pca_on):
        raise InputError(f"--pca-on takes documents, queries or a file of vectors, got '{pca_on}'")
    moments = moments_of(_rows(pca_on, "pca_on", provenance), True)
    if moments.dim != material.documents.shape[1]:
        raise InputError(
            f"the vectors of --pca-on have {moments.dim} dimensions, the index {material.documents.shape[1]}"
        )
    return moments


def _path_as_text(source: Any) -> Any:
    return str(source) if isinstance(source, Path) else source


def _to_repair(
    measured: Frontier, material: Material, sources: dict[str, Origin], reason: str, fitted_on: str, result: Result
) -> Repair:
    """The file of the chosen candidate; the identity where there is none."""
    from embedscope.transforms.align.sides import Side

    n = material.moments[DOCUMENT].n
    if measured.chosen is None or measured.chosen.point.fitted is None:
        dim = material.documents.shape[1]
        return Repair(
            {k: KindMap(Side(dim), source=sources.get(k)) for k in (QUERY, DOCUMENT)}, Header(decision=reason)
        )
    text = measured.chosen.point.plan.text
    evidence = tuple(r for r in result.records if r.subset == "certify" and r.transform in (None, text))
    notes = (*material.evidence.notes, *material.notes)
    fitted = measured.chosen.point.fitted
    return fitted.repair(sources, n=n, fitted_on=fitted_on, decision=reason, evidence=evidence, notes=notes)
