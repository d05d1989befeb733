"""Extraction against the authors' way and against sentence-transformers, in one run; prints a Markdown table.

Run: python benchmarks/extraction.py [--models minilm,smollm2] [--data DIR] [--sets rg65,ws353,simlex,simverb]

"Authors' way": one string at a time, each side of each pair, output_hidden_states, every layer's last-subtoken vector
kept, as in the public script of Wolfe & Caliskan (2022); the strings framed as BOS tokens EOS. Ours: the same vectors
(pooling bos_eos) of the distinct strings with ``extract``, written to a cache that starts empty. Rows of STS-B test:
SentenceTransformer.encode (batch 32, its default) of all 2 x 1,379 sentences against ``extract`` of pooled, bos_eos and
eos in every layer. Each pair of timings is taken in turns; the best of the repeats counts.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks._rows import FOLDER, MissingError, header, peer, rows, scale
from embedscope.core.cache import VectorCache
from embedscope.encoders import ALIASES, TextEncoder, open_encoder
from embedscope.sources.text_vectors import extract

T = TypeVar("T")
SETS = {"rg65": "rg65.csv", "ws353": "wordsim353.csv", "simlex": "simlex999.csv", "simverb": "SimVerb-3500.txt"}


def present(folder: Path, name: str) -> Path:
    """A file of the study's data."""
    path = folder / "wolfe2022" / name
    if not path.is_file():
        raise MissingError(f"no wolfe2022/{name} in {folder}; set EMBEDSCOPE_DATA to the folder of the evaluation data")
    return path


def few(items: list[T]) -> list[T]:
    """All, or the share that EMBEDSCOPE_BENCH_SCALE asks for."""
    return items[: scale(len(items), 16)]


def pairs_of(folder: Path, name: str) -> list[tuple[str, str]]:
    """Word pairs of one data set, in the shape its file has."""
    text = present(folder, SETS[name]).read_text(encoding="utf-8-sig")
    split = "\t" if name == "simverb" else ";"
    rows = [row for row in csv.reader(text.splitlines(), delimiter=split) if len(row) >= 3]
    return [(row[0].strip(), row[1].strip()) for row in rows]


def sts_sentences(folder: Path) -> list[str]:
    """Both sides of STS-B test, all 1,379 pairs."""
    lines = present(folder, "sts-test.csv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line.strip()]
    return [row[i] for row in rows for i in (5, 6)]


def authors_way(encoder: TextEncoder, texts: list[str]) -> dict[str, np.ndarray]:
    """One string, one call: every layer's state of the last subtoken."""
    import torch

    model, tokenizer = encoder._loaded.model, encoder._loaded.tokenizer
    framing = encoder.framing("bos_eos")
    rows = []
    with torch.no_grad():
        for text in texts:
            ids = [*framing.prefix, *tokenizer(text, add_special_tokens=False)["input_ids"], *framing.suffix]
            states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            rows.append([h[0, -2].numpy() for h in states])
    return {f"layer{i:02d}": np.stack([row[i] for row in rows]) for i in range(len(rows[0]))}


def ours(encoder: TextEncoder, texts: list[str], poolings: list[str | None], batch_tokens: int) -> float:
    """Seconds to extract into an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        vectors = extract(encoder, texts, poolings, cache=VectorCache(folder), batch_tokens=batch_tokens)
        seconds = time.perf_counter() - begin
        del vectors
    return seconds


def words_row(encoder: TextEncoder, pairs: list[tuple[str, str]], batch_tokens: int, repeats: int) -> list[object]:
    both = [w for pair in pairs for w in pair]
    ours(encoder, both[:64], ["bos_eos"], batch_tokens)
    fast, slow = [], []
    for _ in range(repeats):
        fast.append(ours(encoder, both, ["bos_eos"], batch_tokens))
        begin = time.perf_counter()
        theirs = authors_way(encoder, both)
        slow.append(time.perf_counter() - begin)
    vectors = extract(encoder, both, ["bos_eos"], cache=None, batch_tokens=batch_tokens)
    layer = f"layer{encoder.info.n_layers // 2:02d}"
    gap = float(np.abs(vectors.matrix("bos_eos", layer, both) - theirs[layer]).max() / np.abs(theirs[layer]).max())
    what = f"words: {len(both):,} strings, {len(set(both)):,} distinct"
    return [encoder.info.uri, what, "one string a call", min(slow), min(fast), min(slow) / min(fast), gap]


def sentences_row(encoder: TextEncoder, sentences: list[str], batch_tokens: int, repeats: int) -> list[object]:
    model = peer("sentence_transformers").SentenceTransformer(str(ALIASES[encoder.info.name].find()), device="cpu")
    model.encode(sentences[:64], show_progress_bar=False)
    poolings: list[str | None] = [None, "bos_eos", "eos"]
    ours(encoder, sentences[:64], poolings, batch_tokens)
    fast, slow = [], []
    for _ in range(repeats):
        fast.append(ours(encoder, sentences, poolings, batch_tokens))
        begin = time.perf_counter()
        theirs = model.encode(sentences, show_progress_bar=False)
        slow.append(time.perf_counter() - begin)
    vectors = extract(encoder, sentences, [None], cache=None)
    gap = float(np.abs(vectors.matrix(None, "pooled", sentences) - theirs).max())
    what = f"STS-B test: {len(sentences):,} sentences, {len(set(sentences)):,} distinct; all layers, 3 poolings"
    return [encoder.info.uri, what, "SentenceTransformer.encode", min(slow), min(fast), min(slow) / min(fast), gap]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="minilm,smollm2", help="all but minilm take the first two sets alone")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--data", default=FOLDER, type=Path)
    parser.add_argument("--batch-tokens", default=2048, type=int)
    parser.add_argument("--repeats", default=1, type=int)
    args = parser.parse_args()
    print(f"Best of {args.repeats}; {os.cpu_count()} cores. The targets are 15 for words and 0.95 for sentences.\n")
    header("model", "what", "against", "theirs s", "ours s", "ratio", "largest difference")

    def words(name: str) -> None:
        encoder = open_encoder(name, device="cpu")
        sets = args.sets.split(",")[: None if name == "minilm" else 2]
        pairs = few([p for s in sets for p in pairs_of(args.data, s)])
        row = words_row(encoder, pairs, args.batch_tokens, args.repeats)
        put([row[0], f"{row[1]} ({', '.join(sets)})", *row[2:]])

    def sentences(name: str) -> None:
        put(
            sentences_row(
                open_encoder(name, device="cpu"), few(sts_sentences(args.data)), args.batch_tokens, args.repeats
            )
        )

    for name in args.models.split(","):
        rows(f"{name} words", 7, lambda name=name: words(name))
        if name == "minilm":
            rows(f"{name} sentences", 7, lambda name=name: sentences(name))


def put(row: list[object]) -> None:
    """Print one row."""
    uri, what, against, slow, fast, ratio, gap = row
    print(f"| {uri} | {what} | {against} | {slow:.2f} | {fast:.2f} | {ratio:.1f} | {gap:.1e} |", flush=True)


if __name__ == "__main__":
    main()
