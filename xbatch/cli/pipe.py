"""What to do when nobody reads the output any more: ``xbatch plan ... | head -1``, or a terminal that was closed."""

from __future__ import annotations

import errno
import os
import sys
from typing import IO

__all__ = ["nobody_reads", "stop_output"]


def nobody_reads(error: OSError) -> bool:
    """Tell whether an output could not be written because its reader, or its terminal, is gone."""
    return error.errno in {errno.EPIPE, errno.EIO}


def stop_output(*streams: IO[str]) -> None:
    """Send what is still to be printed nowhere, so that not even the last flush meets the closed pipe.

    Parameters
    ----------
    streams : text streams
        Standard output, if none is named.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in streams or (sys.stdout,):
            os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
