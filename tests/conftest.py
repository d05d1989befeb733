"""What tests share: where the evaluation data lie."""

from __future__ import annotations

import gc
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


LONGEST = (
    *("encoders/test_real_models.py", "experiments/test_tyshchuk2023.py", "experiments/test_wolfe2022.py"),
    *("sources/test_worker_models.py", "docs/test_code_blocks.py", "repairs/test_in_place.py"),
    *("execution/test_verbs.py", "execution/test_memory_budget.py", "faults/test_clusters.py"),
    *("diagnosis/test_diagnose.py", "contracts/test_recipes.py", "evaluation/test_models_as_saved.py"),
)
LONG = ("experiments", "faults", "encoders", "sources", "execution", "docs", "explorer", "cli", "readers", "geometry")
"""Files and folders that take longest: they begin a run, so that no process is left alone with one at its end."""


SLOW = (
    *("faults", "execution", "reports/browser", "explorer/test_in_chromium.py", "sources/test_worker_models.py"),
    *("encoders/test_saved_models.py", "evaluation/test_models_as_saved.py", "contracts/test_recipes.py"),
    *("repairs/test_in_place.py", "repairs/test_chroma_server.py", "repairs/test_qdrant_server.py"),
    "experiments/test_tyshchuk2023.py",
)
"""Folders and files whose tests start clusters, servers, browsers, models or plug-ins, kill them, or carry out a study
whose maps are compiled first: all are slow."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules and items live to the end: the garbage collector need not walk through them again and again."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, within a file nothing moves; what lies in a slow place is marked before marks are chosen."""
    place = {name: i for i, name in enumerate((*LONGEST, *LONG))}

    def rank(item: pytest.Item) -> int:
        name = _place_of(item)
        return place.get(name, place.get(name.partition("/")[0], len(place))) if name else len(place) + 1

    for item in items:
        if _place_of(item).startswith(SLOW):
            item.add_marker("slow")
    items.sort(key=rank)


def _place_of(item: pytest.Item) -> str:
    """The file of a test within ``tests``; empty for doctests of the package."""
    parts = item.path.parts
    return "/".join(parts[parts.index("tests") + 1 :]) if "tests" in parts[:-1] else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores: tests that wait (for servers, killed workers, time limits) leave a core idle."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", cores + 1))


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
