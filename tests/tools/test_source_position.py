"""Spectra and light curves of EPIC whose regions do not tell where the source is, on a fake SAS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.core import calls
from tests.fakes.sas import make_sas
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from tests.tools.sasworld import context_of, reduce
from xbatch.ogip.response import read_response
from xbatch.plan.raw_epic import epic_steps
from xbatch.simulator.config import Sky

OBSID = "0761220101"
TARGET = (213.3120833, -3.2075833)
SPEC = """\
xbatch: 1
name: places
target: {position: [213.3120833, -3.2075833], frame: fk5}
mission: xmm
obsids: ["0761220101"]
instruments: [EPN]
data: {root: ROOT, level: raw, fetch: never}
regions:
  inside: {shape: box, center: target, size: [80 arcsec, 60 arcsec]}
  beside: {shape: box, center: [213.35, -3.24], frame: fk5, size: [80 arcsec, 60 arcsec]}
  plain: {shape: circle, center: target, radius: 40 arcsec}
  drawn: {file: "{obsid}.reg"}
  ring: {file: "{obsid}-ring.reg"}
spectra:
  inside: {region: inside}
  beside: {region: beside}
  plain: {region: plain}
  drawn: {region: drawn}
  ring: {region: ring}
"""
FILES = {
    f"{OBSID}.reg": 'fk5\ncircle(213.3120833,-3.2075833,40")\n-circle(213.3180833,-3.2075833,8")\n',
    f"{OBSID}-ring.reg": 'fk5\nannulus(213.3120833,-3.2075833,5",40")\n',
}
GIVEN = {"withsourcepos=yes", "sourcecoords=eqpos", "sourcex=213.31208", "sourcey=-3.2075833"}
NOT_GIVEN = {"withsourcepos=no", "sourcecoords=eqpos", "sourcex=0", "sourcey=0"}


def test_arfgen_is_told_where_the_source_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make_sas(tmp_path / "sas")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    data, exposures = tmp_path / "data", {"EPN": (RawExposure("S003", 1.0),)}
    sky = Sky(*TARGET, offset=(0.0, 0.0))
    make_xmm_raw(data, OBSID, 1, ("EPN",), seconds=2000.0, events=9000.0, exposures=exposures, sky=sky)
    for name, text in FILES.items():
        (data / name).write_text(text)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.replace("ROOT", str(data)))
    reduced = reduce(context_of(spec, os.environ), tmp_path / "out", [epic_steps])

    told = {}
    for call in calls(Path(environment["SAS_DIR"]), "arfgen"):
        words = {word for word in call["args"] if word.startswith(("withsourcepos", "source"))}
        told[len(told)] = words
    ran = [name.rpartition("/")[2] for name in reduced.steps if name.startswith("epicspectrum:")]
    assert dict(zip(ran, told.values(), strict=True)) == {
        "inside": GIVEN,
        "beside": NOT_GIVEN,
        "plain": set(),
        "drawn": GIVEN,
        "ring": NOT_GIVEN,
    }
    selections = [outcome for name, outcome in reduced.outcomes.items() if name.startswith("selection:")]
    assert {note for one in selections for note in one.notes if "the source" in note} == {
        "inside: the source is taken to be at the target",
        "beside: the source is taken to be at the middle of the region",
        "drawn: the source is taken to be at the target",
        "ring: the source is taken to be at the middle of the region",
    }
    out = reduced.out(f"epicspectrum:{OBSID}/EPN/inside")
    assert read_response(out / "response.rmf", out / "response.arf").specresp.max() > 0
