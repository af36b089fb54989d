"""The recipe of NuSTAR: every command of a tutorial, of a study of NGC 5506, and of a study of the Galactic Centre.

What the published commands were is in the tests of `xbatch.commands.nustar`. Where the plan's differ from them, it says
what the tool would do anyway (stages), or what the spec decides (the band of a light curve).
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw import raw_steps
from xbatch.plan.raw_nustar import nustar_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.script import script
from xbatch.plan.steps import FileInput, Plan, Step, StepInput, check_outputs, ordered
from xbatch.registry import TASKS
from xbatch.spec import load

HEASOFT = Suite("heasoft", "6.35.1", Path("/opt/heasoft"))
TOOLS = Toolset(heasoft=HEASOFT, caldb=Path("/caldb/data/nustar/fpm/caldb.indx"))

TUTORIAL = """\
xbatch: 1
name: tutorial
mission: nustar
target: {name: 3C 273, position: ["12:29:06.7", "+02:03:08.6"]}
observations: [{obsids: ["60001110002"], instruments: [FPMA]}]
data: {root: data, level: raw, pipeline: {pointing: point}}
regions:
  src: {shape: circle, center: target, radius: 150 arcsec}
  bgd: {shape: annulus, center: target, inner: 180 arcsec, outer: 300 arcsec}
spectra: {src: {region: src, background: bgd}}
lightcurves: {all: {spectrum: src, bands: [3-78 keV], dt: 256 s, min_fracexp: 0.5, corrections: [gti, livetime, area]}}
binning: {opt6: {type: optsnmin, snr: 6}}
engine: {binning: heasoft}
"""
TUTORIAL_COMMANDS = {
    "nupipeline:60001110002": [
        "nupipeline indir=60001110002 outdir=60001110002_p/event_cl steminputs=nu60001110002 instrument=FPMA "
        "entrystage=1 exitstage=2 pntra=POINT pntdec=POINT clobber=yes"
    ],
    "nuproducts:60001110002/FPMA/src": [
        "nuproducts indir=60001110002_p/event_cl outdir=60001110002_p/spec instrument=FPMA steminputs=nu60001110002 "
        "bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg phafile=DEFAULT bkgphafile=DEFAULT "
        "runbackscale=yes runmkarf=yes runmkrmf=yes imagefile=NONE lcfile=NONE bkglcfile=NONE"
    ],
    "lightcurve:60001110002/FPMA/all": [
        "nuproducts indir=60001110002_p/event_cl outdir=60001110002_p/lc instrument=FPMA steminputs=nu60001110002 "
        "binsize=256 bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg imagefile=none phafile=DEFAULT "
        "bkgphafile=DEFAULT runbackscale=yes correctlc=yes runmkarf=no runmkrmf=no pilow=35 pihigh=1909 lcenergy=40.5"
    ],
    "group:60001110002/FPMA/src/opt6": [
        # the signal is net of the background, where the tutorial names none
        "ftgrouppha infile=spectrum.pha backfile=background.pha outfile=grouped.pha grouptype=optsnmin groupscale=6 "
        "respfile=response.rmf clobber=yes"
    ],
}

NGC5506 = """\
xbatch: 1
name: ngc5506
mission: nustar
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: icrs}
observations: [{obsids: ["60061323002"], instruments: [FPMA, FPMB]}]
data: {root: data, level: raw}
screening: {spectral: {saamode: none, tentacle: false}}
regions:
  src: {shape: circle, center: target, radius: 150 arcsec}
  bkg: {shape: annulus, center: target, inner: 180 arcsec, outer: 300 arcsec}
spectra: {agn: {region: src, background: bkg, screening: spectral}}
bands: {b3a: {scheme: list, edges: 2 6 7 10 keV}}
lightcurves: {energy: {spectrum: agn, dt: 128 s, bands: [b3a], corrections: [gti, livetime, area]}}
binning:
  min20: {type: min, counts: 20}
engine: {binning: heasoft}
"""


def _ngc_products(module: str, *more: str) -> str:
    shared = f"nuproducts indir=60061323002_p/event_cl outdir=60061323002_p/%s instrument={module} "
    return (shared % more[0]) + "steminputs=nu60061323002 " + " ".join(more[1:])


NGC_REGIONS = "bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg"
NGC_CURVE = "runbackscale=yes correctlc=yes runmkarf=no runmkrmf=no"
NGC_COMMANDS = {
    "nupipeline:60061323002": [
        "nupipeline indir=60061323002 outdir=60061323002_p/event_cl steminputs=nu60061323002 "
        "entrystage=1 exitstage=2 pntra=OBJECT pntdec=OBJECT saamode=NONE tentacle=no clobber=yes"
    ],
    **{
        f"nuproducts:60061323002/{module}/agn": [
            _ngc_products(
                module,
                "spec",
                f"{NGC_REGIONS} phafile=DEFAULT bkgphafile=DEFAULT",
                "runbackscale=yes runmkarf=yes runmkrmf=yes imagefile=NONE lcfile=NONE bkglcfile=NONE",
            )
        ]
        for module in ("FPMA", "FPMB")
    },
    **{
        f"lightcurve:60061323002/{module}/energy": [
            _ngc_products(
                module,
                folder,
                f"binsize=128 {NGC_REGIONS} imagefile=none phafile={pha} bkgphafile={pha} {NGC_CURVE}",
                f"pilow={low} pihigh={high} lcenergy={energy}",
            )
            for folder, pha, low, high, energy in (
                ("lc", "DEFAULT", 10, 109, 4),
                ("lc_b3a_2", "NONE", 110, 134, 6.5),
                ("lc_b3a_3", "NONE", 135, 209, 8.5),
            )
        ]
        for module in ("FPMA", "FPMB")
    },
    **{
        f"group:60061323002/{module}/agn/min20": [
            "grppha infile=spectrum.pha 'outfile=!grouped.pha' 'comm=group min 20&exit' tempc=exit"
        ]
        for module in ("FPMA", "FPMB")
    },
}

CENTRE = """\
xbatch: 1
name: centre
mission: nustar
observations:
  - {obsids: ["30001002001", "30001002004"], instruments: [FPMA], tags: [y2012]}
  - {obsids: ["30001002003"], instruments: [FPMA, FPMB], tags: [y2012]}
  - {obsids: ["30302006006"], instruments: [FPMA, FPMB], tags: [y2017]}
  - {obsids: ["30302006004", "30302007002", "30302007004"], instruments: [FPMA], tags: [y2017]}
data: {root: data, level: raw}
regions:
  NE: {file: "regions/Source_NE.reg"}
  SW: {file: "regions/Source_SW.reg"}
  bkg: {file: "regions/bg_{obsid}{module}.reg"}
spectra:
  NE: {region: NE, background: bkg, source_type: extended}
  SW: {region: SW, background: bkg, source_type: extended}
combine:
  years:
    of: [NE, SW]
    over: obsid
    groups: {e2012: {tag: y2012}, e2017: {tag: y2017}}
    background: keep
    on_missing: skip
engine: {combine: heasoft}
"""
CENTRE_MODULES = [
    *((obsid, "FPMA") for obsid in ("30001002001", "30001002004", "30001002003", "30302006006", "30302006004")),
    *(("30001002003", "FPMB"), ("30302006006", "FPMB"), ("30302007002", "FPMA"), ("30302007004", "FPMA")),
]


def _context(tmp_path: Path, text: str, toolset: Toolset = TOOLS) -> RawContext:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    analysis = load(path)
    return RawContext(analysis, analysis.members[0].spec, toolset)


def _made(context: RawContext) -> RawMade:
    made = RawMade()
    for one in context.raw.observations:
        made |= nustar_steps(context, one)
    return made


def _planned(context: RawContext, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Give the whole plan's steps; what is installed is asked of the environment for groupings and sums."""
    monkeypatch.setattr("xbatch.base.toolset.find_toolset", lambda environ: context.toolset)
    steps, problems = raw_steps(context.analysis, context.spec, toolset=context.toolset)
    assert problems == []
    check_outputs(steps, TASKS)
    ordered("all", steps)
    return steps


def _commands(steps: list[Step]) -> dict[str, list[str]]:
    return {
        step.name: [shlex.join(call.command) for call in _work(step).calls] for step in steps if "work" in step.params
    }


def _work(step: Step) -> Work:
    return Work.of(step.params["work"])


def _same(found: list[str], expected: list[str]) -> None:
    assert [shlex.split(one) for one in found] == [shlex.split(one) for one in expected]


@pytest.mark.parametrize(("text", "expected"), [(TUTORIAL, TUTORIAL_COMMANDS), (NGC5506, NGC_COMMANDS)])
def test_commands_of_pipelines_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: dict[str, list[str]]
) -> None:
    steps = _planned(_context(tmp_path, text), monkeypatch)
    found = _commands(steps)
    assert set(found) == set(expected)
    for name, commands in expected.items():
        _same(found[name], commands)
    external = [step for step in steps if step.name in expected]
    assert {step.engine for step in external} == {"heasoft"}
    assert {step.engine_version for step in external} == {"6.35.1"}
    assert all(step.because for step in external)
    assert [step for step in steps if step.blocked is not None] == []


def test_commands_of_a_study_of_many_regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "regions"
    folder.mkdir(parents=True)
    polygon = "fk5\npolygon(266.4,-29.0,266.5,-29.0,266.45,-28.9)\n"
    for name in ("Source_NE", "Source_SW", *(f"bg_{obsid}{module[-1]}" for obsid, module in CENTRE_MODULES)):
        (folder / f"{name}.reg").write_text(polygon)
    steps = _planned(_context(tmp_path, CENTRE), monkeypatch)
    found = _commands(steps)
    for obsid, module in CENTRE_MODULES:
        for region in ("NE", "SW"):
            name = f"nuproducts:{obsid}/{module}/{region}"
            _same(
                found.pop(name),
                [
                    f"nuproducts indir={obsid}_p/event_cl outdir={obsid}_p/spec instrument={module} "
                    f"steminputs=nu{obsid} bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg phafile=DEFAULT "
                    "bkgphafile=DEFAULT runbackscale=yes runmkarf=yes runmkrmf=yes imagefile=NONE lcfile=NONE "
                    "bkglcfile=NONE correctlc=no extended=yes"
                ],
            )
            step = next(one for one in steps if one.name == name)
            files = {role: Path(item.path).name for role, item in step.inputs.items() if isinstance(item, FileInput)}
            assert files["region/bkg"] == f"bg_{obsid}{module[-1]}.reg"
            assert files[f"region/{region}"] == f"Source_{region}.reg"
    for obsid in {obsid for obsid, _ in CENTRE_MODULES}:
        (command,) = found.pop(f"nupipeline:{obsid}")
        both = (obsid, "FPMB") in CENTRE_MODULES
        assert ("instrument=FPMA" in command) == (not both)
    # A and B are never added: FPMB has one observation a year.
    members = {"e2012/FPMA": 3, "e2012/FPMB": 1, "e2017/FPMA": 4, "e2017/FPMB": 1}
    for group, number in members.items():
        for region in ("NE", "SW"):
            name = f"combine:{group}/{region}"
            _same(
                found.pop(name),
                [
                    # addspec follows links in its own folder, where no two files can have one name
                    *(
                        f"grppha infile=m{one}.pha 'outfile=!s{one}.pha' 'comm=chkey BACKFILE b{one}.pha&"
                        f"chkey RESPFILE r{one}.rmf&chkey ANCRFILE r{one}.arf&exit' tempc=exit"
                        for one in range(number)
                    ),
                    "addspec infil=sum.txt outfil=sum qaddrmf=yes qsubback=yes",
                ],
            )
            step = next(one for one in steps if one.name == name)
            assert _work(step).written == {"sum.txt": "".join(f"s{place}.pha\n" for place in range(number))}
    assert found == {}


def test_regions_are_written_with_their_system(tmp_path: Path) -> None:
    (step,) = [one for one in _made(_context(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    text = _work(step).written
    assert text["src.reg"].splitlines()[1:] == ["fk5", 'circle(187.27791667,2.05238889,150")']
    assert text["bgd.reg"].splitlines()[1:] == ["fk5", 'annulus(187.27791667,2.05238889,180",300")']


def test_what_nuproducts_looks_for_is_laid_where_it_looks(tmp_path: Path) -> None:
    (step,) = [one for one in _made(_context(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    stem = "60001110002_p/event_cl/nu60001110002"
    names = {
        f"{stem}{end}" for end in ("A01_cl.evt", "A_det1.fits", "A_oa.fits", "A_fpm.hk", "_mast.fits", "_att.fits")
    }
    staged = _work(step).staged
    assert set(staged) == names
    assert {role: item.step for role, item in step.inputs.items() if isinstance(item, StepInput)} == dict.fromkeys(
        ("events", "det1", "oa", "hk", "mast", "att"), "nupipeline:60001110002"
    )
    # xselect follows a link to its end, and has no room for a long path
    assert staged[f"{stem}A01_cl.evt"].how == "copy"
    assert step.inputs["caldb"] == FileInput("/caldb/data/nustar/fpm/caldb.indx")


def test_native_tasks_go_on_with_the_lists(tmp_path: Path) -> None:
    made = _made(_context(tmp_path, NGC5506))
    assert set(made.lists) == {("60061323002/FPMA", "spectral"), ("60061323002/FPMB", "spectral")}
    lists = made.lists["60061323002/FPMB", "spectral"]
    assert lists.events == StepInput("nupipeline:60061323002", "nu60061323002B01_cl.evt")
    assert lists.livetime == StepInput("nupipeline:60061323002", "nu60061323002B_fpm.hk")
    assert not lists.cut


def _text(**changed: str) -> str:
    """Give the tutorial's spec with other lines: ``data="data: ..."`` takes the place of the line of that key."""
    lines = TUTORIAL.splitlines()
    for key, line in changed.items():
        at = [number for number, one in enumerate(lines) if one.startswith(f"{key}:")]
        if at:
            lines[at[0]] = line
        else:
            lines.append(line)
    return "\n".join(line for line in lines if line) + "\n"


def _by_task(made: RawMade, task: str) -> list[Step]:
    return [step for step in made.steps if step.task == task]


def test_screenings_that_nupipeline_does_alike_share_a_step(tmp_path: Path) -> None:
    text = _text(
        screening="screening: {default: {}, same: {pi_range: 35-1909}, strict: {saamode: strict}, one: {grade: 0, "
        "status: b0000x00xx0xx0000}}",
        spectra="spectra: {"
        + ", ".join(
            f"{name}: {{region: src, background: bgd, screening: {name}, response: none}}"
            for name in ("default", "same", "strict", "one")
        )
        + "}",
        lightcurves="",
    )
    made = _made(_context(tmp_path, text))
    assert made.problems == ()
    steps = {step.name: dict(_work(step).calls[0].args) for step in _by_task(made, "nupipeline")}
    assert set(steps) == {f"nupipeline:60001110002{name}" for name in ("", "/strict", "/one")}
    assert made.lists["60001110002/FPMA", "same"] == made.lists["60001110002/FPMA", "default"]
    assert {"saamode", "saacalc"}.isdisjoint(steps["nupipeline:60001110002"])
    strict = steps["nupipeline:60001110002/strict"]
    assert (strict["saamode"], strict["saacalc"]) == ("STRICT", "3")
    one = steps["nupipeline:60001110002/one"]
    assert (one["gradeexpr"], one["statusexpr"]) == ("GRADE>=0&&GRADE<=0", "STATUS==b0000x00xx0xx0000")
    assert len({step.product for step in made.steps}) == len(made.steps)


def test_who_makes_spectra(tmp_path: Path) -> None:
    own = "{src: {region: src, background: bgd}, own: {region: src, background: bgd, response: a.rmf, arf: a.arf}}"
    natively = {"": {"src"}, "engine: {spectra: native}": set(), "engine: {spectra: heasoft}": {"src", "own"}}
    for engine, expected in natively.items():
        made = _made(_context(tmp_path, _text(spectra=f"spectra: {own}", engine=engine, lightcurves="")))
        assert {path.rpartition("/")[2] for path in made.spectra} == expected
    forced = next(step for step in made.steps if step.name.endswith("/own"))
    args = dict(_work(forced).calls[0].args)
    assert (args["runmkarf"], args["runmkrmf"]) == ("no", "no")
    assert set(forced.outputs) == {"source.pha", "background.pha"}


def test_detector_response_alone(tmp_path: Path) -> None:
    text = _text(spectra="spectra: {src: {region: src, background: none, arf: none}}", lightcurves="")
    (step,) = _by_task(_made(_context(tmp_path, text)), "nuproducts")
    args = dict(_work(step).calls[0].args)
    assert (args["runmkarf"], args["runmkrmf"], args["bkgextract"]) == ("no", "yes", "no")
    assert not {"bkgregionfile", "bkgphafile"} & set(args)
    assert set(step.outputs) == {"source.pha", "response.rmf"}


def test_times_are_given_to_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _text(
        gtis='gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}}',
        screening='screening: {calm: {flare: {band: 3-79 keV, bin: 100 s, rate: "< 9 ct/s"}}}',
        spectra="spectra: {src: {region: src, background: bgd, gti: early}, calm: {region: src, screening: calm}}",
        engine="",
    )
    context = _context(tmp_path, text)
    steps = {step.name: step for step in _planned(context, monkeypatch)}
    selected = steps["nuproducts:60001110002/FPMA/src@early"]
    assert selected.inputs["times"] == StepInput("gti:60001110002/FPMA/early", "gti.gti")
    assert ("usrgtifile", "times.gti") in _work(selected).calls[0].args
    calm = steps["nuproducts:60001110002/FPMA/calm"]
    assert calm.inputs["times"] == StepInput("flare:60001110002/FPMA/calm", "flare.gti")


def test_barycentred_times(tmp_path: Path) -> None:
    text = _text(data="data: {root: data, level: raw, pipeline: {barycentre: true}}")
    made = _made(_context(tmp_path, text))
    (step,) = _by_task(made, "barycorr")
    assert [shlex.join(call.command) for call in _work(step).calls] == [
        f"barycorr infile=nu60001110002A{name} outfile={out} orbitfiles=nu60001110002A.attorb "
        "ra=187.27791667 dec=2.05238889"
        for name, out in (("01_cl.evt", "events.fits"), ("_fpm.hk", "livetime.hk"))
    ]
    assert made.lists["60001110002/FPMA", "default"].events == StepInput(step.name, "events.fits")
    (spectrum,) = _by_task(made, "nuproducts")
    assert _work(spectrum).calls[0].args[-5:] == (
        ("barycorr", "yes"),
        ("srcra_barycorr", "187.27791667"),
        ("srcdec_barycorr", "2.05238889"),
        ("orbitfile", "60001110002_p/event_cl/nu60001110002A.attorb"),
        ("usrgtibarycorr", "no"),
    )
    (curve,) = _by_task(made, "lightcurve")
    assert curve.inputs["list"] == StepInput(step.name, "events.fits")


def test_split_mode(tmp_path: Path) -> None:
    text = _text(data="data: {root: data, level: raw, pipeline: {split: true}}")
    (step,) = _by_task(_made(_context(tmp_path, text)), "nupipeline")
    assert ("runsplitsc", "yes") in _work(step).calls[0].args
    assert "nu60001110002A06_chu13_cl.evt?" in step.outputs
    assert _work(step).kept["nu60001110002A06_chu13_cl.evt"].endswith("event_cl/nu60001110002A06_chu13_[NS]_cl.evt")


def test_exposure_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _text(images="images: {map: {bands: [3-10 keV], exposure_map: pipeline}}", engine="", lightcurves="")
    steps = {step.name: step for step in _planned(_context(tmp_path, text), monkeypatch)}
    maps = steps["nuexpomap:60001110002/FPMA"]
    assert [shlex.join(call.command) for call in _work(maps).calls] == [
        "nuexpomap infile=60001110002_p/event_cl/nu60001110002A01_cl.evt vignflag=no "
        "mastaspectfile=60001110002_p/event_cl/nu60001110002_mast.fits "
        "attfile=60001110002_p/event_cl/nu60001110002_att.fits "
        "det1reffile=60001110002_p/event_cl/nu60001110002A_det1.fits expomapfile=exposure.img"
    ]
    assert steps["image:60001110002/FPMA/map"].inputs["expmap"] == StepInput(maps.name, "exposure.img")


def test_images_by_extractor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _text(
        images="images: {map: {bands: [3-10 keV], bin: 4}, det: {bands: [10-20 keV], frame: det}}",
        engine="engine: {images: heasoft}",
        lightcurves="",
    )
    steps = {step.name: step for step in _planned(_context(tmp_path, text), monkeypatch)}
    expected = {"map": (35, 209, 4, "X", "Y"), "det": (210, 459, 1, "DET1X", "DET1Y")}
    for name, (first, last, binning, x, y) in expected.items():
        step = steps[f"image:60001110002/FPMA/{name}"]
        (call,) = _work(step).calls
        args = dict(call.args)
        assert args["filename"] == f"list.evt[PI={first}:{last}]"
        assert (args["binf"], args["xcolf"], args["ycolf"]) == (str(binning), x, y)
        assert step.inputs["list"] == StepInput("nupipeline:60001110002", "nu60001110002A01_cl.evt")
        assert step.engine == "heasoft"


def test_light_curves_by_their_corrections(tmp_path: Path) -> None:
    def flags(corrections: str, engine: str) -> dict[str, str] | None:
        line = f"lightcurves: {{all: {{spectrum: src, bands: [3-10 keV], dt: 256 s, corrections: {corrections}}}}}"
        steps = _by_task(_made(_context(tmp_path, _text(lightcurves=line, engine=engine))), "lightcurve")
        return dict(_work(steps[0]).calls[0].args) if steps else None

    assert flags("[gti, livetime]", "") is None
    live = flags("[gti, livetime]", "engine: {lightcurves: heasoft}") or {}
    assert [live[name] for name in ("correctlc", "lcpsfflag", "lcexpoflag", "lcvignflag")] == ["yes", "no", "no", "no"]
    plain = flags("[gti]", "engine: {lightcurves: heasoft}") or {}
    assert plain["correctlc"] == "no"
    assert "lcpsfflag" not in plain


def _curve_step(tmp_path: Path, engine: str, background: str = "bgd") -> Step:
    text = _text(
        spectra=f"spectra: {{src: {{region: src, background: {background}}}}}",
        lightcurves="lightcurves: {all: {spectrum: src, bands: [3-10 keV, 10-78 keV], dt: 256 s, corrections: [gti, "
        "livetime, area]}}",
        engine=engine,
    )
    (step,) = _by_task(_made(_context(tmp_path, text)), "lightcurve")
    return step


def test_a_background_is_subtracted_by_lcmath_where_heasoft_is_asked_for(tmp_path: Path) -> None:
    step = _curve_step(tmp_path, "engine: {lightcurves: heasoft}")
    calls = [shlex.join(call.command) for call in _work(step).calls]
    assert [call.partition(" ")[0] for call in calls] == ["nuproducts", "lcmath", "nuproducts", "lcmath"]
    assert [call for call in calls if call.startswith("lcmath")] == [
        f"lcmath infile={folder}/nu60001110002A01_sr.lc bgfile={folder}/nu60001110002A01_bk.lc "
        f"outfile={folder}/nu60001110002A01_net.lc multi=1.0 'multb={{backscal:ratio}}' addsubr=no docor=no err_mode=4"
        for folder in ("60001110002_p/lc", "60001110002_p/lc_10-78_keV")
    ]
    assert step.because == (
        "the spec asks for HEASoft; the background is subtracted by lcmath, scaled by the BACKSCAL of the spectra that "
        "the step makes"
    )
    alone = _curve_step(tmp_path, "engine: {lightcurves: heasoft}", "none")
    assert [call.tool for call in _work(alone).calls] == ["nuproducts", "nuproducts"]
    assert alone.because == "the spec asks for HEASoft"


def test_the_plan_subtracts_by_itself_where_it_chooses(tmp_path: Path) -> None:
    step = _curve_step(tmp_path, "")
    assert {call.tool for call in _work(step).calls} == {"nuproducts"}
    assert step.because.endswith("; the background is subtracted by xbatch")
    assert not {"energy", "lcmath"} & set(step.params["curves"])  # so that the step keeps its key


def test_an_energy_that_is_said_is_that_of_all_bands(tmp_path: Path) -> None:
    def energies(said: str) -> list[str]:
        line = "lightcurves: {all: {spectrum: src, bands: [3-5 keV, 5-7 keV], dt: 256 s, corrections: [gti, area]"
        made = _made(_context(tmp_path, _text(lightcurves=f"{line}{said}}}}}")))
        (step,) = _by_task(made, "lightcurve")
        assert ("energy" in step.params, "energy" in step.params["curves"]) == (bool(said), bool(said))
        return [dict(call.args)["lcenergy"] for call in _work(step).calls]

    assert energies("") == ["4", "6"]
    assert energies(", energy: 10 keV") == ["10", "10"]


def test_a_script_says_that_the_run_finds_the_factor(tmp_path: Path) -> None:
    steps = _made(_context(tmp_path, _text(engine="engine: {lightcurves: heasoft}"))).steps
    text = script(Plan("curves", steps), "out")
    assert 'multb="${backscal_ratio:?found by the step itself: see its log}"' in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "data: {root: data, level: raw, pipeline: {stages: [1, 1]}}"}, "make no screened list"),
        ({"data": "data: {root: data, level: raw, pipeline: {obsmode: slew}}"}, "no list of mode 01"),
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
    problems = _made(_context(tmp_path, text)).problems
    assert problems
    assert {problem.code for problem in problems} == {"XB412"}
    assert all(words in problem.message for problem in problems)
    assert all(problem.hint for problem in problems)


def test_what_is_not_installed_blocks_the_steps(tmp_path: Path) -> None:
    for toolset, words in ((Toolset(), "needs HEASoft"), (Toolset(heasoft=HEASOFT), "CALDB")):
        steps = _made(_context(tmp_path, TUTORIAL, toolset)).steps
        assert steps
        for step in steps:
            assert step.blocked is not None
            assert step.blocked.code == "XB411"
            assert words in step.blocked.message
