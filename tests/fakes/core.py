"""What the fakes of the missions' toolsets share: launchers, the record of calls, faults on demand.

An installation is a folder (its *root*: what ``HEADAS`` or ``SAS_DIR`` names). Each executable in it is a launcher of
two lines, which hands over to `launch`; that writes the call down, lets the suite's module do the tool's work, and then
spoils what was made where a fault has been asked for. Nothing here needs more than the standard library, so that a tool
starts in some hundredths of a second.

A suite is a package with ``run(run: Run) -> None`` (does the tool's work, or raises `ToolError`) and
``error_line(tool: str, message: str) -> str`` (how the suite's tools say that something is wrong).
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Run", "ToolError", "calls", "children", "install", "launch", "locked", "set_faults"]

_REPOSITORY = Path(__file__).resolve().parents[2]
#: Variables that decide what a tool does, kept with each call.
_WATCHED = (
    "CALDB", "DISPLAY", "HEADAS", "HEADASNOQUERY", "HEADASPROMPT", "HOME", "LC_ALL", "PFILES", "PGPLOT_TYPE", "SAS_CCF",
    "SAS_CCFPATH", "SAS_DIR", "SAS_ODF", "SAS_PATH", "SAS_VERBOSITY", "TMPDIR",
)  # fmt: skip


class ToolError(Exception):
    """A tool gives up; `status` is its exit status (0: it does not even say so)."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass
class Run:
    """One call of a tool.

    Attributes
    ----------
    tool : str
    args : tuple of str
    root : Path
        The installation.
    fault : Mapping
        What is to go wrong with this call.
    made : list of Path
        What the tool has written and its user wants; faults are done to these.
    last : str
        What it says in the end.
    """

    tool: str
    args: tuple[str, ...]
    root: Path
    fault: Mapping[str, Any] = field(default_factory=dict)
    made: list[Path] = field(default_factory=list)
    last: str = ""

    def keep(self, path: str | Path) -> Path:
        """Note a product, and give its path."""
        self.made.append(Path(path))
        return self.made[-1]

    def say(self, text: str) -> None:
        """Print to the standard output."""
        sys.stdout.write(text + "\n")

    def leave(self, text: str) -> None:
        """Print a last line, which a tool that fails does not come to."""
        self.last = text

    def spoil(self, error_line: Callable[[str, str], str]) -> None:
        """Let go wrong what is to go wrong; a suite calls this when all is made and nothing is let go of yet."""
        fault, self.fault = self.fault, {}
        _spoil(self, fault, error_line)
        if self.last and fault.get("kind") != "error-line":
            self.say(self.last)
        self.last = ""


def install(root: Path, suite: str, tools: Iterable[str], folder: str = "bin") -> None:
    """Write the launchers of a suite's tools.

    Parameters
    ----------
    root : Path
        The installation.
    suite : str
        Name of the package that does the work, such as ``tests.fakes.headas``.
    tools : iterable of str
    folder : str
        Where the launchers go, below the root.
    """
    places = [str(_REPOSITORY), *(entry for entry in sys.path if entry and Path(entry).is_dir())]
    (root / folder).mkdir(parents=True, exist_ok=True)
    for tool in tools:
        path = root / folder / tool
        # no site, no environment: a quarter of the time that Python usually takes to start
        path.write_text(
            f"#!{sys.executable} -SE\nimport sys\nsys.path[:1] = {places!r}\n"
            f"from tests.fakes.core import launch\nlaunch({suite!r}, {tool!r}, {str(root)!r})\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def set_faults(root: Path, faults: Mapping[str, Any]) -> None:
    """Ask for faults, in the place of those asked for before.

    Parameters
    ----------
    root : Path
        The installation.
    faults : Mapping
        Tool to a fault, or to a list of them (the first that fits is taken). A fault has ``kind``, and may have
        ``times`` (to how many calls it is done; all), ``skip`` (how many calls are spared first), ``match`` (text that
        the arguments or the working folder must hold), ``message``, ``status`` and ``seconds``. Its kinds:

        no-product: ends well and leaves no product. error-line: prints an error and ends well, products and all.
        part-error: a task that it calls (``part``) prints an error, so does it, and goes on to its end; a chain of EPIC
        leaves out the events of a ``ccd``, if there is one.
        fails: prints an error and exits with `status`. partial: products are cut in the middle. killed: the same, and
        the tool kills itself. full-disk: the same, and the error that the disk is full. hang: the same, and never ends,
        nor does a process that it has started. slow: waits for `seconds` in the end. leftover: leaves files in the
        working folder and in TMPDIR.
    """
    (root / "faults.json").write_text(json.dumps(faults))
    (root / "faults.count").unlink(missing_ok=True)


def calls(root: Path, tool: str = "") -> list[dict[str, Any]]:
    """Give the calls that were made, in the order they began: tool, args, cwd, PFILES, environment, pid, time.

    Those that have ended have ``status`` and ``ended`` too.
    """
    ends = {end["pid"]: end for end in _lines(root / "ends.jsonl")}
    found = [call for call in _lines(root / "calls.jsonl") if tool in ("", call["tool"])]
    return [{**call, **ends.get(call["pid"], {})} for call in found]


def children(root: Path) -> list[int]:
    """Give the processes that tools have started and left to themselves."""
    return [line["child"] for line in _lines(root / "children.jsonl")]


def processes(root: Path) -> dict[int, float]:
    """Give all processes, of tools and of what they have started, each with the time at which it was there."""
    found = {int(call["pid"]): float(call["time"]) for call in _lines(root / "calls.jsonl")}
    return found | {int(line["child"]): float(line["time"]) for line in _lines(root / "children.jsonl")}


def launch(suite: str, tool: str, root: str) -> NoReturn:
    """Run a tool: the whole of a launcher."""
    run = Run(tool, tuple(sys.argv[1:]), Path(root))
    _note_call(run)
    run.fault = _take_fault(run)
    module = importlib.import_module(suite)
    try:
        module.run(run)
        run.spoil(module.error_line)
        status = 0
    except ToolError as error:
        sys.stderr.write(module.error_line(tool, error.message) + "\n")
        status = error.status
    _append(run.root / "ends.jsonl", {"pid": os.getpid(), "status": status, "ended": time.time()})
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a tool has nothing to tidy up, and this is quicker


def _spoil(run: Run, fault: Mapping[str, Any], error_line: Callable[[str, str], str]) -> None:
    """Do what a fault asks for to what the tool has made."""
    kind, message = fault.get("kind", ""), fault.get("message", "")
    if kind == "no-product":
        for path in run.made:
            path.unlink(missing_ok=True)
    elif kind == "error-line":
        sys.stderr.write(error_line(run.tool, message or "something went wrong") + "\n")
    elif kind == "part-error":
        sys.stderr.write(error_line(str(fault.get("part", "badpixfind")), message or "something went wrong") + "\n")
        sys.stderr.write(error_line(run.tool, "(constituent), a task that was called has failed") + "\n")
    elif kind == "fails":
        for path in run.made:
            path.unlink(missing_ok=True)
        raise ToolError(message or "something went wrong", int(fault.get("status", 1)))
    elif kind in ("partial", "killed", "full-disk", "hang"):
        for path in run.made:
            if path.is_file():
                os.truncate(path, path.stat().st_size // 2)
        if kind == "killed":
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "full-disk":
            raise ToolError(message or "FITSIO status = 106: error writing to FITS file: No space left on device")
        if kind == "hang":
            _hang(run)
    elif kind == "slow":
        time.sleep(float(fault.get("seconds", 1.0)))
    elif kind == "leftover":
        Path(f"{run.tool}_leftover_{os.getpid()}.tmp").write_text("x" * 1000)
        (Path(os.environ.get("TMPDIR", ".")) / f"{run.tool}_{os.getpid()}_tmp").write_text("x" * 1000)


def _hang(run: Run) -> NoReturn:
    """Wait for ever, with a child that does the same and minds no kind word."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-SE", "-c", code])
    _append(run.root / "children.jsonl", {"child": child.pid, "time": time.time()})
    sys.stdout.flush()
    while True:
        time.sleep(60)


def _note_call(run: Run) -> None:
    _append(
        run.root / "calls.jsonl",
        {
            "tool": run.tool,
            "args": run.args,
            "cwd": str(Path.cwd()),
            "PFILES": os.environ.get("PFILES", ""),
            "environment": {name: os.environ[name] for name in _WATCHED if name in os.environ},
            "pid": os.getpid(),
            "group": os.getpgid(0),
            "time": time.time(),
        },
    )


def _take_fault(run: Run) -> Mapping[str, Any]:
    """Give the fault that this call is to have, and count it."""
    path = run.root / "faults.json"
    if not path.exists():
        return {}
    asked = json.loads(path.read_text()).get(run.tool, [])
    for number, fault in enumerate([asked] if isinstance(asked, dict) else asked):
        if fault.get("match", "") not in " ".join((*run.args, str(Path.cwd()))):
            continue
        before = _count(run.root, f"{run.tool} {number}")
        skipped = int(fault.get("skip", 0))
        if skipped <= before < skipped + int(fault.get("times", sys.maxsize - skipped)):
            return dict(fault)
    return {}


def _count(root: Path, name: str) -> int:
    """Give how often this was asked before, by any process."""
    with locked(root / "faults.lock"):
        path = root / "faults.count"
        counts = json.loads(path.read_text()) if path.exists() else {}
        before = int(counts.get(name, 0))
        path.write_text(json.dumps({**counts, name: before + 1}))
    return before


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that is this process's alone."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _append(path: Path, data: Mapping[str, Any]) -> None:
    # one write to a file opened for appending is not torn by other processes
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(data) + "\n").encode())
    finally:
        os.close(descriptor)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
