"""The key source_position of spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xbatch.base.errors import SpecError
from xbatch.spec import load

SPEC = """\
xbatch: 1
name: places
mission: MISSION
obsids: ["OBSID"]
TARGET
data: {root: data, level: LEVEL}
regions: {src: {shape: circle, center: [213.36, -3.24], frame: fk5, radius: 50 arcsec}}
spectra: {agn: {region: srcMORE}}
lightcurves: {agn: {spectrum: agn, bands: [2-10 keV], dt: 100 s}}
"""
TARGET = "target: {position: [213.3120833, -3.2075833], frame: fk5}"


def loaded(folder: Path, more: str, target: str = TARGET, level: str = "raw", mission: str = "xmm") -> Any:
    obsid = "0761220101" if mission == "xmm" else "60001110002"
    text = SPEC.replace("MORE", more).replace("TARGET", target).replace("LEVEL", level).replace("MISSION", mission)
    path = folder / "spec.yaml"
    path.write_text(text.replace("OBSID", obsid) + ("instruments: [EPN]\n" if mission == "xmm" else ""))
    return load(path).members[0].spec.work


@pytest.mark.parametrize(
    ("said", "position"),
    [
        ("", ""),
        (", source_position: null", ""),
        (", source_position: target", "target"),
        (", source_position: region", "region"),
        (", source_position: [213.5, -3.5]", (213.5, -3.5)),
        (', source_position: ["14:14:00", "-03:30:00"]', (213.5, -3.5)),
        (", for: [{where: {instrument: EPN}, source_position: region}]", "region"),
    ],
)
def test_light_curves_take_it_from_their_spectrum(tmp_path: Path, said: str, position: object) -> None:
    work = loaded(tmp_path, said)
    expected = pytest.approx(position) if isinstance(position, tuple) else position
    assert work.spectra[0].source_position == expected
    assert work.lightcurves[0].source_position == expected


@pytest.mark.parametrize(
    ("said", "changes", "code", "message"),
    [
        ("target", {"target": ""}, "XB103", "the source is the target, and its position is not known"),
        ("middle", {}, "XB204", "middle"),
        ('["14:14:00", "south"]', {}, "XB223", "south"),
        ("region", {"level": "events"}, "XB221", "source_position"),
        ("region", {"mission": "nustar"}, "XB222", "is of EPIC"),
    ],
)
def test_faults(tmp_path: Path, said: str, changes: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        loaded(tmp_path, f", source_position: {said}", **changes)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == (code, "spectra.agn.source_position")
    assert message in problem.message
