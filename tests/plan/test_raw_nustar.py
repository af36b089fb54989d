"""The recipe of NuSTAR: every command of a tutorial, of a study of NGC 5506, and of a study of the Galactic Centre.

What the published commands were is in the tests of `xbatch.commands.nustar`. Where the plan's differ from them, it says
what the tool would do anyway (stages), or what the spec decides (the band of a light curve).
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.plan.nustarworlds import TUTORIAL, by_task, commands_of, context_of, made_of, planned, tutorial, work_of
from xbatch.plan.steps import FileInput, StepInput

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


def _same(found: list[str], expected: list[str]) -> None:
    assert [shlex.split(one) for one in found] == [shlex.split(one) for one in expected]


@pytest.mark.parametrize(("text", "expected"), [(TUTORIAL, TUTORIAL_COMMANDS), (NGC5506, NGC_COMMANDS)])
def test_commands_of_pipelines_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: dict[str, list[str]]
) -> None:
    steps = planned(context_of(tmp_path, text), monkeypatch)
    found = commands_of(steps)
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
    steps = planned(context_of(tmp_path, CENTRE), monkeypatch)
    found = commands_of(steps)
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
            assert work_of(step).written == {"sum.txt": "".join(f"s{place}.pha\n" for place in range(number))}
    assert found == {}


def test_native_tasks_go_on_with_the_lists(tmp_path: Path) -> None:
    made = made_of(context_of(tmp_path, NGC5506))
    assert set(made.lists) == {("60061323002/FPMA", "spectral"), ("60061323002/FPMB", "spectral")}
    lists = made.lists["60061323002/FPMB", "spectral"]
    assert lists.events == StepInput("nupipeline:60061323002", "nu60061323002B01_cl.evt")
    assert lists.livetime == StepInput("nupipeline:60061323002", "nu60061323002B_fpm.hk")
    assert not lists.cut


def test_screenings_that_nupipeline_does_alike_share_a_step(tmp_path: Path) -> None:
    text = tutorial(
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
    made = made_of(context_of(tmp_path, text))
    assert made.problems == ()
    steps = {step.name: dict(work_of(step).calls[0].args) for step in by_task(made, "nupipeline")}
    assert set(steps) == {f"nupipeline:60001110002{name}" for name in ("", "/strict", "/one")}
    assert made.lists["60001110002/FPMA", "same"] == made.lists["60001110002/FPMA", "default"]
    assert {"saamode", "saacalc"}.isdisjoint(steps["nupipeline:60001110002"])
    strict = steps["nupipeline:60001110002/strict"]
    assert (strict["saamode"], strict["saacalc"]) == ("STRICT", "3")
    one = steps["nupipeline:60001110002/one"]
    assert (one["gradeexpr"], one["statusexpr"]) == ("GRADE>=0&&GRADE<=0", "STATUS==b0000x00xx0xx0000")
    assert len({step.product for step in made.steps}) == len(made.steps)


def test_barycentred_times(tmp_path: Path) -> None:
    text = tutorial(data="data: {root: data, level: raw, pipeline: {barycentre: true}}")
    made = made_of(context_of(tmp_path, text))
    (step,) = by_task(made, "barycorr")
    assert [shlex.join(call.command) for call in work_of(step).calls] == [
        f"barycorr infile=nu60001110002A{name} outfile={out} orbitfiles=nu60001110002A.attorb "
        "ra=187.27791667 dec=2.05238889"
        for name, out in (("01_cl.evt", "events.fits"), ("_fpm.hk", "livetime.hk"))
    ]
    assert made.lists["60001110002/FPMA", "default"].events == StepInput(step.name, "events.fits")
    (spectrum,) = by_task(made, "nuproducts")
    assert work_of(spectrum).calls[0].args[-5:] == (
        ("barycorr", "yes"),
        ("srcra_barycorr", "187.27791667"),
        ("srcdec_barycorr", "2.05238889"),
        ("orbitfile", "60001110002_p/event_cl/nu60001110002A.attorb"),
        ("usrgtibarycorr", "no"),
    )
    (curve,) = by_task(made, "lightcurve")
    assert curve.inputs["list"] == StepInput(step.name, "events.fits")


def test_a_reduction_is_barycentred_for_the_modules_that_use_it(tmp_path: Path) -> None:
    text = NGC5506.replace("level: raw}", "level: raw, pipeline: {barycentre: true}}")
    text = text.replace("screening: spectral}", "for: [{where: {module: B}, screening: strict}]}")
    text = text.replace(
        "screening: {spectral: {saamode: none, tentacle: false}}", "screening: {strict: {saamode: strict}}"
    )
    made = made_of(context_of(tmp_path, text))
    assert [step.name for step in by_task(made, "nupipeline")] == [
        "nupipeline:60061323002",
        "nupipeline:60061323002/strict",
    ]
    assert [step.name for step in by_task(made, "barycorr")] == [
        "barycorr:60061323002/FPMA",
        "barycorr:60061323002/FPMB/strict",
    ]


def test_split_mode(tmp_path: Path) -> None:
    text = tutorial(data="data: {root: data, level: raw, pipeline: {split: true}}")
    (step,) = by_task(made_of(context_of(tmp_path, text)), "nupipeline")
    assert ("runsplitsc", "yes") in work_of(step).calls[0].args
    assert "nu60001110002A06_chu13_cl.evt?" in step.outputs
    assert work_of(step).kept["nu60001110002A06_chu13_cl.evt"].endswith("event_cl/nu60001110002A06_chu13_[NS]_cl.evt")
