"""``analogy``: vector-offset analogies, one question or whole sets."""
