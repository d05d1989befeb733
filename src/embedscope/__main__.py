"""``python -m embedscope`` is ``embedscope``."""

from embedscope.cli import main

main()
