"""States of finished shards kept on disk, so that a run that is cut off goes on and comes to the same bits.

The fold is a fixed tree, so after k shards log16(k) + 1 merged states are alive, and these are what is kept: each in a
safetensors file that is written once, and a manifest that is replaced whole and holds their checksums. No pickle.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from embedscope.core.accumulate import Fold
from embedscope.core.atomic import atomic_path, write_text
from embedscope.core.batch import Shard
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.execution._state_codec import Decoder, Encoder, fingerprint

R = TypeVar("R")
Merge = Callable[[R, R], R]
Levels = list[tuple[int, Any]]


class Checkpoint:
    """Keeps the states of finished shards in ``folder``.

    Parameters
    ----------
    folder : made where it is not there; several sources and passes may share it
    identity : what the source is: its files with their sizes and times of change, or a checksum
    progress : told what was found
    """

    def __init__(self, folder: str | Path, identity: object, progress: Progress | None = None) -> None:
        self.folder = Path(folder)
        self.identity = identity
        self.progress = progress or Silent()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot write to --checkpoint {folder} ({error.strerror}); name another folder"
            ) from error

    def fold(
        self,
        work: Callable[[Shard], R],
        shards: Sequence[Shard],
        outcomes: Callable[[int], Iterator[tuple[int, Any]]],
        merge: Merge[R],
        missing: list[Bad],
    ) -> R:
        """Fold ``outcomes(first)``, what came of the shards from ``first`` on, after what is kept.

        ``missing`` takes the bad shards of the run that was cut off.
        """
        kept = _Kept(self.folder / fingerprint(self.identity, work, list(shards), _code(), _products())[:24])
        done, levels = kept.read(missing, self.progress)
        if done:
            self.progress.note(f"checkpoint: {done} of {len(shards)} shards of this pass are done already")
        arrived = getattr(work, "arrived", None)
        for _, state in levels:
            if arrived is not None and state is not None:
                arrived(state)
        folded = Fold(merge, levels)
        for index, outcome in outcomes(done):
            if not isinstance(outcome, Bad):
                folded.add(outcome)
            kept.write(index + 1, folded.levels, missing)
        result: R = folded.total()
        return result


@dataclass(frozen=True)
class _Node:
    """A level of the fold on disk: how many states are in it, and the file with their total (None: there is none)."""

    count: int
    file: str | None = None
    sha256: str = ""


class _Kept:
    """One pass in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._nodes: list[_Node] = []

    def read(self, missing: list[Bad], progress: Progress) -> tuple[int, Levels]:
        """Shards done and the levels after them; 0 and nothing where nothing is kept or it is damaged."""
        manifest = self.folder / "manifest.json"
        if not manifest.exists():
            return 0, []
        try:
            facts = json.loads(manifest.read_text(encoding="utf-8"))
            nodes = [_Node(**node) for node in facts["levels"]]
            levels = [(node.count, self._state(node)) for node in nodes]
            bad = [Bad(**each) for each in facts["missing"]]
            done = int(facts["done"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            progress.note(f"checkpoint: {self.folder.name} is damaged ({error}) and is not used; the pass starts anew")
            return 0, []
        self._nodes = nodes
        missing[:] = [*missing, *(b for b in bad if b not in missing)]
        return done, levels

    def write(self, done: int, levels: Levels, missing: Sequence[Bad]) -> None:
        """Keep the levels after ``done`` shards: what is new, the manifest, then what it made needless goes."""
        nodes = []
        for i, (count, state) in enumerate(levels):
            before = self._nodes[i] if i < len(self._nodes) else None
            same = before is not None and before.count == count
            nodes.append(before if before is not None and same else self._node(f"{done:08d}-{i}", count, state))
        facts = {"done": done, "levels": [asdict(n) for n in nodes], "missing": [asdict(b) for b in missing]}
        write_text(self.folder / "manifest.json", json.dumps(facts))
        current = {node.file for node in nodes}
        for node in self._nodes:
            if node.file is not None and node.file not in current:
                (self.folder / node.file).unlink(missing_ok=True)
        self._nodes = nodes

    def _node(self, name: str, count: int, state: Any) -> _Node:
        from safetensors.numpy import save_file

        if state is None:
            return _Node(count)
        encoder = Encoder()
        tree = json.dumps(encoder.tree(state))
        target = self.folder / f"{name}.safetensors"
        with atomic_path(target) as part:
            save_file(encoder.arrays, part, {"tree": tree})
            with part.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return _Node(count, target.name, checksum)

    def _state(self, node: _Node) -> Any:
        from safetensors import safe_open

        if node.file is None:
            return None
        path = self.folder / node.file
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != node.sha256:
                raise ValueError(f"{node.file} does not have its checksum")
        with safe_open(path, "np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Decoder(arrays).thing(json.loads(file.metadata()["tree"]))


@cache
def _code() -> str:
    """Checksum of the source that makes and merges states: another version starts anew."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in ("core", "stats", "readers"):
        for path in sorted((root / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _products() -> list[str]:
    """What decides the bits of a matrix product: numpy, its BLAS and the kernels this processor gets."""
    import numpy as np
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    found = [i for i in threadpool_info() if i["user_api"] == "blas" and "numpy" in i["filepath"]]
    return [np.__version__, platform.machine(), *(f"{i['version']} {i.get('architecture')}" for i in found)]


@dataclass(frozen=True)
class Bad:
    """A shard that could not be read, and why."""

    shard: int
    reason: str
