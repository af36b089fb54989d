"""A session whose tools are functions of the test: what a task does around its calls, without a process."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

from xbatch.commands.call import Call, Staged, Work
from xbatch.registry import Job
from xbatch.tools.execute import Result

__all__ = ["Play", "PlayedSession", "play"]

Play = Callable[[Call, Path], "str | None"]
"""Does a call in a folder; gives what the tool prints."""


class PlayedSession:
    """In the place of `xbatch.tools.execute.Session`; tokens are not filled."""

    def __init__(self, job: Job, tool: Play, calls: list[Call]) -> None:
        self.folder = job.out.parent / f"{job.out.name}-work"
        self.folder.mkdir()
        self._job, self._tool, self._calls = job, tool, calls
        self.results: list[Result] = []

    def do(self, work: Work) -> None:
        self.stage(work.staged)
        self.write(work.written)
        for call in work.calls:
            self.call(call)

    def stage(self, staged: Mapping[str, Staged]) -> None:
        for name, one in staged.items():
            if one.role in self._job.inputs:
                shutil.copyfile(self._job.inputs[one.role], self.folder / name)

    def write(self, written: Mapping[str, str]) -> None:
        for name, text in written.items():
            (self.folder / name).write_text(text)

    def call(self, call: Call, excused: str = "") -> Result:
        self._calls.append(call)
        (self.folder / call.folder).mkdir(exist_ok=True)
        said = self._tool(call, self.folder / call.folder)
        status = 1 if excused and excused in (said or "") else 0
        self.results.append(Result(call.command, status, 0.0, said or "", ""))
        return self.results[-1]

    def keep(self, kept: Mapping[str, str], optional: Collection[str] = ()) -> None:
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]
        for output, pattern in kept.items():
            found = fnmatch.filter(names, pattern)
            assert len(found) == 1 or (not found and output in optional), (output, found)
            if found:
                shutil.move(self.folder / found[0], self._job.out / output)

    def facts(self) -> dict[str, Any]:
        return {"calls": [call.tool for call in self._calls]}

    def notes(self) -> list[str]:
        return []

    def __enter__(self) -> PlayedSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder)


def play(monkeypatch: pytest.MonkeyPatch, module: ModuleType, tool: Play) -> list[Call]:
    """Let a module's sessions do their calls by a function; give the list that calls are added to."""
    calls: list[Call] = []

    def made(job: Job, environment: Mapping[str, str] | None = None) -> PlayedSession:
        return PlayedSession(job, tool, calls)

    monkeypatch.setattr(module, "Session", made)
    return calls
