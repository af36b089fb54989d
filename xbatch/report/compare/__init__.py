"""Results side by side: over the members of a run and over several runs, and which step made them differ."""

from xbatch.report.compare.collect import collect
from xbatch.report.compare.data import Comparison

__all__ = ["Comparison", "collect"]
