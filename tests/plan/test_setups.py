"""What plans say of tools, calibration and responses that are not quite as they should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import make_headas
from xbatch.base.errors import Problem, SpecError
from xbatch.base.toolset import Toolset, find_toolset
from xbatch.plan.compile import compile_plan
from xbatch.plan.keys import ingredients_of
from xbatch.plan.raw import raw_steps
from xbatch.plan.script import script
from xbatch.plan.steps import Plan, Step
from xbatch.spec import load

OBSID = "60001110002"
SPEC = """\
xbatch: 1
name: s
mission: nustar
target: {name: T, position: [10, 10]}
observations: [{obsids: ["60001110002"], instruments: [FPMA]}]
data: {root: data, level: raw}
regions: {src: {shape: circle, center: target, radius: 60 arcsec}}
spectra: {agn: {region: src}}
"""
FIT = """\
fit:
  pl:
    data: [{spectra: agn, binning: b, band: 3-79 keV}]
    background: {mode: none}
    statistic: chi2
    model: powerlaw.pl
"""


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a shell with a fake HEASoft, which is this process's too."""
    given = dict(make_headas(tmp_path / "tools"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def plan_of(folder: Path, text: str) -> Plan:
    (folder / "s.yaml").write_text(text)
    return compile_plan(load(folder / "s.yaml"))


def raw_of(folder: Path, text: str, toolset: Toolset) -> tuple[dict[str, Step], list[Problem]]:
    (folder / "s.yaml").write_text(text)
    analysis = load(folder / "s.yaml")
    steps, problems = raw_steps(analysis, analysis.members[0].spec, toolset=toolset)
    return {step.name: step for step in steps}, problems


GROUPINGS = {
    "{type: min, counts: 20, range: 3-79 keV}": "ftgrouppha",
    "{type: nutools, net_counts: 20}": "grppha",
}


@pytest.mark.parametrize(("binning", "tool"), GROUPINGS.items())
def test_groupings_that_only_data_decide_are_shown_and_checked(
    environ: dict[str, str], tmp_path: Path, binning: str, tool: str
) -> None:
    text = f"{SPEC}binning: {{b: {binning}}}\nengine: {{binning: heasoft}}\n"
    plan = plan_of(tmp_path, text)
    step = plan.by_name()[f"group:{OBSID}/FPMA/agn/b"]
    assert "work" not in step.params
    written = script(plan, "run")
    part = written[written.index(f"# ---- {step.name}") : written.index("# ---- the ")]
    assert "# only data decide some of it: like this" in part
    assert f"\n# {tool} " in part
    assert all(not line or line.startswith("#") for line in part.splitlines())  # it does not stop the script
    assert "found by the step itself: see its log" in part
    assert ingredients_of(step, 1, "", {}) == ingredients_of(replace(step, likely={}, remarks=("x",)), 1, "", {})
    path = Path(environ["HEADAS"]) / "syspfiles" / f"{tool}.par"
    missing = "comm" if tool == "grppha" else "minchannel"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"{missing},")))
    with pytest.raises(SpecError, match=f"XB413 {tool} has no parameter {missing}"):
        plan_of(tmp_path, text)
    (Path(environ["HEADAS"]) / "bin" / tool).unlink()
    path.write_text("".join(lines))
    blocked = plan_of(tmp_path, text).by_name()[step.name].blocked
    assert blocked is not None
    assert blocked.message.startswith(f"needs {tool}, which is neither on PATH nor in ")


def test_what_no_tool_groups_is_said_for_ranges_in_kev_too(environ: dict[str, str], tmp_path: Path) -> None:
    plan = plan_of(tmp_path, f"{SPEC}binning: {{b: {{type: opt, range: 3-79 keV}}}}\nengine: {{binning: heasoft}}\n")
    blocked = plan.by_name()[f"group:{OBSID}/FPMA/agn/b"].blocked
    assert blocked is not None
    assert blocked.code == "XB412"


def test_a_parameter_file_that_cannot_be_read_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    path = Path(environ["HEADAS"]) / "syspfiles" / "nuproducts.par"
    path.write_text("")
    with pytest.raises(SpecError, match=rf"{path}: declares no parameter; Install HEASoft anew"):
        plan_of(tmp_path, SPEC)
    path.unlink()
    blocked = plan_of(tmp_path, SPEC).by_name()[f"nuproducts:{OBSID}/FPMA/agn"].blocked
    assert blocked is not None
    assert blocked.message == (
        f"needs nuproducts, which has no parameter file in HEASoft 6.35.1 here (looked in {path.parent})"
    )


URL = "https://heasarc.gsfc.nasa.gov/FTP/caldb"


def test_caldb_over_the_network_is_used_and_remarked_on(environ: dict[str, str], tmp_path: Path) -> None:
    far = find_toolset({**environ, "CALDB": URL})
    steps, problems = raw_of(tmp_path, SPEC, far)
    assert problems == []
    for name in (f"nupipeline:{OBSID}", f"nuproducts:{OBSID}/FPMA/agn"):
        step = steps[name]
        assert step.blocked is None
        assert step.params["caldb"] == URL
        assert step.params["notes"] == [
            f"calibrated with CALDB at {URL}, as it was that day: its state cannot be pinned"
        ]
        assert "caldb" not in step.inputs
        assert step.remarks[0].startswith(f"CALDB={URL} is read over the network: its state cannot be pinned")
    near, _ = raw_of(tmp_path, SPEC, find_toolset(environ))
    assert "caldb" not in near[f"nupipeline:{OBSID}"].params
    assert near[f"nupipeline:{OBSID}"].remarks == ()


def test_nothing_is_read_over_the_network_where_nothing_is_fetched(environ: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "data" / OBSID
    folder.mkdir(parents=True)
    (folder / "file").touch()
    text = SPEC.replace("level: raw", "level: raw, fetch: never")
    steps, _ = raw_of(tmp_path, text, find_toolset({**environ, "CALDB": URL}))
    blocked = steps[f"nupipeline:{OBSID}"].blocked
    assert blocked is not None
    assert f"CALDB={URL} is read over the network, and with 'fetch: never' nothing is" in blocked.message
    assert "fetch: missing" in blocked.hint


def test_only_what_needs_the_clock_waits_for_it(environ: dict[str, str], tmp_path: Path) -> None:
    next(Path(environ["CALDB"]).rglob("nuCclock*")).unlink()
    text = SPEC.replace("level: raw", "level: raw, pipeline: {barycentre: true}")
    steps, _ = raw_of(tmp_path, text, find_toolset(environ))
    assert steps[f"nupipeline:{OBSID}"].blocked is None
    for name in (f"barycorr:{OBSID}/FPMA", f"nuproducts:{OBSID}/FPMA/agn"):
        blocked = steps[name].blocked
        assert blocked is not None
        assert "no nuCclock* in" in blocked.message


@pytest.mark.parametrize(
    ("spectrum", "engine", "why", "hint"),
    [
        ("{region: src}", "native", "xbatch counts it, and makes none", "engine: {spectra: auto}"),
        ("{region: src, response: none}", "auto", "the spec says 'response: none'", "remove 'response: none'"),
    ],
)
def test_why_a_counted_spectrum_has_no_response(
    environ: dict[str, str], tmp_path: Path, spectrum: str, engine: str, why: str, hint: str
) -> None:
    text = SPEC.replace("{region: src}", spectrum) + f"engine: {{spectra: {engine}}}\nbinning: {{b: {{type: none}}}}\n"
    _, problems = raw_of(tmp_path, text + FIT, find_toolset(environ))
    assert [problem.code for problem in problems] == ["XB403"]
    assert why in problems[0].message
    assert f"give 'response: FILE' under spectra.agn, or have nuproducts make it: {hint}" == problems[0].hint


def test_a_folder_that_no_tool_can_work_in_blocks_their_steps(environ: dict[str, str], tmp_path: Path) -> None:
    long = "/scratch/" + 8 * "folder/"
    steps, _ = raw_of(tmp_path, SPEC, find_toolset({**environ, "XBATCH_SCRATCH": long}))
    blocked = steps[f"nupipeline:{OBSID}"].blocked
    assert blocked is not None
    assert f"XBATCH_SCRATCH={long} has 65 characters, and tools cut long names off" in blocked.message
    assert steps[f"events:{OBSID}/FPMA"].blocked is None


@pytest.mark.parametrize(
    "said",
    ["{root: data, level: raw, pipeline: {stages: [1, 1]}}", "{root: data, level: raw, pipeline: {obsmode: slew}}"],
)
def test_what_keeps_a_spectrum_from_being_made_is_told_alone(
    environ: dict[str, str], tmp_path: Path, said: str
) -> None:
    text = SPEC.replace("{root: data, level: raw}", said) + "binning: {b: {type: opt}}\n" + FIT
    with pytest.raises(SpecError) as caught:
        plan_of(tmp_path, text)
    assert [problem.code for problem in caught.value.problems] == ["XB412"]  # not that there is no response
