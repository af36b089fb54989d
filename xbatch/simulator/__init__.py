"""Synthetic observations from a seed, with the truth beside them."""
