"""Live time of NuSTAR's detectors second by second, from the housekeeping that goes with an event list."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import write_atomically
from xbatch.ogip.clock import is_barycentred, time_zero
from xbatch.ogip.fitsreader import Hdu, Table, read_fits

__all__ = ["LiveTime", "load_livetime", "read_housekeeping", "save_livetime"]

_ARRAYS = ("time", "live", "step")
#: A row tells of the second that begins at its TIME.
_STEP = 1.0


@dataclass(frozen=True)
class LiveTime:
    """Rows of live time.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Start of each row in s, ascending; TIMEZERO added.
    live : ndarray, shape (n,)
        Live part of each row, 0 to 1.
    step : float
        Length of a row, s.
    barycentred : bool
        Whether the times are at the Sun's barycentre.
    """

    time: NDArray[np.float64]
    live: NDArray[np.float64]
    step: float = _STEP
    barycentred: bool = False


def read_housekeeping(path: Path) -> LiveTime:
    """Read the live time of a housekeeping file (``nu{obsid}{module}_fpm.hk``, extension HK1FPM).

    LIVETIME is the live part of each second in s, with the dead time of the shield's vetoes in it. Rows without a value
    are left out.

    Raises
    ------
    FileError
        The file cannot be read, has no TIME and LIVETIME in one extension, or holds what is no live time.
    """
    found, hdus = read_fits(path, _has_live_time)
    tables = [hdu for hdu in hdus if isinstance(hdu, Table)]
    if not tables:
        raise FileError(
            str(found), "has no extension with TIME and LIVETIME", "Name the housekeeping of the module: nu..._fpm.hk"
        )
    time, live = (np.asarray(tables[0].column(name), dtype=np.float64) for name in ("TIME", "LIVETIME"))
    known = np.isfinite(time) & np.isfinite(live)
    time, live = time[known] + (time_zero(tables[0].header) or 0.0), live[known]
    if not len(time):
        raise FileError(str(found), "has no row with a live time", "Leave it out: the header's dead time is taken then")
    if live.min() < 0 or live.max() > 1:
        raise FileError(
            str(found),
            f"has LIVETIME from {live.min():g} to {live.max():g} s, where a part of a second is meant",
            "Name the housekeeping of the module: nu..._fpm.hk",
        )
    time, first = np.unique(time, return_index=True)
    return LiveTime(time, live[first], barycentred=is_barycentred(tables[0].header))


def save_livetime(path: Path, live: LiveTime) -> None:
    """Keep live time as an uncompressed ``.npz``; equal rows give equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in _ARRAYS:
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                values = np.ascontiguousarray(getattr(live, name), dtype="<f8")
                np.lib.format.write_array(member, values, allow_pickle=False)
    write_atomically(path, stream.getvalue())


def load_livetime(path: Path) -> LiveTime | None:
    """Read what `save_livetime` wrote; None if no row is in it: the housekeeping could not be used.

    Raises
    ------
    FileError
        The file is not there, or is none that `save_livetime` wrote.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            time, live, step = (archive[name] for name in _ARRAYS)
        return LiveTime(time, live, float(step.reshape(()))) if len(time) else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(str(path), f"is no live time that can be read: {error}", "Run its step again") from error


def _has_live_time(hdu: Hdu) -> bool:
    names = {str(value).strip().upper() for card, value in hdu.header.items() if card.startswith("TTYPE")}
    return {"TIME", "LIVETIME"} <= names
