"""How long each tool may take before it is taken to hang.

A tool that waits for an answer at a prompt, or for a lock, never ends by itself. The limits are generous: some ten
times what a long observation takes on a slow machine. A step as a whole can be given less (`xbatch run --timeout`),
and a user whose tools need longer still says so by the variable `HOURS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xbatch.base.errors import StepError

__all__ = ["DEFAULT", "HOURS", "LIMITS", "limit_of"]

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


#: The variable with the hours that any call may take at least.
HOURS = "XBATCH_TOOL_HOURS"


def limit_of(tool: str, environ: Mapping[str, str]) -> float:
    """Give the seconds that a call of a tool may take.

    Raises
    ------
    StepError
        The user's variable `HOURS` is no number above 0.
    """
    own = environ.get(HOURS, "0")
    try:
        least = float(own) * _HOUR
    except ValueError:
        least = -1.0
    if not 0 <= least < float("inf"):
        raise StepError(f"{HOURS}={own} is no number of hours", cure=f"Set it to one, such as {HOURS}=48, or unset it")
    return max(LIMITS.get(tool, DEFAULT), least)
