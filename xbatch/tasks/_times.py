"""The good time of a step: that of the event table, and less where a time selection is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.gtifile import general_gtis, mjd_reference, read_gti_tables
from xbatch.ogip.livetime import LiveTime
from xbatch.tasks._regions import plane_of
from xbatch.xray.gti import inside, intersection, total, union
from xbatch.xray.livetime import live_seconds

__all__ = ["Selection", "exposed", "selected_gti"]

Gti = NDArray[np.float64]

#: MJDREFs that differ by less are the same value written with fewer digits (a millisecond).
_SAME_DAY = 1e-8


@dataclass(frozen=True)
class Selection:
    """Good time.

    Attributes
    ----------
    gti : ndarray, shape (n, 2)
        For all detectors: where GTIs are by detector their union.
    by_detector : Mapping of int to ndarray
        Empty where one list of GTIs holds for all detectors.
    chosen : ndarray, shape (m, 2), or None
        The time selection as it was given; None if there is none, and every event of the table counts.
    notes : tuple of str
    """

    gti: Gti
    by_detector: Mapping[int, Gti]
    chosen: Gti | None = None
    notes: tuple[str, ...] = ()

    def of(self, detector: int | None = None) -> Gti:
        """Give the GTIs of a detector: its own, or those for all where GTIs are not by detector."""
        return self.by_detector.get(detector if detector is not None else -1, self.gti)

    def ontime(self, detector: int | None = None) -> float:
        """Give the seconds in the GTIs of a detector."""
        return total(self.of(detector))

    def rows(self, times: NDArray[np.float64]) -> NDArray[np.int64] | None:
        """Give the rows of events, in order of time, that the selection keeps; None for all of them."""
        if self.chosen is None:
            return None
        return np.flatnonzero(inside(times, self.chosen, in_order=True))

    def kept(self, chunk: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Give the events of a chunk (with its ``time``) that the selection keeps."""
        rows = self.rows(chunk["time"])
        if rows is None or len(rows) == len(chunk["time"]):
            return chunk
        return {name: values.take(rows) for name, values in chunk.items()}


def selected_gti(table: EventTable, path: Path | None) -> Selection:
    """Give the good time of a table, with a file of GTIs where the two have time in common.

    Parameters
    ----------
    table : EventTable
    path : Path or None
        A FITS file with GTIs; None for the table's own alone.

    Raises
    ------
    FileError
        The file has no GTIs, counts its seconds from another day, or shares no time with the table's.
    """
    info = table.info
    if path is None:
        return Selection(info.gti, info.detector_gtis)
    found = general_gtis(read_gti_tables(path))
    if found is None:
        raise FileError(str(path), "has no GTI extension that holds for all detectors", "Name a file with GTIs")
    own = mjd_reference(table.header.cards)
    if found.mjdref is not None and own is not None and abs(found.mjdref - own) > _SAME_DAY:
        raise FileError(
            str(path),
            f"counts its seconds from MJD {found.mjdref!r}, the events from MJD {own!r}",
            "Make the GTIs in the seconds of the event list",
        )
    by_detector = {number: intersection(gti, found.gti) for number, gti in info.detector_gtis.items()}
    gti = union(*by_detector.values()) if by_detector else intersection(info.gti, found.gti)
    if not len(gti):
        raise FileError(
            str(path),
            f"selects no good time of the events, which last from {info.gti[0, 0]:.10g} s to {info.gti[-1, 1]:.10g} s",
            "Select other times, or leave the selection out",
        )
    return Selection(gti, by_detector, found.gti, found.notes)


def exposed(table: EventTable, selection: Selection, live: LiveTime | None, detector: int | None = None) -> float:
    """Give the live seconds of a selection: EXPOSURE.

    Parameters
    ----------
    table : EventTable
    selection : Selection
    live : LiveTime or None
        Rows of housekeeping, which hold for all detectors; without them it is the header's live part of the good time.
    detector : int or None
        Whose time it is, where time is counted by detector.

    Raises
    ------
    StepError
        The housekeeping has no live time in the GTIs.
    """
    if live is None or selection.by_detector:
        return selection.ontime(detector) * table.header.live_part(detector)
    try:
        seconds = live_seconds(selection.gti, live.time, live.live, live.step)
    except ValueError as error:
        raise StepError(str(error), plane_of(table).file, "Use the housekeeping of this observation") from error
    if not seconds > 0:
        raise StepError(
            "the detector has no live time in the GTIs", plane_of(table).file, "Use the housekeeping of this module"
        )
    return seconds
