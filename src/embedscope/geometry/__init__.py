"""``measure``: the geometry of one space, and of pairs of spaces."""
