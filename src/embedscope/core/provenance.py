"""Where a result comes from: versions, hardware, settings and the wall time of each phase."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from embedscope.core.schema import read_as

_LIBRARIES = ("numpy", "scipy", "torch", "transformers", "tokenizers", "sentence-transformers", "gguf", "pyarrow")


@dataclass
class Provenance:
    """Collected while a command runs; ``as_dict`` is what the result keeps.

    ``models`` and ``data`` map a name to its facts (revision, sha256, path-free origin, licence); ``settings`` holds
    everything that can change a number; ``phases`` the wall seconds of each phase.
    """

    command: str = ""
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    shards: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall time of the block to the phase ``name``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = round(self.phases.get(name, 0.0) + time.perf_counter() - begin, 4)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON types, with versions and hardware of this process."""
        return {
            "command": self.command,
            "started": self.started,
            "seed": self.seed,
            "versions": versions(),
            "hardware": hardware(),
            "models": self.models,
            "data": self.data,
            "settings": self.settings,
            "shards": self.shards,
            "wall_seconds": self.phases,
        }


def versions() -> dict[str, str]:
    """Versions of python, embedscope and the libraries that can change a number, where they are installed."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "embedscope": _version("embedscope") or "unknown"}
    return versions | {name: v for name in _LIBRARIES if (v := _version(name))}


def hardware() -> dict[str, Any]:
    """Processor, cores, operating system and, where torch is loaded, the accelerator."""
    facts: dict[str, Any] = {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "processor": _processor(),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        facts["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            facts["cuda"] = torch.cuda.get_device_name(0)
    return facts


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


_TYPES: dict[str, Any] = {
    "command": str,
    "started": str,
    "seed": int,
    "versions": dict[str, Any],
    "hardware": dict[str, Any],
    "models": dict[str, dict[str, Any]],
    "data": dict[str, dict[str, Any]],
    "settings": dict[str, Any],
    "shards": dict[str, Any],
    "wall_seconds": dict[str, float],
    "baseline": dict[str, Any],
}


def provenance_from(data: Any, path: str | Path) -> dict[str, Any]:
    """The provenance of the result file ``path``; ``InputError`` where one of its known fields is of another type."""
    fields: dict[str, Any] = read_as(dict[str, Any], data, path, "provenance")
    return fields | {
        name: read_as(kind, fields[name], path, f"provenance.{name}") for name, kind in _TYPES.items() if name in fields
    }
