"""Fits on folded spectra, with Sherpa's optimisers."""
