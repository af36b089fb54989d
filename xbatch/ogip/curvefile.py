"""Light-curve files: OGIP/93-003 (Angelini, Pence & Tennant 1994), one RATE table and its GTIs.

TIME is the middle of a bin, in the seconds of the event list (TIMEZERO 0, TIMEPIXR 0.5); RATE is per exposed second, so
FRACEXP is already in it, as in the files of extractor and nuproducts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import Value
from xbatch.ogip.clock import Clock, clock_of_cards, time_zero
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.fitsreader import AGAIN, Hdu, Table, read_fits
from xbatch.ogip.fitswriter import BinTable, Card, table_bytes, write_fits
from xbatch.ogip.gtifile import gti_extension
from xbatch.xray.gti import total

__all__ = ["CurveFile", "RateTable", "gti_part", "read_curve", "time_cards", "write_curve"]

_DAY = 86400.0
_IDENTITY = (
    "TELESCOP",
    "INSTRUME",
    "FILTER",
    "OBJECT",
    "OBS_ID",
    "DATE-OBS",
    "DATE-END",
    "RA_OBJ",
    "DEC_OBJ",
    "RA_NOM",
    "DEC_NOM",
    "RA_PNT",
    "DEC_PNT",
    "PA_PNT",
    "EQUINOX",
    "RADECSYS",
)
_TIMES = ("TIMEREF", "TASSIGN", "CLOCKAPP")


@dataclass(frozen=True)
class RateTable:
    """What the RATE table of a light curve is to hold.

    Attributes
    ----------
    time, rate, error, fracexp : ndarray, shape (n,)
        Middle of each bin in s; net counts per s and its error; exposed part of the bin.
    counts : ndarray of integers, shape (n,)
        Events of the source region in the bin, the background among them.
    back, back_error : ndarray, shape (n,), or None
        What was subtracted, in counts per s.
    width : float
        Length of a bin, s.
    gti : ndarray, shape (m, 2)
    cards : sequence of Card
        What else the header says: the band, exposures, corrections.
    """

    time: NDArray[np.float64]
    rate: NDArray[np.float64]
    error: NDArray[np.float64]
    fracexp: NDArray[np.float64]
    counts: NDArray[np.int64]
    back: NDArray[np.float64] | None
    back_error: NDArray[np.float64] | None
    width: float
    gti: NDArray[np.float64]
    cards: Sequence[Card] = ()


@dataclass(frozen=True)
class CurveFile:
    """A light curve as it was read.

    Attributes
    ----------
    path : str
    time : ndarray, shape (n,)
        Middle of each bin, in s of `clock`, ascending.
    rate, error : ndarray, shape (n,)
        Counts per s; not a number where there is none.
    fracexp : ndarray, shape (n,)
        1 where the file does not say.
    width : float
        Length of a bin, s.
    clock : Clock or None
    """

    path: str
    time: NDArray[np.float64]
    rate: NDArray[np.float64]
    error: NDArray[np.float64]
    fracexp: NDArray[np.float64]
    width: float
    clock: Clock | None


def time_cards(header: EventHeader) -> list[Card]:
    """Give the cards that say whose times these are and what they are counted from, as the event list has them."""
    cards = [Card(key, header.cards[key]) for key in _IDENTITY if key in header.cards]
    cards += [
        Card("TIMESYS", header.timesys, "time system"),
        Card("MJDREFI", header.mjdref[0], "[d] MJD that times are counted from, whole days"),
        Card("MJDREFF", header.mjdref[1], "[d] and the rest"),
        Card("TIMEUNIT", "s"),
        Card("TIMEZERO", 0.0, "[s] added to all times"),
    ]
    return cards + [Card(key, header.cards[key]) for key in _TIMES if key in header.cards]


def gti_part(header: EventHeader, gti: NDArray[np.float64]) -> bytes:
    """Make the extension with the GTIs of light curves; those in bands of the same events have the same."""
    return table_bytes(gti_extension(gti, time_cards(header)))


def write_curve(path: Path, header: EventHeader, table: RateTable, gti: bytes | None = None) -> None:
    """Write a light curve: RATE with TIME, RATE, ERROR, FRACEXP, COUNTS, BACKV, BACKE, and the GTIs.

    BACKV and BACKE are there where a background was subtracted. Equal content gives equal bytes.

    Parameters
    ----------
    path : Path
    header : EventHeader
        Of the events.
    table : RateTable
    gti : bytes, optional
        What `gti_part` gives for the table's GTIs; made anew unless given.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    whose = time_cards(header)
    start, stop = _ends(table, header)
    span = [
        Card("TSTART", start, "[s] start of the first bin or GTI"),
        Card("TSTOP", stop, "[s] end of the last bin or GTI"),
        Card("TELAPSE", stop - start, "[s]"),
    ]
    cards = [
        Card("HDUCLASS", "OGIP", "format conforms to OGIP standards"),
        Card("HDUCLAS1", "LIGHTCURVE"),
        Card("HDUCLAS2", "TOTAL" if table.back is None else "NET"),
        Card("HDUCLAS3", "RATE"),
        Card("TIMVERSN", "OGIP/93-003"),
        *whose,
        *span,
        Card("TIMEDEL", table.width, "[s] length of a bin"),
        Card("TIMEPIXR", 0.5, "TIME is the middle of a bin"),
        Card("ONTIME", total(table.gti), "[s] sum of the GTIs"),
        Card("BACKAPP", table.back is not None, "background subtracted"),
        Card("VIGNAPP", False, "vignetting corrected"),
        *table.cards,
    ]
    columns: list[tuple[str, str, NDArray[Any]]] = [
        ("TIME", "s", table.time),
        ("RATE", "count/s", table.rate),
        ("ERROR", "count/s", table.error),
        ("FRACEXP", "", table.fracexp),
        ("COUNTS", "count", table.counts.astype(np.int32)),
    ]
    if table.back is not None and table.back_error is not None:
        columns += [("BACKV", "count/s", table.back), ("BACKE", "count/s", table.back_error)]
    write_fits(path, whose, [BinTable("RATE", columns, cards), gti or gti_part(header, table.gti)])


def _ends(table: RateTable, header: EventHeader) -> tuple[float, float]:
    if not len(table.time):
        return header.tstart, header.tstop
    first, last = float(table.time[0]) - 0.5 * table.width, float(table.time[-1]) + 0.5 * table.width
    if not len(table.gti):
        return first, last
    return min(first, float(table.gti[0, 0])), max(last, float(table.gti[-1, 1]))


def read_curve(path: Path) -> CurveFile:
    """Read a light curve of this program, of extractor, nulccorr, lcurve or evselect.

    Raises
    ------
    FileError
        The file cannot be read, holds no light curve, or its bins have no length.
    """
    _, hdus = read_fits(path, _is_rate)
    table = next((hdu for hdu in hdus if isinstance(hdu, Table)), None)
    if table is None:
        raise FileError(str(path), "holds no light curve (no RATE extension)", "Name a light curve")
    if not table.rows:
        raise FileError(str(path), "holds a light curve without bins", AGAIN)
    unit = _seconds(table.header.get("TIMEUNIT"))
    width = (_real(table.header, "TIMEDEL") or 0.0) * unit
    if not width > 0:
        raise FileError(str(path), "does not say how long its bins are (TIMEDEL)", AGAIN)
    rate, error = (_column(table, names) for names in (("RATE", "RATE1", "COUNTS"), ("ERROR", "ERROR1")))
    if rate is None:
        raise FileError(str(path), "has no column RATE in its light curve", AGAIN)
    if not (table.has("RATE") or table.has("RATE1")):
        rate = rate / width
        error = None if error is None else error / width
    fracexp = _column(table, ("FRACEXP",))
    time = table.floats("TIME") * _unit(table, "TIME") + (time_zero(table.header) or 0.0) * unit
    pixr = _real(table.header, "TIMEPIXR")
    time = time + (0.5 - (0.5 if pixr is None else pixr)) * width
    order = np.argsort(time, kind="stable")
    try:
        clock = clock_of_cards(table.header)
    except ValueError as problem:
        raise FileError(str(path), f"has times that cannot be placed: {problem}", AGAIN) from problem
    return CurveFile(
        str(path),
        time[order],
        rate[order],
        np.full(len(rate), np.nan) if error is None else error[order],
        np.ones(len(rate)) if fracexp is None else fracexp[order],
        width,
        clock,
    )


def _is_rate(hdu: Hdu) -> bool:
    return hdu.name == "RATE" or hdu.text("HDUCLAS1").replace(" ", "") == "LIGHTCURVE"


def _seconds(unit: Value) -> float:
    return _DAY if str(unit or "s").strip().lower() in {"d", "day", "days"} else 1.0


def _unit(table: Table, column: str) -> float:
    """Give the seconds in a column's unit."""
    for card, value in table.header.items():
        if card.startswith("TTYPE") and str(value).strip().upper() == column:
            return _seconds(table.header.get(f"TUNIT{card[5:]}"))
    return 1.0


def _column(table: Table, names: Sequence[str]) -> NDArray[np.float64] | None:
    """Give the first of some columns that is there; what is not a number stays so."""
    for name in names:
        if table.has(name):
            return np.asarray(table.column(name), dtype=np.float64)
    return None


def _real(header: Mapping[str, Value], card: str) -> float | None:
    value = header.get(card)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
