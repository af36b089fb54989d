"""Rows of a NuSTAR event list: the 39 columns of cleaned lists, or 18 of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import Cell
from xbatch.ogip.rowwriter import Field
from xbatch.simulator.focalplane import MIDDLE

__all__ = ["FpmEvents", "fill_rows", "list_fields"]

Floats = NDArray[np.float64]

_DEGREES = 6.828076e-4
_MILLIMETRES = 0.12096
_OUT = -4095
#: STATUS of an event in a pixel at a detector's edge; the usual screening keeps it.
_EDGE_BIT = 0x0010
_LAST_PIXEL = 31
#: Clock ticks of a second that SUBFRM counts.
_TICKS = 921600
#: Shares of the grades 0 to 26: mostly one pixel, some with a neighbour, the rest rare.
_GRADES = np.cumsum([0.68, *[0.07] * 4, *[0.004] * 4, *[0.002] * 10, *[0.0005] * 8])
#: The neighbour of the middle pixel that shares the charge, for grades 1 to 4.
_NEIGHBOURS = np.array([1, 5, 7, 3])
_CHANNELS_PER_KEV, _FIRST_KEV = 25.0, 1.6
_PHA_PER_KEV = 80.0
_FEW_NAMES = (
    "TIME", "PRIOR", "RESET", "DET_ID", "HWTRIG", "RAWX", "RAWY", "STATUS", "GRADE", "SURRPI", "PI_CLC", "PI",
    "DET1X", "DET1Y", "DET2X", "DET2Y", "X", "Y",
)  # fmt: skip


def _plane(name: str, size: int) -> Field:
    return Field(
        name,
        "1I",
        "pixel",
        (
            ("TLMIN", 1),
            ("TLMAX", size),
            ("TNULL", _OUT),
            ("TCDLT", _MILLIMETRES),
            ("TCTYP", name),
            ("TCUNI", "mm"),
        ),
    )


def _sky(name: str, value: float, kind: str, sign: float) -> Field:
    cards: tuple[tuple[str, Cell], ...] = (
        ("TLMIN", 1),
        ("TLMAX", 1000),
        ("TCRPX", MIDDLE),
        ("TCRVL", value),
        ("TCDLT", sign * _DEGREES),
        ("TCTYP", kind),
        ("TCUNI", "deg"),
        ("TNULL", -1),
    )
    return Field(name, "1I", "pixel", cards)


def list_fields(ra: float, dec: float, columns: str = "all") -> list[Field]:
    """Give the columns of a list.

    Parameters
    ----------
    ra, dec : float
        Degrees, of the middle of the sky image.
    columns : str
        ``all``, or ``few``.
    """
    flags = ["S_CAP", "HWTRIG", "RAWX", "RAWY", "MODE", "STIM", "UP", "SHIELD", "SHLD_T", "SHLD_HI"]
    fields = [
        Field("TIME", "1D", "s"),
        Field("PRIOR", "1D", "s"),
        Field("NUMRISE", "1J", "NA"),
        Field("DENRISE", "1J", "NA"),
        Field("SUBFRM", "1J", "NA"),
        Field("PREPHAS", "9I", "NA"),
        Field("POSTPHAS", "9I", "NA"),
        Field("RESET", "1D", "s"),
        Field("TRIGGERS", "9X", "NA"),
        Field("DET_ID", "1B", "NA"),
        *(Field(name, "1B", "NA") for name in flags),
        Field("STATUS", "16X"),
        Field("BADPOS", "8X"),
        Field("HOTPOS", "8X"),
        Field("RAWPHAS", "9I"),
        Field("OFFPHAS", "9E"),
        Field("TRPHAS", "9E"),
        Field("PHAS", "9E"),
        Field("GRADE", "1I", "", (("TLMIN", 0), ("TLMAX", 32))),
        Field("SWTRIG", "9B"),
        Field("PIS_GAIN", "9E", "chan"),
        Field("SURRPI", "1J"),
        Field("PI_CLC", "1E"),
        Field("PI", "1J", "chan", (("TNULL", _OUT), ("TLMIN", 0), ("TLMAX", 4095))),
        _plane("DET1X", 360),
        _plane("DET1Y", 360),
        _plane("DET2X", 600),
        _plane("DET2Y", 600),
        _sky("X", ra, "RA---TAN", -1.0),
        _sky("Y", dec, "DEC--TAN", 1.0),
    ]
    return fields if columns == "all" else [field for field in fields if field.name in _FEW_NAMES]


@dataclass(frozen=True)
class FpmEvents:
    """What is known of events before their columns are filled; all of shape (n,).

    Attributes
    ----------
    time, prior : ndarray
        s.
    pi : ndarray
        Channel.
    detector, rawx, rawy : ndarray
    det1x, det1y, det2x, det2y, x, y : ndarray
        Pixels, not rounded.
    """

    time: Floats
    prior: Floats
    pi: NDArray[np.int64]
    detector: NDArray[np.int64]
    rawx: NDArray[np.int64]
    rawy: NDArray[np.int64]
    det1x: Floats
    det1y: Floats
    det2x: Floats
    det2y: Floats
    x: Floats
    y: Floats

    def where(self, keep: NDArray[np.bool_]) -> FpmEvents:
        """Give some of the events."""
        return FpmEvents(**{name: values[keep] for name, values in vars(self).items()})


def fill_rows(rows: NDArray[Any], events: FpmEvents, rng: np.random.Generator) -> None:
    """Fill the columns that the rows have.

    Pulse heights are plausible: each pixel has noise, the middle one and for grades 1 to 4 one of its neighbours has
    the event's charge, and the stages of calibration differ by small factors. Nothing is derived from them.
    """
    count = len(rows)
    grade = np.searchsorted(_GRADES, rng.random(count) * _GRADES[-1], side="right").astype(np.int16)
    pair = (grade >= 1) & (grade <= 4)
    rows["TIME"] = events.time
    rows["PRIOR"] = events.prior
    rows["RESET"] = rng.random(count, np.float32) * 1.1e-3
    rows["DET_ID"] = events.detector
    rows["HWTRIG"] = 1 + pair
    rows["RAWX"] = events.rawx
    rows["RAWY"] = events.rawy
    edge = (events.rawx % _LAST_PIXEL == 0) | (events.rawy % _LAST_PIXEL == 0)
    rows["STATUS"] = np.where(edge, _EDGE_BIT, 0)
    rows["GRADE"] = grade
    rows["SURRPI"] = rng.integers(-80, 40, count, np.int16)
    rows["PI_CLC"] = events.pi + (rng.random(count, np.float32) - np.float32(0.5)) * np.float32(0.99)
    rows["PI"] = events.pi
    for name, values in (
        ("DET1X", events.det1x),
        ("DET1Y", events.det1y),
        ("DET2X", events.det2x),
        ("DET2Y", events.det2y),
        ("X", events.x),
        ("Y", events.y),
    ):
        rows[name] = np.rint(values)
    if "PHAS" in (rows.dtype.names or ()):
        _fill_electronics(rows, events, grade, pair, rng)


def _fill_electronics(
    rows: NDArray[Any],
    events: FpmEvents,
    grade: NDArray[np.int16],
    pair: NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    count = len(rows)
    energy = (_FIRST_KEV + events.pi / _CHANNELS_PER_KEV).astype(np.float32)
    trigger = np.zeros((count, 9), np.bool_)
    trigger[:, 4] = True
    partner = _NEIGHBOURS[np.clip(grade - 1, 0, 3)]
    trigger[np.flatnonzero(pair), partner[pair]] = True
    given = np.where(pair, rng.uniform(0.05, 0.5, count), 0.0).astype(np.float32)
    share = np.zeros((count, 9), np.float32)
    share[:, 4] = 1.0 - given
    share[np.flatnonzero(pair), partner[pair]] = given[pair]
    heights = share * (energy * np.float32(_PHA_PER_KEV))[:, None]
    heights += rng.standard_normal((count, 9), np.float32) * np.float32(8.0)
    raw = np.rint(heights + np.float32(12.0)).astype(np.int16)
    before = rng.integers(3000, 8000, (count, 9), np.int16)
    rows["NUMRISE"] = rng.integers(-4000, 30, count, np.int16)
    rows["DENRISE"] = rng.integers(11, 2200, count, np.int16)
    rows["SUBFRM"] = np.floor((events.time % 1.0) * _TICKS)
    rows["PREPHAS"] = before
    rows["POSTPHAS"] = before + raw
    rows["TRIGGERS"] = (trigger << np.arange(15, 6, -1)).sum(axis=1)
    rows["S_CAP"] = rng.integers(0, 16, count, np.uint8)
    rows["MODE"] = 1
    rows["RAWPHAS"] = raw
    rows["OFFPHAS"] = heights
    rows["TRPHAS"] = heights * np.float32(0.9985)
    rows["PHAS"] = heights * np.float32(1.002)
    rows["SWTRIG"] = trigger
    rows["PIS_GAIN"] = share * (energy * np.float32(_CHANNELS_PER_KEV))[:, None]
