"""How lists of events are made: data.pipeline and data.exposures for each instrument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.specs import RAW_NUSTAR, RAW_XMM, codes, problems, raw
from xbatch.spec.pipelines import ANALYSIS_DATE


def params(folder: Path, head: str, data: str) -> dict[str, Any]:
    """Give what holds for each instrument, the same for all observations."""
    (one,) = raw(folder, head + f"data: {{level: raw, {data}}}\n").observations
    return dict(one.instrument_params)


def test_defaults_of_xmm_do_not_change_with_the_day(tmp_path: Path) -> None:
    assert params(tmp_path, RAW_XMM, "root: .")["EPN"] == {
        "tasks": "proc",
        "mode": "imaging",
        "out_of_time": False,
        "barycentre": False,
        "analysis_date": ANALYSIS_DATE,
        "part_errors": "fail",
        "exposures": "merge",
    }


def test_exceptions_are_for_instruments(tmp_path: Path) -> None:
    data = (
        "exposures: {default: longest, for: [{where: {instrument: EMOS1}, use: [1, 3]}]},"
        " pipeline: {tasks: chain, analysis_date: observation, for: [{where: {instrument: EPN}, out_of_time: true}]}"
    )
    found = params(tmp_path, RAW_XMM, data)
    assert {name: one["exposures"] for name, one in found.items() if name[0] == "E"} == {
        "EPN": "longest",
        "EMOS1": [1, 3],
    }
    assert [found[name]["out_of_time"] for name in ("EPN", "EMOS1")] == [True, False]
    assert {(one["tasks"], one["analysis_date"]) for one in found.values()} == {("chain", "observation")}


@pytest.mark.parametrize(
    ("pointing", "given"),
    [
        ("point", "POINT"),
        ("object", "OBJECT"),
        ('["14:13:14.9", "-03:12:27.3"]', [213.31208333333333, -3.2075833333333335]),
        ("[213.5, -3]", [213.5, -3.0]),
    ],
)
def test_pointing(tmp_path: Path, pointing: str, given: object) -> None:
    found = params(tmp_path, RAW_NUSTAR, f"pipeline: {{pointing: {pointing}, obsmode: science_sc, split: true}}")
    assert (found["FPMA"]["pointing"], found["FPMB"]["obsmode"], found["FPMA"]["split"]) == (given, "SCIENCE_SC", True)


def test_a_pipeline_may_speak_of_two_missions(tmp_path: Path) -> None:
    head = "xbatch: 1\nname: test\nobservations:\n"
    head += '  - {mission: nustar, obsids: [60001110002]}\n  - {mission: xmm, obsids: ["0761220101"]}\n'
    data = "data: {level: raw, pipeline: {split: true, tasks: chain, barycentre: true}}\n"
    nustar, xmm = raw(tmp_path, head + data).observations
    assert "tasks" not in nustar.params and nustar.params["split"] is True
    assert "split" not in xmm.params and xmm.params["tasks"] == "chain"
    assert nustar.params["barycentre"] is xmm.params["barycentre"] is True


def test_what_differs_within_an_observation_is_said_once(tmp_path: Path) -> None:
    data = "data: {level: raw, pipeline: {for: [{where: {instrument: RGS1}, analysis_date: 2020-01-01}]}}\n"
    (problem,) = problems(tmp_path, RAW_XMM + data)
    assert problem.code == "XB232" and "EPN and RGS1 of 0761220101" in problem.message


def test_a_selector_that_matches_nothing(tmp_path: Path) -> None:
    data = "data: {level: raw, pipeline: {for: [{where: {instrument: OM}, mode: timing}]}}\n"
    assert codes(tmp_path, RAW_XMM + data) == ["XB105"]


@pytest.mark.parametrize(
    ("stages", "code"),
    [("[2, 1]", "XB211"), ("[1, 3]", "XB205"), ("[a, 2]", "XB203"), ("[1]", "XB209"), ("1", "XB203")],
)
def test_stages_that_are_none(tmp_path: Path, stages: str, code: str) -> None:
    text = RAW_NUSTAR + f"data: {{root: ., level: raw, pipeline: {{stages: {stages}}}}}\n"
    assert codes(tmp_path, text) == [code]


@pytest.mark.parametrize(
    ("day", "code"), [("2019-02-28", []), ("observation", []), ("2019-13-01", ["XB208"]), ("2019-02-30", ["XB208"])]
)
def test_the_date_of_analysis_is_one(tmp_path: Path, day: str, code: list[str]) -> None:
    text = RAW_XMM + f"data: {{root: ., level: raw, pipeline: {{analysis_date: {day}}}}}\n"
    assert codes(tmp_path, text) == code


def test_exposures_are_chosen_of_cameras(tmp_path: Path) -> None:
    chosen = "data: {level: raw, exposures: {for: [{where: {instrument: %s}, use: [2]}]}}\n"
    (problem,) = problems(tmp_path, RAW_XMM + chosen % "[RGS1, RGS2]")
    assert problem.code == "XB222" and "the longest is taken" in problem.hint
    assert codes(tmp_path, RAW_XMM + chosen % "[EPN, RGS1]") == []


def test_errors_of_parts_are_noted_for_some(tmp_path: Path) -> None:
    exception = "{where: {obsid: '0761220101', instrument: [EPN, RGS1, RGS2]}, part_errors: note}"
    found = params(tmp_path, RAW_XMM, f"pipeline: {{for: [{exception}]}}")
    noted = {name for name, one in found.items() if one["part_errors"] == "note"}
    assert noted == {"EPN", "RGS1", "RGS2"} and {one["part_errors"] for one in found.values()} == {"note", "fail"}


@pytest.mark.parametrize(
    ("head", "pipeline", "code"),
    [
        (RAW_XMM, "part_errors: ignore", "XB204"),
        (RAW_XMM, "part_errors: true", "XB204"),
        (RAW_XMM, "for: [{where: {instrument: RGS1}, part_errors: note}]", "XB232"),
        (RAW_NUSTAR, "part_errors: note", "XB222"),
    ],
)
def test_errors_of_parts_where_they_cannot_be_noted(tmp_path: Path, head: str, pipeline: str, code: str) -> None:
    (problem,) = problems(tmp_path, f"{head}data: {{root: ., level: raw, pipeline: {{{pipeline}}}}}\n")
    assert problem.code == code and "part_errors" in f"{problem.message} {problem.path}"
