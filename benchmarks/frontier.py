"""All candidates of `compress`, the pass among it, over the one pass that takes moments and the sample."""

from __future__ import annotations

from benchmarks._rows import scale
from benchmarks.compression import ratio


def main() -> None:
    print("Processor time; the target is 2.\n")
    print("| index | candidates | one pass | compress | ratio |\n|---|---|---|---|---|")
    for rows in (300_000, 1_000_000):
        ratio(scale(rows, 20_000), 384)


if __name__ == "__main__":
    main()
