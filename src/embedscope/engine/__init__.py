"""Engines: where shards of a stream are worked on."""
