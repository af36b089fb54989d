"""How long each tool may take before it is taken to hang.

A tool that waits for an answer at a prompt, or for a lock, never ends by itself. The limits are generous: some ten
times what a long observation takes on a slow machine. A step as a whole can be given less (``xbatch run --timeout``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DEFAULT", "LIMITS", "limit_of"]

_HOUR = 3600.0
DEFAULT = 2 * _HOUR

LIMITS: Mapping[str, float] = MappingProxyType(
    {
        "nupipeline": 24 * _HOUR,
        "nuproducts": 12 * _HOUR,
        "nuexpomap": 6 * _HOUR,
        "epproc": 24 * _HOUR,
        "epchain": 24 * _HOUR,
        "emproc": 24 * _HOUR,
        "emchain": 24 * _HOUR,
        "rgsproc": 24 * _HOUR,
        "edetect_chain": 24 * _HOUR,
        "epiclccorr": 12 * _HOUR,
        "arfgen": 12 * _HOUR,
        "rmfgen": 6 * _HOUR,
        "backscale": 6 * _HOUR,
        "espfilt": 6 * _HOUR,
        "odfingest": 6 * _HOUR,
    }
)


def limit_of(tool: str) -> float:
    """Give the seconds that a call of a tool may take."""
    return LIMITS.get(tool, DEFAULT)
