"""Two files or folders that change places in one step, so that neither name is ever without one."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["exchanged"]

_HERE = -100  # AT_FDCWD: paths are taken as other calls take them
_EXCHANGE = 2  # RENAME_EXCHANGE of rename(2)


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two names; False where they could not be: the system or the disk cannot do it, or one is not there."""
    call = _renameat2()
    return call is not None and call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


@cache
def _renameat2() -> Any:
    """Give the system call, which Python does not offer; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        return ctypes.CDLL(None).renameat2
    except (ImportError, OSError, AttributeError):
        return None
