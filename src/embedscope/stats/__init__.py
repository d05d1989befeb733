"""Mergeable statistics: each is fed once and serves every metric that needs it."""
