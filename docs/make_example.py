"""Make the example: five small files with planted faults, stored in src/embedscope/datasets/example.

Run from the root of a checkout: ``python docs/make_example.py``. What is planted, and what finds it:

- ``documents.npy`` (400 x 64): a common mean (``self_similarity``), one coordinate that dominates (number 41:
  ``rogue_contribution``), 24 duplicate rows (``copy_share``).
- ``queries.npy`` (200 x 64) and ``qrels.tsv``: each query is a noisy document, with the same faults.
- ``images.npy`` and ``texts.npy`` (300 x 32): row i of both is the same content with noise; each side has a mean of its
  own, so that a mixed index returns only rows of the query's own modality (``modality_gap``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "src" / "embedscope" / "datasets" / "example"
DOCUMENTS, QUERIES, DIMENSIONS, DUPLICATES = 400, 200, 64, 24
PAIRS, PAIR_DIMENSIONS = 300, 32
ROGUE = 41
Vectors = np.ndarray


def direction(rng: np.random.Generator, dimensions: int, norm: float) -> Vectors:
    """A random vector of this norm, (dimensions,)."""
    vector = rng.normal(size=dimensions)
    return norm * vector / np.linalg.norm(vector)


def retrieval(rng: np.random.Generator) -> tuple[Vectors, Vectors, str]:
    """Documents (400, 64), queries (200, 64) and their judgements as BEIR writes them."""
    spread = 1 / np.sqrt(1 + np.arange(DIMENSIONS) / 8)
    mean = direction(rng, DIMENSIONS, 5.0)

    def with_faults(content: Vectors) -> Vectors:
        rows = content + mean
        rows[:, ROGUE] += 9 + 2.5 * rng.normal(size=len(rows))
        return rows

    content = rng.normal(size=(DOCUMENTS, DIMENSIONS)) * spread
    content[-DUPLICATES:] = content[:DUPLICATES]
    documents = with_faults(content)
    documents[-DUPLICATES:] = documents[:DUPLICATES]
    asked = rng.choice(DOCUMENTS - DUPLICATES, QUERIES, replace=False)
    queries = with_faults(content[asked] + 1.3 * rng.normal(size=(QUERIES, DIMENSIONS)) * spread)
    lines = ["query-id\tcorpus-id\tscore"]
    for query, document in enumerate(asked):
        lines.append(f"q{query:03}\td{document:03}\t1")
        if document < DUPLICATES:
            lines.append(f"q{query:03}\td{DOCUMENTS - DUPLICATES + document:03}\t1")
    return documents, queries, "\n".join(lines) + "\n"


def pair(rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Images (300, 32) and texts (300, 32): shared content, noise, and a mean for each modality."""
    shape = (PAIRS, PAIR_DIMENSIONS)
    content = rng.normal(size=shape)
    images = content + 0.9 * rng.normal(size=shape) + direction(rng, PAIR_DIMENSIONS, 8.0)
    texts = content + 0.9 * rng.normal(size=shape) + direction(rng, PAIR_DIMENSIONS, 8.0)
    return images, texts


def arrays_and_texts() -> tuple[dict[str, Vectors], dict[str, str]]:
    """What the files hold, by file name."""
    documents, queries, judgements = retrieval(np.random.default_rng(7))
    images, texts = pair(np.random.default_rng(8))
    arrays = {"documents.npy": documents, "queries.npy": queries, "images.npy": images, "texts.npy": texts}
    ids = {
        "documents.ids.txt": "".join(f"d{i:03}\n" for i in range(DOCUMENTS)),
        "queries.ids.txt": "".join(f"q{i:03}\n" for i in range(QUERIES)),
    }
    return {name: rows.astype(np.float32) for name, rows in arrays.items()}, {**ids, "qrels.tsv": judgements}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    arrays, texts = arrays_and_texts()
    for name, rows in arrays.items():
        np.save(FOLDER / name, rows)
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
