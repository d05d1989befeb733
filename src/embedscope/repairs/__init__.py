"""``repair`` and ``apply``: candidates fitted, one chosen and certified, the wording of the verdict."""
