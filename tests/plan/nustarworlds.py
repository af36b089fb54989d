"""Specs of NuSTAR from raw data, and what the recipe makes of them, for the tests of plans."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from xbatch.base.toolset import Suite, Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw import raw_steps
from xbatch.plan.raw_nustar import nustar_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step, check_outputs, ordered
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


def context_of(tmp_path: Path, text: str, toolset: Toolset = TOOLS) -> RawContext:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    analysis = load(path)
    return RawContext(analysis, analysis.members[0].spec, toolset)


def made_of(context: RawContext) -> RawMade:
    made = RawMade()
    for one in context.raw.observations:
        made |= nustar_steps(context, one)
    return made


def planned(context: RawContext, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Give the whole plan's steps; what is installed is asked of the environment for groupings and sums."""
    monkeypatch.setattr("xbatch.base.toolset.find_toolset", lambda environ: context.toolset)
    steps, problems = raw_steps(context.analysis, context.spec, toolset=context.toolset)
    assert problems == []
    check_outputs(steps, TASKS)
    ordered("all", steps)
    return steps


def commands_of(steps: list[Step]) -> dict[str, list[str]]:
    return {
        step.name: [shlex.join(call.command) for call in work_of(step).calls] for step in steps if "work" in step.params
    }


def work_of(step: Step) -> Work:
    return Work.of(step.params["work"])


def tutorial(**changed: str) -> str:
    """Give the tutorial's spec with other lines: ``data="data: ..."`` takes the place of the line of that key."""
    lines = TUTORIAL.splitlines()
    for key, line in changed.items():
        at = [number for number, one in enumerate(lines) if one.startswith(f"{key}:")]
        if at:
            lines[at[0]] = line
        else:
            lines.append(line)
    return "\n".join(line for line in lines if line) + "\n"


def by_task(made: RawMade, task: str) -> list[Step]:
    return [step for step in made.steps if step.task == task]
