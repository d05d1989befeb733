"""The space as a page to look at: a map, facts of every row, findings that select their rows; and as Projector files."""
