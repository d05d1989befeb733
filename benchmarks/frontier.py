"""All candidates of `compress` over the one pass that takes moments and the sample, of one large index."""

from __future__ import annotations

from benchmarks._rows import scale
from benchmarks.compression import ratio


def main() -> None:
    print("Processor time; the target is 2.\n")
    print("| index | candidates | one pass | compress | ratio |\n|---|---|---|---|---|")
    ratio(scale(1_000_000, 20_000), 384)


if __name__ == "__main__":
    main()
