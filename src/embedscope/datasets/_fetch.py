"""Finding the files of a data set by checksum: installed packages, a folder, the cache, then the official address."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from embedscope.core.atomic import write_bytes
from embedscope.core.cache import cache_folder, named_cache_folder
from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.regular import check_not_root
from embedscope.datasets._archive import members
from embedscope.datasets.file import File, FileSet

DATA_VARIABLE = "EMBEDSCOPE_DATA"
_DOWNLOADS = "data"
_TIMEOUT = 20  # seconds without an answer


class Finder:
    """Finds files by their sha256, wherever they lie under ``data`` and whatever they are called.

    Order: installed package, folder ``data``, cache, download. ``data`` None means $EMBEDSCOPE_DATA where it is set.

    Raises
    ------
    InputError
        if ``data`` is not a folder, or is the root of the file system.
    """

    def __init__(self, data: Path | None = None, download: bool = True) -> None:
        named = os.environ.get(DATA_VARIABLE)
        self.data = Path(data) if data is not None else Path(named) if named else None
        if self.data is not None and not self.data.is_dir():
            raise InputError(f"the data folder {self.data} is not a folder; pass one with --data or ${DATA_VARIABLE}")
        if self.data is not None:
            check_not_root(self.data, "the data")
        self.download = download
        self._unreachable: dict[str, str] = {}
        self._fetched: dict[str, Path] = {}

    def present(self, dataset: FileSet) -> bool:
        """Whether ``dataset`` can be loaded without a download."""
        return dataset.present(self)

    def has(self, files: Iterable[File]) -> bool:
        """Whether those of ``files`` that are not optional are on this machine."""
        return all(self._local(file) is not None for file in files if not file.optional)

    def package(self, module: str) -> Path | None:
        """Folder of an installed package, found without importing it."""
        return _package_folder(module)

    def find(self, name: str) -> Path | None:
        """The first file under the data folder with this name, or with a path that ends in ``folder/name``."""
        wanted = Path(name).parts
        return next((p for p in self._by_name.get(wanted[-1], ()) if p.parts[-len(wanted) :] == wanted), None)

    def folder(self, name: str) -> Path | None:
        """The first folder at or under the data folder with this name that holds a file."""
        paths = (p for paths in self._by_size.values() for p in paths)
        return min((f for p in paths for f in p.parents if f.name == name and self._inside(f)), default=None)

    def _inside(self, folder: Path) -> bool:
        return self.data is not None and folder.is_relative_to(self.data)

    def sha256(self, path: Path) -> str:
        """Checksum of a file, computed once while the file stays the same."""
        return file_sha256(path)

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """Files under the data folder by their name."""
        by_name: dict[str, list[Path]] = {}
        for path in sorted(p for paths in self._by_size.values() for p in paths):
            by_name.setdefault(path.name, []).append(path)
        return by_name

    def read(self, dataset: FileSet) -> dict[str, tuple[File, bytes]]:
        """The edition found of every file of ``dataset`` and its bytes, by the file's name; downloads what is missing.

        Raises
        ------
        DataUnavailableError
            if a file that is not optional is unavailable.
        """
        return {name: (file, path.read_bytes()) for name, (file, path) in self.paths(dataset).items()}

    def paths(self, dataset: FileSet) -> dict[str, tuple[File, Path]]:
        """The edition found of every file of ``dataset`` and where it lies; downloads what is missing.

        Raises
        ------
        DataUnavailableError
            if a file that is not optional is unavailable.
        """
        paths: dict[str, tuple[File, Path]] = {}
        for file in dataset.files:
            local = self._local(file)
            if local is None and not file.optional and self.download:
                self._fetch(file, dataset)
                local = self._local(file)
            if local is not None:
                paths[file.name] = local
            elif not file.optional:
                raise DataUnavailableError(_missing(dataset, file, self._reason(file)))
        return paths

    @cached_property
    def _by_size(self) -> dict[int, list[Path]]:
        """Files under the data folder by their size; walked once."""
        sizes: dict[int, list[Path]] = {}
        for folder, subfolders, names in os.walk(self.data) if self.data is not None else ():
            subfolders.sort()
            for path in (Path(folder, name) for name in sorted(names)):
                if path.is_file():
                    sizes.setdefault(path.stat().st_size, []).append(path)
        return sizes

    def _local(self, file: File) -> tuple[File, Path] | None:
        """The first edition of ``file`` on this machine that has its bytes."""
        for edition in (file, *file.editions):
            for path in self._candidates(edition):
                if _sha256(path) == edition.sha256:
                    return edition, path
        return None

    def _candidates(self, file: File) -> Iterator[Path]:
        if file.package is not None and (folder := _package_folder(file.package[0])) is not None:
            yield folder / file.package[1]
        yield from self._by_size.get(file.size, ())
        yield named_cache_folder() / _DOWNLOADS / file.sha256
        if file.sha256 in self._fetched:
            yield self._fetched[file.sha256]

    def _fetch(self, file: File, dataset: FileSet) -> None:
        """Download the file or its archive and keep the registered files it holds in the cache."""
        host = urlsplit(file.url).hostname
        if not host or host in self._unreachable:
            return
        try:
            raw = _download(file.url)
        except OSError as error:
            self._unreachable[host] = f"{host} could not be reached ({type(error).__name__})"
            return
        wanted = {f.sha256: f.size for f in dataset.files if f.url == file.url}
        for digest, content in members(raw, wanted):
            self._fetched[digest] = downloads_folder() / digest
            write_bytes(self._fetched[digest], content)

    def _reason(self, file: File) -> str:
        if not self.download:
            return "downloads are off"
        if not file.url:
            return "it is not for download"
        return self._unreachable.get(
            urlsplit(file.url).hostname or "", f"{file.url} does not hold the registered bytes (sha256 {file.sha256})"
        )


def downloads_folder() -> Path:
    """Where downloaded files are kept, named by their sha256."""
    return cache_folder() / _DOWNLOADS


def _missing(dataset: FileSet, file: File, reason: str) -> str:
    where = dataset.hint or f"get {file.name} from {dataset.homepage}"
    return (
        f"data set {dataset.name} is not on this machine and {reason}; {where}, or name a folder that holds "
        f"{file.name} with --data DIR"
    )


def _package_folder(module: str) -> Path | None:
    """Folder of an installed package, found without importing it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def file_sha256(path: Path) -> str:
    """Checksum of a file, computed once while the file stays the same; ``InputError`` where it cannot be read."""
    digest = _sha256(path)
    if digest is None:
        raise InputError(f"{path} cannot be read; was it removed?")
    return digest


def _sha256(path: Path) -> str | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return _digest(str(path), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4096)
def _digest(path: str, _mtime: int, _size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str) -> bytes:
    """Bytes at ``url``; raises ``OSError`` where it cannot be reached."""
    import tempfile

    import pooch

    pooch.get_logger().setLevel("WARNING")
    with tempfile.TemporaryDirectory() as folder:
        reader = pooch.HTTPDownloader(timeout=_TIMEOUT)
        return Path(pooch.retrieve(url, known_hash=None, fname="download", path=folder, downloader=reader)).read_bytes()
