"""Folders of images by class (``FOLDER/class/*.jpg``) as tasks: zero-shot, retrieval by class, a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.tables import Classes, Data, Task, TextTable
from embedscope.datasets import image_folder
from embedscope.tasks.class_retrieval import ClassRetrievalTask
from embedscope.tasks.class_tasks import ProbeTask, ZeroShotTask

PROMPT = "a photo of a {class}."
"""What a class is asked by, the first template of CLIP [radford2021]."""

Made = tuple[Task, Data, str]


def zero_shot_images(path: Path, name: str, about: Mapping[str, Any]) -> Made:
    """Accuracy of the class whose prompt lies nearest to an image."""
    data = _read_with_prompts(path)
    task = ZeroShotTask(name, str(path), "images", "prompts", ("images", "prompts"), about)
    return task, data, f"{_count(data)}, prompt '{PROMPT}'"


def class_retrieval(path: Path, name: str, about: Mapping[str, Any]) -> Made:
    """How well the images of a class are found by its prompt."""
    data = _read_with_prompts(path)
    task = ClassRetrievalTask(name, str(path), "images", "prompts", about)
    return task, data, f"{_count(data)}, queries '{PROMPT}'"


def image_probe(path: Path, name: str, about: Mapping[str, Any]) -> Made:
    """Accuracy of a linear probe on a quarter of the images, which is held out."""
    data = _read(path)
    if len(_classes(data).names) == len(data.images["images"]):
        raise InputError(f"every class folder of {path} has one image, so there is none to hold out; add images")
    images = {"images": replace(data.images["images"], clusters=())}
    task = ProbeTask(name, str(path), "images", "images", ("images",), about)
    return task, replace(data, images=images), _count(data)


def _read_with_prompts(path: Path) -> Data:
    data = _read(path)
    prompts = tuple(PROMPT.replace("{class}", name) for name in _classes(data).names)
    return replace(data, tables={**data.tables, "prompts": TextTable(prompts, "sentence")})


def _read(path: Path) -> Data:
    data = image_folder(path)
    if len(_classes(data).names) < 2:
        raise InputError(f"{path} has one class folder with images; wanted two at least, as in {path.name}/cat/1.jpg")
    return data


def _classes(data: Data) -> Classes:
    classes = data.relations["images"]
    assert isinstance(classes, Classes)
    return classes


def _count(data: Data) -> str:
    return f"{len(data.images['images']):,} images of {len(_classes(data).names):,} classes"
