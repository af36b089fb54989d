"""Specs that the tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xbatch.base.errors import Problem, SpecError
from xbatch.spec import load
from xbatch.spec.eventmodel import EventWork
from xbatch.spec.model import Analysis, FitJob, Parameter
from xbatch.spec.rawmodel import RawWork

HEAD = """\
xbatch: 1
name: test
mission: nustar
obsids: [90402339002]
data: {level: spectra}
"""
SPECTRA = 'spectra: {src: {file: "{obsid}{module}.pha"}}\n'
BINNING = "binning: {min30: {type: min, counts: 30}}\n"
BASE = HEAD + SPECTRA + BINNING
TWO_EPOCHS = """\
xbatch: 1
name: test
mission: nustar
observations:
  - {obsids: [90402339002], tags: [early]}
  - {obsids: [90402339004], tags: [late]}
data: {level: spectra}
spectra: {src: {file: "{obsid}{module}.pha"}}
binning: {min30: {type: min, counts: 30}}
"""
EVENTS = """\
xbatch: 1
name: test
mission: nustar
obsids: [90402339002]
data: {level: events}
"""
TWO_MISSIONS = """\
xbatch: 1
name: test
observations:
  - {mission: nustar, obsids: ["90402339002"], tags: [hard]}
  - {mission: xmm, obsids: ["0201430201"], instruments: [EPN, EMOS1]}
data: {level: events}
"""
CIRCLE = 'src: {shape: circle, center: ["21:27:44.9", "+56:56:40"], frame: fk5, radius: 150 arcsec}'
RAW_NUSTAR = """\
xbatch: 1
name: test
mission: nustar
obsids: [60001110002]
target: {name: X, position: ["14:13:14.9", "-03:12:27.3"]}
regions: {src: {shape: circle, center: target, radius: 150 arcsec}}
"""
RAW_XMM = """\
xbatch: 1
name: test
mission: xmm
obsids: ["0761220101"]
instruments: [EPN, EMOS1, RGS1, RGS2]
target: {name: X, position: ["14:13:14.9", "-03:12:27.3"]}
regions: {src: {shape: circle, center: target, radius: 50 arcsec}}
"""
RAW = "data: {level: raw}\n"


def fit(
    model: str = "constant.cal * tbabs.gal * powerlaw.pl",
    parameters: str = "{}",
    more: str = "",
    mode: str = "subtract",
    statistic: str = "chi2",
    data: str = "{spectra: src, binning: min30, band: 3-79 keV}",
) -> str:
    """Write a fit called ``one``; `parameters` in flow style, `more` as lines."""
    lines = [
        f"data: [{data}]",
        f"background: {{mode: {mode}}}",
        f"statistic: {statistic}",
        f"model: {model}",
        f"parameters: {parameters}",
        *more.splitlines(),
    ]
    return "fit:\n  one:\n" + "".join(f"    {line}\n" for line in lines)


def read(folder: Path, text: str, overrides: Sequence[str] = ()) -> Analysis:
    """Write a spec and load it."""
    path = folder / "spec.yaml"
    path.write_bytes(text.encode())
    return load(path, overrides)


def work(folder: Path, text: str, overrides: Sequence[str] = ()) -> EventWork:
    """Give what a spec of level events without a sweep asks for."""
    found = read(folder, text, overrides).members[0].spec.work
    assert found is not None
    return found


def problems(folder: Path, text: str, overrides: Sequence[str] = ()) -> tuple[Problem, ...]:
    """Write a spec, load it, and give what is wrong with it."""
    try:
        read(folder, text, overrides)
    except SpecError as error:
        return error.problems
    return ()


def codes(folder: Path, text: str, overrides: Sequence[str] = ()) -> list[str]:
    """Give the codes of what is wrong with a spec."""
    return [problem.code for problem in problems(folder, text, overrides)]


def jobs(folder: Path, text: str, overrides: Sequence[str] = ()) -> tuple[FitJob, ...]:
    """Give the fits of a spec without a sweep."""
    return read(folder, text, overrides).members[0].spec.fits


def parameters(folder: Path, text: str) -> dict[str, Parameter]:
    """Give the parameters of a spec's only fit by name."""
    (job,) = jobs(folder, text)
    return {one.name: one for one in job.parameters}


def raw(folder: Path, text: str, overrides: Sequence[str] = ()) -> RawWork:
    """Give what a spec of level raw without a sweep asks of the missions' tools."""
    found = read(folder, text, overrides).members[0].spec.raw
    assert found is not None
    return found
