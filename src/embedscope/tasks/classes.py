"""Classes of images: read off their vectors by a linear probe, or found by the nearest class name."""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks.class_tasks import ProbeTask, ZeroShotTask

IDS = ("emoji.probe", "cifar10.probe", "cifar100.probe", "cifar10.zeroshot", "cifar100.zeroshot")


def _about(kind: str, unit: str, measure: str, cite: str) -> dict[str, object]:
    return {"kind": kind, "unit": unit, "measure": measure, "cite": cite, "default": False}


def _probe(dataset: str, train: str, test: str, tables: tuple[str, ...], what: str, cite: str) -> Task:
    measure = f"accuracy of logistic regression (L-BFGS, C 0.316) on {what} (top5)"
    about = _about("linear probe", "image", measure, cite)
    return ProbeTask(f"{dataset}.probe", dataset, train, test, tables, about)


def _zeroshot(dataset: str) -> Task:
    measure = "accuracy of the nearest class name by cosine, names as they are, without a template (top5)"
    about = _about("zero-shot classification", "image and text", measure, "krizhevsky2009")
    return ZeroShotTask(f"{dataset}.zeroshot", dataset, "test_classes", "classes", ("test", "classes"), about)


_PHOTOS = ("train_classes", "test_classes", ("train", "test"), "the 10,000 test photos", "krizhevsky2009")
_DRAWINGS = ("drawing_groups", "drawing_groups", ("drawings",), "the groups of held-out concepts", "tyshchuk2023")

ENTRIES: dict[str, Task] = {
    "emoji.probe": _probe("emoji", *_DRAWINGS),
    "cifar10.probe": _probe("cifar10", *_PHOTOS),
    "cifar100.probe": _probe("cifar100", *_PHOTOS),
    "cifar10.zeroshot": _zeroshot("cifar10"),
    "cifar100.zeroshot": _zeroshot("cifar100"),
}
