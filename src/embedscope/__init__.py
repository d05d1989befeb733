"""embedscope: is this embedding space any good, and can I fix it?"""
