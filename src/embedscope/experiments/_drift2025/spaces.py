"""The spaces of the study: sentences by models that install from PyPI, class names by CLIP, and controls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Skipped
from embedscope.core.errors import DataUnavailableError, EmbedscopeError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.provenance import Provenance
from embedscope.experiments._class_names import CLASS_NAMES, ClassNameFiles
from embedscope.experiments.experiment import Options
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode, texts_of

if TYPE_CHECKING:
    from embedscope.datasets import Finder

CORPUS = "lee_sentences"
LARGE_CORPUS = "sts_sentences"
NAMES = {f"CLIP {names.tower}, '{names.prompt}'": names.file for names in CLASS_NAMES if names.dataset == "LVIS"}
"""Tower and prompt: file of the class names of LVIS."""

NAME_FILES = ClassNameFiles("LVIS")


@dataclass(frozen=True)
class Scale:
    """How much is taken: sentences of the corpus, of the large one (0: none), and the numbers of pairs."""

    sentences: int
    large: int
    pairs: tuple[int, ...]
    description: str


SCALES = {
    "smoke": Scale(800, 0, (50, 100, 200, 400), "800 newswire sentences, at most 400 pairs"),
    "full": Scale(
        2_595,
        8_400,
        (50, 100, 200, 500, 1_000, 2_000, 4_000),
        "all newswire sentences, 8,400 of STS, up to 4,000 pairs",
    ),
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two spaces of the same rows.

    Attributes
    ----------
    label : OLD -> NEW
    corpus : what the rows are
    old, new : (n, d), (n, k)
    groups : (n,) what rows belong to, None where nothing says so
    control : what a control is to show; empty for real pairs
    """

    label: str
    corpus: str
    old: Floats
    new: Floats
    groups: Any = None
    control: str = ""


def text_pairs(options: Options, scale: Scale, provenance: Provenance) -> tuple[list[Pair], list[Skipped]]:
    """Every ordered pair of the models, on each corpus of the scale, and the controls."""
    pairs, skipped = [], []
    for corpus, n in ((CORPUS, scale.sentences), (LARGE_CORPUS, scale.large)):
        if not n:
            continue
        try:
            texts = _shuffle(texts_of(corpus, options.data, provenance), n)
        except EmbedscopeError as error:
            skipped.append(Skipped(f"{corpus}, for more than 1,300 pairs", str(error)))
            continue
        spaces, more = _encode(options, texts, provenance)
        skipped += more
        groups = np.unique(np.asarray(texts.clusters), return_inverse=True)[1] if corpus == CORPUS else None
        names = list(spaces)
        pairs += [Pair(f"{a} -> {b}", corpus, spaces[a], spaces[b], groups) for a in names for b in names if a != b]
        if corpus == CORPUS and names:
            pairs += _controls(names[0], spaces, groups, options.seed)
    return pairs, skipped


def name_pairs(finder: Finder) -> tuple[list[Pair], list[Skipped]]:
    """Class names of LVIS by three text towers of CLIP, where their files are."""
    paths = {name: path for name, (_, path) in finder.paths(NAME_FILES).items()}
    missing = [file for file in NAMES.values() if file not in paths]
    if missing:
        why = f"the data folder lacks {', '.join(missing)}; {NAME_FILES.hint}"
        return [], [Skipped("class names by three text towers of CLIP", why)]
    order = np.random.default_rng(0).permutation(1203)
    spaces = {label: _rows(paths[file])[order] for label, file in NAMES.items()}
    return [
        Pair(f"{a} -> {b}", "1,203 class names of LVIS", spaces[a], spaces[b]) for a in spaces for b in spaces if a != b
    ], []


def _rows(path: Path) -> Floats:
    return np.asarray(np.load(path), dtype=np.float64)


def _shuffle(texts: Texts, n: int) -> Texts:
    """``n`` texts in an order that their hashes give: a file in the order of topics has fewer units of evidence."""
    order = np.argsort(combine(hash_texts(texts.texts), 1), kind="stable")
    kept = order[: min(n, len(order))].tolist()
    picked, clusters = (tuple(column[i] for i in kept) for column in (texts.texts, texts.clusters))
    return Texts(texts.name, picked, clusters)


def _encode(options: Options, texts: Texts, provenance: Provenance) -> tuple[dict[str, Floats], list[Skipped]]:
    read = ModelOptions.of(
        {
            "device": options.device,
            "dtype": options.dtype,
            "trust_remote_code": options.trust_remote_code,
            "cache": options.cache,
            "seed": options.seed,
        }
    )
    spaces, skipped = {}, []
    for uri in options.models:
        try:
            _, (x,) = encode(uri, [texts], read, provenance, options.progress)
        except DataUnavailableError as error:
            skipped.append(Skipped(uri, str(error)))
            continue
        spaces[uri] = np.asarray(x, dtype=np.float64)
    return spaces, skipped


def _controls(name: str, spaces: dict[str, Floats], groups: Any, seed: int) -> list[Pair]:
    """The first model against itself in half precision, turned, and with its rows out of order."""
    x, rng = spaces[name], np.random.default_rng([seed, 7])
    turn = np.linalg.qr(rng.normal(size=(x.shape[1], x.shape[1])))[0]
    half = x.astype(np.float16).astype(np.float64)
    return [
        Pair(f"{name} -> {name} in float16", CORPUS, x, half, groups, "same"),
        Pair(f"{name} -> {name} turned", CORPUS, x, x @ turn, groups, "turned"),
        Pair(f"{name} -> {name} of other rows", CORPUS, x, x[rng.permutation(len(x))], None, "unrelated"),
    ]
