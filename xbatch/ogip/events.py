"""Event lists of X-ray missions: what the header says, the sky that X and Y span, the GTIs, and the rows in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import Value
from xbatch.ogip.clock import Clock, clock_of_cards, is_barycentred, time_zero
from xbatch.ogip.eventheader import EventHeader, SkyWcs
from xbatch.ogip.fitsreader import AGAIN
from xbatch.ogip.gtifile import detector_gtis, general_gtis, read_gti_tables
from xbatch.ogip.rows import RowColumn, RowTable, plain_file, row_tables
from xbatch.xray.gti import total, union

__all__ = ["EventList", "open_events"]

Gti = NDArray[np.float64]

#: Axes of right ascension or galactic longitude; others (of the Sun, of the camera) are none that regions are given in.
_ON_THE_SKY = ("RA--", "GLON")
_MISSIONS = {"NUSTAR": "nustar", "XMM": "xmm"}
#: By how much good times grow or shrink at the barycentre: v/c of the Earth and of a satellite around it, at most.
_ORBITAL = 1.3e-4
_SECONDS = frozenset({"s", "sec", "second", "seconds"})
_KEPT = """
    TELESCOP INSTRUME FILTER OBJECT OBS_ID EXP_ID EXPIDSTR DATE-OBS DATE-END MJDREF MJDREFI MJDREFF MJD-OBS
    TIMESYS TIMEUNIT TIMEREF PLEPHEM TASSIGN TSTART TSTOP TELAPSE ONTIME LIVETIME EXPOSURE DEADC DEADAPP
    CLOCKAPP RA_OBJ DEC_OBJ RA_NOM DEC_NOM RA_PNT DEC_PNT PA_PNT EQUINOX RADECSYS DATAMODE SUBMODE CALDBVER
    SOFTVER SLCTEXPR
"""
#: Columns by what they are for, the usual names first.
_ROLES: Mapping[str, tuple[str, ...]] = {
    "time": ("TIME",),
    "pi": ("PI",),
    "x": ("X",),
    "y": ("Y",),
    "grade": ("GRADE", "PATTERN", "FLTGRADE"),
    "det": ("DET_ID", "CCDNR", "CCD_ID"),
}


@dataclass(frozen=True)
class EventList:
    """An event list ready to be read.

    Attributes
    ----------
    path : str
        The file that was named, for messages.
    header : EventHeader
    table : RowTable
        The rows, in a plain file.
    gti : ndarray, shape (n, 2)
        For all detectors: where GTIs are by detector their union.
    detector_gtis : Mapping of int to ndarray
        Empty where one list of GTIs holds for all detectors.
    gti_names : tuple of str
        The extensions that the GTIs are from.
    notes : tuple of str
    zero : float
        TIMEZERO: seconds added to TIME, which then counts from MJDREF.
    """

    path: str
    header: EventHeader
    table: RowTable
    gti: Gti
    detector_gtis: Mapping[int, Gti]
    gti_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    zero: float = 0.0

    @property
    def rows(self) -> int:
        """Number of events."""
        return self.table.rows

    def role(self, name: str) -> RowColumn | None:
        """Give the column of a role (``time``, ``pi``, ``x``, ``y``, ``grade``, ``det``), None if there is none."""
        return next((self.table.columns[n] for n in _ROLES[name] if n in self.table.columns), None)

    def column(self, name: str) -> RowColumn:
        """Give a column of one number a cell by the file's name for it.

        Raises
        ------
        FileError
            There is no such column.
        """
        try:
            return self.table.column(name)
        except FileError as error:
            raise FileError(self.path, error.what, error.cure) from error

    def chunks(self, names: Sequence[str], rows: int | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """Read columns a chunk of rows at a time: see `RowTable.chunks`. TIME has TIMEZERO in it."""
        for name in names:
            self.column(name)
        chunks = self.table.chunks(names, rows)
        return chunks if not self.zero or "TIME" not in names else self._shifted(chunks)

    def _shifted(self, chunks: Iterator[dict[str, NDArray[Any]]]) -> Iterator[dict[str, NDArray[Any]]]:
        for chunk in chunks:
            yield {**chunk, "TIME": chunk["TIME"].astype(np.float64) + self.zero}


def open_events(path: Path, scratch: Path) -> EventList:
    """Read the headers and GTIs of an event list and check that it can be worked with.

    Parameters
    ----------
    path : Path
        Plain or gzipped; a gzipped list is inflated once into `scratch`, which must hold it as long as it is read.
    scratch : Path

    Raises
    ------
    FileError
        Not there, damaged or truncated; no events, TIME or PI; no GTIs; no MJDREF; times not in seconds.
    """
    plain = plain_file(path, scratch)
    name = str(path)
    try:
        primary, table = _events_extension(plain, name)
        gti_tables = read_gti_tables(plain)
    except FileError as error:
        if error.file != str(plain):
            raise
        raise FileError(name, error.what, error.cure) from error
    if not table.rows:
        raise FileError(name, "holds no events (EVENTS has no rows)", "Screen less strictly, or leave this list out")
    for needed in ("TIME", "PI"):
        if needed not in table.columns:
            raise FileError(
                name,
                f"has no column {needed} in EVENTS (it has {', '.join(table.columns)})",
                "Use a calibrated list" if needed == "PI" else AGAIN,
            )
    if not gti_tables:
        raise FileError(name, "has no GTI extension", "Use a list with its GTIs (GTI, or STDGTInn for XMM-Newton)")
    cards = {**primary, **table.header}
    zero = time_zero(cards) or 0.0
    clock = _clock(cards)
    gti_tables = [gti_table.counted_as(clock, zero) for gti_table in gti_tables]
    notes = [note for gti_table in gti_tables for note in gti_table.notes]
    if zero:
        notes.append(f"TIMEZERO of {zero:.10g} s is added to the times of the events")
    by_detector = {number: each.gti for number, each in detector_gtis(table.header, gti_tables).items()}
    names = tuple(each.name for each in detector_gtis(table.header, gti_tables).values())
    general = general_gtis(gti_tables)
    if by_detector:
        gti = union(*by_detector.values())
    elif general is not None:
        gti, names = general.gti, (general.name,)
    if not len(gti):
        raise FileError(name, f"has GTIs that hold no time ({', '.join(names)})", "Use a list that observed something")
    if zero:
        # of TSTART and TSTOP no header says whether TIMEZERO is in them
        cards |= {"TSTART": float(gti[0, 0]), "TSTOP": float(gti[-1, 1])}
    header = _header(cards, table, gti, name, notes)
    return EventList(name, header, table, gti, by_detector, names, tuple(notes), zero)


def _events_extension(plain: Path, name: str) -> tuple[Mapping[str, Value], RowTable]:
    """Find the extension of the events: EVENTS by name, else the first of HDUCLAS1 EVENTS."""
    primary: Mapping[str, Value] = {}
    tables: list[RowTable] = []
    for number, extension in enumerate(row_tables(plain)):
        if isinstance(extension, RowTable):
            tables.append(extension)
        elif number == 0:
            primary = extension
    for card in ("EXTNAME", "HDUCLAS1"):
        for table in tables:
            if str(table.header.get(card, "")).strip().upper() == "EVENTS":
                return primary, table
    found = ", ".join(str(table.header.get("EXTNAME", "?")) for table in tables) or "no tables"
    raise FileError(name, f"has no extension EVENTS (it has {found})", "Name an event list")


def _header(cards: Mapping[str, Value], table: RowTable, gti: Gti, name: str, notes: list[str]) -> EventHeader:
    unit = str(cards.get("TIMEUNIT", "s") or "s").strip().lower()
    if unit not in _SECONDS:
        raise FileError(name, f"counts time in {unit}, not in s (TIMEUNIT)", "Use a list with times in s")
    timesys = str(cards.get("TIMESYS", "") or "").strip().upper()
    if not timesys:
        timesys = "TT"
        notes.append("the header has no TIMESYS: TT is taken")
    telescope = str(cards.get("TELESCOP", "") or "").strip()
    gti_sum = total(gti)
    by_detector = [
        {n: value for n in range(1, 33) if (value := _real(cards, f"{stem}{n:02d}")) is not None}
        for stem in ("ONTIME", "LIVETI")
    ]
    ontime = _real(cards, "ONTIME")
    if ontime is None or ontime <= 0:
        ontime = gti_sum
        notes.append("the header has no ONTIME: the sum of the GTIs is taken")
    elif not by_detector[0] and abs(ontime - gti_sum) > (_ORBITAL if is_barycentred(cards) else 1e-6) * gti_sum:
        notes.append(f"ONTIME is {ontime:.10g} s, the GTIs hold {gti_sum:.10g} s")
    exposure, livetime, deadc = (_real(cards, card) for card in ("EXPOSURE", "LIVETIME", "DEADC"))
    live = livetime or exposure
    if deadc is None or not 0 < deadc <= 1:
        deadc = live / ontime if live is not None and 0 < live <= ontime else 1.0
        if deadc == 1.0:
            notes.append("the header has no dead time (DEADC, LIVETIME or EXPOSURE): none is taken")
    tstart, tstop = _real(cards, "TSTART"), _real(cards, "TSTOP")
    tstart = float(gti[0, 0]) if tstart is None else tstart
    tstop = float(gti[-1, 1]) if tstop is None else tstop
    wcs = _wcs(cards, table, notes)
    return EventHeader(
        mission=_MISSIONS.get(telescope.upper(), telescope.lower()),
        instrument=str(cards.get("INSTRUME", "") or "").strip(),
        obsid=str(cards.get("OBS_ID", "") or "").strip(),
        object=str(cards.get("OBJECT", "") or "").strip(),
        mjdref=_mjdref(cards, name),
        timesys=timesys,
        tstart=tstart,
        tstop=tstop,
        telapse=_real(cards, "TELAPSE") or tstop - tstart,
        exposure=exposure or livetime or ontime * deadc,
        ontime=ontime,
        livetime=livetime or exposure or ontime * deadc,
        deadc=deadc,
        wcs=wcs,
        columns={c.name: (c.form, c.unit, c.lowest, c.highest) for c in table.columns.values()},
        cards={card: kept for card in _KEPT.split() if (kept := cards.get(card)) is not None},
        detector_ontime=by_detector[0],
        detector_livetime=by_detector[1],
    )


def _clock(cards: Mapping[str, Value]) -> Clock | None:
    try:
        return clock_of_cards(cards)
    except ValueError:  # an unknown time system, which is said where it matters
        return None


def _mjdref(cards: Mapping[str, Value], name: str) -> tuple[int, float]:
    """Give MJDREFI and MJDREFF apart, because their sum in one float is good to a microsecond only."""
    whole, part, both = (_real(cards, card) for card in ("MJDREFI", "MJDREFF", "MJDREF"))
    if whole is not None:
        return int(whole), (whole - int(whole)) + (part or 0.0)
    if both is None:
        raise FileError(
            name,
            "has no MJDREF (nor MJDREFI and MJDREFF): what its times are counted from is not known",
            "Add the card with the mission's own value",
        )
    return int(both), both - int(both)


def _wcs(cards: Mapping[str, Value], table: RowTable, notes: list[str]) -> SkyWcs | None:
    x, y = table.columns.get("X"), table.columns.get("Y")
    if x is None or y is None:
        notes.append("the list has no X and Y: no images, and no regions")
        return None
    values = [[_real(cards, f"{card}{c.number}") for c in (x, y)] for card in ("TCRPX", "TCRVL", "TCDLT")]
    pairs = [(float(a), float(b)) for a, b in values if a is not None and b is not None]
    if len(pairs) < 3 or 0.0 in pairs[2]:
        notes.append("X and Y have no sky coordinates (TCRPX, TCRVL, TCDLT): regions in pixels alone can be used")
        return None
    types = (_text(cards, f"TCTYP{x.number}", "RA---TAN"), _text(cards, f"TCTYP{y.number}", "DEC--TAN"))
    if not types[0].startswith(_ON_THE_SKY):
        notes.append(f"X and Y are {' and '.join(types)}: regions in pixels alone can be used, none on the sky")
    limits = [(int(c.lowest), int(c.highest)) for c in (x, y) if c.lowest is not None and c.highest is not None]
    return SkyWcs(
        crpix=pairs[0],
        crval=pairs[1],
        cdelt=pairs[2],
        ctype=types,
        crota=_real(cards, f"TCROT{y.number}") or 0.0,
        radecsys=_text(cards, "RADECSYS", "") or _text(cards, "RADESYS", "FK5"),
        equinox=_real(cards, "EQUINOX") or 2000.0,
        size=(limits[0], limits[1]) if len(limits) == 2 else None,
    )


def _text(cards: Mapping[str, Value], card: str, default: str) -> str:
    value = cards.get(card)
    return value.strip().upper() if isinstance(value, str) and value.strip() else default


def _real(cards: Mapping[str, Value], card: str) -> float | None:
    value = cards.get(card)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return None
    return float(value)
