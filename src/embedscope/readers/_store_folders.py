"""Folders of vector stores that are named without their scheme: how they are addressed."""

from __future__ import annotations

from pathlib import Path


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
        return f"chroma:{folder}/COLLECTION"
    if (folder / "meta.json").is_file() and (folder / "collection").is_dir():
        collections = sorted(path.name for path in (folder / "collection").iterdir() if path.is_dir())
        return f"qdrant:{folder}/{collections[0] if collections else 'COLLECTION'}"
    return None
