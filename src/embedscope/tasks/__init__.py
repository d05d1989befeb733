"""Tasks: what a space is good for, scored with intervals."""
