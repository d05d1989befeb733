"""``evaluate``: tasks, retrieval, comparisons."""
