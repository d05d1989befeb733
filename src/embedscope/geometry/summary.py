"""What ``measure`` says: the headline of its numbers, and the charts beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from embedscope.core.document import Chart, Document, Dot, DotRow, Dots, Headline, Range, Skipped
from embedscope.core.records import Record
from embedscope.core.wording import count
from embedscope.geometry.charts import by_form, charts_of
from embedscope.geometry.sketches import Sketchbook
from embedscope.readers import is_vector_folder, is_vectors

Numbers = dict[str, Record]

COSINES = "mean_cosines"
_MOST_SPACES = 24
_ENDS = 4
_LAYER = re.compile(r"layer\d+")


def space_document(records: Sequence[Record], book: Sketchbook, skipped: Sequence[Skipped]) -> Document | None:
    """The document of one or several spaces; tables and curves over layers follow from the records."""
    pages = list(book)
    dims = {r.dim for r in records if r.dim}
    even = 2 / min(dims) ** 0.5 if len(dims) == 1 else 0.0
    ranges = (Range(-even, even, "cosines of random directions"),) if 0 < even < 0.5 else ()
    spaces = cosines_by_space(records)
    forms = by_form((*charts_of(pages, ranges), *([] if spaces is None else [spaces])))
    charts: list[Chart] = [*forms["histograms"], *forms["figures"], *forms["scatters"], *forms["dots"]]
    headline = space_headline(records, tuple(c.id for c in charts))
    if headline is None and not skipped and not charts:
        return None
    return Document(_title(records), skipped=tuple(skipped), headline=headline, **forms)


def space_headline(records: Sequence[Record], charts: Sequence[str]) -> Headline | None:
    """The mean cosine and the directions of a space, or how they change over layers; None where neither is known."""
    spaces = _spaces(r for r in records if not r.source.startswith("random:"))
    if len(spaces) == 1:
        ((source, *_),) = spaces
        numbers = next(iter(spaces.values()))
        return _of_one(source, numbers, charts)
    return _of_several(spaces, charts) if spaces else None


def format_record(record: Record, digits: int = 3) -> str:
    """``self_similarity 0.834 (0.823 to 0.844)``."""
    if record.value is None:
        return f"{record.metric} is undefined"
    digits = digits if abs(record.value) < 10 else 1
    known = record.ci_low is not None and record.ci_high is not None
    ends = f" ({record.ci_low:.{digits}f} to {record.ci_high:.{digits}f})" if known else ""
    return f"{record.metric} {record.value:.{digits}f}{ends}"


def _title(records: Sequence[Record]) -> str:
    names = list(dict.fromkeys(r.source.removeprefix("random:") for r in records))
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"Geometry of {shown}" if names else "A result without records"


def _spaces(records: object) -> dict[tuple[str, str, str], Numbers]:
    spaces: dict[tuple[str, str, str], Numbers] = {}
    for r in records:  # type: ignore[attr-defined]
        if r.value is not None and r.variant is None:
            spaces.setdefault((r.source, r.pooling or "", r.space or ""), {})[r.metric] = r
    return spaces


def _of_one(source: str, numbers: Numbers, charts: Sequence[str]) -> Headline | None:
    parts, shown = [], []
    cosine = numbers.get("self_similarity")
    if cosine is not None and cosine.value is not None:
        parts.append(f"unrelated rows have a mean cosine of {round(cosine.value, 2) + 0.0:.2f}")
        shown.append(cosine)
    for name in ("participation_ratio_unbiased", "participation_ratio"):
        number = numbers.get(name)
        if number is not None and number.value is not None and len(parts) < 2:
            parts.append(f"the variance spreads over {number.value:.0f} of {number.dim} directions")
            shown.append(number)
    if not parts:
        known = [r for r in numbers.values() if r.value is not None][:2]
        parts = [f"{r.metric} is {r.value:.4g}" for r in known]
        shown = known
    if not parts:
        return None
    text = " and ".join(parts)
    n = max((r.n or 0 for r in numbers.values()), default=0)
    evidence = "; ".join([*(format_record(r) for r in shown), f"n {n:,}"]) + "; in brackets 95 % intervals"
    command = f"embedscope diagnose {shlex.quote(source)}" if is_vectors(source) or is_vector_folder(source) else ""
    return Headline(f"{text[0].upper()}{text[1:]}.", "info", evidence, command=command, charts=tuple(charts[:2]))


def _of_several(spaces: dict[tuple[str, str, str], Numbers], charts: Sequence[str]) -> Headline | None:
    """Where the mean cosine is lowest and highest, of each source; beside it the curves over layers."""
    parts, ends = [], []
    for source in dict.fromkeys(key[0] for key in spaces):
        own = [(key, n["self_similarity"]) for key, n in spaces.items() if key[0] == source and "self_similarity" in n]
        if not own:
            continue
        lowest, highest = (f(own, key=lambda item: item[1].value or 0.0) for f in (min, max))
        name = source.rpartition("/")[2]
        if len(own) == 1:
            parts.append(f"{_two_places(lowest[1])} in {name}")
            ends.append(lowest)
        else:
            low, high = (f"{_two_places(r)} ({_place(key) or source})" for key, r in (lowest, highest))
            parts.append(f"{low} to {high} in {name}")
            ends += [lowest, highest]
    if not parts:
        return None
    several = len(parts) > 1
    text = f"Unrelated rows have a mean cosine of {', '.join(parts[:-1])}{' and ' if several else ''}{parts[-1]}."
    names = _space_names([key for key, _ in ends])
    said = [f"{names[key]} {format_record(r).partition(' ')[2]}" for key, r in ends[:_ENDS]]
    evidence = "; ".join([*said, *([f"{count(len(ends) - _ENDS, 'more value')} below"] if len(ends) > _ENDS else [])])
    curves = ("curve-self_similarity", "curve-participation_ratio")
    mine = tuple(c for c in charts if c == COSINES)
    return Headline(text, "info", f"{evidence}; in brackets 95 % intervals", charts=mine or curves)


def _two_places(record: Record) -> str:
    """``-0.30``; what rounds to 0 has no sign."""
    return f"{round(record.value or 0.0, 2) + 0.0:.2f}"


def _space_names(keys: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """The parts of each space that tell it from the others."""
    sources = len({key[0] for key in keys})
    short = len({key[0].rpartition("/")[2] for key in keys}) == sources

    def name(key: tuple[str, str, str]) -> str:
        source = key[0].rpartition("/")[2] if short else key[0]
        if sources == len(keys):
            return source
        return (_place(key) or source) if sources == 1 else f"{source} {_place(key)}"

    return {key: name(key) for key in keys}


def _place(key: tuple[str, str, str]) -> str:
    return " ".join(filter(None, key[1:]))


def cosines_by_space(records: Sequence[Record]) -> Dots | None:
    """The mean cosine of every space with its interval, where spaces are no layers; None where a curve shows them."""
    spaces = _spaces(records)
    known = [(key, n["self_similarity"]) for key, n in spaces.items() if "self_similarity" in n]
    if not 1 < len(known) <= _MOST_SPACES or any(_LAYER.fullmatch(space) for (_, _, space), _ in known):
        return None
    names = _space_names([key for key, _ in known])
    rows = [DotRow(names[key], (Dot(0, r.value or 0.0, r.ci_low, r.ci_high),), f"{r.value:.3f}") for key, r in known]
    title = "Mean cosine of unrelated rows"
    return Dots(COSINES, title, "mean cosine", tuple(rows), caption="Bars: 95 % intervals.", section="All spaces")
