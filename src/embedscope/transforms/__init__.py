"""Transforms of a space, fitted from moments where these suffice."""
