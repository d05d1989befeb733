"""Real spaces that benchmarks of `diagnose` and `compare` share: texts of the evaluation data read by models, and CLIP.

Vectors are made once and kept in the folder that `--vectors` names.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._rows import data

Floats = np.ndarray[Any, np.dtype[np.float64]]

TEXTS = ("coco", "coco5", "m30k_en", "m30k_de", "m30k_fr", "sts", "lvis")
READ = (
    *(f"minilm--{t}--plain" for t in ("coco", "coco5", "m30k_en", "m30k_de", "sts", "lvis")),
    *(f"e5--{t}--query" for t in ("coco", "m30k_en", "m30k_de", "m30k_fr", "lvis")),
    "e5--coco--plain",
    "e5--coco--passage",
    "e5--sts--plain",
    "smollm2--coco--plain",
    "smollm2--lvis--plain",
    "random:minilm--coco--plain",
)
"""Model, texts and prefix (none: plain) of every space that a model reads."""

CUT = tuple(f"minilm--{t}--cut" for t in ("coco", "coco5", "m30k_en", "m30k_de", "sts"))
"""Texts of which only the first three words are left."""


class Spaces:
    """Vectors by name, read or made when they are asked for."""

    def __init__(self, vectors: str) -> None:
        self.folder = Path(vectors)
        self.data = data()
        self._texts: dict[str, list[str]] = {}

    def texts(self, name: str) -> list[str]:
        """Sentences: captions (one an image, or five), Multi30k in a language, STS-B, or names of LVIS."""
        if name in self._texts:
            return self._texts[name]
        if name.startswith("coco"):
            lines = [t.strip() for t in (self.data / "captions/laps_coco/testall_caps.txt").read_text().splitlines()]
            found = lines[::5][:1500] if name == "coco" else lines[10000:12000]
        elif name.startswith("m30k"):
            path = next(p for p in self.data.glob(f"captions/multi30k/**/val.{name[-2:]}*") if "task1" in str(p))
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            found = raw.decode().splitlines()[:700]
        elif name == "sts":
            lines = next(self.data.glob("sts/raw/**/sts-train.csv")).read_text(encoding="utf-8").splitlines()
            found = list(dict.fromkeys(t for line in lines for t in line.split("\t")[5:7]))[:1500]
        else:
            categories = json.loads(next(self.data.glob("clip_class_names/**/lvis_v1_train_cat_info.json")).read_text())
            found = [c["name"].replace("_", " ") for c in sorted(categories, key=lambda c: c["id"])]
        self._texts[name] = found
        return found

    def __getitem__(self, name: str) -> Floats:
        """Rows at unit length."""
        x = self._raw(name)
        return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30))

    def _raw(self, name: str) -> Floats:
        if name.startswith("clip500/"):
            _, file, side = name.split("/")
            return np.asarray(np.load(self.data / "clip500" / f"features_{file}.npy")[int(side)], dtype=np.float64)
        if name.startswith("names/"):
            _, folder, part = name.split("/")
            files = sorted((self.data / "clip_class_names" / folder).glob("*.npy"))
            return np.asarray(np.load(next(f for f in files if part in f.name)), dtype=np.float64)
        path = self.folder / f"{name.replace(':', '_')}.npy"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(path, self._read(*name.split("--")))
        return np.asarray(np.load(path), dtype=np.float64)

    def _read(self, uri: str, texts: str, prefix: str) -> Any:
        from embedscope.core.progress import Silent
        from embedscope.core.provenance import Provenance
        from embedscope.sources.options import ModelOptions
        from embedscope.sources.texts import Texts, encode

        before = {"query": "query: ", "passage": "passage: "}.get(prefix, "")
        given = [before + t for t in self.texts(texts)]
        if prefix == "cut":
            given = [" ".join(t.split()[:3]) for t in given]
        causal = "smollm2" in uri
        options = ModelOptions(cache=False, pooling="plain" if causal else "pooled", layers="final" if causal else None)
        _, (x,) = encode(uri, (Texts(texts, tuple(given), tuple(given)),), options, Provenance("", 0), Silent())
        return np.asarray(x, dtype=np.float32)


CLIP = (
    *(f"clip500/{model}/{side}" for model in ("clip", "clip_random", "convirt") for side in (0, 1)),
    "names/detic/lvis",
    "names/object_centric_ovd/lvis",
    "names/vlpart/lvis",
    "names/detic/o365",
    "names/detic/oid",
    "names/vlpart/paco",
)


def pure(spaces: Spaces) -> dict[str, Floats]:
    """Spaces of one model and one kind of input: at least 30, with topics, five captions an image, long and short."""
    found = {name: spaces[name] for name in (*READ, *CLIP)}
    found["long and short (minilm, STS-B and LVIS)"] = np.concatenate(
        [spaces["minilm--sts--plain"][:1000], spaces["minilm--lvis--plain"][:1000]]
    )
    found["two topics (minilm, STS-B and captions)"] = np.concatenate(
        [spaces["minilm--sts--plain"][:1000], spaces["minilm--coco--plain"][:1000]]
    )
    rng = np.random.default_rng(5)
    for n, d in ((600, 64), (2000, 128), (400, 384)):
        x = rng.normal(size=(n, d))
        found[f"isotropic, {n:,} rows, {d} dimensions"] = x / np.linalg.norm(x, axis=1, keepdims=True)
    topics = rng.normal(size=(20, 96))[rng.integers(0, 20, size=1500)] + 0.6 * rng.normal(size=(1500, 96))
    found["20 isotropic topics"] = topics / np.linalg.norm(topics, axis=1, keepdims=True)
    chunks = np.repeat(rng.normal(size=(100, 64)), 10, axis=0) + 0.5 * rng.normal(size=(1000, 64))
    found["100 documents of 10 chunks"] = chunks / np.linalg.norm(chunks, axis=1, keepdims=True)
    return found
