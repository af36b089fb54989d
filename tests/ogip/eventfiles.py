"""Small event lists made up for tests, with every part open to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xbatch.ogip.fitswriter import BinTable, Card, Cell, write_fits

T0 = 1.0e8
GTIS = ((T0, T0 + 400.0), (T0 + 600.0, T0 + 1000.0))

NUSTAR: Mapping[str, Cell] = {
    "TELESCOP": "NuSTAR",
    "INSTRUME": "FPMA",
    "OBS_ID": "99900000001",
    "OBJECT": "Test source",
    "MJDREFI": 55197,
    "MJDREFF": 7.6601852e-4,
    "TIMESYS": "TT",
    "TIMEUNIT": "s",
    "TSTART": T0,
    "TSTOP": T0 + 1000.0,
    "ONTIME": 800.0,
    "EXPOSURE": 720.0,
    "LIVETIME": 720.0,
    "DEADC": 0.9,
    "RADECSYS": "FK5",
    "EQUINOX": 2000.0,
    "DATE-OBS": "2013-03-03T09:46:37",
}
XMM: Mapping[str, Cell] = {
    "TELESCOP": "XMM",
    "INSTRUME": "EMOS1",
    "OBS_ID": "0999000001",
    "OBJECT": "Test cluster",
    "MJDREF": 50814.0,
    "TIMESYS": "TT",
    "TIMEUNIT": "s",
    "TSTART": T0,
    "TSTOP": T0 + 1000.0,
    "ONTIME": 800.0,
    "ONTIME01": 800.0,
    "ONTIME02": 300.0,
    "LIVETI01": 780.0,
    "LIVETI02": 291.0,
    "LIVETIME": 780.0,
    "RADECSYS": "FK5",
    "EQUINOX": 2000.0,
    "XMMEA_EM": "(FLAG & 0x766ba000) == 0",
    "DATE-OBS": "2001-03-03T09:46:37",
    "DATE-END": "2001-03-03T10:03:17",
}


def nustar_columns(count: int = 500, seed: int = 1) -> dict[str, NDArray[Any]]:
    """Columns of a NuSTAR list: in order of time, a fifth of the events outside the GTIs."""
    rng = np.random.default_rng(seed)
    return {
        "TIME": np.sort(T0 + 1000.0 * rng.random(count)),
        "DET_ID": rng.integers(0, 4, count).astype(np.int16),
        "STATUS": np.zeros(count, np.int16),
        "PHAS": rng.random((count, 9)).astype(np.float32),
        "GRADE": rng.integers(0, 30, count).astype(np.int16),
        "PI": rng.integers(0, 4096, count).astype(np.int32),
        "X": rng.integers(1, 1001, count).astype(np.int16),
        "Y": rng.integers(1, 1001, count).astype(np.int16),
    }


def xmm_columns(count: int = 500, seed: int = 2) -> dict[str, NDArray[Any]]:
    """Columns of a MOS list: by CCD, so not in order of time."""
    rng = np.random.default_rng(seed)
    ccd = np.repeat(np.array([1, 2], np.int16), [count - count // 3, count // 3])
    time = T0 + 1000.0 * rng.random(count)
    order = np.lexsort([time, ccd])
    return {
        "TIME": time[order],
        "X": rng.integers(1, 51841, count).astype(np.int32),
        "Y": rng.integers(1, 51841, count).astype(np.int32),
        "PI": rng.integers(100, 12000, count).astype(np.int16),
        "FLAG": np.where(rng.random(count) < 0.1, 0x2000, 0).astype(np.int32),
        "PATTERN": rng.integers(0, 14, count).astype(np.int16),
        "CCDNR": ccd,
    }


@dataclass
class EventFile:
    """What goes into an event list; change it, then `write` it."""

    columns: dict[str, NDArray[Any]]
    cards: dict[str, Cell]
    gtis: dict[str, ArrayLike] = field(default_factory=dict)
    gti_cards: dict[str, Cell] = field(default_factory=dict)
    size: tuple[int, int] = (1000, 4095)
    sky: bool = True
    axes: tuple[str, str] = ("RA---TAN", "DEC--TAN")
    pixel: float = 6.828076e-4
    nulls: dict[str, int] = field(default_factory=dict)
    name: str = "EVENTS"
    center: tuple[float, float] = (321.938, 56.944)
    turn: float = 0.0

    def write(self, path: Path) -> Path:
        tables = [BinTable(self.name, [(n, "", v) for n, v in self.columns.items()], self._cards())]
        tables += [gti_table(name, rows, self.gti_cards) for name, rows in self.gtis.items()]
        write_fits(path, [], tables)
        return path

    def _cards(self) -> list[Card]:
        cards = [Card(key, value) for key, value in self.cards.items()]
        number = {name: place for place, name in enumerate(self.columns, 1)}
        for name, null in self.nulls.items():
            cards.append(Card(f"TNULL{number[name]}", null))
        if "PI" in number:
            cards += [Card(f"TLMIN{number['PI']}", 0), Card(f"TLMAX{number['PI']}", self.size[1])]
        for axis, sign, value, kind in (
            ("X", -1, self.center[0], self.axes[0]),
            ("Y", 1, self.center[1], self.axes[1]),
        ):
            if axis not in number or not self.sky:
                continue
            at = number[axis]
            cards += [
                Card(f"TLMIN{at}", 1),
                Card(f"TLMAX{at}", self.size[0]),
                Card(f"TCRPX{at}", (self.size[0] + 1) / 2),
                Card(f"TCRVL{at}", value),
                Card(f"TCDLT{at}", sign * self.pixel),
                Card(f"TCTYP{at}", kind),
                Card(f"TCROT{at}", self.turn if axis == "Y" else 0.0),
            ]
        return cards


def gti_table(name: str, rows: ArrayLike, cards: Mapping[str, Cell] | None = None) -> BinTable:
    values = np.asarray(rows, np.float64).reshape(-1, 2)
    keys = {"HDUCLASS": "OGIP", "HDUCLAS1": "GTI", **(cards or {})}
    return BinTable(
        name, [("START", "s", values[:, 0]), ("STOP", "s", values[:, 1])], [Card(k, v) for k, v in keys.items()]
    )


def write_gtis(path: Path, rows: ArrayLike, cards: Mapping[str, Cell] | None = None, name: str = "GTI") -> Path:
    write_fits(path, [], [gti_table(name, rows, cards)])
    return path


def nustar_file(count: int = 500, gtis: Sequence[tuple[float, float]] = GTIS) -> EventFile:
    return EventFile(nustar_columns(count), dict(NUSTAR), {"GTI": gtis}, nulls={"PI": -4095, "X": -1, "Y": -1})


def xmm_file(count: int = 500) -> EventFile:
    return EventFile(
        xmm_columns(count),
        dict(XMM),
        {"STDGTI01": [GTIS], "STDGTI02": [(T0, T0 + 300.0)]},
        size=(51840, 15000),
        nulls={"X": -99999999, "Y": -99999999},
    )


def write_housekeeping(
    path: Path,
    time: ArrayLike,
    live: ArrayLike | None,
    extension: str = "HK1FPM",
    cards: Mapping[str, Cell] | None = None,
) -> Path:
    """Write housekeeping with a row for each second, without LIVETIME where `live` is None."""
    columns = [("TIME", "s", np.asarray(time, np.float64)), ("NEV", "", np.ones(np.size(time), np.int16))]
    if live is not None:
        columns.append(("LIVETIME", "s", np.asarray(live, np.float64)))
    write_fits(path, [], [BinTable(extension, columns, [Card(key, value) for key, value in (cards or {}).items()])])
    return path
