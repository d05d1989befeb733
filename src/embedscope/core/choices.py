"""Choices of options, each declared once: for the command line, for Python, and for what carries them out."""

from __future__ import annotations

from typing import Literal

Unit = Literal["token", "word", "sentence"]
"""What a row of a model is."""

Dtype = Literal["float32", "float16", "bfloat16"]
"""Precision of the forward pass."""

FirstPosition = Literal["keep", "drop", "bos"]
"""What is done with tokens at the first position."""

Score = Literal["cosine", "dot", "euclidean", "manhattan"]
"""How documents are ranked."""

Search = Literal["exact", "faiss"]
"""How nearest neighbours are found."""

SumRows = Literal["unit", "raw", "centered"]
"""How rows enter a sum of an analogy."""

DirectionChoice = Literal["auto", "queries", "documents"]
"""Which vectors a bridge maps."""

MapKind = Literal["pca", "umap"]
"""How rows are placed in a map."""

Scale = Literal["smoke", "medium", "full"]
"""How much of a study is run."""
