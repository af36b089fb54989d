"""A made-up NuSTAR-like event list of any length: 18 columns, 56 bytes a row, written in pieces.

A fifth of the events are of a source on the axis, the others spread over the field; all have steep spectra. They come
in order of time, over 172 orbits of which GTIs hold three fifths. Seeded: equal lengths give equal lists.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import BinTable, Card, write_fits

START, ORBIT, ORBITS = 1.0e8, 5800.0, 172
SPAN = ORBIT * ORBITS
OBSID = "99900000001"
SIZE = 1000
CENTRE = 500.5
PIECE = 1 << 19
BLOCK = 2880
COLUMNS: tuple[tuple[str, str], ...] = (
    ("TIME", ">f8"),
    ("PRIOR", ">f4"),
    ("LIVETIME", ">f4"),
    ("SHIELD", ">f4"),
    ("PHA", ">i4"),
    ("SURRPI", ">i4"),
    ("PI", ">i4"),
    ("EVTTYPE", ">i4"),
    ("STATUS", ">i2"),
    ("GRADE", ">i2"),
    ("DET_ID", ">i2"),
    ("RAWX", ">i2"),
    ("RAWY", ">i2"),
    ("DET1X", ">i2"),
    ("DET1Y", ">i2"),
    ("BADPOS", ">i2"),
    ("X", ">i2"),
    ("Y", ">i2"),
)
ROW = np.dtype(list(COLUMNS))
CARDS = (
    Card("TELESCOP", "NuSTAR"),
    Card("INSTRUME", "FPMA"),
    Card("OBS_ID", OBSID),
    Card("OBJECT", "Benchmark"),
    Card("MJDREFI", 55197),
    Card("MJDREFF", 7.6601852e-4),
    Card("TIMESYS", "TT"),
    Card("TIMEUNIT", "s"),
    Card("TSTART", START),
    Card("TSTOP", START + SPAN),
    Card("ONTIME", 0.6 * SPAN),
    Card("EXPOSURE", 0.54 * SPAN),
    Card("LIVETIME", 0.54 * SPAN),
    Card("DEADC", 0.9),
    Card("RADECSYS", "FK5"),
    Card("EQUINOX", 2000.0),
    Card("DATE-OBS", "2013-03-03T09:46:37"),
)


def gtis() -> NDArray[np.float64]:
    """Give the GTIs, shape (172, 2)."""
    start = START + ORBIT * np.arange(ORBITS) + 100.0
    return np.column_stack([start, start + 0.6 * ORBIT])


def write_list(path: Path, count: int) -> None:
    """Write a list of so many events."""
    head, tail = _around(count)
    with path.open("wb") as stream:
        stream.write(head)
        for number, first in enumerate(range(0, count, PIECE)):
            rows = min(PIECE, count - first)
            stream.write(_rows(number, rows, first / count, (first + rows) / count).tobytes())
        stream.write(bytes(-count * ROW.itemsize % BLOCK))
        stream.write(tail)


def _rows(number: int, count: int, begin: float, end: float) -> NDArray[Any]:
    rng = np.random.default_rng([1, number])
    rows = np.zeros(count, ROW)
    rows["TIME"] = START + SPAN * (begin + (end - begin) * np.sort(rng.random(count)))
    rows["PI"] = np.minimum(35 * (1 - rng.random(count)) ** -0.7, 4095).astype(np.int32)
    rows["PHA"] = rows["PI"] + rng.integers(0, 9, count)
    for name in ("PRIOR", "LIVETIME", "SHIELD"):
        rows[name] = rng.random(count, np.float32)
    for name in ("SURRPI", "EVTTYPE", "RAWX", "RAWY", "DET1X", "DET1Y"):
        rows[name] = rng.integers(0, 360, count)
    rows["GRADE"] = rng.integers(0, 30, count)
    rows["DET_ID"] = rng.integers(0, 4, count)
    of_source = rng.random(count) < 0.2
    for name in ("X", "Y"):
        spread = rng.integers(1, SIZE + 1, count)
        rows[name] = np.where(of_source, np.clip(np.rint(CENTRE + 8 * rng.standard_normal(count)), 1, SIZE), spread)
    return rows


def _around(count: int) -> tuple[bytes, bytes]:
    """Give what stands before and behind the rows of a list."""
    number = {name: place for place, (name, _) in enumerate(COLUMNS, 1)}
    cards = [*CARDS, Card(f"TLMIN{number['PI']}", 0), Card(f"TLMAX{number['PI']}", 4095)]
    for name, sign, value, kind in (("X", -1, 83.63, "RA---TAN"), ("Y", 1, 22.01, "DEC--TAN")):
        at = number[name]
        cards += [
            Card(f"TLMIN{at}", 1),
            Card(f"TLMAX{at}", SIZE),
            Card(f"TCRPX{at}", CENTRE),
            Card(f"TCRVL{at}", value),
            Card(f"TCDLT{at}", sign * 6.828076e-4),
            Card(f"TCTYP{at}", kind),
        ]
    one = np.zeros(1, ROW)
    columns: list[tuple[str, str, NDArray[Any]]] = [(n, "", one[n].astype(ROW[n].newbyteorder("="))) for n in ROW.names]
    times = gtis()
    gti = BinTable("GTI", [("START", "s", times[:, 0]), ("STOP", "s", times[:, 1])], [Card("HDUCLAS1", "GTI")])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one.fits"
        write_fits(path, [], [BinTable("EVENTS", columns, cards)])
        head = path.read_bytes()[:-BLOCK]
        write_fits(path, [], [gti])
        tail = path.read_bytes()[BLOCK:]
    said, wanted = (f"NAXIS2  = {rows:>20}".encode() for rows in (1, count))
    return head.replace(said, wanted), tail
