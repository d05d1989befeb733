"""Deciding on a repair: three parts of the data, candidates, judges, the decision and what is said of it."""
