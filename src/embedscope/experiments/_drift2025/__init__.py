"""Parts of the study ``drift2025``."""
