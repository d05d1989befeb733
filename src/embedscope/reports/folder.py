"""A folder with every form of a result."""

from __future__ import annotations

from pathlib import Path

from embedscope.core.atomic import make_folder
from embedscope.core.result import Result
from embedscope.reports.figures import write_figures
from embedscope.reports.page import write_html


def write_folder(result: Result, folder: str | Path) -> Path:
    """Write JSON, CSV, Parquet, LaTeX, Markdown, figures and the page of ``result``; the path of the page.

    Raises ``MissingExtraError`` without jinja2 or matplotlib.
    """
    place = Path(folder)
    make_folder(place)
    result.to_json(place / "result.json")
    result.to_csv(place / "records.csv")
    result.to_parquet(place / "records.parquet")
    result.to_latex(place / "tables.tex")
    result.to_markdown(place / "result.md")
    write_figures(result, place / "figures", ("png", "svg", "pdf"))
    return write_html(result, place / "report.html")
