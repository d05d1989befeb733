"""``analogy``: one analogy, answered in a space of word or image vectors."""
