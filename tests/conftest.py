"""What tests share: where the evaluation data lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# In CI the examples of property tests are fixed, so that a run says something about the change and not about luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

NAMED = os.environ.get("EMBEDSCOPE_DATA")
FOLDER = Path(NAMED) if NAMED else Path(__file__).resolve().parents[2] / "shared" / "data"


LONG = ("experiments", "faults", "encoders", "sources", "execution", "docs", "explorer", "cli", "readers", "geometry")
"""Folders whose files take longest: they begin a run, so that no process is left alone with one at its end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within a file nothing moves."""
    place = {name: i for i, name in enumerate(LONG)}

    def rank(item: pytest.Item) -> int:
        parts = item.path.parts
        return place.get(parts[parts.index("tests") + 1], len(LONG)) if "tests" in parts[:-1] else len(LONG) + 1

    items.sort(key=rank)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the evaluation data, or skip with the reason."""
    if not FOLDER.is_dir():
        pytest.skip(f"evaluation data not found at {FOLDER}; set EMBEDSCOPE_DATA to their folder")
    return FOLDER


@pytest.fixture(scope="session")
def data_at_hand() -> Path | None:
    """Folder of the evaluation data where it is there; installed packages bring some data sets without it."""
    return FOLDER if FOLDER.is_dir() else None


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all processes of a run, out of the user's own: what is read once is not read again."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDSCOPE_CACHE", str(shared / "embedscope-cache"))
        yield
