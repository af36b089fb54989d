"""Small tasks and plans, to measure the runner by itself.

``python benchmarks/toysteps.py FOLDER STEPS`` runs a plan of trivial steps in chains of five, as a command does.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xbatch.plan.steps import Plan, Step, StepInput, ordered
from xbatch.registry import Job, Outcome, TaskDef

#: A tool in the manner of FTOOLS: it keeps its last parameters in the first folder of PFILES, and works in TMPDIR.
TOOL = """\
own="${PFILES%%;*}"
echo "$1" > "$own/tool.par"
echo "$1" > "$TMPDIR/part"
cat "$own/tool.par" "$TMPDIR/part" > "$2"
"""


def trivial(job: Job) -> Outcome:
    """Write a number."""
    (job.out / "out.txt").write_text(str(job.params["number"]))
    return Outcome({"number": job.params["number"]})


def sleep(job: Job) -> Outcome:
    """Take some time and no CPU."""
    time.sleep(job.params["seconds"])
    return trivial(job)


def tool(job: Job) -> Outcome:
    """Run a tool with parameter files and a scratch folder of its own, in its own environment."""
    import subprocess  # not for runs without tools

    pfiles, scratch = job.out / "pfiles", job.out / "scratch"
    for folder in (pfiles, scratch):
        folder.mkdir()
    environment = {**os.environ, "PFILES": f"{pfiles};/usr/share/pfiles", "TMPDIR": str(scratch)}
    number = str(job.params["number"])
    subprocess.run(["sh", "-c", TOOL, "tool", number, str(job.out / "out.txt")], env=environment, check=True)
    return Outcome({"number": job.params["number"], "pfiles": str(pfiles), "scratch": str(scratch)})


def _task(name: str) -> TaskDef:
    return TaskDef(name, 1, ("out.txt",), MappingProxyType({"native": f"toysteps:{name}"}), f"the toy {name}")


REGISTRY = MappingProxyType({name: _task(name) for name in ("trivial", "sleep", "tool")})


def chains(task: str, count: int, length: int, params: list[dict[str, Any]]) -> Plan:
    """Make a plan of chains: each step takes what the one before it has left."""
    steps = []
    for number in range(count * length):
        chain, place = divmod(number, length)
        subject = f"{chain:05d}-{place}"
        before = {"in": StepInput(f"{task}:{chain:05d}-{place - 1}", "out.txt")} if place else {}
        steps.append(
            Step(
                f"{task}:{subject}",
                task,
                subject,
                params={"number": number, **(params[number] if params else {})},
                inputs=before,
                product=f"{task}/{subject}",
            )
        )
    return ordered("benchmark", steps)


def main() -> None:
    """Run a plan of trivial steps."""
    from xbatch.run.session import execute

    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    plan = chains("trivial", steps // 5, 5, [])
    result = execute(plan, folder / "out", folder / "store", jobs=len(os.sched_getaffinity(0)), registry=REGISTRY)
    print(result.counts())


if __name__ == "__main__":
    main()
