"""What is compared, and whether it agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.registry import TASKS, Job, Outcome, task_function

__all__ = ["Check", "Data", "Family", "agreeing", "run_task"]


@dataclass(frozen=True)
class Family:
    """Cases that are compared alike: by whom the numbers are, what they are of, through what code, how closely."""

    name: str
    peer: str
    compared: str
    through: str
    tolerance: str


@dataclass(frozen=True)
class Check:
    """One case: whether it agrees, what differs if not, and what of the peer's is not copied."""

    family: Family
    case: str
    difference: str = ""
    quirk: str = ""

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.difference


@dataclass
class Data:
    """Where real observations and reference values lie, a folder to work in, and what has been made there already."""

    root: Path
    work: Path
    made: dict[Any, Any] = field(default_factory=dict)
    folders: int = 0

    @property
    def real(self) -> Path:
        """The folder of real observations."""
        return self.root / "data"

    @property
    def reference(self) -> Path:
        """The folder of what other programs make."""
        return self.root / "reference"

    def folder(self) -> Path:
        """Make an empty folder."""
        self.folders += 1
        path = self.work / str(self.folders)
        path.mkdir(parents=True)
        return path


def run_task(data: Data, task: str, params: Mapping[str, Any], inputs: Mapping[str, Path]) -> tuple[Path, Outcome]:
    """Run a task as a run does, in an empty folder."""
    out = data.folder()
    function = task_function(task, next(iter(TASKS[task].engines)))
    return out, function(Job(f"{task}:agreement", params, inputs, out))


@contextmanager
def agreeing(found: list[str]) -> Iterator[None]:
    """Note an assertion that does not hold as a difference."""
    try:
        yield
    except AssertionError as error:
        found.append(str(error) or "differs")
