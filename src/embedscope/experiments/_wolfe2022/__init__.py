"""Parts of the study wolfe2022: published numbers, run, figures, tables, findings."""
