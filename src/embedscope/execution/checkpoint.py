"""States of finished shards kept on disk, so that a run that is cut off goes on and comes to the same bits.

The fold is a fixed tree, so after k shards log16(k) + 1 merged states are alive, and these are what is kept: each in a
safetensors file that is written once, and a manifest that is replaced whole and holds their checksums and its own. No
pickle. The hashes of the rows of every shard that is done lie beside them and are compared with the rows of today.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from embedscope.core.accumulate import Fold
from embedscope.core.atomic import atomic_path, make_folder, write_at, write_text
from embedscope.core.batch import Shard
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import facts_sha256
from embedscope.core.progress import Progress, Silent
from embedscope.core.regular import check_folder, is_regular
from embedscope.core.schema import read_json
from embedscope.execution._state_codec import Decoder, Encoder, fingerprint
from embedscope.execution.block_hashes import DIGEST_BYTES, UNREAD, Outcome

R = TypeVar("R")
Merge = Callable[[R, R], R]
Levels = list[tuple[int, Any]]

_MANIFEST, _BLOCKS = "manifest.json", "blocks.bin"


class Checkpoint:
    """Keeps the states of finished shards in ``folder``.

    Parameters
    ----------
    folder : made where it is not there; several sources and passes may share it
    identity : what the source is: its files with their sizes and times of change, or a checksum
    progress : shows what was found
    """

    def __init__(self, folder: str | Path, identity: object, progress: Progress | None = None) -> None:
        self.folder = Path(folder)
        self.identity = identity
        self.progress = progress or Silent()
        self._seen: dict[str, list[bytes]] = {}
        try:
            make_folder(self.folder)
        except OSError as error:
            raise InputError(
                f"cannot write to --checkpoint {folder} ({error.strerror}); name another folder"
            ) from error

    def fold(
        self,
        work: Callable[[Shard], R],
        shards: Sequence[Shard],
        outcomes: Callable[[int], Iterator[tuple[int, Any]]],
        digests: Callable[[int, int], Iterator[tuple[int, bytes]]],
        merge: Merge[R],
        missing: list[BadShard],
    ) -> R:
        """Fold ``outcomes(first)``, what came of the shards from ``first`` on, after what is kept.

        Shards that are done are read again, ``digests(first, end)``, and their rows must have the hashes that were
        kept; a file in which anything has changed is measured anew. ``missing`` takes the bad shards of the run that
        was cut off.

        Raises
        ------
        InputError
            if the rows of a shard are not those of the pass before.
        """
        kept = _Kept(self.folder / fingerprint(self.identity, work, list(shards), _code(), _products())[:24])
        seen = self._seen.setdefault(fingerprint(list(shards)), [])
        done, levels = self._load_kept(kept, len(shards), digests, seen, missing)
        if done:
            self.progress.note(f"checkpoint: {done} of {len(shards)} shards of this pass are already done")
        note_arrival = getattr(work, "note_arrival", None)
        for _, state in levels:
            if note_arrival is not None and state is not None:
                note_arrival(state)
        folded = Fold(merge, levels)
        for index, outcome in outcomes(done):
            if isinstance(outcome, Outcome):
                folded.add(outcome.state)
            digest = outcome.digest if isinstance(outcome, Outcome) else UNREAD
            _check_same(seen, index, digest)
            kept.write(index + 1, folded.levels, missing, digest)
        result: R = folded.total()
        return result

    def _load_kept(
        self,
        kept: _Kept,
        shards: int,
        digests: Callable[[int, int], Iterator[tuple[int, bytes]]],
        seen: list[bytes],
        missing: list[BadShard],
    ) -> tuple[int, Levels]:
        """Shards done and their levels, where they are whole and their rows are still the same; else 0 and nothing."""
        try:
            done, levels, bad = kept.read(shards)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.progress.note(
                f"checkpoint: {kept.folder.name} is damaged ({error}) and is not used; the pass starts anew"
            )
            kept.forget()
            return 0, []
        before = list(missing)
        missing[:] = [*missing, *(b for b in bad if b not in missing)]
        for index, digest in digests(len(seen), done):
            _check_same(seen, index, digest)
        seen.extend([UNREAD] * (done - len(seen)))
        changed = [i for i, (old, new) in enumerate(zip(kept.blocks, seen, strict=False)) if old != new]
        if changed:
            self.progress.note(
                f"checkpoint: the rows of {len(changed)} of {shards} shards have changed since; the pass starts anew"
            )
            missing[:] = before
            kept.forget()
            return 0, []
        return done, levels


def _check_same(seen: list[bytes], index: int, digest: bytes) -> None:
    """Note the hash of shard ``index``; an error where another one was read before in this run."""
    seen.extend([UNREAD] * (index - len(seen)))
    if index == len(seen):
        seen.append(digest)
    elif seen[index] != digest:
        raise InputError(
            f"the rows of shard {index} are not those that were read before; run again when nothing writes to the files"
        )


@dataclass(frozen=True)
class _Node:
    """A level of the fold on disk: how many states are in it, and the file with their total (None: there is none)."""

    count: int
    file: str | None = None
    sha256: str = ""


class _Kept:
    """One pass in a folder of its own.

    Attributes
    ----------
    blocks : the hashes of the rows of the shards that are done
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blocks: list[bytes] = []
        self._nodes: list[_Node] = []
        self._sum = hashlib.sha256()

    def read(self, shards: int) -> tuple[int, Levels, list[BadShard]]:
        """Shards done, of ``shards``, the levels after them and the bad ones; 0 and nothing where nothing is kept.

        Raises
        ------
        ValueError
            if a checksum is wrong, a file is a pipe or the like, or the counts of the levels do not come to the shards
            that are done.
        """
        manifest = self.folder / _MANIFEST
        check_folder(self.folder)
        if not manifest.exists():
            return 0, [], []
        facts = read_json(manifest, "the manifest of a checkpoint")
        if facts.pop("sha256") != facts_sha256(facts):
            raise ValueError(f"{_MANIFEST} does not have its checksum")
        done = int(facts["done"])
        nodes = [_Node(**node) for node in facts["levels"]]
        bad = [BadShard(**each) for each in facts["missing"]]
        counted = sum(node.count * 16**level for level, node in enumerate(nodes))
        if not 0 <= done <= shards or counted + sum(b.shard < done for b in bad) != done:
            raise ValueError(f"its levels hold {counted} shards, it says {done} of {shards}")
        with (self.folder / _BLOCKS).open("rb") as file:
            hashes = file.read(DIGEST_BYTES * done)
        self._sum = hashlib.sha256(hashes)
        if self._sum.hexdigest() != facts["blocks_sha256"]:
            raise ValueError(f"{_BLOCKS} does not have its checksum")
        levels = [(node.count, self._state(node)) for node in nodes]
        self._nodes = nodes
        self.blocks = [hashes[i : i + DIGEST_BYTES] for i in range(0, len(hashes), DIGEST_BYTES)]
        return done, levels, bad

    def forget(self) -> None:
        """Remove what is kept."""
        for path in (self.folder / _MANIFEST, *self.folder.glob("*.safetensors"), self.folder / _BLOCKS):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        self.blocks, self._nodes, self._sum = [], [], hashlib.sha256()

    def write(self, done: int, levels: Levels, missing: Sequence[BadShard], digest: bytes) -> None:
        """Keep the levels after ``done`` shards: what is new, the manifest, then what it made needless goes."""
        nodes = []
        for i, (count, state) in enumerate(levels):
            before = self._nodes[i] if i < len(self._nodes) else None
            same = before is not None and before.count == count
            nodes.append(before if before is not None and same else self._node(f"{done:08d}-{i}", count, state))
        self._add(done, digest)
        facts = {
            "done": done,
            "levels": [asdict(n) for n in nodes],
            "missing": [asdict(b) for b in missing],
            "blocks_sha256": self._sum.hexdigest(),
        }
        write_text(self.folder / _MANIFEST, json.dumps(facts | {"sha256": facts_sha256(facts)}))
        current = {node.file for node in nodes}
        for node in self._nodes:
            if node.file is not None and node.file not in current:
                (self.folder / node.file).unlink(missing_ok=True)
        self._nodes = nodes

    def _add(self, done: int, digest: bytes) -> None:
        """Keep the hash of the last of ``done`` shards; those between were bad in a pass before."""
        new = UNREAD * (done - 1 - len(self.blocks)) + digest
        make_folder(self.folder)
        write_at(self.folder / _BLOCKS, DIGEST_BYTES * len(self.blocks), new)
        self.blocks += [new[i : i + DIGEST_BYTES] for i in range(0, len(new), DIGEST_BYTES)]
        self._sum.update(new)

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
        if path.parent != self.folder or not is_regular(path):
            raise ValueError(f"{node.file} is no file in it")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != node.sha256:
                raise ValueError(f"{node.file} does not have its checksum")
        with safe_open(path, "np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Decoder(arrays).decode(json.loads(file.metadata()["tree"]))


@cache
def _code() -> str:
    """Checksum of the source that makes and merges states: another version starts anew."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in ("core", "stats", "readers", "execution"):
        for path in sorted((root / package).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _products() -> list[str]:
    """What decides the bits of a matrix product: numpy, its BLAS and the kernels this processor gets."""
    import numpy as np
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    libraries = [i for i in threadpool_info() if i["user_api"] == "blas" and "numpy" in i["filepath"]]
    return [np.__version__, platform.machine(), *(f"{i['version']} {i.get('architecture')}" for i in libraries)]


@dataclass(frozen=True)
class BadShard:
    """A shard that could not be read, and why."""

    shard: int
    reason: str
