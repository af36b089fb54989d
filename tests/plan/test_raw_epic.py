"""Tests of the recipe of EPIC: every command of a published study of NGC 5506, and of a survey's script, step by step.

What the published commands were, and where these differ from them, is in the tests of `xbatch.commands.epic`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.plan.epicworlds import (
    EVSELECT_FILTER,
    EVSELECT_FLARE,
    STUDY,
    SURVEY,
    by_name,
    changed,
    commands,
    made_of,
    words,
    work_of,
)
from xbatch.base.toolset import Suite
from xbatch.commands.call import Staged
from xbatch.plan.steps import Step, StepInput, check_outputs
from xbatch.registry import TASKS

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


def test_timing_mode_and_out_of_time(tmp_path: Path) -> None:
    text = SURVEY.replace("level: raw}", "level: raw, pipeline: {tasks: chain, mode: timing, out_of_time: true}}")
    text = text.replace("images: {full: {bands: [0.2-12 keV]}}\n", "")  # there are none in timing mode
    made = commands(made_of(tmp_path, text))
    first, second = made["epicevents:0123700101/EPN"]
    assert first == shlex.split("epchain datamode=TIMING odfaccess=all runbackground=N withoutoftime=Y")
    assert second[:3] == ["epchain", "datamode=TIMING", "odfaccess=all"] and "runepframes=N" not in second
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
    assert work_of(espfilt).calls[0].command == ("espfilt", "eventset=events.fits", "method=histogram", "ratio=1.2")
    (note,) = espfilt.params["notes"]
    assert note.startswith("espfilt of SAS 17.0.0 is left its own band and limits: band, sigma and range_scale")
    assert note in espfilt.because
    clipped = steps["flare:0123700101/EMOS1"]
    assert clipped.engine == "native" and clipped.params["flare"]["sigma"] == 3.0
    for camera in ("EPN", "EMOS1"):
        filtered = steps[f"epicfilter:0123700101/{camera}"]
        assert filtered.inputs["gti"] == StepInput(f"flare:0123700101/{camera}", "flare.gti")
        assert len(work_of(filtered).calls) == 1 and work_of(filtered).staged["flare.gti"].role == "gti"


def _espfilt_step(folder: Path, version: str, pipeline: str) -> Step:
    text = SURVEY.replace('band: 10-12 keV, pattern: 0, bin: 100 s, rate: "<= 0.4 ct/s"', "method: espfilt")
    text = text.replace("level: raw}", f"level: raw, pipeline: {{{pipeline}}}}}")
    return by_name(made_of(folder, text, Suite("sas", version, Path("/opt/sas"))))["flare:0123700101/EPN"]


def test_espfilt_is_given_the_list_of_out_of_time_events(tmp_path: Path) -> None:
    step, plain = (_espfilt_step(tmp_path, "22.1.0", f"out_of_time: {word}") for word in ("true", "false"))
    command = work_of(step).calls[0].command
    assert command[:4] == ("espfilt", "eventfile=events.fits", "withoot=yes", "ootfile=oot.fits")
    assert step.inputs["oot"] == StepInput("epicevents:0123700101/EPN", "oot.fits")
    assert work_of(step).staged["oot.fits"] == Staged("oot") and "notes" not in step.params
    assert work_of(plain).calls[0].command == (*command[:2], "withoot=no", *command[4:])
    assert {**plain.inputs, "oot": step.inputs["oot"]} == step.inputs
    assert "oot.fits" not in work_of(plain).staged


def test_espfilt_before_20_is_not_given_out_of_time_events(tmp_path: Path) -> None:
    step, plain = (_espfilt_step(tmp_path, "19.1.0", f"out_of_time: {word}") for word in ("true", "false"))
    assert step.params["work"] == plain.params["work"] and step.inputs == plain.inputs
    assert step.params["notes"] == [
        *plain.params["notes"],
        "espfilt of SAS 19.1.0 is not given the list of out-of-time events",
    ]


def test_other_instruments_are_left_to_others(tmp_path: Path) -> None:
    text = STUDY.replace("instruments: [EPN]", "instruments: [EPN, RGS1, RGS2]")
    text = text.replace("pileup: {pn: {region: src", "pileup: {pn: {where: {instrument: EPN}, region: src")
    text = text.replace("spectra: {agn: {region: src", "spectra: {agn: {where: {instrument: EPN}, region: src")
    text = text.replace("energy: {spectrum: agn", "energy: {where: {instrument: EPN}, spectrum: agn")
    made = made_of(tmp_path, text)
    assert not [step.name for step in made.steps if "RGS" in step.name]
    assert commands(made).keys() == commands(made_of(tmp_path, STUDY)).keys()


def test_errors_of_parts_change_nothing_but_what_they_are_said_of(tmp_path: Path) -> None:
    before = by_name(made_of(tmp_path, STUDY))
    exception = "for: [{where: {obsid: '0761220101'}, part_errors: note}]"
    after = by_name(made_of(tmp_path, changed("tasks: chain,", f"tasks: chain, {exception},")))
    others = {name for name in before if before[name].params != after[name].params}
    assert others == {"epicevents:0761220101/EPN"}
    step = after["epicevents:0761220101/EPN"]
    assert step.params["part_errors"] == "note" and all(call.part_errors for call in work_of(step).calls)
    assert "part_errors" not in str(before["epicevents:0761220101/EPN"].params)
    (remark,) = set(step.remarks) - set(before[step.name].remarks)
    assert "data.pipeline.part_errors" in remark
    said = by_name(made_of(tmp_path, changed("tasks: chain,", "tasks: chain, part_errors: fail,")))
    assert {name: one.params for name, one in said.items()} == {name: one.params for name, one in before.items()}
