"""Encoders: texts to vectors in every layer of a model."""
