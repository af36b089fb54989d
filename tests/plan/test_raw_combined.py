"""Features of level ``raw`` that are used together: each product is made of its own list, times, regions and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import Problem
from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw import raw_steps
from xbatch.plan.steps import FileInput, Step, StepInput, check_outputs, ordered
from xbatch.registry import TASKS
from xbatch.spec import load

TOOLS = Toolset(
    heasoft=Suite("heasoft", "6.35.1", Path("/opt/heasoft")),
    sas=Suite("sas", "22.1.0", Path("/opt/sas")),
    caldb=Path("/caldb/data/nustar/fpm/caldb.indx"),
    ccf="digest",
)
OBSIDS = {"nustar": ("60001110002", "FPMA"), "xmm": ("0761220101", "EPN")}
HEAD = """\
xbatch: 1
name: combined
target: {{name: S, position: [150.0, 2.2], frame: fk5}}
mission: {mission}
obsids: ["{obsid}"]
instruments: [{instrument}]
data: {{root: data, level: raw}}
regions:
  src: {{shape: circle, center: target, radius: 40 arcsec}}
  bkg: {{shape: circle, center: [150.08, 2.2], radius: 60 arcsec}}
"""


def _made(tmp_path: Path, mission: str, *blocks: str) -> tuple[list[Step], list[Problem]]:
    obsid, instrument = OBSIDS[mission]
    path = tmp_path / "spec.yaml"
    path.write_text("\n".join([HEAD.format(mission=mission, obsid=obsid, instrument=instrument), *blocks]))
    analysis = load(path)
    return raw_steps(analysis, analysis.members[0].spec, toolset=TOOLS)


def problems_of(tmp_path: Path, mission: str, *blocks: str) -> list[Problem]:
    return _made(tmp_path, mission, *blocks)[1]


def planned(tmp_path: Path, mission: str, *blocks: str) -> dict[str, Step]:
    steps, problems = _made(tmp_path, mission, *blocks)
    assert problems == []
    check_outputs(steps, TASKS)
    ordered("all", steps)
    return {step.name: step for step in steps}


@pytest.mark.parametrize(("mission", "maker"), [("nustar", "nuproducts"), ("xmm", "epicspectrum")])
def test_a_named_arf_goes_with_the_matrix_that_a_tool_makes(tmp_path: Path, mission: str, maker: str) -> None:
    packed = tmp_path / "data" / "own.arf.gz"
    packed.parent.mkdir()
    packed.write_bytes(b"")
    spectra = "spectra: {{a: {{region: src, background: bkg, arf: {}}}}}"
    where = "/".join(OBSIDS[mission])
    read = planned(tmp_path, mission, spectra.format('"own.arf[.gz]"'))[f"spectrum:{where}/a"]
    assert read.inputs["rmf"] == StepInput(f"{maker}:{where}/a", "response.rmf")
    assert read.inputs["arf"] == FileInput(str(packed))
    read = planned(tmp_path, mission, spectra.format("none"))[f"spectrum:{where}/a"]
    assert "arf" not in read.inputs and "rmf" in read.inputs
    counted = planned(tmp_path, mission, spectra.format("own.arf.gz"), "engine: {spectra: native}")
    assert {"rmf", "arf"}.isdisjoint(counted[f"spectrum:{where}/a"].inputs)  # an ARF alone is no response


IMAGE = "engine: {images: heasoft}\nimages: {i: {bands: [3-10 keV], screening: own}}"
SCREENED = "screening: {{own: {{{}}}}}\nspectra: {{a: {{region: src, background: bkg, screening: own{}}}}}"


@pytest.mark.parametrize(
    ("said", "told", "counted"),
    [
        ("tentacle: true", None, [0, 26]),
        ("grade: 0-26", None, [0, 26]),
        ("grade: 0-3", "GRADE>=0&&GRADE<=3", [0, 3]),
        ("grade: none", "GRADE>=0", None),
        ("gradeexpr: GRADE<=31", "GRADE<=31", None),
        ("gradeexpr: GRADE<=31, grade: none", "GRADE<=31", None),
    ],
)
def test_what_is_counted_here_and_by_nuproducts_is_of_the_same_grades(
    tmp_path: Path, said: str, told: str | None, counted: list[int] | None
) -> None:
    for more in ("", ", response: none"):
        steps = planned(tmp_path, "nustar", SCREENED.format(said, more))
        (reduction,) = (step for step in steps.values() if step.task == "nupipeline")
        assert dict(Work.of(reduction.params["work"]).calls[0].args).get("gradeexpr") == told
        assert steps["events:60001110002/FPMA/own"].params["screening"].get("grade") == counted


@pytest.mark.parametrize("said", ["gradeexpr: GRADE<=26, grade: 0", "statusexpr: STATUS==0, status: 0"])
def test_a_cut_beside_an_expression_is_refused_where_a_tool_would_not_make_it(tmp_path: Path, said: str) -> None:
    assert "nuproducts:60001110002/FPMA/a" not in planned(tmp_path, "nustar", SCREENED.format(said, ", response: none"))
    cut = said.rpartition(", ")[2].partition(":")[0]
    for block, more in ((SCREENED.format(said, ""), ""), (SCREENED.format(said, ", response: none"), IMAGE)):
        (problem,) = problems_of(tmp_path, "nustar", block, more)
        assert problem.code == "XB412" and f"has a {cut} beside {cut}expr" in problem.message
