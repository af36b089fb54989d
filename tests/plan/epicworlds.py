"""Specs of EPIC from raw data, and what the recipe makes of them, for the tests of plans."""

from __future__ import annotations

import shlex
from pathlib import Path

from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step
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


def changed(old: str, new: str, text: str = STUDY) -> str:
    assert old in text
    return text.replace(old, new)
