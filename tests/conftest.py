"""What tests share: where the evaluation data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the evaluation data, or skip with the reason."""
    named = os.environ.get("EMBEDSCOPE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"evaluation data not found at {folder}; set EMBEDSCOPE_DATA to their folder")
    return folder
