"""Make the example: small files with planted faults and two models, stored in src/embedscope/datasets/example.

Run from the root of a checkout: ``python docs/make_example.py``. What is planted, and what finds it:

- ``documents.npy`` (400 x 64): a common mean (``self_similarity``), one coordinate that dominates (number 41:
  ``rogue_contribution``), 24 duplicate rows (``copy_share``).
- ``queries.npy`` (200 x 64) and ``qrels.tsv``: each query is a noisy document, with the same faults.
- ``old.npy`` (500 x 32) and ``new.npy`` (500 x 48): the same rows by two models of nearly the same content, so that
  `migrate` finds a bridge.
- ``images.npy`` and ``texts.npy`` (300 x 32): row i of both is the same content with noise; each side has a mean of its
  own, so that a mixed index returns only rows of the query's own modality (``modality_gap``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "src" / "embedscope" / "datasets" / "example"
DOCUMENTS, QUERIES, DIMENSIONS, DUPLICATES = 400, 200, 64, 24
PAIRS, PAIR_DIMENSIONS = 300, 32
ROWS, OLD_DIMENSIONS, NEW_DIMENSIONS = 500, 32, 48
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


def two_models(rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """The same rows by an old model (500, 32) and a new one (500, 48): shared content, turned, with little noise."""
    content = rng.normal(size=(ROWS, 24)) / np.sqrt(1 + np.arange(24) / 6)

    def model(dimensions: int) -> Vectors:
        turn, _ = np.linalg.qr(rng.normal(size=(dimensions, 24)))
        noise = 0.006 * rng.normal(size=(ROWS, dimensions))
        return content @ turn.T + noise + direction(rng, dimensions, 0.5)

    return model(OLD_DIMENSIONS), model(NEW_DIMENSIONS)


def arrays_and_texts() -> tuple[dict[str, Vectors], dict[str, str]]:
    """What the files hold, by file name."""
    documents, queries, judgements = retrieval(np.random.default_rng(7))
    images, texts = pair(np.random.default_rng(8))
    old, new = two_models(np.random.default_rng(9))
    arrays = {"documents.npy": documents, "queries.npy": queries, "images.npy": images, "texts.npy": texts}
    arrays |= {"old.npy": old, "new.npy": new}
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
