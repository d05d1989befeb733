"""Mutations of the statistics and of the decision, each of which named tests must catch: `make mutate`.

They stand beside ``benchmarks``, not under ``tests``: they try the tests, they are none.
"""

from mutations.entries import MUTATIONS, Mutation

__all__ = ["MUTATIONS", "Mutation"]
