"""Whatever a user names becomes a stream of rows or a lookup; ``models`` is the one place that opens a model."""
