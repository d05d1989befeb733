"""One tool a verb: typed arguments, a short answer, outputs inside the root."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Annotated, Any

from pydantic import Field

from embedscope.api import analogy as _analogy
from embedscope.api import diagnose as _diagnose
from embedscope.api import evaluate as _evaluate
from embedscope.api import listing as _listing
from embedscope.api import measure as _measure
from embedscope.api import repair as _repair
from embedscope.api import report as _report
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.inputs import paths_in, reading
from embedscope.core.result import Result
from embedscope.mcp_server.brief import brief, cut
from embedscope.mcp_server.folder import Root

Source = Annotated[
    str, Field(description="File of vectors (x.npy, x.parquet::column, a folder), or a model with texts or images")
]
Texts = Annotated[str | None, Field(description="For a model: a data set, or a file with one text per line")]
Images = Annotated[str | None, Field(description="For a model of images: a folder, flat or class/*.jpg")]
Save = Annotated[str | None, Field(description="File in the server's folder for the whole result, as JSON")]
Pair = Annotated[
    list[str] | None, Field(description="Two files of vectors with matching rows, in place of source", max_length=2)
]

_WRITTEN = ("out", "save")
"""Arguments of tools that name what is written."""

_ABOUT = ("what", "title", "measure", "question", "about", "licence")
"""Columns of a listing that say what a name is, best first."""


class Tools:
    """The tools of one server; each method is one tool, its docstring is what an agent reads."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def all(self) -> Sequence[Callable[..., str]]:
        """Every tool, errors made for users kept as their sentence."""
        named: tuple[Callable[..., str], ...] = (
            self.measure,
            self.diagnose,
            self.check,
            self.evaluate,
            self.repair,
            self.apply,
            self.export,
            self.analogy,
            self.list,
            self.report,
        )
        return [_guard(tool) for tool in named]

    def measure(
        self,
        source: Source | None = None,
        pair: Pair = None,
        metrics: Annotated[str | None, Field(description="Names, comma-separated; tool list shows them")] = None,
        texts: Texts = None,
        images: Images = None,
        layers: str | None = None,
        save: Save = None,
    ) -> str:
        """Geometry of vectors (isotropy, dimension, norms) or of a pair (modality gap, recall), with intervals."""
        result = _measure.measure(source, pair=_two(pair), metrics=metrics, layers=layers, texts=texts, images=images)
        return self._answer(result, save)

    def diagnose(
        self,
        source: Source | None = None,
        pair: Pair = None,
        queries: Annotated[str | None, Field(description="Vectors of queries against the source")] = None,
        texts: Texts = None,
        images: Images = None,
        save: Save = None,
    ) -> str:
        """What is wrong with a space or a pair, how severe, whom it hurts, and the smallest repair to try."""
        diagnosis = _diagnose.diagnose(source, pair=_two(pair), queries=queries, texts=texts, images=images)
        return self._answer(diagnosis.result, save, numbers=False)

    def check(
        self,
        baseline: Annotated[str, Field(description="Result that measure or diagnose saved")],
        source: Source | None = None,
        pair: Pair = None,
        queries: str | None = None,
        save: Save = None,
    ) -> str:
        """Whether a space has drifted from a saved result, beyond the error bars of both."""
        drift = _diagnose.check(source, baseline=baseline, pair=_two(pair), queries=queries)
        return self._answer(drift.result, save, numbers=False)

    def evaluate(
        self,
        source: Annotated[str | None, Field(description="Model; None where queries and corpus are vectors")] = None,
        tasks: Annotated[str | None, Field(description="Names, comma-separated; tool list shows them")] = None,
        queries: str | None = None,
        corpus: str | None = None,
        qrels: str | None = None,
        layers: str | None = None,
        save: Save = None,
    ) -> str:
        """Scores with intervals: a model on tasks, or retrieval with your queries, documents and judgements."""
        result = _evaluate.evaluate(source, tasks=tasks, queries=queries, corpus=corpus, qrels=qrels, layers=layers)
        return self._answer(result, save)

    def repair(  # noqa: PLR0913
        self,
        out: Annotated[str, Field(description="File in the server's folder for the repair (.safetensors)")],
        source: Source | None = None,
        pair: Pair = None,
        queries: str | None = None,
        corpus: str | None = None,
        qrels: str | None = None,
        labels: str | None = None,
        objective: Annotated[str | None, Field(description="Of a pair: pairs or mixed (one index of both)")] = None,
        candidates: str = "auto",
        texts: Texts = None,
        images: Images = None,
        save: Save = None,
    ) -> str:
        """Fit repairs and write one only if held-out data certify that it helps; needs a pair, qrels or labels."""
        target = self._root.output(out)
        outcome = _repair.repair(
            source,
            pair=_two(pair),
            queries=queries,
            corpus=corpus,
            qrels=qrels,
            labels=labels,
            objective=objective,
            candidates=candidates,
            texts=texts,
            images=images,
        )
        if outcome.accepted:
            outcome.repair.save(target)
        said = f"written: {out}" if outcome.accepted else f"kept the original; {out} is not written"
        return f"{said}\n{self._answer(outcome.result, save, numbers=False)}"

    def apply(
        self,
        repair: Annotated[str, Field(description="File that the tool repair wrote")],
        source: Source,
        out: Annotated[str, Field(description="File in the server's folder: .npy, .parquet or .safetensors")],
        kind: Annotated[str | None, Field(description="Role of the vectors: query, document, image, text")] = None,
    ) -> str:
        """Write vectors through a saved repair to a new file."""
        done = _repair.apply(repair, source, self._root.output(out), kind=kind)
        return f"{out}: {done.rows:,} rows, {done.dim_in} to {done.dim_out} dimensions, {done.n_bytes:,} bytes"

    def export(
        self,
        repair: Annotated[str, Field(description="File that the tool repair wrote")],
        to: Annotated[str, Field(description="numpy, faiss, onnx or sentence-transformers")],
        out: Annotated[str | None, Field(description="File or folder in the server's folder; none for numpy")] = None,
        kind: str | None = None,
        model: Annotated[str | None, Field(description="For sentence-transformers: the model it is put behind")] = None,
    ) -> str:
        """A saved repair for another library; NumPy code is the answer itself."""
        from pathlib import Path

        from embedscope.exports import Order, find_export
        from embedscope.exports.export import check_model
        from embedscope.exports.numpy import numpy_snippet
        from embedscope.transforms.repair import Repair

        target, loaded = find_export(to), Repair.load(repair)
        check_model(target, to, model)
        if out is None:
            if to != "numpy":
                raise InputError(f"say where to write {to}: pass out, a file in the server's folder")
            return cut(numpy_snippet(loaded, Path(repair), kind))
        lines = target.write(Order(loaded, Path(repair), self._root.output(out), kind, model))
        return cut("\n".join([f"{out}: {target.title}", *lines]))

    def analogy(
        self,
        source: Annotated[str, Field(description="Model, or word vectors (gensim:FILE)")],
        question: Annotated[str, Field(description="Such as king - man + woman, with spaces around the signs")],
        words: Annotated[str | None, Field(description="File of words to choose from, one per line")] = None,
        top: Annotated[int, Field(ge=1, le=20)] = 5,
    ) -> str:
        """The words nearest to a sum of words, next to what plain similarity says."""
        return self._answer(_analogy.analogy(source, question, words=words, top=top), None)

    def list(
        self,
        what: Annotated[str, Field(description="models, datasets, tasks, metrics, experiments or transforms")],
    ) -> str:
        """Names of models, data sets, tasks and metrics that the other tools take."""
        known = {
            "models": _listing.list_models,
            "datasets": _listing.list_datasets,
            "tasks": _listing.list_tasks,
            "metrics": _listing.list_metrics,
            "experiments": _listing.list_experiments,
            "transforms": _listing.list_transforms,
        }
        if what not in known:
            raise InputError(f"'{what}' is none of {', '.join(known)}")
        rows = known[what]()
        return cut(
            "\n".join(f"{row['name']}: {next((str(row[k]) for k in _ABOUT if row.get(k)), '')}"[:120] for row in rows)
        )

    def report(
        self,
        result: Annotated[str, Field(description="JSON that another tool saved")],
        out: Annotated[str, Field(description="HTML file in the server's folder")],
    ) -> str:
        """A saved result as one HTML page with charts, tables and provenance."""
        target = self._root.output(out)
        if target.suffix.lower() not in {".html", ".htm"}:
            raise InputError(f"{out} must end in .html")
        _report.report(result, target)
        return f"{out}: the report"

    def _answer(self, result: Result, save: str | None, *, numbers: bool = True) -> str:
        if save is not None:
            result.to_json(self._root.output(save))
        return brief(result, save, numbers=numbers)


def _two(pair: list[str] | None) -> tuple[str, str] | None:
    if pair is None:
        return None
    if len(pair) != 2:
        raise InputError(f"pair takes two files, got {len(pair)}")
    return pair[0], pair[1]


def _guard(tool: Callable[..., str]) -> Callable[..., str]:
    """``tool`` with errors for users as errors of the protocol, one sentence each; it overwrites no file it reads."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def run(*args: Any, **kwargs: Any) -> str:
        try:
            asked = inspect.signature(tool).bind(*args, **kwargs).arguments
            read = (path for name, value in asked.items() if name not in _WRITTEN for path in paths_in(value))
            with reading(read), redirect_stdout(sys.stderr):  # standard output belongs to the protocol
                return tool(*args, **kwargs)
        except EmbedscopeError as error:
            raise ToolError(str(error)) from error
        except OSError as error:
            raise ToolError(f"system error: {(error.strerror or str(error)).lower()}") from error

    return run
