"""Where the source of a spectrum or a light curve of EPIC is said to be, by the shapes of its region."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.commands.epiccurves import EpicCurves
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.raw_epiccurves import epic_curve_steps
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import Step
from xbatch.spec import load

OBSID = "0761220101"
SPEC = """\
xbatch: 1
name: places
mission: xmm
obsids: ["0761220101"]
instruments: [EPN]
target: {position: [213.3120833, -3.2075833], frame: fk5}
data: {root: data, level: raw}
regions:
  src: REGION
  bkg: {shape: circle, center: [213.36, -3.24], frame: fk5, radius: 50 arcsec}
spectra: {agn: {region: src, background: bkgMORE}}
lightcurves: {agn: {spectrum: agn, bands: [2-10 keV], dt: 100 s, corrections: [area]}}
"""
LOOKED_FOR = ["{selection:src.withsourcepos}", "eqpos", "{selection:src.sourcex}", "{selection:src.sourcey}"]
TARGET = ["yes", "eqpos", "213.31208", "-3.2075833"]
CIRCLE = "{shape: circle, center: target, radius: 40 arcsec}"
BOX = "{shape: box, center: target, size: [40 arcsec, 20 arcsec]}"
CORE = "{shape: circle, center: target, radius: 5 arcsec, exclude: true}"


def steps_of(folder: Path, region: str, more: str = "", spec: str = SPEC) -> dict[str, Step]:
    (folder / "spec.yaml").write_text(spec.replace("REGION", region).replace("MORE", more))
    analysis = load(folder / "spec.yaml")
    context = RawContext(analysis, analysis.members[0].spec, Toolset(None, Suite("sas", "21.0.0", Path("/opt/sas"))))
    (one,) = context.raw.observations
    made = epic_steps(context, one) | epic_curve_steps(context, one)
    return {step.name: step for step in made.steps}


def told(steps: dict[str, Step]) -> tuple[list[str], list[str], bool]:
    """Give what arfgen and epiclccorr are told, and whether the selection looks for the source."""
    places = []
    for name in (f"epicspectrum:{OBSID}/EPN/agn", f"lightcurve:{OBSID}/EPN/agn"):
        args = dict(Work.of(steps[name].params["work"]).calls[-1].args)
        names = ("withsourcepos", "sourcecoords", "sourcex", "sourcey")
        places.append([args[key] for key in names if key in args])
    looked = steps[f"selection:{OBSID}/EPN/src+bkg"].params.get("sources")
    assert looked in (None, {"src": [213.3120833, -3.2075833]})
    return places[0], places[1], looked is not None


@pytest.mark.parametrize(
    ("region", "looked_for"),
    [
        (CIRCLE, False),
        ("{shape: annulus, center: target, inner: 5 arcsec, outer: 40 arcsec}", False),
        ("{shape: ellipse, center: target, radii: [40 arcsec, 20 arcsec]}", False),
        (BOX, True),
        ("{shape: polygon, frame: fk5, vertices: [[213.30, -3.22], [213.33, -3.22], [213.31, -3.19]]}", True),
        (f"{{shapes: [{CIRCLE}, {BOX}]}}", True),
        (f"{{shapes: [{CIRCLE}, {CORE}]}}", True),
        (f"{{shapes: [{CIRCLE}]}}", False),
        ("{file: src.reg}", True),
    ],
)
def test_by_the_shapes_of_the_region(tmp_path: Path, region: str, looked_for: bool) -> None:
    expected = LOOKED_FOR if looked_for else []
    assert told(steps_of(tmp_path, region)) == (expected, expected, looked_for)


def test_what_says_nothing_of_places_has_the_parameters_that_it_had(tmp_path: Path) -> None:
    steps = steps_of(tmp_path, CIRCLE)
    assert set(steps[f"selection:{OBSID}/EPN/src+bkg"].params) == {"mission", "instrument", "obsid", "regions"}
    curves = steps[f"lightcurve:{OBSID}/EPN/agn"].params["curves"]
    assert curves["position"] is None and EpicCurves.of(curves).position == ()


@pytest.mark.parametrize(
    ("region", "said", "expected"),
    [
        (CIRCLE, "target", TARGET),
        (BOX, "target", TARGET),
        (BOX, "region", []),
        (CIRCLE, '["14:13:14.9", "-03:12:27.3"]', TARGET),
        (BOX, "[10.5, 20]", ["yes", "eqpos", "10.5", "20"]),
    ],
)
def test_the_spec_may_say_it(tmp_path: Path, region: str, said: str, expected: list[str]) -> None:
    assert told(steps_of(tmp_path, region, f", source_position: {said}")) == (expected, expected, False)


def test_of_extended_sources_the_region_is_the_source(tmp_path: Path) -> None:
    assert told(steps_of(tmp_path, BOX, ", source_type: extended")) == ([], [], False)


def test_without_a_target_the_region_is_all_there_is(tmp_path: Path) -> None:
    spec = SPEC.replace("target: {position: [213.3120833, -3.2075833], frame: fk5}\n", "")
    assert told(steps_of(tmp_path, "{file: src.reg}", spec=spec)) == ([], [], False)


def test_responses_that_the_spec_names_need_no_place(tmp_path: Path) -> None:
    spec = SPEC.replace(", corrections: [area]", "")
    steps = steps_of(tmp_path, BOX, ', arf: "x.arf"', spec)
    assert "sources" not in steps[f"selection:{OBSID}/EPN/src+bkg"].params
