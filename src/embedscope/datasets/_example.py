"""The bundled example: small files of vectors with planted faults, to try every verb on.

``docs/make_example.py`` makes them and says what is planted.
"""

from __future__ import annotations

from pathlib import Path

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError

_HOME = Path(__file__).parent / "example"


def example_files(folder: str | Path | None = None) -> dict[str, Path]:
    """Paths of the example's files by name; with ``folder``, those of the files written there.

    ``documents.npy`` (400, 64) and ``queries.npy`` (200, 64) with ids and ``qrels.tsv``; ``images.npy`` and
    ``texts.npy`` (300, 32), whose rows correspond; ``old.npy`` (500, 32) and ``new.npy`` (500, 48), the same rows by
    two models. All vectors are float32. Files of the same name and content may
    be there already; one with other content is an ``InputError``, and nothing is written then.

    >>> sorted(example_files())[:3]
    ['documents.ids.txt', 'documents.npy', 'images.npy']
    """
    stored = {path.name: path for path in sorted(_HOME.iterdir())}
    if folder is None:
        return stored
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file, and the example needs a folder; name another one")
    copies = {name: target / name for name in stored}
    contents = {name: path.read_bytes() for name, path in stored.items()}
    for name, path in copies.items():
        if path.exists() and not (path.is_file() and path.read_bytes() == contents[name]):
            raise InputError(f"{path} exists with other content and would be overwritten; name another folder")
    for name, path in copies.items():
        if not path.exists():  # the verb is called again in the same folder
            write_bytes(path, contents[name])
    return copies
