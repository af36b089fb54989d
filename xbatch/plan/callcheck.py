"""Calls of external tools held against the parameter files of the tools that are installed here, before anything runs.

A tool of another version may not know a parameter, and heasoftpy drops what it does not know without a word.
"""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.base.errors import FileError, Problem
from xbatch.base.toolset import Toolset
from xbatch.commands.call import HEASOFT, Work
from xbatch.commands.parfile import ParameterFile, find_parameters, problems
from xbatch.plan.steps import Step
from xbatch.spec.model import Analysis

__all__ = ["call_problems"]

_NAMES = {"heasoft": "HEASoft", "sas": "SAS"}


def call_problems(steps: Sequence[Step], toolset: Toolset, analysis: Analysis) -> list[Problem]:
    """Say what the tools that are installed here would not understand; one problem for each wrong parameter.

    Parameters
    ----------
    steps : sequence of Step
    toolset : Toolset
    analysis : Analysis
        For places.

    Returns
    -------
    list of Problem
        XB413, each at the first step that is concerned.
    """
    files: dict[tuple[str, str], ParameterFile | None] = {}
    found: dict[str, Problem] = {}
    for step in steps:
        for call in Work.of(step.params["work"]).calls if "work" in step.params else ():
            suite = toolset.heasoft if call.suite == HEASOFT else toolset.sas
            if suite is None or not any(folder.is_dir() for folder in suite.parameters):
                continue  # what is missing is said at the step
            key = call.suite, call.tool
            try:
                if key not in files:
                    files[key] = find_parameters(call.tool, call.suite, suite.parameters)
                known = files[key]
            except FileError as error:
                files[key] = None
                found[call.tool] = Problem(analysis.place(step.path), "XB413", str(error), error.cure, step.path)
                continue
            if known is None:
                title = f"{_NAMES[call.suite]} {suite.version}".strip()
                wrong = [f"{call.tool} has no parameter file in {title} here"] if call.tool not in found else []
                hint = f"install the part of {_NAMES[call.suite]} that has {call.tool}, or a later release"
            else:
                wrong = problems(call, known)
                hint = "change what the spec asks of it, or use the release of the tools that has it"
            for text in wrong:
                found.setdefault(text, Problem(analysis.place(step.path), "XB413", text, hint, step.path))
    return list(found.values())
