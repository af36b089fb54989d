"""Spectra: type I PHA files read with care and written so that equal spectra are equal bytes.

Formats: OGIP memos OGIP/92-007 and 92-007a (Arnaud, George and Tennant 1992, with the addenda of 1994 to 2021). Any of
its keywords may be a column instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.fitsreader import AGAIN, Hdu, Table, read_fits, whole
from xbatch.ogip.fitswriter import BinTable, Card, Cell, write_fits

__all__ = ["Spectrum", "read_pha", "write_pha"]

_KEPT = """
    TELESCOP INSTRUME FILTER DETNAM DATAMODE OBJECT OBS_ID EXP_ID RA_OBJ DEC_OBJ EQUINOX RADECSYS DATE-OBS TIME-OBS
    DATE-END TIME-END MJD-OBS MJDREF MJDREFI MJDREFF TIMEZERO TIMESYS TIMEUNIT TIMEREF TSTART TSTOP ONTIME LIVETIME
    DEADC HDUCLAS2 HDUCLAS3 CHANTYPE BACKFILE CORRFILE CORRSCAL RESPFILE ANCRFILE TELAPSE SPECDELT SPECPIX SPECVAL
    NUBACKSC XB_BSCAL
"""
#: Cards that say which times and which region the events are from, by the names of the extensions.
_SUBSPACE = re.compile(r"\d*DS(TYP|VAL|REF|UNI|FORM)\d+\Z")
_DATES = frozenset({"DATE-OBS", "DATE-END"})
_CHANNEL_TYPES = ("PI", "PHA")
_MANDATORY: Mapping[str, Cell] = MappingProxyType(
    {
        "TELESCOP": "UNKNOWN",
        "INSTRUME": "UNKNOWN",
        "FILTER": "NONE",
        "CHANTYPE": "PI",
        "BACKFILE": "none",
        "CORRFILE": "none",
        "CORRSCAL": 1.0,
        "RESPFILE": "none",
        "ANCRFILE": "none",
    }
)


@dataclass(frozen=True)
class Spectrum:
    """A spectrum of n channels.

    Attributes
    ----------
    path : str
        The file it was read from.
    channel : ndarray, shape (n,)
        The channels' numbers, ascending; maybe only part of the detector's.
    counts : ndarray, shape (n,)
        COUNTS, or RATE x EXPOSURE.
    stat_err : ndarray, shape (n,), or None
        In counts; None where the file gives none.
    sys_err : ndarray, shape (n,)
        As a fraction; 0 where the file gives none.
    quality : ndarray, shape (n,)
        0 is good.
    grouping : ndarray, shape (n,)
        1 begins a bin, -1 goes on with it, 0 is undefined; all 1 where the file has no such column.
    backscal, areascal : ndarray, shape (n,)
    exposure : float
        In s.
    poisson : bool
        POISSERR: the errors are those of counting.
    is_rate : bool
        The file holds RATE.
    detchans : int
        Number of the detector's channels.
    first_channel : int
        Number of the detector's first channel.
    header : Mapping
        The cards worth keeping, of the extension or else of the primary header.
    notes : tuple of str
        What is odd, though legal.
    """

    path: str
    channel: NDArray[np.int64]
    counts: NDArray[np.float64]
    stat_err: NDArray[np.float64] | None
    sys_err: NDArray[np.float64]
    quality: NDArray[np.int16]
    grouping: NDArray[np.int16]
    backscal: NDArray[np.float64]
    areascal: NDArray[np.float64]
    exposure: float
    poisson: bool
    is_rate: bool
    detchans: int
    first_channel: int
    header: Mapping[str, Cell]
    notes: tuple[str, ...] = ()


def read_pha(path: Path) -> Spectrum:
    """Read a type I PHA file.

    Raises
    ------
    FileError
        The file cannot be read, is of type II, lacks what a spectrum needs, or holds numbers that cannot be.
    """
    found, hdus = read_fits(path, _is_spectrum)
    notes: list[str] = []
    table = _spectrum_table(str(found), hdus, notes)
    header = _header(hdus[0], table)
    channel = _channels(table)
    exposure = _exposure(hdus[0], table, notes)
    is_rate = not table.has("COUNTS")
    counts = table.floats("RATE" if is_rate else "COUNTS")
    stat_err = _errors(table)
    poisson = _poisson(table, counts, stat_err, is_rate, notes)
    if is_rate:
        counts = counts * exposure
        stat_err = None if stat_err is None else stat_err * exposure
    first, detchans = _detector(table, channel, notes)
    _check_type(table, notes)
    quality, grouping = _flags(table, notes)
    return Spectrum(
        path=str(found),
        channel=channel,
        counts=counts,
        stat_err=stat_err,
        sys_err=_scalar_or_column(table, "SYS_ERR", 0.0, []),
        quality=quality,
        grouping=grouping,
        backscal=_scale(table, "BACKSCAL", notes),
        areascal=_scale(table, "AREASCAL", notes),
        exposure=exposure,
        poisson=poisson,
        is_rate=is_rate,
        detchans=detchans,
        first_channel=first,
        header=header,
        notes=tuple(notes),
    )


def write_pha(
    path: Path,
    spectrum: Spectrum,
    header: Mapping[str, Cell] | None = None,
    extensions: Sequence[BinTable | bytes] = (),
    wmap: tuple[NDArray[np.float32], Sequence[Card]] | None = None,
) -> None:
    """Write a type I PHA file.

    COUNTS are written always (of a RATE file too: rate times exposure, with its errors); whole counts as integers.
    There is no date and no checksum, so equal spectra give equal bytes.

    Parameters
    ----------
    path : Path
    spectrum : Spectrum
    header : Mapping, optional
        Cards that are added to those of `spectrum.header` or take their place.
    extensions : sequence of BinTable or bytes
        What follows the spectrum: its GTIs and its region.
    wmap : (ndarray, sequence of Card), optional
        A map of the events, to stand before the spectrum, and its cards.
    """
    cards = {**spectrum.header, **(header or {})}
    whole = bool(np.all(spectrum.counts == np.rint(spectrum.counts)) and np.all(np.abs(spectrum.counts) < 2**31))
    last = spectrum.first_channel + spectrum.detchans - 1
    wide = last >= 2**15
    columns: list[tuple[str, str, NDArray[Any]]] = [
        ("CHANNEL", "", spectrum.channel.astype(np.int32 if wide else np.int16)),
        ("COUNTS", "count", spectrum.counts.astype(np.int32 if whole else np.float64)),
    ]
    fixed: list[Card] = []
    if spectrum.stat_err is not None:
        columns.append(("STAT_ERR", "count", spectrum.stat_err))
    else:
        fixed.append(Card("STAT_ERR", 0, "no statistical error specified"))
    for name, array, absent, comment in (
        ("SYS_ERR", spectrum.sys_err, 0, "no systematic error specified"),
        ("QUALITY", spectrum.quality, 0, "no data quality information specified"),
        ("GROUPING", spectrum.grouping, 1, "no grouping of the data has been defined"),
    ):
        if np.all(array == absent):
            fixed.append(Card(name, 0, comment))
        else:
            columns.append((name, "", array))
    for name, array in (("AREASCAL", spectrum.areascal), ("BACKSCAL", spectrum.backscal)):
        if np.all(array == array[0]):
            fixed.append(Card(name, float(array[0]), f"{name[:4].lower()} scaling factor"))
        else:
            columns.append((name, "", array))
    given = [
        Card("HDUCLASS", "OGIP", "format conforms to OGIP standard"),
        Card("HDUCLAS1", "SPECTRUM", "PHA dataset (OGIP memo OGIP-92-007)"),
        Card("HDUCLAS2", cards.get("HDUCLAS2", "TOTAL"), "gross, net or background"),
        Card("HDUCLAS3", "COUNT", "stored as counts"),
        Card("HDUVERS", "1.2.1", "version of format (OGIP memo OGIP-92-007)"),
        Card("TLMIN1", spectrum.first_channel, "lowest legal channel number"),
        Card("TLMAX1", last, "highest legal channel number"),
        Card("DETCHANS", spectrum.detchans, "total number of possible channels"),
        Card("EXPOSURE", spectrum.exposure, "[s] exposure time"),
        Card("POISSERR", spectrum.poisson, "Poissonian errors to be assumed"),
    ]
    done = {card.keyword for card in (*given, *fixed)} | {name for name, _, _ in columns}
    for name, default in _MANDATORY.items():
        cards.setdefault(name, default)
    rest = [Card(name, value) for name, value in cards.items() if name not in done]
    image, about = wmap if wmap is not None else (None, ())
    write_fits(path, about, [BinTable("SPECTRUM", columns, [*given, *fixed, *rest]), *extensions], image)


def _is_spectrum(hdu: Hdu) -> bool:
    return hdu.name == "SPECTRUM" or (hdu.text("HDUCLAS1") == "SPECTRUM" and hdu.text("HDUCLAS2") != "DETECTOR")


def _spectrum_table(path: str, hdus: list[Hdu], notes: list[str]) -> Table:
    tables = [hdu for hdu in hdus if isinstance(hdu, Table)]
    tables = [table for table in tables if table.name == "SPECTRUM"] or tables
    if not tables:
        names = ", ".join(hdu.name for hdu in hdus[1:]) or "no extensions"
        raise FileError(path, f"has no SPECTRUM extension (it has {names})", "Name a spectrum (PHA) file")
    if len(tables) > 1:
        notes.append(f"{len(tables)} SPECTRUM extensions: the first is taken")
    table = tables[0]
    data = next((name for name in ("COUNTS", "RATE") if table.has(name)), None)
    if table.has("SPEC_NUM") or table.text("HDUCLAS4") == "TYPE:II" or (data and table.shape(data) != 1):
        raise FileError(
            path,
            f"is a type II PHA file ({table.rows} spectra in one table)",
            "Split it into type I files of one spectrum each (CIAO's dmtype2split does that)",
        )
    if table.rows == 0:
        raise FileError(path, "has no rows in its SPECTRUM extension", AGAIN)
    if data is None:
        raise FileError(path, f"has neither COUNTS nor RATE in {table.name} (it has {', '.join(table.fields)})", AGAIN)
    return table


def _header(primary: Hdu, table: Table) -> Mapping[str, Cell]:
    """Collect the cards worth keeping; XMM-Newton's dates of the exposure stand in the primary header."""
    kept: dict[str, Cell] = {}
    for name in _KEPT.split():
        order = (primary, table) if name in _DATES else (table, primary)
        value = next((hdu.header[name] for hdu in order if hdu.header.get(name) is not None), None)
        if value is not None:
            kept[name] = value
    kept |= {name: value for name, value in table.header.items() if value is not None and _SUBSPACE.match(name)}
    return MappingProxyType(kept)


def _number(header: Mapping[str, Any], keyword: str) -> float | None:
    value = header.get(keyword)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _channels(table: Table) -> NDArray[np.int64]:
    channel = table.integers("CHANNEL")
    steps = np.diff(channel)
    if np.any(steps <= 0):
        row = int(np.flatnonzero(steps <= 0)[0])
        what = "repeats" if steps[row] == 0 else "falls below"
        raise FileError(
            table.path,
            f"has channel numbers that do not ascend: row {row + 2} ({channel[row + 1]}) {what} row {row + 1} "
            f"({channel[row]})",
            "Sort the rows by CHANNEL, one row each",
        )
    if channel[0] < 0:
        raise FileError(table.path, f"has a negative channel number ({channel[0]})", AGAIN)
    return channel


def _exposure(primary: Hdu, table: Table, notes: list[str]) -> float:
    exposure = _number(table.header, "EXPOSURE")
    if exposure is None:
        exposure = _number(primary.header, "EXPOSURE")
        if exposure is not None:
            notes.append("EXPOSURE stands in the primary header only")
    cure = "Set EXPOSURE of the SPECTRUM extension to the live time in seconds"
    if exposure is None:
        raise FileError(table.path, "has no EXPOSURE", cure)
    if not math.isfinite(exposure) or exposure <= 0:
        raise FileError(table.path, f"has EXPOSURE {exposure:g}, which is no live time", cure)
    return exposure


def _scalar_or_column(table: Table, name: str, default: float, missing: list[str]) -> NDArray[np.float64]:
    if table.has(name):
        return table.floats(name)
    value = _number(table.header, name)
    if value is None:
        missing.append(name)
        value = default
    if not math.isfinite(value):
        raise FileError(table.path, f"has {name} {value}", AGAIN)
    return np.full(table.rows, value)


def _scale(table: Table, name: str, notes: list[str]) -> NDArray[np.float64]:
    missing: list[str] = []
    scale = _scalar_or_column(table, name, 1.0, missing)
    notes += [f"no {name}: 1 taken" for name in missing]
    if np.any(scale < 0) or not np.any(scale > 0):
        raise FileError(table.path, f"has {name} {scale.min():g}, which is no scale", f"Set {name} to its true value")
    return scale


def _errors(table: Table) -> NDArray[np.float64] | None:
    if table.has("STAT_ERR"):
        errors = table.floats("STAT_ERR")
    else:
        errors = _scalar_or_column(table, "STAT_ERR", 0.0, [])
        if not np.any(errors):
            return None
    if np.any(errors < 0):
        raise FileError(table.path, "has negative errors in STAT_ERR", AGAIN)
    return errors


def _poisson(
    table: Table, counts: NDArray[np.float64], errors: NDArray[np.float64] | None, is_rate: bool, notes: list[str]
) -> bool:
    card = table.header.get("POISSERR")
    poisson = card if isinstance(card, bool) else errors is None
    if not isinstance(card, bool):
        notes.append(f"no POISSERR: {'T' if poisson else 'F'} taken")
    if not poisson and errors is None:
        notes.append("POISSERR is F, but there is no STAT_ERR")
    if poisson and np.any(counts < 0):
        raise FileError(
            table.path,
            "has negative counts, though POISSERR = T calls them counts of photons",
            "A spectrum with its background subtracted needs POISSERR = F and STAT_ERR",
        )
    if poisson and not is_rate and np.any(counts != np.rint(counts)):
        notes.append("POISSERR is T, but COUNTS are not whole numbers")
    return poisson


def _detector(table: Table, channel: NDArray[np.int64], notes: list[str]) -> tuple[int, int]:
    """Find the detector's first channel and how many it has."""
    first = table.limit("TLMIN", "CHANNEL")
    last = table.limit("TLMAX", "CHANNEL")
    if first is None or first > channel[0]:
        given, first = first, min(1, int(channel[0]))
        if given is not None:
            notes.append(f"TLMIN of CHANNEL is {given}, but the channels begin at {channel[0]}: {first} taken")
    detchans = _number(table.header, "DETCHANS")
    if detchans is None or not 1 <= detchans < 2**31:
        detchans = float((last if last is not None else int(channel[-1])) - first + 1)
        notes.append(f"no DETCHANS: {detchans:.0f} taken")
    if channel[-1] > first + detchans - 1:
        raise FileError(
            table.path,
            f"has channels up to {channel[-1]}, but DETCHANS is {detchans:.0f} from channel {first} on",
            "Set DETCHANS to the number of the detector's channels, and TLMIN of CHANNEL to the first",
        )
    return first, int(detchans)


def _check_type(table: Table, notes: list[str]) -> None:
    kind = table.text("CHANTYPE")
    if not kind:
        notes.append("no CHANTYPE: PI taken")
    elif kind not in _CHANNEL_TYPES:
        raise FileError(
            table.path, f"has CHANTYPE {kind}, where PI or PHA is meant", "Set CHANTYPE to what its channels are"
        )


def _flags(table: Table, notes: list[str]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    flags = whole(_scalar_or_column(table, "QUALITY", 0.0, []), table.path, "QUALITY")
    quality = np.clip(flags, -(2**15), 2**15 - 1).astype(np.int16)
    if not table.has("GROUPING"):
        return quality, np.ones(table.rows, np.int16)
    grouping = table.floats("GROUPING")
    if not np.all(np.isin(grouping, (-1, 0, 1))):
        row = int(np.flatnonzero(~np.isin(grouping, (-1, 0, 1)))[0])
        raise FileError(table.path, f"has GROUPING {grouping[row]:g} in row {row + 1}; 1, -1 and 0 are legal", AGAIN)
    if grouping[0] == -1:
        notes.append("GROUPING begins with -1: the first channel begins a bin")
    return quality, grouping.astype(np.int16)
