"""Hints on ids, and modules of transforms that are found without an import of their own."""

import subprocess
import sys

from embedscope.core.near_ids import near_id


def test_an_id_with_a_number_is_not_taken_for_another_number() -> None:
    known = [f"q{i}" for i in range(100, 300)]
    assert near_id("q7", known) == "ids that begin with 'q' are numbered from q100 to q299"
    assert near_id("Q0150", known) == "did you mean 'q150'?"
    assert near_id("q150-a", known) == "did you mean 'q150'?"
    assert near_id("7", ["a", "b"]) == "ids look like 'a'"


def test_packages_of_transforms_are_attributes() -> None:
    code = (
        "import embedscope; print(embedscope.transforms.repair.Repair.__name__, embedscope.transforms.codes.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Repair", "embedscope.transforms.codes"]
