"""The energy at which light curves are corrected for effective area; what is wrong with one is in broken specs."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import SpecError
from xbatch.spec import load
from xbatch.spec.eventmodel import LightCurveJob

HEAD = """\
xbatch: 1
name: curves
mission: nustar
obsids: ["60001110002"]
instruments: [FPMA, FPMB]
target: {name: X, position: ["14:13:14.9", "-03:12:27.3"]}
data: {level: raw}
regions: {src: {shape: circle, center: target, radius: 50 arcsec}}
spectra: {agn: {region: src}}
"""


def curves(tmp_path: Path, said: str, **changed: str) -> list[LightCurveJob]:
    path = tmp_path / "spec.yaml"
    text = HEAD.replace("level: raw", changed.get("level", "level: raw"))
    path.write_text(f"{text}lightcurves: {{a: {{spectrum: agn, bands: [3-10 keV], dt: 100 s, {said}}}}}\n")
    work = load(path).members[0].spec.work
    assert work is not None
    return list(work.lightcurves)


def test_an_energy_is_a_parameter_only_where_it_is_said(tmp_path: Path) -> None:
    assert [job.params["energy"] for job in curves(tmp_path, "corrections: [area], energy: 10 keV")] == [10.0, 10.0]
    assert all("energy" not in job.params for job in curves(tmp_path, "corrections: [area]"))
    exception = "corrections: [area], energy: 10 keV, for: [{where: {module: B}, energy: 79000 eV}]"
    assert [job.params["energy"] for job in curves(tmp_path, exception)] == [10.0, 79.0]


@pytest.mark.parametrize("energy", ["2.99 keV", "79.1 keV"])
def test_an_energy_lies_where_vignetting_is_known(tmp_path: Path, energy: str) -> None:
    with pytest.raises(SpecError, match="known from 3 to 79 keV"):
        curves(tmp_path, f"corrections: [area], energy: {energy}")


def test_an_energy_is_of_the_correction_area(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="'corrections' does not ask for them"):
        curves(tmp_path, "energy: 10 keV")
    with pytest.raises(SpecError, match="XB239"):
        curves(tmp_path, "energy: 10 keV", level="level: events")
