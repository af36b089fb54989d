"""A user's desk with event lists: two small observations in an archive's folders, and a spec of level events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.world import OBSIDS, Desk
from tests.ogip.eventfiles import EventFile, nustar_file, xmm_file

SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["99900000001", "99900000002"]
instruments: [FPMA]
data: {root: data, level: events}
screening: {default: {grade: 0-26}}
regions:
  src: {shape: circle, center: ["321.938 deg", "56.944 deg"], frame: fk5, radius: 300 arcsec}
  bkg: {file: "{obsid}/bkg_{obsid}.reg"}
spectra:
  agn: {region: src, background: bkg}
images:
  full: {bands: [3-79 keV], bin: 10, figure: false}
lightcurves:
  slow: {spectrum: agn, dt: 100 s, bands: [3-10 keV, 10-79 keV], figure: false}
"""
REGION = 'fk5\ncircle(321.938,56.944,900")\n-circle(321.938,56.944,330")\n'
XMM_SPEC = """\
xbatch: 1
name: desk
mission: xmm
obsids: ["0999000001"]
instruments: [EMOS1]
data: {root: data, level: events, events: "{obsid}.evt[.gz]"}
screening: {default: {pattern: 0-12, flag: "#XMMEA_EM"}}
regions:
  src: {shape: circle, center: [25920, 25920], frame: physical, radius: 9000}
spectra:
  agn: {region: src, background: none}
images:
  full: {bands: [0.5-10 keV], bin: 600, figure: false}
"""


def list_path(desk: Desk, obsid: str = OBSIDS[0]) -> Path:
    """Give the place of an observation's list."""
    return desk.data / obsid / "event_cl" / f"nu{obsid}A01_cl.evt"


def region_path(desk: Desk, obsid: str = OBSIDS[0]) -> Path:
    """Give the place of the file of an observation's background region."""
    return desk.data / obsid / f"bkg_{obsid}.reg"


def lay_out(desk: Desk, obsids: tuple[str, ...] = OBSIDS) -> None:
    """Write lists, regions and spec."""
    for obsid in obsids:
        put(desk, obsid=obsid)
        region_path(desk, obsid).write_text(REGION)
    desk.write(SPEC)


def put(desk: Desk, change: Callable[[EventFile], None] = lambda file: None, obsid: str = OBSIDS[0]) -> Path:
    """Write an observation's list, with something changed."""
    file = nustar_file(2000)
    file.cards["OBS_ID"] = obsid
    change(file)
    path = list_path(desk, obsid)
    path.parent.mkdir(parents=True, exist_ok=True)
    return file.write(path)


def put_xmm(desk: Desk, change: Callable[[EventFile], None] = lambda file: None) -> Path:
    """Write a MOS list and its spec."""
    file = xmm_file(2000)
    change(file)
    desk.data.mkdir(exist_ok=True)
    desk.write(XMM_SPEC)
    return file.write(desk.data / "0999000001.evt")
