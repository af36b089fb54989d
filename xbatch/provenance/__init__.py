"""Manifest of a run."""
