"""CPU of the commands that users wait for, against a bare interpreter that imports yaml.

``python benchmarks/startup.py [--runs N]`` runs the commands in turn (A B C A B C ...), so that a noisy moment of the
machine falls on all of them, takes the median of user + system time of each child, and exits 1 if a ratio is missed.
Ratios are what is stable; milliseconds are only this machine's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE = "python -c 'import yaml'"
XBATCH = [str(Path(sys.executable).with_name("xbatch"))]
COMMANDS: dict[str, tuple[list[str], float]] = {
    BASE: ([sys.executable, "-c", "import yaml"], 1.0),
    "xbatch --help": ([*XBATCH, "--help"], 1.5),
    "xbatch validate spectra.yaml": ([*XBATCH, "validate", "examples/configs/spectra.yaml"], 4.0),
    # of level events, with a sweep: three times the lines, each checked for every member
    "xbatch validate demo.yaml": ([*XBATCH, "validate", "examples/configs/demo.yaml"], 6.0),
}
# An installed package has its bytecode; a shell that forbids to write it would have every run compile everything.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def cpu_seconds(command: list[str]) -> float:
    """Run a command and give its user + system time in seconds."""
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert child.stderr is not None
    said = child.stderr.read()
    child.stderr.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{said.decode()}")
    return usage.ru_utime + usage.ru_stime


def measure(runs: int) -> dict[str, float]:
    """Give the median CPU of each command, in seconds."""
    for command, _ in COMMANDS.values():
        cpu_seconds(command)  # compiles .pyc files, warms the page cache
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, (command, _) in COMMANDS.items():
            times[name].append(cpu_seconds(command))
    return {name: statistics.median(values) for name, values in times.items()}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=31, help="runs of each command [default: 31]")
    medians = measure(parser.parse_args(arguments).runs)
    missed = False
    print(f"{'start-up':<32}{'CPU ms':>8}{'ratio':>8}{'goal':>8}")
    for name, (_, goal) in COMMANDS.items():
        ratio = medians[name] / medians[BASE]
        bad = ratio > goal
        missed = missed or bad
        print(f"{name:<32}{medians[name] * 1e3:>8.1f}{ratio:>8.2f}{goal:>8.1f}{'  MISSED' if bad else ''}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
