"""``migrate``: change the model of an index: stay, bridge, re-embed, or pilot more pairs."""
