"""Features of level ``raw`` that are used together: each product is made of its own list, times, regions and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.toolset import Suite, Toolset
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


def planned(tmp_path: Path, mission: str, *blocks: str) -> dict[str, Step]:
    obsid, instrument = OBSIDS[mission]
    path = tmp_path / "spec.yaml"
    path.write_text("\n".join([HEAD.format(mission=mission, obsid=obsid, instrument=instrument), *blocks]))
    analysis = load(path)
    steps, problems = raw_steps(analysis, analysis.members[0].spec, toolset=TOOLS)
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
