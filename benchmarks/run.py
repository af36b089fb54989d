"""All benchmarks by one command: ``python benchmarks/run.py [--data FOLDER]``; exits 1 if a goal is missed.

`joint` needs files: somewhere in FOLDER, the ``X_sr.pha`` of both modules of one observation of NuSTAR, as
``nuproducts`` leaves them, in one folder with their backgrounds, ARFs and a matrix.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = ("startup", "sweeps", "runner", "response", "grouping", "fit", "binnings", "events", "eventruns")


def joint_files(folder: Path) -> list[str]:
    """Find spectra of both modules with a matrix beside them; give the arguments of `joint`, nothing without them."""
    for first in sorted(folder.rglob("nu*A01_sr.pha")):
        second = first.with_name(first.name.replace("A01_sr", "B01_sr"))
        matrices = sorted(first.parent.glob("*.rmf*"))
        if second.is_file() and matrices:
            return ["--rmf", str(matrices[0]), str(first), str(second)]
    return []


def main(arguments: list[str]) -> int:
    """Run each benchmark in a process of its own, and give 1 if one of them missed its goal.

    A child inherits the peak memory of the process that starts it, so this one imports nothing.
    """
    folder = Path(__file__).resolve().parent
    runs = [[f"{name}.py"] for name in BENCHMARKS]
    if arguments[:1] == ["--data"] and len(arguments) > 1 and arguments[1]:
        files = joint_files(Path(arguments[1]))
        if not files:
            print(f"joint: {arguments[1]} has no spectra of both modules of NuSTAR with a matrix beside them")
            return 2
        runs.append(["joint.py", *files])
    missed = []
    for script, *more in runs:
        missed.append(subprocess.run([sys.executable, folder / script, *more], check=False).returncode != 0)
        print(flush=True)
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
