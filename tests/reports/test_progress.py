"""Progress as a terminal shows it: no two seconds pass without a word, and nothing stays when the work is done."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

IDLE = """
import time
from embedscope.reports.progress import Bars
bars = Bars()
bars.start("first", 10)
bars.advance(10)
bars.close()
time.sleep(2.2)
bars.start("second", 2)
bars.close()
bars.end()
print("the result", flush=True)
time.sleep(2.2)
"""

API = """
import time
import numpy as np
import embedscope
embedscope.measure(np.random.default_rng(0).normal(size=(50, 4)), progress=True)
print("the result", flush=True)
time.sleep(2.2)
"""


def show(script: str, folder: Path) -> str:
    """What a terminal gets of ``script``, without control sequences."""
    main, side = pty.openpty()
    (folder / "script.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(folder / "script.py")], stdout=side, stderr=side, env={**os.environ, "TERM": "xterm"}
    )
    os.close(side)
    parts = []
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    assert process.wait() == 0
    os.close(main)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(parts).decode())


def test_between_phases_the_terminal_says_that_work_goes_on(tmp_path: Path) -> None:
    text = show(IDLE, tmp_path)
    assert "working (after first)" in text
    assert text.index("first: 10 rows") < text.index("working (after first)") < text.index("second")
    assert text.rstrip().endswith("the result"), "nothing is drawn after the end"


def test_a_function_leaves_no_progress_behind(tmp_path: Path) -> None:
    text = show(API, tmp_path)
    assert "pass 1 of" in text
    assert text.rstrip().endswith("the result")


NARROW = """
from embedscope.reports.progress import Bars
bars = Bars()
bars.start("folder/of/a/long/name/documents.npy: pass 1 of 2", 1234567)
bars.advance(200000)
bars._bars.refresh()
bars.end()
"""


def test_a_narrow_terminal_cuts_the_name_of_a_phase_and_no_number(tmp_path: Path) -> None:
    text = show("import os\nos.environ['COLUMNS'] = '60'\n" + NARROW, tmp_path)
    assert "200000/1234567 rows" in text
    assert "\u2026" in text.partition("200000/1234567")[0]
