"""A space to look at: a page with a map, facts of every row and findings that select rows; and Projector files."""
