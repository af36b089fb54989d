"""Rows and extensions of an EPIC event list, as emchain and epchain write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.rowwriter import Field, Records, record_dtype
from xbatch.simulator.camera import FIELD, MIDDLE, Camera

__all__ = ["FLAG_CARDS", "EpicEvents", "bad_pixel_table", "epic_fields", "exposure_table", "fill_epic", "gti_records"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_DEGREES = 0.05 / 3600.0
_SIZE = 51840
_UNDEFINED = -99999999
#: Bits of FLAG.
_BORDER, _OUT_OF_FIELD, _COSMIC_RAY, _ON_BADPIX = 0x2, 0x10000, 0x80000, 0x200000
_BORDER_PIXELS = {600: 3, 64: 1}
#: Shares of the patterns of X-rays: all that the usual screenings keep.
_MOS_PATTERNS = np.cumsum([0.76, 0.09, 0.025, 0.07, 0.025, *[0.00375] * 8])
_PN_PATTERNS = np.cumsum([0.68, 0.08, 0.08, 0.08, 0.08])

_BITS = (
    Card("XMMEA_1", "(FLAG & 0x2) != 0", "CLOSE_TO_CCD_BORDER"),
    Card("XMMEA_16", "(FLAG & 0x10000) != 0", "OUT_OF_FOV"),
    Card("XMMEA_19", "(FLAG & 0x80000) != 0", "COSMIC_RAY"),
    Card("XMMEA_21", "(FLAG & 0x200000) != 0", "ON_BADPIX"),
)
_MOS_GOOD = Card("XMMEA_EM", "(FLAG & 0x766ba000) == 0", "Select good MOS events")
_PN_GOOD = Card("XMMEA_EP", "(FLAG & 0xcfa0000) == 0", "Select good PN events")
#: What the bits of FLAG mean, by instrument.
FLAG_CARDS = {"EMOS1": (*_BITS, _MOS_GOOD), "EMOS2": (*_BITS, _MOS_GOOD), "EPN": (*_BITS, _PN_GOOD)}

_ANGLE = (("TCRPX", 0), ("TCRVL", 0.0), ("TCDLT", _DEGREES), ("TCUNI", "deg"))
_GTI = (Field("START", "D", "SECONDS"), Field("STOP", "D", "SECONDS"))
_EXPOSURE = (Field("TIME", "D", "s"), Field("TIMEDEL", "E", "s"), Field("FRACEXP", "E", "FRACTION"))
_BAD = tuple(Field(name, "I") for name in ("RAWX", "RAWY", "TYPE", "YEXTENT", "BADFLAG"))


@dataclass(frozen=True)
class EpicEvents:
    """What is known of events before their columns are filled; all of shape (n,).

    Attributes
    ----------
    time : ndarray
        s.
    pi : ndarray
        eV.
    ccd : ndarray
        From 0.
    rawx, rawy : ndarray
    detx, dety, x, y : ndarray
        Not rounded.
    tracks : ndarray of bool
        Events of particles, with a pattern and a flag that the usual screenings drop.
    bad : ndarray of bool
        Whether they fell on a bad pixel.
    """

    time: Floats
    pi: Whole
    ccd: Whole
    rawx: Whole
    rawy: Whole
    detx: Floats
    dety: Floats
    x: Floats
    y: Floats
    tracks: NDArray[np.bool_]
    bad: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> EpicEvents:
        """Give some of the events."""
        return EpicEvents(**{name: values[keep] for name, values in vars(self).items()})


def epic_fields(camera: Camera, ra: float, dec: float, pn: bool) -> list[Field]:
    """Give the columns of a list; ra and dec in degrees are those of the middle of the sky."""
    columns, rows = camera.size
    fields = [
        Field("TIME", "D", "s"),
        Field("RAWX", "I", "PIXELS", (("TLMIN", 1), ("TLMAX", columns))),
        Field("RAWY", "I", "PIXELS", (("TLMIN", 1), ("TLMAX", rows))),
        Field("DETX", "I", "pixel", (("TLMIN", -20000), ("TLMAX", 20000), ("TCTYP", "DETX_ANG"), *_ANGLE)),
        Field("DETY", "I", "pixel", (("TLMIN", -20300), ("TLMAX", 20300), ("TCTYP", "DETY_ANG"), *_ANGLE)),
        _sky("X", ra, "RA---TAN", -1.0),
        _sky("Y", dec, "DEC--TAN", 1.0),
        Field("PHA", "I", "CHAN", (("TLMIN", 0), ("TLMAX", 4095))),
        Field("PI", "I", "CHAN", (("TLMIN", 0), ("TLMAX", 20479 if pn else 15000))),
        Field("FLAG", "J"),
        Field("PATTERN", "B", "", (("TLMIN", 0), ("TLMAX", 31))),
    ]
    if pn:
        fields += [Field("PAT_ID", "B"), Field("PAT_SEQ", "B")]
    return [*fields, Field("CCDNR", "B", "", (("TLMIN", 1), ("TLMAX", 17)))]


def _sky(name: str, value: float, kind: str, sign: float) -> Field:
    return Field(
        name,
        "J",
        "pixel",
        (
            ("TNULL", _UNDEFINED),
            ("TLMIN", 1),
            ("TLMAX", _SIZE),
            ("TCRPX", MIDDLE),
            ("TCTYP", kind),
            ("TCRVL", value),
            ("TCDLT", sign * _DEGREES),
            ("TCUNI", "deg"),
        ),
    )


def fill_epic(rows: NDArray[Any], events: EpicEvents, camera: Camera, pn: bool, rng: np.random.Generator) -> None:
    """Fill the columns of rows."""
    count = len(rows)
    shares = _PN_PATTERNS if pn else _MOS_PATTERNS
    pattern = np.searchsorted(shares, rng.random(count) * shares[-1], side="right")
    flag = np.zeros(count, np.int64)
    near = _BORDER_PIXELS[camera.size[0]]
    border = (np.minimum(events.rawx, events.rawy) <= near) | (events.rawx > camera.size[0] - near)
    flag[border | (events.rawy > camera.size[1] - near)] |= _BORDER
    flag[np.hypot(events.detx - camera.aim[0], events.dety - camera.aim[1]) > FIELD] |= _OUT_OF_FIELD
    flag[events.tracks] |= _COSMIC_RAY
    flag[events.bad] |= _ON_BADPIX
    rows["TIME"] = events.time
    rows["RAWX"], rows["RAWY"] = events.rawx, events.rawy
    rows["PI"] = events.pi
    rows["PHA"] = np.minimum(events.pi / (5.0 if pn else 3.25), 4095)
    rows["FLAG"] = flag
    rows["PATTERN"] = np.where(events.tracks, rng.integers(13, 32, count), pattern)
    rows["CCDNR"] = events.ccd + 1
    for name, values in (("DETX", events.detx), ("DETY", events.dety), ("X", events.x), ("Y", events.y)):
        rows[name] = np.rint(values)
    if pn:
        rows["PAT_ID"] = rng.integers(0, 14, count)


def gti_records(ccd: int, gti: Floats, cards: Sequence[Card]) -> Records:
    """Make STDGTInn of a CCD (from 0)."""
    rows = np.zeros(len(gti), record_dtype(_GTI))
    rows["START"], rows["STOP"] = gti[:, 0], gti[:, 1]
    kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "GTI"), Card("HDUCLAS2", "STANDARD"), Card("CCDID", ccd + 1)]
    return Records(f"STDGTI{ccd + 1:02d}", _GTI, rows, [*kind, *cards])


def exposure_table(ccd: int, gti: Floats, live: float, frame: float, cards: Sequence[Card]) -> Records:
    """Make EXPOSUnn of a CCD (from 0): its frames in good time, with the live part of each."""
    starts = [np.arange(first, last, frame) for first, last in gti]
    ends = [np.minimum(start + frame, last) for start, last in zip(starts, gti[:, 1], strict=True)]
    start, end = np.concatenate(starts), np.concatenate(ends)
    rows = np.zeros(start.size, record_dtype(_EXPOSURE))
    rows["TIME"], rows["TIMEDEL"], rows["FRACEXP"] = 0.5 * (start + end), end - start, live
    return Records(f"EXPOSU{ccd + 1:02d}", _EXPOSURE, rows, [Card("CCDID", ccd + 1), *cards])


def bad_pixel_table(ccd: int, pixels: Whole, cards: Sequence[Card]) -> Records:
    """Make BADPIXnn of a CCD (from 0); pixels of shape (n, 2) are RAWX and RAWY."""
    rows = np.zeros(len(pixels), record_dtype(_BAD))
    rows["RAWX"], rows["RAWY"] = pixels[:, 0], pixels[:, 1]
    rows["TYPE"] = rows["YEXTENT"] = rows["BADFLAG"] = 1
    return Records(f"BADPIX{ccd + 1:02d}", _BAD, rows, [Card("CCDID", ccd + 1), *cards])
