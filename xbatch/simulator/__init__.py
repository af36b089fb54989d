"""Synthetic observations from a seed, with the truth beside them."""

from xbatch.simulator.simulate import simulate, simulate_config

__all__ = ["simulate", "simulate_config"]
