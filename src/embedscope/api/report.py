"""``embedscope.report``."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, overload, runtime_checkable

from embedscope.api._keywords import public
from embedscope.core.report_names import is_page
from embedscope.core.result import Result


@runtime_checkable
class Outcome(Protocol):
    """What ``diagnose``, ``check``, ``repair`` and the like return: it has a result."""

    @property
    def result(self) -> Result:
        """The numbers and their document."""


@overload
def report(result: Result | Outcome | str | Path, path: str | Path) -> Path: ...


@overload
def report(result: Result | Outcome | str | Path, path: None = None) -> str: ...


@public
def report(result: Result | Outcome | str | Path, path: str | Path | None = None) -> Path | str:
    """The report of a result as one self-contained HTML page.

    Parameters
    ----------
    result : a result, what ``diagnose``, ``check`` or ``repair`` return, or the JSON file of a result
    path : file to write, or a folder for every format (JSON, CSV, Parquet, LaTeX, Markdown, figures, page)

    Returns
    -------
    the HTML text, or the path of the page where one is written

    Raises
    ------
    MissingExtraError
        without jinja2, or for a folder without matplotlib.
    InputError
        if ``path`` has the name of a file of another format.

    Examples
    --------
    >>> import embedscope
    >>> page = report(embedscope.measure([[1.0, 0.0], [0.0, 1.0]], metrics="self_similarity"))
    >>> "<h1" in page and "self_similarity" in page
    True
    """
    from embedscope.reports import render_html, write_folder, write_html

    outcome = result.result if isinstance(result, Outcome) else result
    loaded = outcome if isinstance(outcome, Result) else Result.from_json(outcome)
    if path is None:
        return render_html(loaded)
    target = Path(path)
    return write_html(loaded, target) if is_page(target) else write_folder(loaded, target)
