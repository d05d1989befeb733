"""Classes of images, read off their vectors by a linear probe."""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks._class_tasks import ProbeTask

IDS = ("emoji.probe",)

ENTRIES: dict[str, Task] = {
    "emoji.probe": ProbeTask(
        "emoji.probe",
        "emoji",
        "drawing_groups",
        "drawing_groups",
        ("drawings",),
        {
            "kind": "linear probe",
            "unit": "image",
            "measure": "accuracy of logistic regression (L-BFGS, C 0.316) on the groups of held-out concepts (top5)",
            "cite": "tyshchuk2023",
            "default": False,
        },
    ),
}
