"""Scoring without the libraries that trained: the same bits in a fraction of the time."""
