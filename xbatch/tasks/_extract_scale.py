"""What a spectrum's counts are to be divided by: the live time of its region, and the region's area.

EXPOSURE. NuSTAR: live seconds of the housekeeping inside the GTIs; without housekeeping the seconds of the GTIs times
the header's DEADC. XMM-Newton: each CCD has a live time in its own GTIs; EXPOSURE is their mean, weighted by the
region's events in each CCD, as evselect has it.

BACKSCAL. XMM-Newton: the region's area inside the field in pixels of 0.05 arcsec, with an exposure map only where the
map is above 0. NuSTAR and others: the region's part of the pixels of the field, as extractor has it, with an exposure
map times the mean exposure of the region's pixels over EXPOSURE, as nubackscale has it. Of regions of more than four
million pixels squares of 64 pixels, 3.2 arcsec of XMM-Newton, are looked up on a map by their centres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.livetime import LiveTime
from xbatch.ogip.regions import region_error
from xbatch.tasks._regions import Placed, field_of, plane_of
from xbatch.tasks._times import Selection, exposed
from xbatch.xray.region_masks import Field, bounding_box, pixels_inside, region_parts

__all__ = ["Area", "Ccd", "Exposure", "area_of", "exposure_of"]

#: Side of a pixel of X and Y of XMM-Newton, degrees.
_XMM_PIXEL = 0.05 / 3600
#: Places that are taken to a map at a time.
_MOST = 1 << 19
_MORE = 1.01
_MAP_CURE = "Check the map, or move the region"
#: CCDs of the cameras whose lists are by CCD.
_LAST_CCD = {"EPN": 12, "EMOS1": 7, "EMOS2": 7}
#: Surroundings of a region, 1 arcmin in pixels of XMM-Newton, and events that are no chance if there are none.
_NEAR = 1200
_MANY = 10.0


@dataclass(frozen=True)
class Ccd:
    """A CCD's part in a region: events, and seconds in its GTIs, all and live."""

    events: int
    ontime: float
    live: float


@dataclass(frozen=True)
class Exposure:
    """Seconds of a spectrum: EXPOSURE, ONTIME, the CCDs they are the mean of, and what should be known of them."""

    exposure: float
    ontime: float
    ccds: Mapping[int, Ccd]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Area:
    """A region's area.

    Attributes
    ----------
    pixels : int
        Pixels of X and Y inside the region and the field.
    backscal : float
    rule : str
        Which rule it is of, as the card XB_BSCAL says it.
    notes : tuple of str
    """

    pixels: int
    backscal: float
    rule: str
    notes: tuple[str, ...] = ()


def exposure_of(
    name: str,
    placed: Placed,
    table: EventTable,
    selection: Selection,
    live: LiveTime | None,
    found: NDArray[np.int64],
    in_table: NDArray[np.int64],
) -> Exposure:
    """Give the exposure of a region.

    Parameters
    ----------
    name : str
        Of the region, for messages.
    placed : Placed
    table : EventTable
    selection : Selection
        The good time.
    live : LiveTime or None
        Rows of housekeeping.
    found, in_table : ndarray of int64, shape (256,)
        The region's events by detector, and those before a time selection.

    Raises
    ------
    FileError, StepError
        There is no live time for it.
    """
    if table.info.detector_gtis:
        return _of_ccds(name, placed, table, selection, found, in_table)
    ontime, seconds = selection.ontime(), exposed(table, selection, live)
    if live is None and table.header.mission == "nustar":
        part = table.header.live_part()
        said = f"no housekeeping: the live time is the {ontime:.8g} s of the GTIs x {part:.6g}, the header's DEADC"
        return Exposure(seconds, ontime, {}, (said,))
    return Exposure(seconds, ontime, {})


def _of_ccds(
    name: str,
    placed: Placed,
    table: EventTable,
    selection: Selection,
    found: NDArray[np.int64],
    in_table: NDArray[np.int64],
) -> Exposure:
    notes: list[str] = []
    weights = found if found.any() else in_table
    if not weights.any():
        weights = _around(name, placed, table)
        numbers = ", ".join(map(str, np.flatnonzero(weights).tolist()))
        notes.append(f"the live time of the region {name!r}, without events, is that of CCD {numbers}")
    ccds = {}
    for number in np.flatnonzero(weights).tolist():
        ontime = selection.ontime(number)
        if number not in table.header.detector_livetime or number not in table.header.detector_ontime:
            notes.append(f"the header has no live time of CCD {number}: its dead time is taken as that of the others")
        ccds[number] = Ccd(int(found[number]), ontime, ontime * table.header.live_part(number))
    share = np.array([weights[number] for number in ccds], dtype=np.float64)
    exposure, ontime = (
        float(share @ [getattr(ccd, what) for ccd in ccds.values()] / share.sum()) for what in ("live", "ontime")
    )
    if not exposure > 0:
        raise StepError(
            f"the GTIs leave no time of CCD {', '.join(map(str, ccds))}, which the region {name!r} lies on",
            plane_of(table).file,
            "Select other times, or choose another place",
        )
    return Exposure(exposure, ontime, ccds, tuple(notes))


def _around(name: str, placed: Placed, table: EventTable) -> NDArray[np.int64]:
    """Count events by CCD round a region that holds none, and find out whether its CCD may be missing.

    It may be if a CCD is without events, and if there is nothing within an arcmin of the region, or so much that the
    region should hold events.
    """
    field = field_of(table)
    box = bounding_box(placed.shapes, placed.rule, field)
    wide = Field(box.x_first - _NEAR, box.x_last + _NEAR, box.y_first - _NEAR, box.y_last + _NEAR).common(field)
    near, everywhere = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for chunk in table.chunks(["x", "y", "det"]):
        x, y, detector = chunk["x"], chunk["y"], chunk["det"].view(np.uint8)
        inside = (x >= wide.x_first) & (x <= wide.x_last) & (y >= wide.y_first) & (y <= wide.y_last)
        near += np.bincount(detector[inside], minlength=256)
        everywhere += np.bincount(detector, minlength=256)
    last = _LAST_CCD.get(table.header.instrument.upper(), max(table.info.detector_gtis))
    absent = [str(number) for number in range(1, last + 1) if not everywhere[number]]
    expected = near.sum() * pixels_inside(placed.shapes, field, placed.rule) / max(wide.pixels, 1)
    if absent and (not near.any() or expected > _MANY):
        raise StepError(
            f"no event lies in the region {name!r}, and the list has none of CCD {', '.join(absent)}: the region seems "
            "to be on a CCD that is missing",
            plane_of(table).file,
            "Choose another place, or leave this instrument out",
        )
    return near if near.any() else everywhere


def area_of(name: str, placed: Placed, pixels: int, table: EventTable, expmap: Path | None, exposure: float) -> Area:
    """Give the area of a region by the rule of its mission.

    Parameters
    ----------
    name : str
        Of the region.
    placed : Placed
    pixels : int
        Of the field inside the region, 1 or more.
    table : EventTable
    expmap : Path or None
        An exposure map in s on the same sky, of any binning.
    exposure : float
        Of the spectrum, s.

    Raises
    ------
    FileError
        The region has no area with exposure.
    """
    field = field_of(table)
    mission, wcs = table.header.mission, table.header.wcs
    if expmap is None:
        if mission == "xmm":
            scale = 1.0 if wcs is None else abs(wcs.cdelt[0] * wcs.cdelt[1]) / _XMM_PIXEL**2
            area = float(pixels) if abs(scale - 1.0) < 1e-6 else pixels * scale
            return Area(pixels, area, "area in the field, 0.05 arcsec pixels")
        return Area(pixels, pixels / field.pixels, "pixels inside / pixels of the field")
    exposed, total = _on_map(placed, field, table, expmap)
    if not total > 0:
        raise region_error(placed.file, name, f"lies where the exposure map {expmap} has no exposure", _MAP_CURE)
    if mission == "xmm":
        scale = 1.0 if wcs is None else abs(wcs.cdelt[0] * wcs.cdelt[1]) / _XMM_PIXEL**2
        area = float(exposed) if abs(scale - 1.0) < 1e-6 else exposed * scale
        return Area(pixels, area, "area with exposure, 0.05 arcsec pixels")
    weight = total / pixels / exposure
    notes: tuple[str, ...] = ()
    if weight > _MORE:
        notes = (f"the exposure map has {weight:.4g} times the exposure of the spectrum in the region {name!r}",)
    return Area(pixels, pixels / field.pixels * weight, "pixels inside x map / EXPOSURE", notes)


def _on_map(placed: Placed, field: Field, table: EventTable, expmap: Path) -> tuple[float, float]:
    """Count the region's pixels with exposure, and sum their exposure."""
    from xbatch.ogip.imagefile import read_image

    image = read_image(expmap)
    plane = plane_of(table)
    rows, columns = image.data.shape
    values = np.where(np.isfinite(image.data), image.data, 0.0).reshape(-1)
    exposed, total = 0.0, 0.0
    for pixels, x, y in region_parts(placed.shapes, field, placed.rule):
        for first in range(0, len(x), _MOST):
            column, row = (
                np.rint(at) for at in plane.onto(image.plane, x[first : first + _MOST], y[first : first + _MOST])
            )
            there = (column >= 1) & (column <= columns) & (row >= 1) & (row <= rows)
            at = (row[there].astype(np.int64) - 1) * columns + column[there].astype(np.int64) - 1
            seconds = values.take(at)
            exposed += pixels / len(x) * int(np.count_nonzero(seconds > 0))
            total += pixels / len(x) * float(seconds[seconds > 0].sum())
    return exposed, total
