"""What a score means: where a cosine lies among unrelated pairs, how likely it is a match, and where to cut."""
