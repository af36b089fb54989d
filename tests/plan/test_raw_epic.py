"""Tests of the recipe of EPIC: every command of a published study of NGC 5506, and of a survey's script, step by step.

What the published commands were, and where these differ from them, is in the tests of `xbatch.commands.epic`.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step, StepInput, check_outputs
from xbatch.registry import TASKS
from xbatch.spec import load

SAS = Suite("sas", "17.0.0", Path("/opt/sas"))

STUDY = """\
xbatch: 1
name: ngc5506
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: icrs}
observations:
  - {mission: xmm, obsids: ["0013140201", "0761220101"], instruments: [EPN]}
data:
  root: data
  level: raw
  pipeline: {tasks: chain, analysis_date: "2019-05-28"}
  exposures: {default: merge, for: [{where: {obsid: "0761220101"}, use: [2]}]}
screening:
  spectral:
    for:
      - where: {instrument: EPN}
        pattern: 0-4
        flag: 0
        pi_range: 200-12000 eV
        flare: {band: 10-12 keV, pattern: 0, flag: "#XMMEA_EP", bin: 100 s, rate: "< 0.4 ct/s"}
  timing: {base: spectral, for: [{where: {instrument: EPN}, flare: {rate: "< 0.7 ct/s"}}]}
regions:
  src: {shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec}
  bkg: {shape: circle, center: ["14:13:25", "-03:14:27.3"], frame: icrs, radius: 50 arcsec}
pileup: {pn: {region: src, band: 2-10 keV, max: 15 arcsec}}
spectra: {agn: {region: src, background: bkg, screening: spectral}}
lightcurves:
  energy: {spectrum: agn, screening: timing, region: {src.inner: 0 arcsec}, dt: 128 s, bands: [2-10 keV]}
"""
EVSELECT_FLARE = (
    "evselect table=events.fits:EVENTS withrateset=yes rateset=flare.lc "
    "'expression=(PI IN [10000:11999])&&(PATTERN==0)&&#XMMEA_EP' makeratecolumn=yes maketimecolumn=yes timebinsize=100"
)
EVSELECT_FILTER = (
    "evselect table=events.fits:EVENTS withfilteredset=yes filteredset=filtered.fits "
    "'expression=gti(flare.gti,TIME)&&(PI IN [200:12000])&&(PATTERN<=4)&&(FLAG==0)' "
    "keepfilteroutput=yes updateexposure=yes filterexposure=yes"
)
STUDY_COMMANDS: dict[str, list[str]] = {
    "cifbuild:{o}": ["cifbuild withccfpath=no analysisdate=2019-05-28 category=XMMCCF fullpath=yes"],
    "odfingest:{o}": ["odfingest odfdir={scratch}/odf outdir={scratch} withodfdir=yes"],
    "epicfilter:{o}/EPN/spectral": [
        EVSELECT_FLARE,
        "tabgtigen table=flare.lc gtiset=flare.gti 'expression=RATE<0.4'",
        EVSELECT_FILTER,
    ],
    "epicfilter:{o}/EPN/timing": [
        EVSELECT_FLARE,
        "tabgtigen table=flare.lc gtiset=flare.gti 'expression=RATE<0.7'",
        EVSELECT_FILTER,
    ],
    "pileup:{o}/EPN/pn": [
        "evselect table=events.fits:EVENTS withfilteredset=yes filteredset=pattern-{loop:number}.fits "
        "expression={loop:expression} keepfilteroutput=yes updateexposure=yes filterexposure=yes",
        "epatplot set=pattern-{loop:number}.fits plotfile=pattern-{loop:number}.gif device=/GIF "
        "'pileupnumberenergyrange=2000 10000'",
    ],
    "epicspectrum:{o}/EPN/agn": [
        "evselect table=events.fits:EVENTS withspectrumset=yes spectrumset=source.pha "
        "expression={selection:src.expression} energycolumn=PI spectralbinsize=5 withspecranges=yes specchannelmin=0 "
        "specchannelmax=20479",
        "backscale spectrumset=source.pha badpixlocation=events.fits",
        "evselect table=events.fits:EVENTS withspectrumset=yes spectrumset=background.pha "
        "expression={selection:bkg.expression} energycolumn=PI spectralbinsize=5 withspecranges=yes specchannelmin=0 "
        "specchannelmax=20479",
        "backscale spectrumset=background.pha badpixlocation=events.fits",
        "rmfgen spectrumset=source.pha rmfset=response.rmf",
        "arfgen spectrumset=source.pha arfset=response.arf withrmfset=yes rmfset=response.rmf "
        "badpixlocation=events.fits detmaptype=psf",
    ],
}

SURVEY = """\
xbatch: 1
name: survey
mission: xmm
obsids: ["0123700101"]
data: {root: data, level: raw}
screening:
  default:
    for:
      - {where: {instrument: EPN}, pi_range: 151-15000 eV, pattern: none, flag: "#XMMEA_EP",
         flare: {band: 10-12 keV, pattern: 0, bin: 100 s, rate: "<= 0.4 ct/s"}}
      - {where: {instrument: [EMOS1, EMOS2]}, pi_range: 151-15000 eV, pattern: none, flag: "#XMMEA_EM",
         flare: {band: 10-15 keV, pattern: 0, bin: 100 s, rate: "<= 0.35 ct/s"}}
images: {full: {bands: [0.2-12 keV]}}
"""
SURVEY_COMMANDS: dict[str, list[str]] = {
    "cifbuild:0123700101": ["cifbuild withccfpath=no analysisdate=2026-01-01 category=XMMCCF fullpath=yes"],
    "odfingest:0123700101": ["odfingest odfdir={scratch}/odf outdir={scratch} withodfdir=yes"],
    "epicevents:0123700101/EPN": ["epproc"],
    "epicevents:0123700101/EMOS1": ["emproc selectinstruments=yes emos1=yes emos2=no"],
    "epicevents:0123700101/EMOS2": ["emproc selectinstruments=yes emos1=no emos2=yes"],
    **{
        f"epicfilter:0123700101/{camera}": [
            "evselect table=events.fits:EVENTS withrateset=yes rateset=flare.lc "
            f"'expression=(PI IN [10000:{highest}])&&(PATTERN==0)&&{flag}' makeratecolumn=yes maketimecolumn=yes "
            "timebinsize=100",
            f"tabgtigen table=flare.lc gtiset=flare.gti 'expression=RATE<={limit}'",
            "evselect table=events.fits:EVENTS withfilteredset=yes filteredset=filtered.fits "
            f"'expression=gti(flare.gti,TIME)&&(PI IN [151:15000])&&{flag}' "
            "keepfilteroutput=yes updateexposure=yes filterexposure=yes",
        ]
        for camera, flag, highest, limit in (
            ("EPN", "#XMMEA_EP", 11999, 0.4),
            ("EMOS1", "#XMMEA_EM", 14999, 0.35),
            ("EMOS2", "#XMMEA_EM", 14999, 0.35),
        )
    },
}


def context_of(tmp_path: Path, text: str, suite: Suite | None = SAS) -> RawContext:
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    analysis = load(path)
    return RawContext(analysis, analysis.members[0].spec, Toolset(sas=suite, ccf="digest"))


def made_of(tmp_path: Path, text: str, suite: Suite | None = SAS) -> RawMade:
    context = context_of(tmp_path, text, suite)
    made = RawMade()
    for one in context.raw.observations:
        made |= epic_steps(context, one)
    return made


def by_name(made: RawMade) -> dict[str, Step]:
    return {step.name: step for step in made.steps}


def work_of(step: Step) -> Work:
    return Work.of(step.params["work"])


def commands(made: RawMade) -> dict[str, list[list[str]]]:
    return {
        step.name: [list(call.command) for call in work_of(step).calls] for step in made.steps if "work" in step.params
    }


def words(commands: dict[str, list[str]]) -> dict[str, list[list[str]]]:
    return {name: [shlex.split(line) for line in lines] for name, lines in commands.items()}


def test_every_command_of_the_study(tmp_path: Path) -> None:
    expected: dict[str, list[str]] = {
        "epicevents:0013140201/EPN": ["epchain odfaccess=all"],
        "epicevents:0761220101/EPN": ["epchain exposure=2"],
    }
    for obsid in ("0013140201", "0761220101"):
        expected |= {name.replace("{o}", obsid): lines for name, lines in STUDY_COMMANDS.items()}
    assert commands(made_of(tmp_path, STUDY)) == words(expected)


def test_every_command_of_the_survey(tmp_path: Path) -> None:
    assert commands(made_of(tmp_path, SURVEY)) == words(SURVEY_COMMANDS)


def test_what_each_command_has_around_it(tmp_path: Path) -> None:
    steps = by_name(made_of(tmp_path, STUDY))
    summary = "odf/0000_0013140201_SCX00000SUM.SAS"
    chain = work_of(steps["epicevents:0013140201/EPN"])
    # the chains are given the folder, with the summary in it; files that are packed are unpacked
    assert chain.calls[0].environment == {"SAS_CCF": "{scratch}/ccf.cif", "SAS_ODF": "{scratch}/odf"}
    assert {name: one.how for name, one in chain.staged.items()} == {
        "odf": "tree-unpack",
        "ccf.cif": "link",
        summary: "summary",
    }
    spectrum = work_of(steps["epicspectrum:0013140201/EPN/agn"])
    assert spectrum.environment == {"SAS_CCF": "{scratch}/ccf.cif", "SAS_ODF": f"{{scratch}}/{summary}"}
    assert {name: one.how for name, one in spectrum.staged.items()} == {
        "odf": "tree",
        "ccf.cif": "link",
        summary: "summary",
        "events.fits": "link",
    }
    assert steps["epicspectrum:0013140201/EPN/agn"].inputs["events"] == StepInput(
        "epicfilter:0013140201/EPN/spectral", "filtered.fits"
    )
    # patterns are looked at in the list as it comes
    assert steps["pileup:0013140201/EPN/pn"].inputs["events"] == StepInput("epicevents:0013140201/EPN", "events.fits")


def test_outputs_and_engines(tmp_path: Path) -> None:
    made = made_of(tmp_path, STUDY)
    check_outputs(made.steps, TASKS)
    for step in made.steps:
        assert step.engine in TASKS[step.task].engines
        assert step.engine_version == ("17.0.0" if step.engine == "sas" else "")
        assert step.blocked is None
    products = [step.product for step in made.steps]
    assert len(set(products)) == len(products)
    assert by_name(made)["cifbuild:0013140201"].params["ccf"] == "digest"


def test_no_path_of_the_user_is_in_a_parameter(tmp_path: Path) -> None:
    for step in made_of(tmp_path, STUDY).steps:
        assert str(tmp_path) not in repr(step.params)


def test_where_native_steps_go_on(tmp_path: Path) -> None:
    made = made_of(tmp_path, STUDY)
    assert {key: (one.events, one.cut) for key, one in made.lists.items()} == {
        (f"{obsid}/EPN", screening): (StepInput(f"epicfilter:{obsid}/EPN/{screening}", "filtered.fits"), True)
        for obsid in ("0013140201", "0761220101")
        for screening in ("spectral", "timing")
    }
    files = made.spectra["0761220101/EPN/agn"]
    assert files.pha == StepInput("epicspectrum:0761220101/EPN/agn", "source.pha")
    assert files.arf == StepInput("epicspectrum:0761220101/EPN/agn", "response.arf")


def test_a_search_enlarges_the_region_of_the_spectrum_and_no_other(tmp_path: Path) -> None:
    steps = by_name(made_of(tmp_path, STUDY))
    start, final = (steps[f"selection:0013140201/EPN{end}"] for end in ("/start", ""))
    assert set(start.params["regions"]) == {"src"} and set(start.inputs) == {"events"}
    assert set(final.params["regions"]) == {"src", "bkg", "src.energy"}
    assert final.inputs["pileup/src"] == StepInput("pileup:0013140201/EPN/pn", "pileup.json")
    assert steps["epicspectrum:0013140201/EPN/agn"].because == (
        "the inner radius of 'src' is what the search 'pn' finds"
    )


def test_a_picture_that_is_left_out_is_a_parameter_and_one_that_is_drawn_is_none(tmp_path: Path) -> None:
    drawn = by_name(made_of(tmp_path, STUDY))["pileup:0013140201/EPN/pn"]
    text = _changed("max: 15 arcsec}", "max: 15 arcsec, figure: false}")
    left_out = by_name(made_of(tmp_path, text))["pileup:0013140201/EPN/pn"]
    assert left_out.params == {**drawn.params, "figure": False} and "figure" not in drawn.params


def test_sas_that_is_not_here_blocks_its_steps(tmp_path: Path) -> None:
    made = made_of(tmp_path, STUDY, None)
    blocked = [step for step in made.steps if step.blocked is not None]
    assert {step.engine for step in blocked} == {"sas"}
    assert {step.task for step in made.steps if step.blocked is None} == {"selection"}
    assert blocked[0].blocked is not None and "SAS" in blocked[0].blocked.message


def _changed(old: str, new: str, text: str = STUDY) -> str:
    assert old in text
    return text.replace(old, new)


def test_files_in_small_letters_are_found(tmp_path: Path) -> None:
    (tmp_path / "data/0013140201/odf").mkdir(parents=True)
    steps = by_name(made_of(tmp_path, STUDY))
    assert steps["cifbuild:0013140201"].places == {"odf": str(tmp_path / "data/0013140201/odf")}
    assert steps["cifbuild:0761220101"].places == {"odf": str(tmp_path / "data/0761220101/ODF")}


def test_date_of_the_observation(tmp_path: Path) -> None:
    made = made_of(tmp_path, _changed('"2019-05-28"', "observation"))
    cifbuild = by_name(made)["cifbuild:0013140201"]
    assert "analysisdate={observation:date}" in work_of(cifbuild).calls[0].command


def test_timing_mode_and_out_of_time(tmp_path: Path) -> None:
    text = SURVEY.replace("level: raw}", "level: raw, pipeline: {tasks: chain, mode: timing, out_of_time: true}}")
    text = text.replace("images: {full: {bands: [0.2-12 keV]}}\n", "")  # there are none in timing mode
    made = commands(made_of(tmp_path, text))
    first, second = made["epicevents:0123700101/EPN"]
    assert first == shlex.split(
        "epchain datamode=TIMING odfaccess=all runbackground=N keepintermediate=raw withoutoftime=Y"
    )
    assert second[:3] == ["epchain", "datamode=TIMING", "odfaccess=all"] and "runepframes=N" in second
    text = SURVEY.replace("level: raw}", "level: raw, pipeline: {out_of_time: true}}")
    step = by_name(made_of(tmp_path, text))["epicevents:0123700101/EPN"]
    assert [(call.folder, list(call.command)) for call in work_of(step).calls] == [
        ("", ["epproc"]),
        ("oot", ["epproc", "withoutoftime=yes"]),
    ]


def test_lists_of_timing_mode_have_no_place_on_the_sky(tmp_path: Path) -> None:
    text = SURVEY.replace("images: {full: {bands: [0.2-12 keV]}}\n", "")
    text = text.replace("level: raw}", "level: raw, pipeline: {for: [{where: {instrument: EPN}, mode: timing}]}}")
    made = made_of(tmp_path, text)
    sky = {observed: one.sky for (observed, _), one in made.lists.items()}
    assert sky == {f"0123700101/{camera}": camera != "EPN" for camera in ("EPN", "EMOS1", "EMOS2")}


def test_barycentre(tmp_path: Path) -> None:
    text = SURVEY.replace("level: raw}", "level: raw, pipeline: {barycentre: true}}")
    step = by_name(made_of(tmp_path, text))["epicfilter:0123700101/EMOS2"]
    assert list(work_of(step).calls[-1].command) == ["barycen", "table=filtered.fits:EVENTS"]
    assert work_of(step).staged["odf"].how == "tree-unpack"  # it reads the orbit


def test_flares_by_espfilt_and_by_clipping(tmp_path: Path) -> None:
    text = SURVEY.replace('band: 10-12 keV, pattern: 0, bin: 100 s, rate: "<= 0.4 ct/s"', "method: espfilt")
    text = text.replace('rate: "<= 0.35 ct/s"', "sigma: 3")
    steps = by_name(made_of(tmp_path, text))
    espfilt = steps["flare:0123700101/EPN"]
    assert espfilt.engine == "sas" and espfilt.outputs == ("flare.gti",)
    assert work_of(espfilt).calls[0].command == ("espfilt", "eventset=events.fits", "method=ratio", "ratio=1.2")
    (note,) = espfilt.params["notes"]
    assert note == "espfilt of SAS 17.0.0 has no histogram: flares are found by the ratio, in the band that is its own"
    assert note in espfilt.because
    clipped = steps["flare:0123700101/EMOS1"]
    assert clipped.engine == "native" and clipped.params["flare"]["sigma"] == 3.0
    for camera in ("EPN", "EMOS1"):
        filtered = steps[f"epicfilter:0123700101/{camera}"]
        assert filtered.inputs["gti"] == StepInput(f"flare:0123700101/{camera}", "flare.gti")
        assert len(work_of(filtered).calls) == 1 and work_of(filtered).staged["flare.gti"].role == "gti"


SPECTRUM = "spectra: {agn: {region: src, background: bkg, screening: spectral}}"


@pytest.mark.parametrize(
    ("changes", "tools", "because"),
    [
        ({}, ["evselect", "backscale", "evselect", "backscale", "rmfgen", "arfgen"], "rmfgen and arfgen"),
        ({"background": "none"}, ["evselect", "backscale", "rmfgen", "arfgen"], "rmfgen and arfgen"),
        ({"response": '"{obsid}/pn.rmf"'}, [], ""),
        ({"response": "none"}, [], ""),
        ({"arf": "none"}, ["evselect", "backscale", "evselect", "backscale", "rmfgen"], "rmfgen and arfgen"),
    ],
)
def test_who_makes_a_spectrum(tmp_path: Path, changes: dict[str, str], tools: list[str], because: str) -> None:
    given: dict[str, Any] = {"region": "src", "background": "bkg", "screening": "spectral", **changes}
    line = ", ".join(f"{key}: {value}" for key, value in given.items())
    text = _changed("pileup: {pn: {region: src, band: 2-10 keV, max: 15 arcsec}}\n", "")
    text = _changed(SPECTRUM, f"spectra: {{agn: {{{line}}}}}", text)
    made = made_of(tmp_path, text)
    step = by_name(made).get("epicspectrum:0013140201/EPN/agn")
    assert (step is None) == (not tools) == ("0013140201/EPN/agn" not in made.spectra)
    if step is not None:
        assert [call.tool for call in work_of(step).calls] == tools
        assert because in step.because


def test_engines_asked_for(tmp_path: Path) -> None:
    text = _changed("pileup: {pn: {region: src, band: 2-10 keV, max: 15 arcsec}}\n", "")
    native = made_of(tmp_path, text + "engine: {spectra: native}\n")
    assert not native.spectra
    response = _changed("screening: spectral}}", 'screening: spectral, response: "pn.rmf"}}', text)
    asked = made_of(tmp_path, response + "engine: {spectra: sas}\n")
    step = by_name(asked)["epicspectrum:0013140201/EPN/agn"]
    assert step.because == "the spec says so"
    assert [call.tool for call in work_of(step).calls] == ["evselect", "backscale"] * 2
    assert asked.spectra["0013140201/EPN/agn"].rmf is None  # the spec's own


def test_extended_source(tmp_path: Path) -> None:
    text = _changed("screening: spectral}}", "screening: spectral, source_type: extended}}")
    step = by_name(made_of(tmp_path, text))["epicspectrum:0013140201/EPN/agn"]
    assert work_of(step).calls[-1].command[-2:] == ("extendedsource=yes", "detmaptype=flat")


def test_times_of_a_spectrum(tmp_path: Path) -> None:
    text = _changed("screening: spectral}}", "screening: spectral, gti: [dim]}}")
    text += 'gtis: {dim: {time: ["2015-07-08T03:00:00", "2015-07-08T05:30:00"]}}\n'
    step = by_name(made_of(tmp_path, text))["epicspectrum:0013140201/EPN/agn@dim"]
    assert step.inputs["gti"] == StepInput("gti:0013140201/EPN/dim", "gti.gti")
    expressions = [dict(call.args).get("expression") for call in work_of(step).calls if call.tool == "evselect"]
    assert expressions == [
        "{selection:src.expression}&&gti(times.gti,TIME)",
        "{selection:bkg.expression}&&gti(times.gti,TIME)",
    ]


def test_images_by_evselect_where_asked_for(tmp_path: Path) -> None:
    made = made_of(tmp_path, SURVEY + "engine: {images: sas}\n")
    step = by_name(made)["image:0123700101/EPN/full"]
    assert [list(call.command) for call in work_of(step).calls] == [
        shlex.split(
            "evselect table=events.fits:EVENTS withimageset=yes imageset=0.2-12_keV.img xcolumn=X ycolumn=Y "
            "imagebinning=binSize ximagebinsize=80 yimagebinsize=80 'expression=(PI IN [200:11999])'"
        )
    ]
    assert step.name in made.curves and step.because == "the spec asks for SAS"
    assert not [name for name in by_name(made_of(tmp_path, SURVEY)) if name.startswith("image:")]
    sized = SURVEY.replace("[0.2-12 keV]}", "[0.2-12 keV], size: [100, 100]}")
    (problem, *_) = made_of(tmp_path, sized + "engine: {images: sas}\n").problems
    assert problem.code == "XB412" and "evselect makes whole ones" in problem.message


def test_other_instruments_are_left_to_others(tmp_path: Path) -> None:
    text = STUDY.replace("instruments: [EPN]", "instruments: [EPN, RGS1, RGS2]")
    text = text.replace("pileup: {pn: {region: src", "pileup: {pn: {where: {instrument: EPN}, region: src")
    text = text.replace("spectra: {agn: {region: src", "spectra: {agn: {where: {instrument: EPN}, region: src")
    text = text.replace("energy: {spectrum: agn", "energy: {where: {instrument: EPN}, spectrum: agn")
    made = made_of(tmp_path, text)
    assert not [step.name for step in made.steps if "RGS" in step.name]
    assert commands(made).keys() == commands(made_of(tmp_path, STUDY)).keys()
