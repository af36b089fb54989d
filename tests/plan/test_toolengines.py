"""Groupings and sums that a toolset does in the place of xbatch: the same step, with its calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.plan.worlds import analysis_of, spec_of
from xbatch.base.errors import Problem
from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import HEASOFT, SAS, Staged, Work
from xbatch.plan.rawmade import RawContext
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step, StepInput
from xbatch.plan.toolengines import grouped_by_tool, summed_by_heasoft
from xbatch.spec.model import Subject
from xbatch.spec.rawmodel import RawObservation, RawWork

TOOLS = Toolset(
    heasoft=Suite("heasoft", "6.35.1", Path("/h")),
    sas=Suite("sas", "22.1.0", Path("/s")),
    remarks={"heasoft": ("odd",)},
)
FPMA, PN = (Subject("nustar", "1", "FPMA", "src"), Subject("xmm", "0761220101", "EPN", "agn"))


def _context(engine: str, kind: str = "binning", tools: Toolset = TOOLS, raw: bool = True) -> RawContext:
    observed = RawObservation("xmm", PN.obsid, ("EPN",), Path("data"))
    made = RawWork(observations=(observed,)) if raw else None
    spec = replace(spec_of([], []), engines={kind: engine}, raw=made)
    return RawContext(analysis_of(({}, spec)), spec, tools)


def _step(*more: str, **binning: Any) -> Step:
    roles = ("spectrum", *more)
    inputs = {role: StepInput("spectrum:x", f"{role}.pha") for role in roles}
    return Step("group:x", "group", "x", params={"binning": binning, "name": "b", "min_exposure": 9}, inputs=inputs)


def test_a_grouping_by_heasoft_is_the_same_step_with_its_calls() -> None:
    native = _step("background", type="min", counts=20.0)
    made = grouped_by_tool(_context(HEASOFT), native, FPMA)
    work = made.params["work"]
    assert made.params == {**native.params, "work": work}
    assert (made.name, made.task, made.inputs) == (native.name, native.task, native.inputs)
    assert (made.engine, made.engine_version, made.because) == ("heasoft", "6.35.1", "the spec asks for HEASoft")
    assert made.blocked is None and made.remarks == ("odd",) and not made.likely
    assert [call.tool for call in Work.of(work).calls] == ["grppha"]
    assert Work.of(work).staged["background.pha"] == Staged("background", "copy")


@pytest.mark.parametrize(
    ("binning", "named"),
    [
        ({"type": "bmin", "counts": 3.0}, True),
        ({"type": "snmin", "snr": 3.0}, True),
        ({"type": "snmin", "snr": 3.0, "background": False}, False),
        ({"type": "optmin", "counts": 3.0}, False),
    ],
)
def test_a_background_counts_where_it_is_meant(binning: dict[str, Any], named: bool) -> None:
    made = grouped_by_tool(_context(HEASOFT), _step("background", "response", **binning), FPMA)
    assert ("backfile" in dict(Work.of(made.params["work"]).calls[-1].args)) is named
    alone = grouped_by_tool(_context(HEASOFT), _step("response", **binning), FPMA)
    assert "backfile" not in dict(Work.of(alone.params["work"]).calls[-1].args)


@pytest.mark.parametrize(
    "binning",
    [
        {"type": "nutools", "net_counts": 20.0, "form": "mended"},
        {"type": "min", "counts": 20.0, "range": {"unit": "keV", "lo": 3.0, "hi": 10.0}},
    ],
)
def test_what_only_data_decide_is_likely_and_in_no_key(binning: dict[str, Any]) -> None:
    native = _step("background", "response", **binning)
    made = grouped_by_tool(_context(HEASOFT), native, FPMA)
    assert made.params == native.params
    likely = Work.of(made.likely)
    if binning["type"] == "nutools":
        assert likely.written == {"groups.txt": "{groups:lines}"}
        assert dict(likely.calls[-1].args)["comm"] == "group groups.txt&exit"
    else:
        given = dict(likely.calls[-1].args)
        assert (given["minchannel"], given["maxchannel"]) == ("{range:first}", "{range:last}")


def test_what_heasoft_cannot_do_is_told() -> None:
    ranged = {"type": "opt", "range": {"unit": "channel", "lo": 1, "hi": 9}}
    made = grouped_by_tool(_context(HEASOFT), _step("response", **ranged), FPMA)
    assert made.blocked is not None and made.blocked.code == "XB412"
    assert "binning 'b': ftgrouppha does not heed a range" in made.blocked.message
    assert "work" not in made.params


def test_sas_groups_spectra_of_epic_alone() -> None:
    native = _step("background", "response", type="specgroup", snr=6.0, oversample=3.0)
    assert grouped_by_tool(_context(SAS), native, FPMA) is native
    made = grouped_by_tool(_context(SAS), native, PN)
    assert (made.engine, made.engine_version) == ("sas", "22.1.0")
    # the index of the observation's calibration comes too
    assert made.inputs == {**native.inputs, "cif": StepInput("cifbuild:0761220101", "ccf.cif")}
    work = Work.of(made.params["work"])
    assert {name: one.role for name, one in work.staged.items()} == {
        "src.pha": "spectrum",
        "bgd.pha": "background",
        "src.rmf": "response",
        "ccf.cif": "cif",
    }
    assert work.environment == {"SAS_CCF": "{scratch}/ccf.cif"}
    given = dict(work.calls[0].args)
    assert (given["backgndset"], given["rmfset"]) == ("bgd.pha", "src.rmf")
    alone = grouped_by_tool(_context(SAS), _step(type="specgroup", snr=6.0), PN)
    assert not {"backgndset", "rmfset"} & set(dict(Work.of(alone.params["work"]).calls[0].args))


@pytest.mark.parametrize(("raw", "obsid"), [(False, PN.obsid), (True, "e2012")])
def test_specgroup_needs_an_index_of_calibration(raw: bool, obsid: str) -> None:
    made = grouped_by_tool(_context(SAS, raw=raw), _step(type="specgroup", counts=20.0), replace(PN, obsid=obsid))
    assert made.blocked is not None and made.blocked.code == "XB412"
    assert f"needs the calibration index of {obsid}/EPN/agn" in made.blocked.message


def _sources(*members: tuple[bool, bool]) -> list[Source]:
    return [
        Source(replace(FPMA, obsid=str(number)), f"spectrum:{number}", background, response)
        for number, (background, response) in enumerate(members)
    ]


def _sum(response: str = "exposure-weighted") -> Step:
    return Step("combine:x", "combine", "x", params={"response": response}, path="spectra.src")


@pytest.mark.parametrize(
    ("members", "flags"),
    [
        ([(True, True), (True, True)], ("yes", "yes")),
        # what one of them lacks cannot be added
        ([(True, True), (False, True)], ("yes", "no")),
        ([(True, False), (True, True)], ("no", "yes")),
    ],
)
def test_a_sum_is_of_what_all_members_have(members: list[tuple[bool, bool]], flags: tuple[str, str]) -> None:
    made = summed_by_heasoft(_context(HEASOFT, "combine"), _sum(), _sources(*members))
    work = Work.of(made.params["work"])
    given = dict(work.calls[-1].args)
    assert (given["qaddrmf"], given["qsubback"]) == flags
    assert [call.tool for call in work.calls] == ["grppha"] * len(members) + ["addspec"]
    assert made.blocked is None


def test_responses_are_weighted_by_exposure_or_not_added() -> None:
    context = _context(HEASOFT, "combine")
    blocked = summed_by_heasoft(context, _sum("counts-weighted"), _sources((True, True))).blocked
    assert blocked is not None and (blocked.code, blocked.path) == ("XB412", "spectra.src")
    assert summed_by_heasoft(context, _sum("counts-weighted"), _sources((True, False))).blocked is None


def test_a_toolset_that_is_not_here_blocks_and_another_reason_goes_before() -> None:
    absent = _context(HEASOFT, tools=Toolset())
    made = grouped_by_tool(absent, _step(type="min", counts=20.0), FPMA)
    assert made.blocked is not None and made.blocked.code == "XB411" and made.engine_version == ""
    assert made.params["work"]["calls"]  # the plan can be looked at all the same
    why = Problem(absent.analysis.place(""), "XB402", "for another reason", "do so", "")
    assert grouped_by_tool(absent, replace(_step(type="min", counts=20.0), blocked=why), FPMA).blocked == why
