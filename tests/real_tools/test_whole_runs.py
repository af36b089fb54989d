"""Whole runs from raw data: simulated observations on the fakes, and observations of the user's on the real tools.

``XBATCH_RAW_NUSTAR`` and ``XBATCH_RAW_XMM`` name the folder of an observation as the archive has it (``FOLDER/OBSID``);
``XBATCH_RAW_XMM_TARGET`` the place of its source, degrees (``213.312 -3.2075``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits

from tests.end_to_end.world import Desk
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas.raw import make_xmm_raw
from tests.real_tools.bench import Tools
from xbatch.base.fitsheader import read_headers
from xbatch.base.toolset import find_toolset
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.simulator.config import Sky

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

TUTORIAL = Path(__file__).parents[2] / "examples" / "configs" / "nustar-raw.yaml"
EPIC = """\
xbatch: 1
name: epic
mission: xmm
instruments: [EPN]
target: {name: source, frame: fk5}
data: {level: raw, fetch: never}
screening:
  default:
    pattern: 0-4
    flag: 0
    pi_range: 200-12000 eV
    flare: {band: 10-12 keV, pattern: 0, flag: "#XMMEA_EP", bin: 100 s, rate: "< 0.4 ct/s"}
regions:
  src: {shape: circle, center: target, radius: 40 arcsec}
  bkg: {shape: annulus, center: target, inner: 60 arcsec, outer: 100 arcsec}
spectra:
  agn: {region: src, background: bkg}
images: {sky: {bands: [0.5-2 keV]}}
lightcurves: {agn: {spectrum: agn, bands: [1-8 keV], dt: 100 s}}
binning: {min20: {type: min, counts: 20}}
fit:
  pl:
    data: [{spectra: agn, binning: min20, band: 1-8 keV}]
    group_by: [obsid]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    model: tbabs.gal * powerlaw.pl
    errors: {parameters: free, method: covariance}
"""
Report = Callable[[str, object], None]


@dataclass(frozen=True)
class Raw:
    """An observation as the archive has it, and where its source is, degrees."""

    root: Path
    obsid: str
    ra: float
    dec: float


def named(variable: str) -> Path:
    """Give the observation that a variable names, or skip the test."""
    text = os.environ.get(variable, "")
    if not text:
        pytest.skip(f"needs an observation: set {variable} to FOLDER/OBSID as the archive has it")
    path = Path(text).resolve()
    assert path.is_dir(), f"{variable}={text} is no folder"
    return path


def nustar_observation(tools: Tools) -> Raw:
    if not tools.real:
        truth = make_nustar_raw(tools.folder / "data", "60001110002")
        return Raw(tools.folder / "data", "60001110002", truth["ra"], truth["dec"])
    if find_toolset(os.environ).caldb is None:
        pytest.skip("needs NuSTAR's CALDB: source caldbinit.sh before pytest")
    path = named("XBATCH_RAW_NUSTAR")
    lists = sorted(path.glob("event_uf/*A_uf.evt*"))
    assert lists, f"{path} has no event_uf/nu{path.name}A_uf.evt"
    cards = next(header for header in read_headers(lists[0]) if "RA_OBJ" in header)
    return Raw(path.parent, path.name, float(str(cards["RA_OBJ"])), float(str(cards["DEC_OBJ"])))


def xmm_observation(tools: Tools) -> Raw:
    if not tools.real:
        sky = Sky(offset=(0.0, 0.0))
        make_xmm_raw(tools.folder / "data", "0999000101", 1, seconds=4000.0, events=8000.0, sky=sky)
        return Raw(tools.folder / "data", "0999000101", sky.ra, sky.dec)
    if not find_toolset(os.environ).ccf:
        pytest.skip("needs calibration files: set SAS_CCFPATH to their folder")
    path = named("XBATCH_RAW_XMM")
    place = os.environ.get("XBATCH_RAW_XMM_TARGET", "")
    if not place:
        pytest.skip("needs the place of the source: set XBATCH_RAW_XMM_TARGET to 'RA DEC', degrees")
    ra, dec = (float(number) for number in place.replace(",", " ").split())
    return Raw(path.parent, path.name, ra, dec)


def opened(folder: Path) -> int:
    """Open each FITS file below a folder to its end; give their number."""
    paths = [
        path for path in sorted(folder.rglob("*")) if path.suffix in {".pha", ".rmf", ".arf", ".img", ".lc", ".fits"}
    ]
    for path in paths:
        with fits.open(path, memmap=False) as hdus:
            hdus.verify("exception")
            assert all(hdu.data is None or len(hdu.data) >= 0 for hdu in hdus), path
    return len(paths)


def compared(name: str, theirs: Spectrum, own: Spectrum, report: Report) -> float:
    """Hold counts to be equal channel by channel; report both BACKSCALs, and give theirs over ours."""
    assert np.array_equal(theirs.channel, own.channel)
    different = np.flatnonzero(theirs.counts != own.counts).tolist()
    assert different == [], f"{name}: {len(different)} channels differ, first {different[:5]}"
    assert own.counts.sum() > 0
    scales = float(np.median(theirs.backscal)), float(np.median(own.backscal))
    report(f"{name}: counts", int(own.counts.sum()))
    report(f"{name}: BACKSCAL of the tool, native", scales)
    report(f"{name}: exposure of the tool, native", (theirs.exposure, own.exposure))
    return scales[0] / scales[1]


def run(desk: Desk, document: dict[str, Any], *more: object) -> None:
    """Run a spec; all its steps must be done."""
    (desk.folder / "desk.yaml").write_text(yaml.safe_dump(document))
    said = desk.run("--jobs", 2, *more)
    assert said.status == 0, said.all
    assert set(desk.outcomes().values()) <= {"done", "up to date", "not selected"}


def by_both(desk: Desk, document: dict[str, Any], spectra: dict[str, str], report: Report) -> None:
    """Run natively what was run by the tools, and compare the spectra (name to the folder of the tool's)."""
    tool = {name: desk.run_dir / "products" / folder for name, folder in spectra.items()}
    theirs = {
        (name, file): read_pha(folder / f"{file}.pha")
        for name, folder in tool.items()
        for file in ("spectrum", "background")
    }
    # what is made natively has no responses, and so no fits
    plain = {key: value for key, value in document.items() if key not in {"fit", "binning"}}
    run(desk, {**plain, "engine": {"spectra": "native"}}, "--only", "spectrum:*")
    for name, folder in tool.items():
        ratios = [
            compared(f"{name} {file}", theirs[name, file], read_pha(folder / f"{file}.pha"), report)
            for file in ("spectrum", "background")
        ]
        # rules differ, and a common factor cancels out
        report(f"{name}: scale of the background, tool over native", ratios[0] / ratios[1])
        assert ratios[0] / ratios[1] == pytest.approx(1.0, abs=0.3)


def fit_is_sound(desk: Desk, subject: str, report: Report) -> None:
    fit = desk.fit(subject)
    assert fit["converged"], fit["message"]
    for parameter in fit["parameters"]:
        assert np.isfinite(parameter["value"])
        report(f"{subject}: {parameter['name']}", (parameter["value"], parameter["error_plus"]))
    report(f"{subject}: reduced statistic", fit["reduced"])


def test_the_tutorial_of_nustar(
    heasoft: Tools, capsys: pytest.CaptureFixture[str], report: Report, tmp_path: Path
) -> None:
    raw = nustar_observation(heasoft)
    desk = Desk(tmp_path, capsys)
    document = yaml.safe_load(TUTORIAL.read_text())
    document["obsids"], document["target"]["position"] = [raw.obsid], [raw.ra, raw.dec]
    document["data"] |= {"root": str(raw.root), "fetch": "never"}
    if not heasoft.real:
        _as_simulated(document)
    run(desk, document)
    assert opened(desk.run_dir / "products") > 10
    fit_is_sound(desk, f"pl/{raw.obsid}", report)
    modules = {module: f"{raw.obsid}/{module}/src" for module in ("FPMA", "FPMB")}
    by_both(desk, document, modules, report)


def _as_simulated(document: dict[str, Any]) -> None:
    """Let regions lie in the simulation's small field, and the model have its absorption."""
    regions = document["regions"]
    regions["src"]["radius"], regions["bgd"]["inner"], regions["bgd"]["outer"] = (
        "100 arcsec",
        "240 arcsec",
        "320 arcsec",
    )
    fit = document["fit"]["pl"]
    fit["model"] = "constant.cal * tbabs.gal * powerlaw.pl"
    fit["parameters"]["gal.nH"] = {"value": 1, "frozen": True}


def test_a_spectrum_of_epn(sas: Tools, capsys: pytest.CaptureFixture[str], report: Report, tmp_path: Path) -> None:
    raw = xmm_observation(sas)
    desk = Desk(tmp_path, capsys)
    document = yaml.safe_load(EPIC)
    document["obsids"], document["target"]["position"] = [raw.obsid], [raw.ra, raw.dec]
    document["data"]["root"] = str(raw.root)
    run(desk, document)
    assert opened(desk.run_dir / "products") > 10
    fit_is_sound(desk, f"pl/{raw.obsid}", report)
    by_both(desk, document, {"EPN": f"{raw.obsid}/EPN/agn"}, report)
