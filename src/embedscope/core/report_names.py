"""What the name of a report says it is: one HTML page, or a folder with every form of a result."""

from __future__ import annotations

from pathlib import Path

from embedscope.core.errors import InputError

_OTHERS = {
    "csv": "a folder holds records.csv",
    "ipynb": "a notebook shows a Result as it is",
    "jpg": "a folder holds the figures",
    "json": "--json FILE writes the numbers",
    "md": "--format markdown prints Markdown",
    "parquet": "a folder holds records.parquet",
    "pdf": "a browser prints the page as PDF",
    "png": "a folder holds the figures",
    "svg": "a folder holds the figures",
    "tex": "a folder holds tables.tex",
    "txt": "without --report the tables are printed",
    "xml": "--format junit prints JUnit XML",
}
_OTHERS |= dict.fromkeys(("doc", "docx", "odt", "rtf"), "a word processor opens the page")
_OTHERS |= dict.fromkeys(("ods", "tsv", "xls", "xlsx"), "a folder holds records.csv")
_OTHERS |= dict.fromkeys(("gz", "ppt", "pptx", "tar", "zip"), "a folder holds all forms")


def is_page(path: Path) -> bool:
    """Whether a report of this name is one HTML page; else it is a folder.

    Raises
    ------
    InputError
        if the name is that of a file of another format, and no folder that is there.

    >>> is_page(Path("x.html")), is_page(Path("run-0.2"))
    (True, False)
    """
    if path.suffix.lower() in {".html", ".htm"}:
        return True
    if not path.is_dir():
        refuse_others(path, "one HTML page or a folder", "a new folder")
    return False


def refuse_others(path: Path, wanted: str, more: str = "") -> None:
    """Raise ``InputError`` where ``path`` has the name of a file of another format than HTML."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in _OTHERS:
        raise InputError(
            f"{path} has the name of a .{suffix} file, and a report is {wanted}; name {path.stem}.html"
            f"{f' or {more}' if more else ''} ({_OTHERS[suffix]})"
        )
