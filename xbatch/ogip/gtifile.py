"""GTI extensions of FITS files: which there are, and which detector each is for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import Value
from xbatch.ogip.clock import Clock, clock_of_cards, convert, time_zero
from xbatch.ogip.fitsreader import AGAIN, Hdu, Table, read_fits
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.xray.gti import normal, total

__all__ = [
    "GtiTable",
    "detector_gtis",
    "general_gtis",
    "gti_extension",
    "mjd_reference",
    "read_gti_tables",
    "write_gti_file",
]

_STANDARD = re.compile(r"STDGTI(\d+)\Z")
_DETECTORS = frozenset({"CCDNR", "CCD_ID", "DET_ID", "CCDID"})
_AXES = 32
_SECONDS = frozenset({"", "s", "sec", "secs", "second", "seconds"})


@dataclass(frozen=True)
class GtiTable:
    """One GTI extension.

    Attributes
    ----------
    name : str
        EXTNAME in capitals.
    gti : ndarray, shape (n, 2)
        Sorted and disjoint, in s, TIMEZERO of the extension added.
    mjdref : float or None
        The MJD that its seconds are counted from, where the extension says so.
    notes : tuple of str
    clock : Clock or None
        MJDREF in two parts, and TIMESYS; None where there is no MJDREF.
    zero : float or None
        TIMEZERO in s; None where the extension has none.
    """

    name: str
    gti: NDArray[np.float64]
    mjdref: float | None
    notes: tuple[str, ...] = ()
    clock: Clock | None = None
    zero: float | None = None

    def counted_as(self, clock: Clock | None, zero: float) -> GtiTable:
        """Count as the events of the same file are: from their MJDREF, with their TIMEZERO where nothing else is said.

        Parameters
        ----------
        clock : Clock or None
            Of the events.
        zero : float
            TIMEZERO of the events, s.
        """
        if self.mjdref is None:
            return self if self.zero is not None else replace(self, gti=self.gti + zero, zero=zero)
        if clock is None or self.clock is None or clock.scale != self.clock.scale or clock.same_as(self.clock):
            return self
        said = f"{self.name} counts from MJD {self.clock.mjdref!r}, the events from MJD {clock.mjdref!r}: converted"
        moved = convert(self.gti.ravel(), self.clock, clock).reshape(-1, 2)
        return replace(self, gti=moved, mjdref=clock.mjdref, clock=clock, notes=(*self.notes, said))


def read_gti_tables(path: Path) -> list[GtiTable]:
    """Read all GTI extensions of a FITS file, in its order: those of HDUCLAS1 GTI, or with GTI in their name.

    Raises
    ------
    FileError
        The file cannot be read, or an extension lacks START or STOP or holds what is no time.
    """
    _, hdus = read_fits(path, _is_gti)
    return [_read(hdu) for hdu in hdus if isinstance(hdu, Table)]


def _is_gti(hdu: Hdu) -> bool:
    return hdu.text("HDUCLAS1") == "GTI" or "GTI" in hdu.name


def _read(table: Table) -> GtiTable:
    start, stop = (table.floats(column) for column in ("START", "STOP"))
    unit = str(table.header.get("TUNIT1", "") or "").strip()
    if unit.lower() not in _SECONDS:
        raise FileError(table.path, f"the GTIs of {table.name} are in {unit}, not in s", AGAIN)
    zero = time_zero(table.header)
    start, stop = start + (zero or 0.0), stop + (zero or 0.0)
    gti = normal(np.column_stack([start, stop]))
    notes = []
    if np.any(stop < start):
        notes.append(f"{table.name} has {int(np.count_nonzero(stop < start))} GTIs that stop before they start")
    if len(gti) < np.count_nonzero(stop > start) and np.any(np.maximum.accumulate(stop)[:-1] > start[1:]):
        notes.append(f"GTIs of {table.name} overlap: they are merged")
    try:
        clock = clock_of_cards(table.header)
    except ValueError as error:
        clock = None
        notes.append(f"{table.name}: {error}")
    return GtiTable(table.name, gti, mjd_reference(table.header), tuple(notes), clock, zero)


def gti_extension(gti: NDArray[np.float64], cards: Sequence[Card], name: str = "GTI") -> BinTable:
    """Make a GTI extension: START and STOP in s, with the cards that say what they are counted from."""
    head = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "GTI"), Card("HDUCLAS2", "STANDARD"), *cards]
    ends = [("TSTART", float(gti[0, 0])), ("TSTOP", float(gti[-1, 1]))] if len(gti) else []
    head += [Card(key, value) for key, value in ends if key not in {card.keyword for card in cards}]
    head += [Card("ONTIME", total(gti), "[s] sum of all good time intervals")]
    return BinTable(name, [("START", "s", gti[:, 0]), ("STOP", "s", gti[:, 1])], head)


def write_gti_file(path: Path, gti: NDArray[np.float64], cards: Sequence[Card]) -> None:
    """Write a FITS file with one GTI extension, equal content in equal bytes.

    Parameters
    ----------
    path : Path
    gti : ndarray, shape (n, 2)
        s, sorted and disjoint.
    cards : sequence of Card
        TELESCOP, INSTRUME, MJDREFI, TIMESYS and the like, as of the events: see `xbatch.ogip.curvefile.time_cards`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_fits(path, [], [gti_extension(gti, cards)])


def mjd_reference(header: Mapping[str, Value]) -> float | None:
    """Give MJDREF, or the sum of MJDREFI and MJDREFF; None where there is neither."""
    pair = [header.get("MJDREFI"), header.get("MJDREFF", 0.0)]
    values = pair if pair[0] is not None else [header.get("MJDREF"), 0.0]
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return sum(numbers) if len(numbers) == 2 else None


def general_gtis(tables: list[GtiTable]) -> GtiTable | None:
    """Choose the GTIs that hold for all detectors: the extension GTI (the first), else the first of no detector."""
    others = [table for table in tables if not _STANDARD.match(table.name)]
    return next((table for table in others if table.name == "GTI"), others[0] if others else None)


def detector_gtis(header: Mapping[str, Value], tables: list[GtiTable]) -> dict[int, GtiTable]:
    """Choose the GTIs of each detector of an XMM-Newton event list.

    Those that the list's data-subspace keywords name (``2DSVAL1 = '2'``, ``2DSREF6 = ':GTI00106'``): the ones it was
    filtered with. Without such keywords STDGTInn, the ones of the instrument.

    Parameters
    ----------
    header : Mapping
        Of the event list.
    tables : list of GtiTable
        Of the same file.

    Returns
    -------
    dict of int to GtiTable
        By the detector's number; empty where the file has no GTIs by detector.
    """
    by_name: dict[str, GtiTable] = {}
    for table in tables:
        by_name.setdefault(table.name, table)
    chosen: dict[int, GtiTable] = {}
    types = {number: str(header.get(f"DSTYP{number}", "")).strip().upper() for number in range(1, _AXES)}
    detector = next((number for number, name in types.items() if name in _DETECTORS), None)
    time = next((number for number, name in types.items() if name == "TIME"), None)
    complete = detector is not None and time is not None
    if complete:
        for row in range(1, len(tables) + 1):
            prefix = "" if row == 1 else str(row)
            value = str(header.get(f"{prefix}DSVAL{detector}", "")).strip()
            reference = str(header.get(f"{prefix}DSREF{time}", "")).strip().lstrip(":").upper()
            numbers = _numbers(value)
            complete = complete and (not value or bool(numbers)) and (not reference or reference in by_name)
            if reference in by_name:
                chosen.update(dict.fromkeys(numbers, by_name[reference]))
    if not chosen or not complete:
        for table in tables:
            match = _STANDARD.match(table.name)
            if match is not None:
                chosen.setdefault(int(match[1]), table)
    return dict(sorted(chosen.items()))


def _numbers(text: str) -> list[int]:
    """Give the detectors of a data-subspace value: ``1``, ``1,2``, ``1:3``; none where it is something else."""
    found: list[int] = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split(":")]
        if not all(end.isdigit() for end in ends) or len(ends) > 2:
            return []
        found += range(int(ends[0]), int(ends[-1]) + 1)
    return found
