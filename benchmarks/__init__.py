"""Ratios against peers and bare BLAS calls, measured in one run: `make bench`."""
