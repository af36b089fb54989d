"""What steps of NuSTAR's tools have in common: files where they look, regions, times, and what is not installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.plan.nustarworlds import HEASOFT, TOOLS, TUTORIAL, context_of, made_of, planned, tutorial, work_of
from tests.plan.worlds import analysis_of, spec_of
from xbatch.base.errors import Problem
from xbatch.base.toolset import Toolset
from xbatch.commands.call import Call, Staged, Work
from xbatch.commands.nuproducts import Barycentre
from xbatch.commands.nustar import Module
from xbatch.plan.nustarwork import Located, Reduced, Wanted, located, needs_caldb
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import FileInput, Step, StepInput
from xbatch.spec.eventmodel import Observed, Region, Screening
from xbatch.spec.rawmodel import RawWork


def test_regions_are_written_with_their_system(tmp_path: Path) -> None:
    (step,) = [one for one in made_of(context_of(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    text = work_of(step).written
    assert text["src.reg"].splitlines()[1:] == ["fk5", 'circle(187.27791667,2.05238889,150")']
    assert text["bgd.reg"].splitlines()[1:] == ["fk5", 'annulus(187.27791667,2.05238889,180",300")']


def test_what_nuproducts_looks_for_is_laid_where_it_looks(tmp_path: Path) -> None:
    (step,) = [one for one in made_of(context_of(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    stem = "60001110002_p/event_cl/nu60001110002"
    names = {
        f"{stem}{end}"
        for end in ("A01_cl.evt", "A_det1.fits", "A_oa.fits", "A_fpm.hk", "_mast.fits", "_att.fits", "_obeb.hk")
    }
    staged = work_of(step).staged
    assert set(staged) == names
    assert {role: item.step for role, item in step.inputs.items() if isinstance(item, StepInput)} == dict.fromkeys(
        ("events", "det1", "oa", "hk", "mast", "att", "bench"), "nupipeline:60001110002"
    )
    # xselect follows a link to its end, and has no room for a long path
    assert staged[f"{stem}A01_cl.evt"].how == "copy"
    assert step.inputs["caldb"] == FileInput("/caldb/data/nustar/fpm/caldb.indx")


def test_times_are_given_to_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tutorial(
        gtis='gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}}',
        screening='screening: {calm: {flare: {band: 3-79 keV, bin: 100 s, rate: "< 9 ct/s"}}}',
        spectra="spectra: {src: {region: src, background: bgd, gti: early}, calm: {region: src, screening: calm}, "
        "both: {region: src, screening: calm, gti: early}}",
        engine="",
    )
    context = context_of(tmp_path, text)
    steps = {step.name: step for step in planned(context, monkeypatch)}
    selected = steps["nuproducts:60001110002/FPMA/src@early"]
    assert selected.inputs["times"] == StepInput("gti:60001110002/FPMA/early", "gti.gti")
    assert ("usrgtifile", "times.gti") in work_of(selected).calls[0].args
    calm = steps["nuproducts:60001110002/FPMA/calm"]
    assert calm.inputs["times"] == StepInput("flare:60001110002/FPMA/calm", "flare.gti")
    # which lie within the good times of the list without flares
    both = steps["nuproducts:60001110002/FPMA/both@early"]
    assert both.inputs["times"] == StepInput("gti:60001110002/FPMA/early/calm", "gti.gti")
    assert steps["gti:60001110002/FPMA/early/calm"].inputs["events"] == StepInput(
        "events:60001110002/FPMA/calm", "events.bin"
    )


def test_a_light_curve_is_of_a_point_or_not_as_its_own_spectrum_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = "dt: 256 s, bands: [3-78 keV], corrections: [gti, livetime, area]"
    text = tutorial(
        spectra="spectra: {src: {region: src}, wide: {region: src, source_type: extended}}",
        lightcurves=f"lightcurves: {{p: {{spectrum: src, {curve}}}, e: {{spectrum: wide, {curve}}}, "
        f"s: {{spectrum: wide, region: {{src.radius: 60 arcsec}}, {curve}}}}}",
        engine="",
    )
    steps = {step.name: step for step in planned(context_of(tmp_path, text), monkeypatch)}
    calls = {name: work_of(steps[f"lightcurve:60001110002/FPMA/{name}"]).calls[0].args for name in "pes"}
    assert {name: ("extended", "yes") in args for name, args in calls.items()} == {"p": False, "e": True, "s": True}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "data: {root: data, level: raw, pipeline: {stages: [1, 1]}}"}, "make no screened list"),
        ({"data": "data: {root: data, level: raw, pipeline: {obsmode: slew}}"}, "no list of mode 01"),
        (
            {"data": "data: {root: data, level: raw, pipeline: {obsmode: science, split: true}}"},
            "does not split mode 06",
        ),
        (
            {
                "data": "data: {root: data, level: raw, pipeline: {barycentre: true}}",
                "target": "",
                "regions": "regions: {src: {shape: circle, center: [10, 10], radius: 9 arcsec}, bgd: {shape: circle, "
                "center: [10, 10], radius: 9 arcsec}}",
            },
            "need the position of the source",
        ),
        ({"screening": "screening: {default: {pi_range: 35-1909}}"}, "a pi_range, which nuproducts does not heed"),
        (
            {
                "regions": "regions: {src: {shape: box, center: target, size: [9 arcsec, 9 arcsec]}, bgd: {shape: "
                "circle, center: target, radius: 9 arcsec}}"
            },
            "'src' is a box",
        ),
        (
            {
                "regions": "regions: {src: {shape: circle, center: [10, 10], frame: galactic, radius: 9 arcsec}, bgd: "
                "{shape: circle, center: target, radius: 9 arcsec}}"
            },
            "not in galactic",
        ),
    ],
)
def test_what_the_tools_cannot_do(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    lines = TUTORIAL.splitlines()
    if "regions" in changed:
        lines = [line for line in lines if not line.startswith("  ")]
    text = "\n".join(lines) + "\n"
    for key, line in changed.items():
        old = [one for one in text.splitlines() if one.startswith(f"{key}:")]
        text = text.replace(old[0] + "\n", line + "\n" if line else "") if old else f"{text}{line}\n"
    problems = made_of(context_of(tmp_path, text)).problems
    assert problems
    assert {problem.code for problem in problems} == {"XB412"}
    assert all(words in problem.message for problem in problems)
    assert all(problem.hint for problem in problems)


def test_what_is_not_installed_blocks_the_steps(tmp_path: Path) -> None:
    for toolset, words in ((Toolset(), "needs HEASoft"), (Toolset(heasoft=HEASOFT), "CALDB")):
        steps = made_of(context_of(tmp_path, TUTORIAL, toolset)).steps
        assert steps
        for step in steps:
            assert step.blocked is not None
            assert step.blocked.code == "XB411"
            assert words in step.blocked.message


MODULE = Module("60001110002", "FPMB", "p/event_cl")
CIRCLE = {"shape": "circle", "frame": "fk5", "center": [10.0, 20.0], "sizes": [30.0], "include": True}
SHAPE_DEFAULTS = {"angle": 0.0, "sweep": None, "vertices": None}


def _wanted(background: str = "bkg", gti: str = "", point: bool = True, **regions: Region) -> Wanted:
    known = {name: Region(name, {"shapes": [{**CIRCLE, **SHAPE_DEFAULTS}]}) for name in ("src", "bkg")}
    calm = Screening("calm", {}, {"rate": ["<", 1.0]})
    observed = Observed(
        "nustar",
        "60001110002",
        "FPMB",
        Path("data"),
        regions={**known, **regions},
        screenings={"default": Screening("default", {}), "calm": calm},
    )
    return Wanted(observed, "src", background, "default", gti, point, "spectra.src")


@pytest.fixture
def here() -> RawContext:
    spec = spec_of([], [])
    return RawContext(analysis_of(({}, spec)), spec, Toolset(heasoft=HEASOFT))


def _found(found: Located | Problem) -> Located:
    assert isinstance(found, Located)
    return found


def test_regions_without_a_background_and_times(here: RawContext) -> None:
    alone = _found(located(here, _wanted(background="")))
    assert (alone.area.source, alone.area.background, alone.area.times) == ("src.reg", "", "")
    assert set(alone.written) == {"src.reg"} and not alone.staged and not alone.inputs
    both = _found(located(here, _wanted()))
    assert both.area.background == "bgd.reg" and set(both.written) == {"src.reg", "bgd.reg"}


def test_times_of_a_selection_or_of_a_cut_of_flares(here: RawContext) -> None:
    selected = _found(located(here, _wanted(gti="dim")))
    assert selected.inputs == {"times": StepInput("gti:60001110002/FPMB/dim", "gti.gti")}
    assert selected.staged == {"times.gti": Staged("times", "copy")} and selected.area.times == "times.gti"
    cut = _found(located(here, replace(_wanted(), screening="calm")))
    assert cut.inputs == {"times": StepInput("flare:60001110002/FPMB/calm", "flare.gti")}


def test_files_of_regions_are_copied(here: RawContext, tmp_path: Path) -> None:
    path = tmp_path / "my.reg"
    path.write_text("fk5\ncircle(10,20,30)\n")
    found = _found(located(here, _wanted(src=Region("src", {"file": "my.reg"}, path))))
    assert found.inputs == {"region/src": FileInput(str(path))}
    assert found.staged == {"src.reg": Staged("region/src", "copy")} and set(found.written) == {"bgd.reg"}


def test_a_shape_without_a_psf_is_for_extended_sources_and_backgrounds(here: RawContext) -> None:
    box = {"shapes": [{**CIRCLE, **SHAPE_DEFAULTS, "shape": "box", "sizes": [9.0, 9.0]}]}
    problem = located(here, _wanted(src=Region("src", box)))
    assert isinstance(problem, Problem) and "'src' is a box" in problem.message
    _found(located(here, _wanted(src=Region("src", box), point=False)))
    _found(located(here, _wanted(bkg=Region("bkg", box))))
    # a point has one shape, and nothing is cut out of it
    hole = Region("src", {"shapes": [{**CIRCLE, **SHAPE_DEFAULTS}, {**box["shapes"][0], "include": False}]})
    problem = located(here, _wanted(src=hole))
    assert isinstance(problem, Problem) and "'src' has 2 shapes" in problem.message
    _found(located(here, _wanted(src=hole, point=False)))


@pytest.mark.parametrize(("shape", "sizes", "corrected"), [("circle", [9.0], True), ("annulus", [9.0, 60.0], False)])
def test_ghost_rays_are_corrected_for_in_circles(
    here: RawContext, shape: str, sizes: list[float], corrected: bool
) -> None:
    source = Region("src", {"shapes": [{**CIRCLE, **SHAPE_DEFAULTS, "shape": shape, "sizes": sizes}]})
    assert _found(located(here, _wanted(src=source))).ghost_rays is corrected
    assert _found(located(here, _wanted(src=source, point=False))).ghost_rays


def test_files_of_a_module_have_one_name_and_one_role_each() -> None:
    plain = Reduced("nupipeline:1", MODULE)
    assert plain.inputs == {role: StepInput("nupipeline:1", name) for role, name in plain.roles.items()}
    assert {name.removeprefix("p/event_cl/"): one.role for name, one in plain.staged.items()} == {
        name: role for role, name in plain.roles.items()
    }
    assert plain.barycentre is None and "orbit" not in plain.roles
    moved = Reduced("nupipeline:1", MODULE, (10.0, 20.0), "barycorr:1")
    assert moved.roles["orbit"] == "nu60001110002B.attorb"
    assert moved.barycentre == Barycentre((10.0, 20.0), "p/event_cl/nu60001110002B.attorb", times=False)


def test_calibration_is_an_input(here: RawContext) -> None:
    step = Step("nuproducts:1", "nuproducts", "1", params={"work": Work(()).params()}, inputs={"a": FileInput("/a")})
    made = needs_caldb(replace(here, toolset=TOOLS), step)
    assert made.inputs == {"a": FileInput("/a"), "caldb": FileInput(str(TOOLS.caldb))}
    assert (made.engine, made.engine_version, made.blocked) == ("heasoft", "6.35.1", None)
    without = needs_caldb(here, step)
    assert without.inputs == step.inputs
    assert without.blocked is not None and "CALDB" in without.blocked.message


def test_a_calibration_over_the_network_is_a_parameter_and_noted(here: RawContext) -> None:
    work = Work((Call(HEASOFT.name, "nuproducts", ()),)).params()
    step = Step("nuproducts:1", "nuproducts", "1", params={"work": work, "notes": ["first"]})
    far = replace(TOOLS, caldb=None, remote="https://caldb", remarks={"caldb": ("odd",), "heasoft": ("old",)})
    raw = RawWork(observations=())
    made = needs_caldb(replace(here, toolset=far, spec=replace(here.spec, raw=raw)), step)
    assert made.params["caldb"] == "https://caldb" and made.inputs == {} and made.blocked is None
    first, second = made.params["notes"]
    assert first == "first" and second.startswith("calibrated with CALDB at https://caldb")
    assert made.remarks == ("old", "odd")


@pytest.mark.parametrize(
    ("tool", "args", "version", "words"),
    [
        ("barycorr", (), "6.26", "older than the clock files"),
        ("nuproducts", (("barycorr", "yes"),), "6.26", "older than the clock files"),
        ("nuproducts", (("barycorr", "no"),), "6.26", ""),
        ("barycorr", (), "6.35.1", ""),
        ("nuproducts", (("instrument", "FPMA"), ("runmkarf", "yes")), "6.28", "for the temperature of the optics"),
        ("nuproducts", (("instrument", "FPMB"), ("runmkarf", "yes")), "6.28", ""),
        ("nuproducts", (("instrument", "FPMA"), ("runmkarf", "no")), "6.28", ""),
    ],
)
def test_what_a_release_does_to_numbers_is_remarked_on(
    here: RawContext, tool: str, args: tuple[tuple[str, str], ...], version: str, words: str
) -> None:
    step = Step("t:1", tool, "1", params={"work": Work((Call(HEASOFT.name, tool, args),)).params()})
    tools = replace(TOOLS, heasoft=replace(HEASOFT, version=version))
    said = needs_caldb(replace(here, toolset=tools), step).remarks
    assert len(said) == bool(words) and words in "".join(said)


def test_what_is_made_of_some_modules_is_given_in_the_order_of_the_spec(tmp_path: Path) -> None:
    text = tutorial(
        observations='observations: [{obsids: ["60001110002", "60001110003"], instruments: [FPMA, FPMB]}]',
        spectra="spectra: {b: {region: src, where: {module: B}}, a: {region: src}}",
        lightcurves="lightcurves: {c: {spectrum: a, bands: [3-10 keV], dt: 256 s}}",
        images="images: {i: {bands: [3-10 keV]}}",
    )
    context = context_of(tmp_path, text)
    some = ["60001110003/FPMB", "60001110003/FPMA"]
    paths = [one.subject.path for one in context.work.spectra if one.subject.obsid == "60001110003"]
    assert [one.subject.path for one in context.spectra_of(some)] == paths
    assert paths == ["60001110003/FPMB/b", "60001110003/FPMA/a", "60001110003/FPMB/a"]
    for made in (context.curves_of(some), context.images_of(some)):
        assert [job.observed for job in made] == some[::-1]
    assert context.images_of(["60001110003/other"]) == []
