"""Calls of external tools held against the tools that are installed here, before anything runs.

A tool may be absent from an installation that has the others. One of another version may not know a parameter, and
heasoftpy drops what it does not know without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xbatch.base.errors import FileError, Problem
from xbatch.base.toolset import Suite, Toolset
from xbatch.base.toolstate import Fault, program_fault
from xbatch.commands.call import Call, Work
from xbatch.commands.parfile import ParameterFile, find_parameters, problems
from xbatch.plan.steps import Step
from xbatch.spec.model import Analysis

__all__ = ["checked_calls", "work_of"]

_NAMES = {"heasoft": "HEASoft", "sas": "SAS"}


def work_of(step: Step) -> Work | None:
    """Give what a step does with tools, as far as it is known beforehand; None if it uses none."""
    data = step.params.get("work") or step.likely
    return Work.of(data) if data else None


def checked_calls(steps: Sequence[Step], toolset: Toolset, analysis: Analysis) -> tuple[list[Step], list[Problem]]:
    """Look whether the tools that steps call are here, and would understand what they are told.

    Parameters
    ----------
    steps : sequence of Step
    toolset : Toolset
    analysis : Analysis
        For places.

    Returns
    -------
    steps : list of Step
        In their order; those whose tools are not here are blocked.
    problems : list of Problem
        XB413, one for each wrong parameter, at the first step that is concerned.
    """
    check = _Check(toolset)
    found: dict[str, Problem] = {}
    made = []
    for step in steps:
        work = work_of(step) if step.engine in _NAMES else None
        fault = None
        for call in work.calls if work is not None else ():
            fault = fault or check.fault(call)
            for text, hint in check.wrong(call):
                found.setdefault(text, Problem(analysis.place(step.path), "XB413", text, hint, step.path))
        if fault is not None and step.blocked is None:
            blocked = Problem(analysis.place(step.path), "XB411", f"needs {fault.what}", fault.cure, step.path)
            made.append(replace(step, blocked=blocked))
        else:
            made.append(step)
    return made, list(found.values())


@dataclass
class _Check:
    """Looks each tool up once."""

    toolset: Toolset
    faults: dict[tuple[str, str], Fault | None] = field(default_factory=dict)
    files: dict[tuple[str, str], ParameterFile | FileError | None] = field(default_factory=dict)

    def fault(self, call: Call) -> Fault | None:
        """Say why a tool cannot be run; None if it can, or where what is missing is said of its whole suite."""
        key = call.suite, call.tool
        suite = self._suite(call)
        if suite is None:
            return None
        if key not in self.faults:
            environ = self.toolset.environ
            fault = program_fault(call.tool, call.suite, environ) if environ else None
            if fault is None and self._file(call, suite) is None:
                title = f"{_NAMES[call.suite]} {suite.version}".strip()
                what = f"{call.tool}, which has no parameter file in {title} here (looked in {suite.parameters[-1]})"
                hint = f"install the part of {_NAMES[call.suite]} that has {call.tool}, or a later release"
                fault = Fault(what, hint)
            self.faults[key] = fault
        return self.faults[key]

    def wrong(self, call: Call) -> list[tuple[str, str]]:
        """Say what a tool would not understand, and what to do."""
        suite = self._suite(call)
        known = None if suite is None else self._file(call, suite)
        if isinstance(known, FileError):
            return [(f"{known.file}: {known.what}", known.cure)]
        if known is None:
            return []
        hint = "change what the spec asks of it, or use the release of the tools that has it"
        return [(text, hint) for text in problems(call, known)]

    def _suite(self, call: Call) -> Suite | None:
        suite = self.toolset.suite(call.suite)
        if suite is None or call.suite in self.toolset.faults:
            return None
        return suite if any(folder.is_dir() for folder in suite.parameters) else None

    def _file(self, call: Call, suite: Suite) -> ParameterFile | FileError | None:
        key = call.suite, call.tool
        if key not in self.files:
            try:
                self.files[key] = find_parameters(call.tool, call.suite, suite.parameters)
            except FileError as error:
                self.files[key] = error
        return self.files[key]
