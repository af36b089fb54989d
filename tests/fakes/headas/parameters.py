"""Parameters as HEASoft's interface handles them: the command line, ``.par`` files, PFILES, prompts.

What is followed here: ``PFILES`` is ``user folders;system folders``. A task reads its ``.par`` of the first user folder
where that is newer than the system's, else the system's, and leaves its own there when it ends, with the values that it
has learned. Arguments are ``name=value`` (names may be cut short where that is unambiguous) or values for the
parameters that are not hidden, in order. A parameter that is not hidden and was not given is asked for, when the task
gets to it; with ``HEADASNOQUERY`` it has its default. Prompts go to the terminal unless ``HEADASPROMPT`` says where to,
and a task without a terminal ends there and then, without minding its exit status.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fakes.core import ToolError

__all__ = ["Parameter", "Parameters", "opened", "own_file", "read_par", "write_par"]

_YES, _NO = ("yes", "y", "true", "t"), ("no", "n", "false", "f")


@dataclass(frozen=True)
class Parameter:
    """A line of a ``.par`` file: `kind` is b, i, r, d, s or f, with r or w after f where the file must be readable."""

    name: str
    kind: str
    mode: str
    default: str
    low: str
    high: str
    prompt: str

    def checked(self, value: str) -> str:
        """Give the value, or raise `ToolError` where it is of another type or out of range."""
        text = value.strip()
        if self.kind == "b":
            if text.lower() not in (*_YES, *_NO):
                raise ToolError(f"Invalid boolean value {value!r} for parameter {self.name}")
            return "yes" if text.lower() in _YES else "no"
        if self.kind in "ird":
            if text == "" and self.default == "":
                return text
            try:
                number = int(text) if self.kind == "i" else float(text)
            except ValueError:
                raise ToolError(f"Invalid number {value!r} for parameter {self.name}") from None
            if "|" not in self.low and (
                (self.low and number < float(self.low)) or (self.high and number > float(self.high))
            ):
                raise ToolError(f"Value {text} of parameter {self.name} is out of range: {self.low} to {self.high}")
        if "|" in self.low and text.lower() not in self.low.lower().split("|"):
            raise ToolError(f"Value {value!r} of parameter {self.name} is not one of {self.low}")
        return text


def read_par(path: Path) -> dict[str, Parameter]:
    """Read a ``.par`` file."""
    lines = (line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    found = {}
    for row in csv.reader(lines, skipinitialspace=True):
        padded = [cell.strip() for cell in row] + [""] * (7 - len(row))
        found[padded[0]] = Parameter(*padded[:7])
    return found


def write_par(path: Path, parameters: Mapping[str, Parameter]) -> None:
    """Write a ``.par`` file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    for one in parameters.values():
        writer.writerow((one.name, one.kind, one.mode, one.default, one.low, one.high, one.prompt))
    path.write_text(text.getvalue())


class Parameters:
    """The values that a task has; those that were not given are asked for when the task wants them."""

    def __init__(self, known: Mapping[str, Parameter], args: Sequence[str]) -> None:
        self._known = dict(known)
        self._given = dict[str, str]()
        for name, value in _given(self._known, args):
            if name in self._given:
                raise ToolError(f"bogus parameters found in command line: {name} is given twice")
            self._given[name] = value
        for name, value in self._given.items():
            self._known[name].checked(value)

    def __getitem__(self, name: str) -> str:
        one = self._known[name]
        if name not in self._given and one.mode not in ("h", "hl") and self._given.get("mode") != "h":
            self._given[name] = _asked(one)
        value = one.checked(self._given.get(name, one.default))
        if one.kind == "fr" and not Path(value.split("[")[0]).exists():
            raise ToolError(f"could not open the named file: {value}", 104)
        return value

    def __contains__(self, name: str) -> bool:
        """Whether the task has a parameter in its release."""
        return name in self._known

    def yes(self, name: str) -> bool:
        """Give a boolean."""
        return self[name] == "yes"

    def given(self, name: str) -> bool:
        """Whether the command line names it."""
        return name in self._given

    def needed(self, *names: str) -> None:
        """Insist on values."""
        for name in names:
            if not self[name]:
                raise ToolError(f"parameter {name} is not set")

    def learn(self, name: str, value: str) -> None:
        """Set a parameter that is an answer of the task."""
        self._given[name] = value

    def learned(self) -> dict[str, Parameter]:
        """Give all parameters with the values that are kept for the next time."""
        values = {name: value for name, value in self._given.items() if self._known[name].mode != "h"}
        return {name: replace(one, default=values.get(name, one.default)) for name, one in self._known.items()}


def own_file(tool: str) -> None:
    """Insist on the user's copy of a parameter file, as scripts do that do without the common interface.

    They copy that of the system first where ``PFCLOBBER`` is 1, as the set-up script of HEASoft has it.

    Raises
    ------
    ToolError
        There is none, and none is copied.
    """
    path = Path(os.environ.get("PFILES", "").split(";")[0].split(":")[0]) / f"{tool}.par"
    if os.environ.get("PFCLOBBER") != "1" and not path.is_file():
        raise ToolError(f"Parameter file '{path}' not found")


@contextmanager
def opened(tool: str, args: Sequence[str], system: Path) -> Iterator[Parameters]:
    """Open a task's parameters, and leave them in the user's folder in the end.

    Raises
    ------
    ToolError
        There is no folder to write to, another task writes there, or the command line is wrong.
    """
    _terminal()
    user, own = _folders(os.environ.get("PFILES", ""), system)
    mark = user / ".in-use"
    with _alone(mark, tool):
        original, mine = own / f"{tool}.par", user / f"{tool}.par"
        if not original.exists():
            raise ToolError(f"Unable to find the parameter file {tool}.par")
        known = read_par(original)
        if mine.exists() and mine.stat().st_mtime >= original.stat().st_mtime:
            kept = read_par(mine)
            known = {name: replace(one, default=kept.get(name, one).default) for name, one in known.items()}
        parameters = Parameters(known, args)
        # heasoftpy and the interface itself both write before the task's work as well as after it
        write_par(mine, parameters.learned())
        yield parameters
        write_par(mine, parameters.learned())


def _given(known: Mapping[str, Parameter], args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give the name and the value of each argument."""
    open_ones = iter([one.name for one in known.values() if one.mode not in ("h", "hl")])
    for argument in args:
        name, separator, value = argument.partition("=")
        if separator and name.isidentifier():
            yield _full(known, name), value
        else:
            position = next(open_ones, None)
            if position is None:
                raise ToolError(f"bogus parameters found in command line: {argument}", 1)
            yield position, argument


def _full(known: Mapping[str, Parameter], name: str) -> str:
    fitting = [name] if name in known else [each for each in known if each.startswith(name)]
    if not fitting:
        raise ToolError(f"bogus parameters found in command line: {name}")
    if len(fitting) > 1:
        raise ToolError(f"parameter name {name} is ambiguous: {', '.join(fitting)}")
    return fitting[0]


def _terminal() -> None:
    """See whether there is somewhere for prompts to go."""
    if "HEADASPROMPT" in os.environ or "HEADASNOQUERY" in os.environ:
        return
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        raise ToolError("Unable to redirect prompts to the /dev/tty (at headas_stdio.c:152)", 0) from None


def _asked(one: Parameter) -> str:
    """Ask for a parameter, as far as that is allowed."""
    if "HEADASNOQUERY" in os.environ:
        return one.default
    target = os.environ.get("HEADASPROMPT", "/dev/tty")
    with Path(target).open("w") as terminal:
        terminal.write(f"{one.prompt or one.name} [{one.default}] ")
    answer = sys.stdin.readline()
    if not answer:
        raise ToolError(f"end of file where the value of {one.name} was asked for")
    return answer.strip() or one.default


def _folders(pfiles: str, system: Path) -> tuple[Path, Path]:
    """Give the folder that is written to, and the one with the originals."""
    users, separator, systems = pfiles.partition(";")
    user = Path(users.split(":")[0])
    if not users or not separator:
        raise ToolError("PFILES is not set, or has no system folder: user;system")
    if not user.is_dir() or not os.access(user, os.W_OK):
        raise ToolError(f"Unable to write parameter files to {user}")
    found = [Path(each) for each in systems.split(":") if each and Path(each).is_dir()]
    return user, found[0] if found else system


@contextmanager
def _alone(mark: Path, tool: str) -> Iterator[None]:
    """Make sure that no other task writes to the folder of parameter files meanwhile."""
    while True:
        try:
            with mark.open("x") as file:
                file.write(f"{os.getpid()} {tool}")
            break
        except FileExistsError:
            pid, _, other = (mark.read_text() or "0 ?").partition(" ")
            if _lives(int(pid)):
                message = f"parameter files in {mark.parent} are being written by {other} (process {pid})"
                raise ToolError(f"PFILES collision: {message}", 77) from None
            mark.unlink(missing_ok=True)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    """Whether a process is there; one that has only just made its mark has not written its number yet."""
    if pid == 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").is_dir() else True
    )
