"""Metrics of a space: pure functions of the statistics they need, also callable on an array."""
