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
from embedscope.datasets._file import File
from embedscope.experiments._experiment import Options
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode, texts_of

if TYPE_CHECKING:
    from embedscope.datasets import Finder

CORPUS = "lee_sentences"
LARGE_CORPUS = "sts_sentences"
CLASS_NAMES = {
    "CLIP ViT-B/32, 'a NAME'": "detic/lvis_v1_clip_a+cname.npy",
    "CLIP ViT-B/32, 'a photo of a NAME'": "object_centric_ovd/lvis_v1_clip_a+photo+cname.npy",
    "CLIP RN50, 'a NAME'": "vlpart/lvis_v1_clip_RN50_a+cname.npy",
}


_CHECKSUMS = (
    ("16059f1fe5f7d857273d16a1b7c6d6141a88d133e99a107be5065f42311da0f8", 1_232_000),
    ("9331f663569183948f07ec5a6daf1903ff618034d2a44bdac9d5c1a9d30b21eb", 1_232_000),
    ("89797916c59a9fabab09d439243c55348cb9deb709fb89d23390fe980a2d6fb0", 2_463_872),
)


@dataclass(frozen=True)
class ClassNames:
    """The files of class names as the finder wants them."""

    name: str = "class names of LVIS by CLIP"
    homepage: str = "https://github.com/facebookresearch/Detic"
    hint: str = (
        "take the class names of facebookresearch/Detic, hanoonaR/object-centric-ovd and facebookresearch/VLPart into "
        "a folder clip_class_names; name the folder that holds it with --data"
    )

    @property
    def files(self) -> tuple[File, ...]:
        """All files, by checksum."""
        names = CLASS_NAMES.values()
        return tuple(File(name, sha, size, optional=True) for name, (sha, size) in zip(names, _CHECKSUMS, strict=True))

    def present(self, finder: Any) -> bool:
        """Whether any can be read."""
        return bool(finder.has(self.files))


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
            texts = _shuffled(texts_of(corpus, options.data, provenance), n)
        except EmbedscopeError as error:
            skipped.append(Skipped(f"{corpus}, for more than 1,300 pairs", str(error)))
            continue
        spaces, more = _encoded(options, texts, provenance)
        skipped += more
        groups = np.unique(np.asarray(texts.clusters), return_inverse=True)[1] if corpus == CORPUS else None
        names = list(spaces)
        pairs += [Pair(f"{a} -> {b}", corpus, spaces[a], spaces[b], groups) for a in names for b in names if a != b]
        if corpus == CORPUS and names:
            pairs += _controls(names[0], spaces, groups, options.seed)
    return pairs, skipped


def name_pairs(finder: Finder) -> tuple[list[Pair], list[Skipped]]:
    """Class names of LVIS by three text towers of CLIP, where their files are."""
    folder = finder.folder("clip_class_names")
    files = {} if folder is None else {k: folder / f for k, f in CLASS_NAMES.items() if (folder / f).is_file()}
    if len(files) < len(CLASS_NAMES):
        why = "the folder clip_class_names is not in the data folder; name it with --data DIR"
        return [], [Skipped("class names by three text towers of CLIP", why)]
    order = np.random.default_rng(0).permutation(1203)
    spaces = {name: _rows(path)[order] for name, path in files.items()}
    return [
        Pair(f"{a} -> {b}", "1,203 class names of LVIS", spaces[a], spaces[b]) for a in spaces for b in spaces if a != b
    ], []


def _rows(path: Path) -> Floats:
    return np.asarray(np.load(path), dtype=np.float64)


def _shuffled(texts: Texts, n: int) -> Texts:
    """``n`` texts in an order that their hashes give: a file in the order of topics has fewer units of evidence."""
    order = np.argsort(combine(hash_texts(texts.texts), 1), kind="stable")
    kept = order[: min(n, len(order))].tolist()
    picked, clusters = (tuple(column[i] for i in kept) for column in (texts.texts, texts.clusters))
    return Texts(texts.name, picked, clusters)


def _encoded(options: Options, texts: Texts, provenance: Provenance) -> tuple[dict[str, Floats], list[Skipped]]:
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
