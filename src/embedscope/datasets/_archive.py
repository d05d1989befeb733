"""Wanted files out of a download: nothing is unpacked to disk, so no path in an archive matters."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping


def members(raw: bytes, wanted: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """(sha256, bytes) of the files in ``raw`` that are ``wanted`` (sha256 -> size).

    ``raw`` is a zip or (compressed) tar archive or the file itself. Members are recognised by size and checksum alone;
    those of any other size are not read.
    """
    sizes = set(wanted.values())
    for content in _contents(raw, sizes):
        digest = hashlib.sha256(content).hexdigest()
        if digest in wanted:
            yield digest, content


def _contents(raw: bytes, sizes: set[int]) -> Iterator[bytes]:
    yield raw
    if zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist():
                if info.file_size in sizes:
                    with archive.open(info) as member:
                        yield member.read(info.file_size)
        return
    if not tarfile.is_tarfile(io.BytesIO(raw)):
        return
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for entry in tar:
            if entry.isfile() and entry.size in sizes and (content := tar.extractfile(entry)) is not None:
                yield content.read(entry.size)
