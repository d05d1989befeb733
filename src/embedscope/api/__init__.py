"""The functions of ``embedscope``: one module per verb, which turns what users hold into what the engine reads."""
