"""Judges: each fits candidates on one part of the data and scores them on another."""
