"""What each way costs: tokens to embed, their price, bytes to write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """What is known of the index.

    Attributes
    ----------
    rows : of the index
    dims : dimensions of old and of new vectors
    tokens : of all rows, None where they are not known
    price : of a million tokens, None where it is not known
    """

    rows: int
    dims: tuple[int, int]
    tokens: int | None = None
    price: float | None = None

    def options(self) -> list[tuple[str, int, int | None, float | None, str]]:
        """Each way: its name, rows to embed, tokens, price, and what is written."""
        price = None if self.tokens is None or self.price is None else self.tokens * self.price / 1e6
        whole = size_in_words(4 * self.rows * self.dims[1])
        return [
            ("stay", 0, 0, 0.0, "nothing"),
            ("bridge, queries", 0, 0, 0.0, "nothing: each query is mapped, one matrix product"),
            ("bridge, documents", 0, 0, 0.0, f"all {self.rows:,} vectors, {whole}"),
            ("re-embed", self.rows, self.tokens, price, f"all {self.rows:,} vectors, {whole}"),
        ]

    def sentence(self) -> str | None:
        """What re-embedding costs; None where nothing is known of it."""
        if self.tokens is None:
            return None
        said = f"Embedding all {self.rows:,} rows again takes about {self.tokens:,} tokens"
        return (
            f"{said}."
            if self.price is None
            else f"{said}: {self.tokens * self.price / 1e6:,.2f} at {self.price:g} a million."
        )


def size_in_words(n: int) -> str:
    """A number of bytes for people.

    >>> size_in_words(1_536_000)
    '1.5 MB'
    """
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.1f} MB"
