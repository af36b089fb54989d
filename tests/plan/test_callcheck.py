"""Calls held against the parameter files of the tools that are installed here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import fakes
from tests.fakes import make_headas
from tests.plan.worlds import analysis_of
from xbatch.base.errors import Place, Problem
from xbatch.base.toolset import Suite, Toolset
from xbatch.base.toolstate import Fault
from xbatch.commands.call import HEASOFT, SAS, Call, Work
from xbatch.plan.callcheck import checked_calls, work_of
from xbatch.plan.steps import Step

FILES = Path(fakes.__file__).parent / "headas" / "syspfiles"
TOOLS = Toolset(heasoft=Suite("heasoft", "6.35.1", Path("/opt"), (FILES,)))
ANALYSIS = analysis_of()
GOOD = Call(HEASOFT, "addspec", (("infil", "l.txt"), ("outfil", "sum"), ("qaddrmf", "yes"), ("qsubback", "yes")))
WRONG = Call(HEASOFT, "addspec", (*GOOD.args, ("responses", "yes")))
UNKNOWN = Call(HEASOFT, "nufuture", ())


def _step(*calls: Call, name: str = "combine:a", likely: bool = False, **more: object) -> Step:
    work = Work(calls).params()
    given = {"likely": work} if likely else {"params": {"work": work}}
    return Step(name, "combine", "a", HEASOFT, path="spectra.src", **{**given, **more})  # type: ignore[arg-type]


def test_calls_that_tools_understand_change_nothing() -> None:
    steps = [_step(GOOD), Step("plot:a", "plot", "a")]
    assert checked_calls(steps, TOOLS, ANALYSIS) == (steps, [])


@pytest.mark.parametrize("likely", [True, False])
def test_a_wrong_parameter_is_told_once_at_its_first_step(likely: bool) -> None:
    steps = [_step(WRONG, name="combine:a", likely=likely), _step(GOOD, WRONG, name="combine:b")]
    same, (problem,) = checked_calls(steps, TOOLS, ANALYSIS)
    assert same == steps
    assert problem.code == "XB413" and "addspec has no parameter responses" in problem.message
    assert (problem.place, problem.path) == (Place("a.yaml", 7, 3), "spectra.src")
    assert "use the release of the tools that has it" in problem.hint


def test_a_tool_that_this_release_does_not_have_blocks_its_steps() -> None:
    (good, blocked), problems = checked_calls([_step(GOOD), _step(GOOD, UNKNOWN)], TOOLS, ANALYSIS)
    assert good.blocked is None and problems == []
    assert blocked.blocked is not None and blocked.blocked.code == "XB411"
    assert "nufuture, which has no parameter file in HEASoft 6.35.1 here" in blocked.blocked.message
    assert "install the part of HEASoft that has nufuture" in blocked.blocked.hint


def test_a_tool_of_sas_is_told_by_its_suites_name() -> None:
    tools = Toolset(sas=Suite("sas", "22.1.0", Path("/sas"), (FILES,)))
    ((step,), problems) = checked_calls([_step(Call(SAS, "evnew", ()))], tools, ANALYSIS)
    assert problems == [] and step.blocked is not None
    assert "evnew, which has no parameter file in SAS 22.1.0 here" in step.blocked.message
    assert "install the part of SAS that has evnew" in step.blocked.hint


def test_a_tool_that_is_not_there_at_all_is_told_before_its_parameter_file(tmp_path: Path) -> None:
    environ = make_headas(tmp_path)
    for tool in ("addspec", "nufuture"):  # the first has its parameter file still
        (Path(environ["HEADAS"]) / "bin" / tool).unlink(missing_ok=True)
        ((step,), _) = checked_calls([_step(Call(HEASOFT, tool, ()))], replace(TOOLS, environ=environ), ANALYSIS)
        assert step.blocked is not None
        assert f"needs {tool}, which is neither on PATH nor in {environ['HEADAS']}/bin" in step.blocked.message


def test_a_step_that_is_blocked_keeps_its_own_reason() -> None:
    why = Problem(Place("a.yaml", 1, 1), "XB412", "for another reason", "do so", "spectra.src")
    ((step,), _) = checked_calls([_step(UNKNOWN, blocked=why)], TOOLS, ANALYSIS)
    assert step.blocked == why


@pytest.mark.parametrize(
    "tools",
    [
        Toolset(),
        Toolset(heasoft=Suite("heasoft", "6.35.1", Path("/opt"), (Path("/nowhere"),))),
        Toolset(heasoft=TOOLS.heasoft, faults={"heasoft": Fault("HEASoft: so", "do so")}),
    ],
)
def test_what_is_missing_as_a_whole_is_said_elsewhere(tools: Toolset) -> None:
    steps = [_step(WRONG), _step(UNKNOWN)]
    assert checked_calls(steps, tools, ANALYSIS) == (steps, [])


def test_a_native_step_calls_nothing() -> None:
    native = Step("image:a", "image", "a", params={"work": Work((WRONG, UNKNOWN)).params()})
    assert checked_calls([native], TOOLS, ANALYSIS) == ([native], [])


def test_a_parameter_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "addspec.par").write_bytes(b'infil,"s,a\n\xff')
    tools = Toolset(heasoft=Suite("heasoft", "6.35.1", Path("/opt"), (tmp_path,)))
    _, problems = checked_calls([_step(GOOD), _step(GOOD)], tools, ANALYSIS)
    assert len({problem.message for problem in problems}) == len(problems) >= 1
    assert "addspec" in problems[0].message


def test_work_is_what_is_known_beforehand() -> None:
    assert work_of(_step(GOOD)) == work_of(_step(GOOD, likely=True)) == Work((GOOD,))
    assert work_of(Step("plot:a", "plot", "a")) is None
