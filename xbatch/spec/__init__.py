"""YAML text to a checked specification."""

from xbatch.spec.load import load
from xbatch.spec.resolved import resolved_text

__all__ = ["load", "resolved_text"]
