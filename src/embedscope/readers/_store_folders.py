"""Folders of vector stores that are named without their scheme: how they are addressed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import Error as SQLiteError
from sqlite3 import connect
from urllib.parse import quote

from embedscope.core.boundary import shorten_name


def store_address(folder: Path) -> str | None:
    """The address of the first collection in the store that ``folder`` is, or a table in it; None for other folders.

    >>> store_address(Path("no-folder")) is None
    True
    """
    if folder.suffix == ".lance":
        return f"lancedb:{folder.parent}/{folder.stem}"
    tables = sorted(path.stem for path in folder.glob("*.lance") if path.is_dir())
    if tables:
        return f"lancedb:{folder}/{tables[0]}"
    if (folder / "chroma.sqlite3").is_file():
        return f"chroma:{folder}/{_chroma_collection(folder) or 'COLLECTION'}"
    if (folder / "meta.json").is_file() and (folder / "collection").is_dir():
        collections = sorted(path.name for path in (folder / "collection").iterdir() if path.is_dir())
        return f"qdrant:{folder}/{collections[0] if collections else 'COLLECTION'}"
    return None


def _chroma_collection(folder: Path) -> str | None:
    """The first collection of a Chroma folder by its name; None where its file cannot be read or has none."""
    try:
        with closing(connect(f"file:{quote(str(folder / 'chroma.sqlite3'))}?mode=ro", uri=True)) as database:
            row = database.execute("select name from collections order by name limit 1").fetchone()
    except SQLiteError:
        return None
    return shorten_name(str(row[0])) if row else None
