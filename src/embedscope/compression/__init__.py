"""``compress``: how few bytes a row may have: the frontier, and the smallest size that held-out data certify."""
