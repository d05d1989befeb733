"""Joins the leaves: sources, measuring, extraction, evaluation."""
