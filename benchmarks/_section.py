"""One benchmark in a process of its own: `python -m benchmarks._section NAME [ARGUMENTS]`.

Where its data, models or packages are not here it says so and ends well; whatever else goes wrong is an error.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from benchmarks._rows import absent


def run(name: str, arguments: list[str]) -> None:
    """Run ``name`` as a program."""
    if not Path(os.environ.get("EMBEDSCOPE_DATA", ".")).is_dir():
        del os.environ["EMBEDSCOPE_DATA"]  # a folder that is not there: as if none were named
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    except Exception as error:
        why = absent(error)
        if why is None:
            raise
        print(f"Not run: {why}.")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
