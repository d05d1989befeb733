"""What the user gives, as a judge: pairs, judgements, classes, scored pairs, or nothing but vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.pipeline._pair_files import id_hashes, side
from embedscope.pipeline.reading import file_facts
from embedscope.pipeline.repairs.fitting import Made
from embedscope.pipeline.repairs.judge import Judge, Setup
from embedscope.pipeline.repairs.label_judge import known_half
from embedscope.pipeline.repairs.origins import file_origins, labels_of, name_of
from embedscope.pipeline.repairs.pair_classes import PairClasses
from embedscope.pipeline.repairs.pair_judge import PairJudge
from embedscope.pipeline.repairs.pair_rows import PairParts, by_matches, by_position, pair_blocks
from embedscope.pipeline.repairs.tables import read_rows
from embedscope.pipeline.repairs.telling import Told
from embedscope.pipeline.texts import Encoder, On
from embedscope.readers import file_of

OBJECTIVES = {"pair": ("pairs", "mixed"), "qrels": ("mixed", "pairs"), "labels": ("zeroshot", "probe")}


@dataclass(frozen=True, eq=False)
class Given:
    """What the user gives; see :func:`embedscope.pipeline.repair.repair`."""

    source: Any = None
    pair: tuple[Any, Any] | None = None
    ids: tuple[Any, Any] | None = None
    pairs: Any = None
    queries: Any = None
    corpus: tuple[str, ...] = ()
    qrels: Any = None
    labels: Any = None
    scored: Any = None
    kinds: tuple[str, ...] = ()
    on: On | None = None

    @property
    def way(self) -> str:
        """Which judge is asked for.

        Raises
        ------
        InputError
            if none or several are.
        """
        asked = {
            "pair": self.pair is not None,
            "qrels": self.queries is not None or self.qrels is not None,
            "labels": self.labels is not None,
            "scored": self.scored is not None,
        }
        found = [name for name, given in asked.items() if given]
        if self.pair is not None and self.labels is not None:
            found.remove("labels")
        if len(found) > 1:
            raise InputError(f"{' and '.join(found)} are different judges; run them one after the other")
        if self.pair is None and (self.ids is not None or self.pairs is not None):
            raise InputError("--pairs and --pair-ids say which rows of --pair A B belong together; name the two sides")
        if self.pair is not None and self.source is not None:
            raise InputError("a source and a pair ask for two things; leave one out")
        if self.pair is None and self.source is None and not self.corpus:
            raise InputError("nothing to repair: name a SOURCE, or two files with --pair A B")
        return found[0] if found else "geometry"


def judge_of(
    given: Given,
    setup: Setup,
    objective: str | None,
    provenance: Provenance,
    progress: Progress,
    encoder: Encoder,
) -> tuple[Judge, Told]:
    """The judge of what is given, with its data read, and what records say of it."""
    way = given.way
    known = OBJECTIVES.get(way, ())
    if objective is not None and objective not in known:
        wanted = f"wanted {' or '.join(known)}" if known else "leave it out, there is only one"
        raise InputError(f"objective '{objective}' does not go with what is given; {wanted}")
    goal = objective or (known[0] if known else "")
    if way == "pair":
        return _pairs(given, setup, goal == "mixed", provenance)
    if way == "qrels":
        from embedscope.pipeline.repairs.query_sources import queries

        return queries(given, setup, goal == "mixed", provenance, progress, encoder)
    from embedscope.pipeline.repairs.space_sources import space_judge

    return space_judge(given, setup, goal == "probe", provenance, progress, encoder)


def _pairs(given: Given, setup: Setup, mixed: bool, provenance: Provenance) -> tuple[Judge, Told]:
    a, b = given.pair or (None, None)
    names = given.kinds or ("image", "text")
    if len(names) != 2 or names[0] == names[1]:
        raise InputError(f"a pair has two kinds, got {', '.join(names) or 'none'}; name them as image,text")
    classes = None if given.labels is None else _classes(given.labels, setup, provenance)
    parts = _pair_parts(given, setup, classes, provenance)
    sources = file_origins(dict(zip(names, (a, b), strict=True)), provenance)
    made = Made(setup.unit, f"{parts.cross.n:,} pairs, one half of all", sources)
    judge = PairJudge(parts, (names[0], names[1]), made, mixed, setup.seed, classes)
    label = "|".join(name_of(s, n) for s, n in zip((a, b), names, strict=True))
    return judge, Told(label, "|".join(names), parts.cross.widths[0], made.fitted_on)


def _classes(labels: Any, setup: Setup, provenance: Provenance) -> PairClasses:
    names, found = np.unique(labels_of(labels, provenance), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"labels of pairs need at least two classes, got {len(names)}; leave them out")
    return PairClasses(found.astype(np.intp), known_half(len(names), setup.seed))


def _pair_parts(given: Given, setup: Setup, classes: PairClasses | None, provenance: Provenance) -> PairParts:
    a, b = given.pair or (None, None)
    how: dict[str, Any] = {"unit": setup.unit, "held_out": setup.held_out, "seed": setup.seed}
    how |= {"limit_fit": setup.held_out // 2, "known": None if classes is None else classes.rows}
    blocks = pair_blocks(a, b) if given.ids is None and given.pairs is None else None
    if blocks is not None:
        for name in (str(a), str(b)):
            provenance.data[name] = file_facts(file_of(name)) if file_of(name).is_file() else {}
        return by_position(blocks, **how)
    x, y = side(a, provenance), side(b, provenance)
    if given.pairs is not None:
        if given.ids is not None:
            raise InputError("--pairs and --pair-ids both say which rows belong together; leave one out")
        rows = read_rows(given.pairs, 2, (len(x), len(y)), "pairs")
        left, right = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp)
        return by_matches(x, y, left, right, **how)
    if given.ids is None:
        if len(x) != len(y):
            raise InputError(f"the sides have {len(x)} and {len(y)} rows; say which belong together with --pair-ids")
        return by_position(iter([(x, y)]), **how)
    hx, hy = id_hashes(given.ids[0], len(x), "left"), id_hashes(given.ids[1], len(y), "right")
    left, right = _same(hx, hy)
    if not len(left):
        raise InputError("no row of one side has the id of a row of the other; check that the ids are spelled alike")
    return by_matches(x, y, left, right, **how, names=(hx, hy))


def _same(a: Any, b: Any) -> tuple[Index, Index]:
    """Rows of equal hash, as pairs."""
    order = np.argsort(b, kind="stable")
    first, last = np.searchsorted(b[order], a, "left"), np.searchsorted(b[order], a, "right")
    counts = last - first
    left = np.repeat(np.arange(len(a)), counts)
    offsets = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(first, counts) + offsets]
