"""Readers: blocks of rows from files of vectors."""
