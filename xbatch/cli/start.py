"""Where the console script begins."""

from __future__ import annotations

import gc
import sys

__all__ = ["main"]

# Start-up makes a hundred thousand objects and hardly any of them is garbage: with the default threshold of 700 a tenth
# of the time of a short command goes into looking for some.
_ALLOCATIONS_BETWEEN_COLLECTIONS = 200_000


def main() -> None:
    """Run the command with the arguments of the process, and exit with its status."""
    if sys.argv[1:] in (["--help"], ["-h"]):
        from xbatch.cli.help import HELP

        sys.stdout.write(HELP)
        return
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    from xbatch.cli.main import main as run

    try:
        run()
    finally:
        gc.freeze()  # the interpreter collects garbage before it ends, and would look at everything once more
