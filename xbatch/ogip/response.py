"""Responses: an RMF (or RSP) and an ARF read together and checked, kept for other steps, matched with a spectrum.

Formats: OGIP memos CAL/GEN/92-002 and 92-002a (George et al. 1992, with the addenda of 1998 to 2020).
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import write_atomically
from xbatch.ogip.fitsreader import AGAIN, Hdu, Table, read_fits
from xbatch.ogip.matrix import read_rows, spread, take_rows
from xbatch.ogip.pha import Spectrum

__all__ = ["NO_AREA", "Response", "check_channels", "load_response", "read_response", "save_response"]

#: The note of a response without any effective area.
NO_AREA = "no ARF, and no area in the matrix: 1 cm2 taken"
_ARRAYS = ("energ_lo", "energ_hi", "indptr", "first", "length", "matrix", "specresp", "channel", "e_min", "e_max")
_SAME = 1e-5
_AREA_INSIDE = 1.5
_ROWS_ASKED = 64
_FIGURES, _ROUNDING = 3, 1e-3


@dataclass(frozen=True)
class Response:
    """A redistribution matrix with its effective area: m energies, c channels.

    Attributes
    ----------
    energ_lo, energ_hi : ndarray, shape (m,)
        Energy bins in keV, ascending and adjoining, above 0.
    indptr : ndarray, shape (m + 1,)
        Row i of the matrix (an energy) is ``matrix[indptr[i]:indptr[i + 1]]``.
    first, length : ndarray, shape (g,)
        The groups of adjoining channels that the rows hold, row by row: the position in `channel` of a group's first
        one, ascending within a row, and how many they are.
    matrix : ndarray
        Redistribution, float32 or float64 as in the file, of all groups end to end; cm2 are in it only if the file is
        an RSP.
    specresp : ndarray, shape (m,)
        Effective area in cm2; ones where there is no ARF.
    channel : ndarray, shape (c,)
        The channels' numbers.
    e_min, e_max : ndarray, shape (c,)
        The channels' nominal energies in keV.
    has_arf : bool
    notes : tuple of str
        What is odd, though legal.
    """

    energ_lo: NDArray[np.float64]
    energ_hi: NDArray[np.float64]
    indptr: NDArray[np.int64]
    first: NDArray[np.int32]
    length: NDArray[np.int32]
    matrix: NDArray[Any]
    specresp: NDArray[np.float64]
    channel: NDArray[np.int64]
    e_min: NDArray[np.float64]
    e_max: NDArray[np.float64]
    has_arf: bool
    notes: tuple[str, ...]

    @cached_property
    def indices(self) -> NDArray[np.int32]:
        """Columns of the elements of `matrix`: positions in `channel`, ascending within a row (made when asked for)."""
        return spread(self.first, self.length)


def read_response(rmf: Path, arf: Path | None) -> Response:
    """Read an RMF or RSP file and, if there is one, the ARF that goes with it.

    Raises
    ------
    FileError
        A file cannot be read, lacks an extension or a column, holds numbers that cannot be, or the ARF's energies
        are not the RMF's.
    """
    notes: list[str] = []
    path, hdus = read_fits(rmf, lambda hdu: _is_matrix(hdu) or _is_ebounds(hdu))
    bounds = _the_one(path, [h for h in hdus if isinstance(h, Table) and _is_ebounds(h)], hdus, "EBOUNDS")
    table = _the_one(path, [h for h in hdus if isinstance(h, Table) and _is_matrix(h)], hdus, "MATRIX")
    channel, e_min, e_max = _ebounds(bounds, notes)
    low, high = table.floats("ENERG_LO"), table.floats("ENERG_HI")
    rows = read_rows(table, channel, notes)

    area = np.ones(low.size) if arf is None else _area(arf, low, high, str(path), notes)
    order = _energy_order(str(path), low, high, np.diff(rows.indptr), notes)
    if order.size != low.size or np.any(order != np.arange(low.size)):
        rows, low, high, area = take_rows(rows, order), low[order], high[order], area[order]
    if low[0] == 0:
        low[0] = high[0] / 1000
        notes.append(f"the first energy bin began at 0 keV: {low[0]:.3g} keV taken")
    full = table.name == "SPECRESP MATRIX" or table.text("HDUCLAS3") == "FULL"
    _note_area(rows.values, rows.indptr, arf, full, notes)
    matrix = (rows.indptr, rows.first, rows.length, rows.values)
    return Response(low, high, *matrix, area, channel, e_min, e_max, arf is not None, tuple(notes))


def check_channels(spectrum: Spectrum, response: Response, pha: str, rmf: str) -> None:
    """Make sure that the response is one for the spectrum's channels.

    The detector's channels must be as many, and each of the spectrum's must be among them by number.

    Raises
    ------
    FileError
        They are not; both files are named.
    """
    detector = response.channel.size
    if spectrum.detchans != detector:
        raise FileError(
            pha,
            f"has DETCHANS {spectrum.detchans}, but its response {rmf} has {detector} channels",
            "Name the response made for this spectrum, or rebin one of them to the other's channels",
        )
    if np.any(~np.isin(spectrum.channel, response.channel)):
        raise FileError(
            pha,
            f"has channels {spectrum.channel[0]} to {spectrum.channel[-1]}, but its response {rmf} has "
            f"{response.channel[0]} to {response.channel[-1]}",
            "Name the response made for this spectrum, or give both the same first channel (TLMIN)",
        )


def save_response(path: Path, response: Response) -> None:
    """Keep a response as an uncompressed ``.npz``; equal responses give equal bytes."""
    stream = io.BytesIO()
    extra = {"has_arf": response.has_arf, "notes": list(response.notes)}
    arrays = {name: getattr(response, name) for name in _ARRAYS}
    arrays["extra"] = np.frombuffer(json.dumps(extra, sort_keys=True).encode(), np.uint8)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)
    write_atomically(path, stream.getvalue())


def load_response(path: Path) -> Response:
    """Read what `save_response` wrote.

    Raises
    ------
    FileError
        The file is not there, or is none that `save_response` wrote.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in (*_ARRAYS, "extra")}
        extra = json.loads(arrays.pop("extra").tobytes())
        return Response(**arrays, has_arf=extra["has_arf"], notes=tuple(extra["notes"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(str(path), f"is not a response that can be read: {error}", "Run its step again") from error


def _is_matrix(hdu: Hdu) -> bool:
    names = ("MATRIX", "SPECRESP MATRIX")
    return hdu.name in names or (hdu.text("HDUCLAS1") == "RESPONSE" and hdu.text("HDUCLAS2") == "RSP_MATRIX")


def _is_ebounds(hdu: Hdu) -> bool:
    return hdu.name == "EBOUNDS" or (hdu.text("HDUCLAS1") == "RESPONSE" and hdu.text("HDUCLAS2") == "EBOUNDS")


def _is_area(hdu: Hdu) -> bool:
    return hdu.name == "SPECRESP" or (hdu.text("HDUCLAS1") == "RESPONSE" and hdu.text("HDUCLAS2") == "SPECRESP")


def _the_one(path: Path, found: list[Table], hdus: list[Hdu], what: str) -> Table:
    names = ", ".join(hdu.name for hdu in hdus[1:]) or "no extensions"
    if not found:
        kind = "an ARF" if what == "SPECRESP" else "an RMF or RSP"
        raise FileError(str(path), f"has no {what} extension (it has {names})", f"Name {kind} file")
    if len(found) > 1:
        raise FileError(str(path), f"has {len(found)} {what} extensions", "Split it: one response in a file")
    if found[0].rows == 0:
        raise FileError(str(path), f"extension {found[0].name} has no rows", AGAIN)
    return found[0]


def _ebounds(table: Table, notes: list[str]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    channel, e_min, e_max = table.integers("CHANNEL"), table.floats("E_MIN"), table.floats("E_MAX")
    if np.any(np.diff(channel) <= 0):
        raise FileError(table.path, "CHANNEL of EBOUNDS does not ascend, or repeats a number", AGAIN)
    if np.any(e_min > e_max):
        notes.append("EBOUNDS has E_MIN above E_MAX in some channels: swapped")
        e_min, e_max = np.minimum(e_min, e_max), np.maximum(e_min, e_max)
    if e_min[0] > e_min[-1]:
        notes.append("the channels of EBOUNDS descend in energy")
    return channel, e_min, e_max


def _area(
    arf: Path, low: NDArray[np.float64], high: NDArray[np.float64], rmf: str, notes: list[str]
) -> NDArray[np.float64]:
    path, hdus = read_fits(arf, _is_area)
    table = _the_one(path, [h for h in hdus if isinstance(h, Table)], hdus, "SPECRESP")
    if table.shape("SPECRESP") != 1:
        raise FileError(str(path), "is a type II ARF file (many areas in one table)", "Split it: one ARF in a file")
    area, arf_low, arf_high = (table.floats(name) for name in ("SPECRESP", "ENERG_LO", "ENERG_HI"))
    cure = f"Make the ARF on the energy grid of {rmf}"
    if area.size != low.size:
        raise FileError(str(path), f"has {area.size} energy bins, but its RMF {rmf} has {low.size}", cure)
    apart = np.maximum(np.abs(arf_low - low), np.abs(arf_high - high))
    if _is_rounded(arf_low, low) and _is_rounded(arf_high, high):
        notes.append(f"{arf.name} has its energies to {_FIGURES} figures: its bins are taken for those of the RMF")
    elif not np.all(apart <= _SAME * np.abs(high) + 0.01 * np.abs(high - low)):
        worst = int(np.argmax(apart))
        raise FileError(
            str(path),
            f"has energy bin {worst + 1} at {arf_low[worst]:.6g}-{arf_high[worst]:.6g} keV, but its RMF {rmf} has it "
            f"at {low[worst]:.6g}-{high[worst]:.6g} keV",
            cure,
        )
    if np.any(area < 0):
        raise FileError(str(path), "has negative values of SPECRESP", AGAIN)
    return area


def _is_rounded(energies: NDArray[np.float64], exact: NDArray[np.float64]) -> bool:
    """Tell whether energies are others, rounded to three figures, as some files of nuskybgd have them."""
    if not np.all(energies > 0) or not np.all(exact > 0):
        return False
    unit = 10.0 ** (np.floor(np.log10(exact)) - (_FIGURES - 1))
    written = np.abs(energies / unit - np.rint(energies / unit)) < _ROUNDING
    near = np.abs(energies - exact) <= (0.5 + _ROUNDING) * unit
    return bool(np.all(written & near) and np.any(np.abs(energies - exact) > _SAME * exact))


def _energy_order(
    path: str,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    elements: NDArray[np.int64],
    notes: list[str],
) -> NDArray[np.int64]:
    """Choose the rows to keep and their order, so that energies ascend and adjoin."""
    kept = np.arange(low.size)
    if low[0] >= high[0] and elements[0] == 0 and low.size > 1:
        kept = kept[1:]
        notes.append("the first energy row has ENERG_LO above ENERG_HI and no groups: left out")
    if kept.size > 1 and low[kept[0]] > low[kept[-1]]:
        kept = kept[::-1]
        notes.append("the energies of the response descended: turned round")
    lows, highs = low[kept], high[kept]
    gaps = np.abs(lows[1:] - highs[:-1]) > _SAME * highs[:-1] + 0.01 * (highs - lows)[1:]
    if np.any(highs <= lows) or lows[0] < 0 or np.any(gaps):
        bad = int(np.flatnonzero(gaps)[0]) + 2 if np.any(gaps) else int(np.argmin(highs - lows)) + 1
        raise FileError(
            path,
            f"ENERG_LO and ENERG_HI are no grid of adjoining energy bins from 0 keV up (see row {kept[bad - 1] + 1})",
            AGAIN,
        )
    return kept


def _note_area(values: NDArray[Any], indptr: NDArray[np.int64], arf: Path | None, full: bool, notes: list[str]) -> None:
    """Say so where the area seems to be counted twice or not at all."""
    # An area is in all rows or in none, so a part of the rows tells.
    filled = np.flatnonzero(np.diff(indptr) > 0)
    rows = filled[:: 1 + filled.size // _ROWS_ASKED]
    with np.errstate(over="ignore", invalid="ignore"):
        top = max((float(values[indptr[row] : indptr[row + 1]].sum()) for row in rows), default=0.0)
    if arf is not None and top > _AREA_INSIDE:
        notes.append(
            f"rows of the matrix sum up to {top:.4g}, as if an area were in it, and {arf.name} multiplies it by another"
        )
    if arf is None and not full and top <= _AREA_INSIDE:
        notes.append(NO_AREA)
