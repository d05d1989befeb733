"""States of finished shards saved on disk, so that an interrupted run resumes and gives the same bits.

The merge tree is fixed, so that after k shards only log16(k) + 1 merged states exist. Each is saved in a safetensors
file that is written once; a manifest with their checksums is replaced as a whole. Nothing is pickled.
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
    """Saves the states of finished shards in ``folder``.

    Parameters
    ----------
    folder : created if missing; several sources and passes may share it
    identity : identifies the source: its files with their sizes and times of change, or a checksum
    progress : shows what is resumed
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
        skipped: list[BadShard],
    ) -> R:
        """Merge ``outcomes(first)``, the results of the shards from ``first`` on, after the saved states.

        Bad shards of the interrupted run are added to ``skipped``.
        """
        saved = _SavedPass(self.folder / fingerprint(self.identity, work, list(shards), _code(), _products())[:24])
        done, levels = saved.read(skipped, self.progress)
        if done:
            self.progress.note(f"checkpoint: {done} of {len(shards)} shards of this pass are already done")
        arrived = getattr(work, "arrived", None)
        for _, state in levels:
            if arrived is not None and state is not None:
                arrived(state)
        folded = Fold(merge, levels)
        for index, outcome in outcomes(done):
            if not isinstance(outcome, BadShard):
                folded.add(outcome)
            saved.write(index + 1, folded.levels, skipped)
        result: R = folded.total()
        return result


@dataclass(frozen=True)
class _Node:
    """A level of the merge tree on disk: the number of states in it, and the file of their total (None: no state)."""

    count: int
    file: str | None = None
    sha256: str = ""


class _SavedPass:
    """One pass, saved in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._nodes: list[_Node] = []

    def read(self, skipped: list[BadShard], progress: Progress) -> tuple[int, Levels]:
        """Number of finished shards and the levels after them; 0 and none where nothing is saved, or it is damaged."""
        manifest = self.folder / "manifest.json"
        if not manifest.exists():
            return 0, []
        try:
            facts = json.loads(manifest.read_text(encoding="utf-8"))
            nodes = [_Node(**node) for node in facts["levels"]]
            levels = [(node.count, self._state(node)) for node in nodes]
            bad = [BadShard(**each) for each in facts["skipped"]]
            done = int(facts["done"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            progress.note(f"checkpoint: {self.folder.name} is damaged ({error}) and is ignored; the pass starts again")
            return 0, []
        self._nodes = nodes
        skipped[:] = [*skipped, *(b for b in bad if b not in skipped)]
        return done, levels

    def write(self, done: int, levels: Levels, skipped: Sequence[BadShard]) -> None:
        """Save the levels after ``done`` shards: write new states, then the manifest, then delete superseded states."""
        nodes = []
        for i, (count, state) in enumerate(levels):
            before = self._nodes[i] if i < len(self._nodes) else None
            same = before is not None and before.count == count
            nodes.append(before if before is not None and same else self._node(f"{done:08d}-{i}", count, state))
        facts = {"done": done, "levels": [asdict(n) for n in nodes], "skipped": [asdict(b) for b in skipped]}
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
            return Decoder(arrays).decode(json.loads(file.metadata()["tree"]))


@cache
def _code() -> str:
    """Checksum of the code that computes and merges states: another version starts from the beginning."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in ("core", "stats", "readers"):
        for path in sorted((root / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _products() -> list[str]:
    """What determines the bits of a matrix product: numpy, its BLAS and the kernels for this processor."""
    import numpy as np
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    blas = [i for i in threadpool_info() if i["user_api"] == "blas" and "numpy" in i["filepath"]]
    return [np.__version__, platform.machine(), *(f"{i['version']} {i.get('architecture')}" for i in blas)]


@dataclass(frozen=True)
class BadShard:
    """A shard that could not be read, and why."""

    shard: int
    reason: str
