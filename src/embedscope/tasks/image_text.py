"""Images and texts that belong together: each side looks for the other by cosine."""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks._matches import MatchTask

IDS = ("emoji.retrieval", "multi30k.retrieval", "coco.retrieval")


def _task(name: str, relation: str, tables: tuple[str, str], sides: tuple[str, str], what: str, cite: str) -> Task:
    about = {
        "kind": "image-text retrieval",
        "unit": "image and text",
        "measure": f"mean of recall@1 in both directions, {what} (also recall@1, 5, 10 in each direction)",
        "cite": cite,
        "default": False,
    }
    return MatchTask(name, name.partition(".")[0], relation, tables, sides, about)


ENTRIES: dict[str, Task] = {
    "emoji.retrieval": _task(
        "emoji.retrieval",
        "drawings",
        ("drawings", "names"),
        ("image", "text"),
        "drawings of two vendors and English names",
        "tyshchuk2023",
    ),
    "multi30k.retrieval": _task(
        "multi30k.retrieval",
        "test_2016_images",
        ("test_2016_en", "test_2016_images"),
        ("text", "image"),
        "1,000 images with one caption each, test 2016",
        "elliott2016",
    ),
    "coco.retrieval": _task(
        "coco.retrieval",
        "test_images",
        ("test", "test_images"),
        ("text", "image"),
        "5,000 images with five captions each, Karpathy test split",
        "lin2014",
    ),
}
