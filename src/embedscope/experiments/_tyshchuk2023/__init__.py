"""Parts of the study tyshchuk2023."""
