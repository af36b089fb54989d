"""All benchmarks by one command: ``python benchmarks/run.py``; exits 1 if a goal is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import events
import fit
import response
import startup

BENCHMARKS: tuple[Callable[[list[str]], int], ...] = (startup.main, response.main, fit.main, events.main)


def main() -> int:
    """Run each benchmark, and give 1 if one of them missed its goal."""
    missed = []
    for benchmark in BENCHMARKS:
        missed.append(benchmark([]))
        print()
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
