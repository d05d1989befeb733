"""Scores for a model's page on the Hugging Face hub: a block of its card, and a file of ``.eval_results``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.core.atomic import write_text
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.regular import check_ends
from embedscope.core.result import Result
from embedscope.interchange.scores import KNOWN, RETRIEVAL, TaskScores, task_scores

_BEGIN, _END = "<!-- embedscope: begin -->", "<!-- embedscope: end -->"


def model_card(result: Result) -> str:
    """The block of a model card: scores with their intervals as a table, or the findings of another verb.

    It stands between two comments, so that :func:`put_model_card` finds it again.
    """
    try:
        scores = task_scores(result)
    except InputError:
        body = result.to_markdown()
    else:
        lines = ["| model | task | metric | value | 95 % interval | n |", "|---|---|---|---:|---:|---:|"]
        lines += [_line(one, name, r) for one in scores for name, r in one.records.items()]
        body = "## Evaluation with embedscope\n\n" + "\n".join(lines) + "\n"
    command = result.provenance.get("command")
    origin = f"\nMade by `{command}`" if command else ""
    started = result.provenance.get("started")
    return f"{_BEGIN}\n{body}{origin}{f' on {str(started)[:10]}' if origin and started else ''}\n{_END}\n"


def put_model_card(result: Result, path: str | Path) -> None:
    """Put the block into the model card ``path``, in place of one that is there, else at its end."""
    place, block = Path(path), model_card(result)
    check_ends(place)
    try:
        card = place.read_text(encoding="utf-8") if place.exists() else ""
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error.reason}), as a model card is; name another file") from error
    before, begin, rest = card.partition(_BEGIN)
    if begin and _END not in rest:
        raise InputError(f"{path} has '{_BEGIN}' without '{_END}'; put the second back, or remove the first")
    if begin:
        text = before + block + rest.partition(_END)[2].removeprefix("\n")
    else:
        text = (card.rstrip("\n") + "\n\n" if card.strip() else "") + block
    write_text(path, text)


def eval_results(result: Result, hub: Mapping[str, str] | None = None) -> tuple[str, list[str]]:
    """YAML of ``.eval_results``, and the tasks that are left out since no data set of the hub is known for them.

    Parameters
    ----------
    hub : task -> data set on the hub, beside the known ones (``{"retrieval": "me/my-queries"}``)

    Raises
    ------
    InputError
        if the result holds no scores, several models, or no task with a data set of the hub.
    """
    scores = task_scores(result)
    models = list(dict.fromkeys(one.model for one in scores))
    if len(models) > 1:
        raise InputError(
            f"one file of .eval_results is about one model, and this result has {len(models)} "
            f"({', '.join(models[:6])}); evaluate one model in one space"
        )
    known = {task: place for task, (_, place) in KNOWN.items()} | dict(hub or {})
    for task in hub or {}:
        if task not in {one.task for one in scores}:
            raise InputError(f"the result has no task '{task}'; it has {', '.join(one.task for one in scores)}")
    entries = [_entry(one, known[one.task], result.provenance) for one in scores if one.task in known]
    left = [one.task for one in scores if one.task not in known]
    if not entries:
        raise InputError(
            f"no data set of the hub is known for {', '.join(left)}; "
            f"name them, as in --hub-dataset {left[0]}=OWNER/NAME"
        )
    return "\n".join(entries) + "\n", left


def _entry(one: TaskScores, dataset: str, provenance: Mapping[str, Any]) -> str:
    task = KNOWN[one.task][0] if one.task in KNOWN else one.task
    main = one.main
    bars = "" if main.ci_low is None else f"95 % interval {main.ci_low:.4f} to {main.ci_high:.4f}; "
    notes = f"{main.metric if one.task == RETRIEVAL else one.task}, n {main.n or 0:,}; {bars}measured with embedscope"
    lines = [
        "- dataset:",
        f"    id: {json.dumps(dataset)}",
        f"    task_id: {json.dumps(task)}",
        f"  value: {main.value:.6g}",
    ]
    if started := provenance.get("started"):
        lines.append(f"  date: {json.dumps(str(started))}")
    return "\n".join([*lines, f"  notes: {json.dumps(notes, ensure_ascii=False)}"])


def _line(one: TaskScores, name: str, r: Record) -> str:
    interval = "" if r.ci_low is None or r.ci_high is None else f"{r.ci_low:.4f} to {r.ci_high:.4f}"
    cells: Sequence[str] = (one.model, one.task, name, f"{r.value:.4f}", interval, f"{r.n or 0:,}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
