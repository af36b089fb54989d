"""Small tasks and plans to run."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xbatch.plan.steps import FileInput, Plan, Step, StepInput, ordered
from xbatch.registry import Job, Outcome, TaskDef


def _read(job: Job) -> str:
    return "".join(path.read_text() for _, path in sorted(job.inputs.items()))


def join(job: Job) -> Outcome:
    """Write the inputs one after another and then ``text``; after a pause, and not before there is a file ``until``."""
    if "pause" in job.params:
        time.sleep(job.params["pause"])
    while "until" in job.params and not Path(job.params["until"]).exists():
        time.sleep(0.01)
    text = _read(job) + str(job.params.get("text", ""))
    (job.out / "out.txt").write_text(text or "-")
    return Outcome({"length": len(text), "pid": os.getpid()}, tuple(job.params.get("notes", ())))


def measure(job: Job) -> Outcome:
    """Write how long the inputs are: differing inputs may give the same."""
    (job.out / "out.txt").write_text(str(len(_read(job))))
    return Outcome()


def misbehave(job: Job) -> Outcome:
    """Do one of many wrong things."""
    out = job.out / "out.txt"
    match job.params["how"]:
        case "raise":
            raise ValueError("a defect")
        case "exit":
            sys.exit(3)
        case "disk":
            raise OSError(28, os.strerror(28), str(out))
        case "file":
            from xbatch.base.errors import FileError

            raise FileError("a.pha", "has no SPECTRUM extension", "Give a PHA file")
        case "nothing":
            pass
        case "empty":
            out.touch()
        case "undeclared":
            out.write_text("x")
            (job.out / "more").mkdir()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die with a child":
            child = subprocess.Popen(["sleep", "60"])
            Path(job.params["mark"]).write_text(str(child.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        case "die once":
            mark = Path(job.params["mark"])
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            out.write_text("alive")
        case "nan":
            out.write_text("x")
            return Outcome({"value": float("nan")})
        case "module":
            import no_such_module  # type: ignore[import-not-found]  # noqa: F401
        case "touch input":
            path = next(iter(job.inputs.values()))
            path.write_text("other")
            out.write_text("x")
    return Outcome()


def speak(job: Job) -> Outcome:
    """Use every way of saying something."""
    sys.stdout.write("printed\n")
    sys.stderr.write("to stderr\n")
    logging.getLogger("toy").info("logged")
    warnings.warn("warned", UserWarning, stacklevel=1)
    os.system("echo from a child")
    (job.out / "out.txt").write_text("x")
    return Outcome()


def hoard(job: Job) -> Outcome:
    """Keep a large thing for as long as the process lives, as a task keeps responses at hand."""
    logging.hoard = b"x" * (job.params["megabytes"] << 20)  # type: ignore[attr-defined]
    time.sleep(job.params["pause"])
    (job.out / "out.txt").write_text("x")
    return Outcome({"pid": os.getpid()})


def tool(job: Job) -> Outcome:
    """Start a tool that has a child of its own, and wait for it."""
    script = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        Path(job.params["mark"]).write_text(f"{os.getpid()} {run.pid} {run.stdout.readline()}")
    return Outcome()


def linger(job: Job) -> Outcome:
    """Leave the process's number in ``mark``, and wait until there is a file ``until``."""
    Path(job.params["mark"]).write_text(str(os.getpid()))
    while not Path(job.params["until"]).exists():
        time.sleep(0.01)
    (job.out / "out.txt").write_text(job.params["text"])
    return Outcome()


FTOOL = """\
own="${PFILES%%;*}"
echo "$1" > "$own/tool.par"
echo "$1" > "$TMPDIR/part"
cat "$own/tool.par" "$TMPDIR/part" > "$2"
"""


def ftool(job: Job) -> Outcome:
    """Run a tool that keeps its parameters in a file, in its own environment and folders."""
    pfiles, scratch = job.out / "pfiles", job.out / "scratch"
    for folder in (pfiles, scratch):
        folder.mkdir()
    environment = {**os.environ, "PFILES": f"{pfiles};/usr/share/pfiles", "TMPDIR": str(scratch)}
    arguments = [str(job.params["number"]), str(job.out / "out.txt")]
    subprocess.run(["sh", "-c", FTOOL, "tool", *arguments], env=environment, check=True)
    return Outcome({"pfiles": str(pfiles), "scratch": str(scratch)})


def surroundings(job: Job) -> Outcome:
    """Write what the worker sees around it."""
    keys = ("OMP_NUM_THREADS", "PYTHONHASHSEED", "TMPDIR")
    found = {"cwd": str(Path.cwd()), **{key: os.environ.get(key) for key in keys}}
    (job.out / "out.json").write_text(json.dumps(found))
    return Outcome()


def task(name: str, outputs: tuple[str, ...] = ("out.txt",), version: int = 1) -> TaskDef:
    function = MappingProxyType({"native": f"tests.run.toys:{name}"})
    return TaskDef(name, version, outputs, function, f"the toy {name}")


TOYS: Mapping[str, TaskDef] = MappingProxyType(
    {
        "join": task("join"),
        "measure": task("measure"),
        "misbehave": task("misbehave"),
        "hoard": task("hoard"),
        "linger": task("linger"),
        "tool": task("tool"),
        "ftool": task("ftool"),
        "speak": task("speak"),
        "surroundings": task("surroundings", ("out.json",)),
    }
)


def step(name: str, *needs: str, optional: tuple[str, ...] = (), file: Path | None = None, **params: Any) -> Step:
    """Make a step ``task:subject`` that reads the output of others."""
    kind, _, subject = name.partition(":")
    inputs: dict[str, FileInput | StepInput] = {need: StepInput(need, "out.txt") for need in needs}
    inputs |= {need: StepInput(need, "out.txt", optional=True) for need in optional}
    if file is not None:
        inputs["file"] = FileInput(str(file))
    return Step(name, kind, subject, params=params, inputs=inputs, product=f"{kind}/{subject}")


def plan(*steps: Step) -> Plan:
    return ordered("toy", list(steps))
