"""All benchmarks by one command: ``python benchmarks/run.py``; exits 1 if a goal is missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = ("startup", "sweeps", "runner", "response", "grouping", "fit", "binnings", "events", "eventruns")


def main() -> int:
    """Run each benchmark in a process of its own, and give 1 if one of them missed its goal.

    A child inherits the peak memory of the process that starts it, so this one imports nothing.
    """
    folder = Path(__file__).resolve().parent
    missed = []
    for name in BENCHMARKS:
        missed.append(subprocess.run([sys.executable, folder / f"{name}.py"], check=False).returncode != 0)
        print(flush=True)
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
