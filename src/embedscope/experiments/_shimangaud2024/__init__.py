"""Parts of the study shimangaud2024."""
