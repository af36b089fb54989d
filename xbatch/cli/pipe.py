"""What to do when whoever reads the output has had enough of it (``xbatch plan ... | head -1``)."""

from __future__ import annotations

import os
import sys

__all__ = ["stop_output"]


def stop_output() -> None:
    """Send what is still to be printed nowhere, so that not even the last flush meets the closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)
