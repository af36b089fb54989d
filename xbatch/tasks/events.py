"""Task `events`: screen an event list once, and keep what stays as a compact table for all later steps."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.clock import is_barycentred
from xbatch.ogip.events import EventList, open_events
from xbatch.ogip.eventtable import EventTable, TableInfo, TableWriter
from xbatch.ogip.gtifile import general_gtis, mjd_reference, read_gti_tables
from xbatch.ogip.livetime import LiveTime, read_housekeeping, save_livetime
from xbatch.ogip.rows import RowColumn
from xbatch.ogip.times import observation_mjd
from xbatch.registry import Job, Outcome
from xbatch.tasks._cuts import cuts_of
from xbatch.xray.gti import intersection, total, union
from xbatch.xray.livetime import covered_seconds, live_seconds
from xbatch.xray.screening import Cut, inside_gtis, passes, screen

__all__ = ["run"]

_LOGGER = logging.getLogger(__name__)

_TABLE = "events.bin"
_FACTS = "events.json"
_LIVE = "livetime.npz"
_OTHER_TIMES = (
    "of the list and the housekeeping one is barycentred and one is not: the live time is taken from the header's DEADC"
)
_KINDS: Mapping[str, np.dtype[Any]] = {
    "time": np.dtype(np.float64),
    "pi": np.dtype(np.int32),
    "grade": np.dtype(np.int16),
    "det": np.dtype(np.int8),
}
#: MJDREFs that differ by less are the same value written with fewer digits (a millisecond).
_SAME_DAY = 1e-8
_OUTSIDE = "outside the GTIs"
_NO_GTI = "on a CCD without GTIs"
#: CCDs of the cameras whose lists are by CCD.
_CCDS = {"EPN": 12, "EMOS1": 7, "EMOS2": 7}
#: Live times of two sources that differ by more than this part are told.
_SAME_LIVE = 0.01
# How often the log says how far it has come.
_TOLD = 10


@dataclass(frozen=True)
class _Selection:
    """What decides about an event: GTIs, for all or by detector, and cuts with their reasons."""

    gti: NDArray[np.float64]
    detector_gtis: Mapping[int, NDArray[np.float64]]
    cuts: tuple[tuple[str, Cut], ...]
    dtypes: Mapping[str, np.dtype[Any]]
    columns: Mapping[str, RowColumn]


def run(job: Job) -> Outcome:
    """Check and screen one event list.

    Inputs: ``events`` (plain or gzipped) and, if wanted, ``gti`` (a file with GTIs to apply beside the list's own) and
    ``livetime`` (NuSTAR's housekeeping with the live time of each second).
    Parameters: ``mission``, ``instrument``, ``obsid``, and ``screening``, a map of

    - ``grade``, ``pattern``, ``pi_range``: ``[lowest, highest]``, both kept, of the columns GRADE, PATTERN, PI;
    - ``flag``, ``status``: a number that FLAG or STATUS must equal, a pattern of bits (``b0000x00xx0xx0000``), or for
      FLAG a selection of the header by name (``#XMMEA_EM``);
    - ``keep``: names of further columns to keep.

    Outputs: ``events.bin`` (see `xbatch.ogip.eventtable`), ``events.json``, the facts for people, and with an input
    ``livetime`` ``livetime.npz`` (see `xbatch.ogip.livetime`).

    An event stays if it lies in the GTIs (``start <= t < stop``), of its own detector where the list has them so, if
    PI, X and Y are defined, and if every cut keeps it. Facts and notes say how many were dropped and why. Bad pixels
    are dropped by what the mission's own calibration wrote into STATUS (NuSTAR) or FLAG (XMM-Newton): lists that are
    called clean have none left, and BADPIX extensions are not applied a second time.

    Raises
    ------
    FileError
        A file cannot be used; no event is left; the list is of another instrument; the GTIs and the events are of
        different times.
    StepError
        The screening asks for what there is not.
    """
    screening = dict(job.params.get("screening") or {})
    with tempfile.TemporaryDirectory(prefix=".inflated-", dir=job.out) as folder:
        events = open_events(job.inputs["events"], Path(folder))
        _check_instrument(job, events)
        notes = [*_identity_notes(job, events), *events.notes]
        selection = _selection(job, events, screening, notes)
        with TableWriter(job.out / _TABLE, selection.dtypes, events.rows) as writer:
            dropped, span = _screen(events, selection, writer)
            _check_left(events, selection, writer.rows, dropped, span)
            sources = {name: column.name for name, column in selection.columns.items()}
            in_order = writer.in_order
            writer.finish(TableInfo(events.header, selection.gti, selection.detector_gtis, sources, screening, dropped))
    if not in_order:
        notes.append("the list was not in order of time: it has been sorted")
    notes += [f"{count} of {events.rows} events dropped: {why}" for why, count in dropped.items() if count]
    facts = _facts(EventTable.open(job.out / _TABLE), events, dropped, in_order)
    notes += _ccd_notes(selection, facts)
    if "livetime" in job.inputs:
        live = read_housekeeping(job.inputs["livetime"])
        if live.barycentred == is_barycentred({**events.header.cards, "TIMESYS": events.header.timesys}):
            facts |= _live_facts(selection.gti, live, facts["exposure"], job.inputs["livetime"], notes)
        else:  # minutes apart, and no clock turns one into the other
            live = LiveTime(np.empty(0), np.empty(0))
            notes.append(_OTHER_TIMES)
        save_livetime(job.out / _LIVE, live)
    write_atomically(job.out / _FACTS, pretty_json({**facts, "notes": notes}))
    return Outcome(facts, tuple(notes))


def _identity_notes(job: Job, events: EventList) -> list[str]:
    """Say so where the file is of another observation than the spec says."""
    there, wanted = events.header.obsid, str(job.params.get("obsid") or "")
    if not there or not wanted or there.casefold() == wanted.casefold():
        return []
    return [f"OBS_ID of the list is {there}, the spec says {wanted}"]


def _check_instrument(job: Job, events: EventList) -> None:
    """Refuse the list of another instrument: its channels, housekeeping and responses would be those of the spec's."""
    there, wanted = events.header.instrument, str(job.params.get("instrument") or "")
    if job.params.get("mission") == "other" or not there or not wanted or there.casefold() == wanted.casefold():
        return
    raise FileError(
        events.path, f"is of {there} (INSTRUME), and the spec takes it for {wanted}", f"Name the list of {wanted}"
    )


def _selection(job: Job, events: EventList, screening: Mapping[str, Any], notes: list[str]) -> _Selection:
    columns = {name: column for name in ("time", "pi", "x", "y", "grade", "det") if (column := events.role(name))}
    if "x" not in columns or "y" not in columns:
        columns = {name: column for name, column in columns.items() if name not in "xy"}
    for extra in screening.get("keep") or ():
        columns.setdefault(str(extra).lower(), events.column(str(extra)))
    columns = {name: events.column(column.name) for name, column in columns.items()}
    gti, by_detector = events.gti, dict(events.detector_gtis)
    if by_detector and "det" not in columns:
        by_detector = {}
        notes.append("GTIs are by detector, but the list has no detector's number: their union is taken")
    if "gti" in job.inputs:
        more = _user_gtis(job.inputs["gti"], events, notes)
        by_detector = {number: intersection(own, more) for number, own in by_detector.items()}
        gti = union(*by_detector.values()) if by_detector else intersection(gti, more)
        if not len(gti):
            raise FileError(
                str(job.inputs["gti"]),
                f"has GTIs from {more[0, 0]:.10g} s to {more[-1, 1]:.10g} s, and none of it is good time of "
                f"{events.path} ({events.gti[0, 0]:.10g} s to {events.gti[-1, 1]:.10g} s)",
                "Make the GTIs from this observation, in its own seconds",
            )
    dtypes = {name: _KINDS.get(name) or column.kept_as for name, column in columns.items()}
    return _Selection(gti, by_detector, tuple(cuts_of(events, screening)), dtypes, columns)


def _user_gtis(path: Path, events: EventList, notes: list[str]) -> NDArray[np.float64]:
    table = general_gtis(read_gti_tables(path))
    if table is None:
        raise FileError(str(path), "has no GTI extension that holds for all detectors", "Name a file with GTIs")
    if not len(table.gti):
        raise FileError(str(path), f"has no good time in {table.name}", "Leave it out, or make it again")
    own = mjd_reference(events.header.cards)
    if table.mjdref is not None and own is not None and abs(table.mjdref - own) > _SAME_DAY:
        raise FileError(
            str(path),
            f"counts its seconds from MJD {table.mjdref!r}, the events of {events.path} from MJD {own!r}",
            "Make the GTIs in the seconds of the event list",
        )
    notes += table.notes
    return table.gti


def _screen(
    events: EventList, selection: _Selection, writer: TableWriter
) -> tuple[dict[str, int], tuple[float, float]]:
    """Read, screen and write all events; give what was dropped, and the first and the last time."""
    columns = selection.columns
    names = list(dict.fromkeys([c.name for c in columns.values()] + [cut.column for _, cut in selection.cuts]))
    dropped: dict[str, int] = {}
    first, last, row = np.inf, -np.inf, 0
    for raw in events.chunks(names):
        chunk = {name: raw[column.name] for name, column in columns.items()}
        times = chunk["time"] = chunk["time"].astype(np.float64, copy=False)
        if not np.all(np.isfinite(times)):
            bad = np.flatnonzero(~np.isfinite(times))
            raise FileError(
                events.path, f"has a TIME that is no number (first in row {row + bad[0] + 1})", "Make the list again"
            )
        chunk["pi"], pi_there = _channels(chunk["pi"], columns["pi"], events.path)
        tests: list[tuple[str, NDArray[np.bool_]]] = []
        if selection.detector_gtis:
            detectors = np.fromiter(selection.detector_gtis, np.int64)
            tests.append((_NO_GTI, np.isin(chunk["det"], detectors)))
        tests += [
            (_OUTSIDE, inside_gtis(times, selection.gti, chunk.get("det"), selection.detector_gtis)),
            ("PI undefined", pi_there),
        ]
        if "x" in columns:
            tests.append(("no sky position", _defined(chunk["x"], columns["x"]) & _defined(chunk["y"], columns["y"])))
        tests += [(reason, passes(raw[cut.column], cut)) for reason, cut in selection.cuts]
        screened = screen(len(times), tests, dropped)
        dropped = dict(screened.dropped)
        first, last, row = min(first, float(times.min())), max(last, float(times.max())), row + len(times)
        if row * _TOLD // events.rows > (row - len(times)) * _TOLD // events.rows:
            _LOGGER.info("%d of %d events screened", row, events.rows)
        if not screened.keep.all():
            kept = np.flatnonzero(screened.keep)
            chunk = {name: values.take(kept) for name, values in chunk.items()}
        try:
            writer.add(chunk)
        except ValueError as error:
            raise FileError(events.path, f"cannot be kept: {error}", "Make the list again") from error
    return dropped, (first, last)


def _defined(values: NDArray[Any], column: RowColumn) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        finite: NDArray[np.bool_] = np.isfinite(values)
        return finite
    if column.nothing is None:
        return np.ones(len(values), np.bool_)
    there: NDArray[np.bool_] = values != column.nothing
    return there


def _channels(values: NDArray[Any], column: RowColumn, path: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give PI as whole numbers, and where it is defined."""
    there = _defined(values, column)
    if values.dtype.kind != "f":
        return values, there
    known = np.where(there, values, 0)
    if np.any(known != np.rint(known)):
        raise FileError(path, "has PI that are no whole numbers", "Use a list with PI channels")
    return known.astype(np.int32), there


def _check_left(
    events: EventList,
    selection: _Selection,
    left: int,
    dropped: Mapping[str, int],
    span: tuple[float, float],
) -> None:
    if left:
        return
    if dropped.get(_OUTSIDE) == events.rows:
        gti = selection.gti
        raise FileError(
            events.path,
            f"has its events between {span[0]:.10g} s and {span[1]:.10g} s, none of them in the GTIs, which span "
            f"{gti[0, 0]:.10g} s to {gti[-1, 1]:.10g} s",
            "Use the GTIs that belong to this list (barycentred events need barycentred GTIs)",
        )
    why = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
    raise FileError(events.path, f"has no event left of {events.rows}: {why}", "Screen less strictly")


def _ccd_notes(selection: _Selection, facts: Mapping[str, Any]) -> list[str]:
    """Say which CCDs of a camera have left no event."""
    number = _CCDS.get(str(facts["instrume"]).upper(), 0)
    if not number or "det" not in selection.columns:
        return []
    absent = [str(ccd) for ccd in range(1, number + 1) if str(ccd) not in facts["detectors"]]
    return [f"no event of CCD {', '.join(absent)}"] if absent else []


def _live_facts(
    gti: NDArray[np.float64], live: LiveTime, header: float, path: Path, notes: list[str]
) -> dict[str, float]:
    """Say what the housekeeping has for live time, beside what the header of the list has."""
    try:
        seconds = live_seconds(gti, live.time, live.live, live.step)
    except ValueError as error:
        raise FileError(str(path), str(error), "Name the housekeeping of this observation and module") from error
    covered, ontime = covered_seconds(gti, live.time, live.step), total(gti)
    if covered < (1 - _SAME_LIVE) * ontime:
        notes.append(
            f"the housekeeping tells the live time of {covered:.6g} s of the {ontime:.6g} s of GTIs: the rest has "
            f"the mean of these"
        )
    if abs(seconds - header) > _SAME_LIVE * header:
        notes.append(f"the live time is {seconds:.8g} s by the housekeeping, {header:.8g} s by the header of the list")
    return {"live_seconds": seconds, "live_seconds_header": header, "live_covered": covered}


def _facts(table: EventTable, events: EventList, dropped: Mapping[str, int], in_order: bool) -> dict[str, Any]:
    header = table.header
    times = table.columns["time"]
    low, high = 2**31 - 1, -(2**31)
    by_detector = np.zeros(256, np.int64)
    for chunk in table.chunks([name for name in ("pi", "det") if name in table.columns]):
        low, high = min(low, int(chunk["pi"].min())), max(high, int(chunk["pi"].max()))
        if "det" in chunk:
            by_detector += np.bincount(chunk["det"].view(np.uint8), minlength=256)
    # where time is counted by detector, that of the one with most events is told: the target's, mostly
    main = int(by_detector.argmax()) if table.info.detector_gtis else None
    mjd, mjd_end = observation_mjd(header.cards)
    return {
        "events": events.rows,
        "kept": table.rows,
        "dropped": dict(dropped),
        "was_in_order": in_order,
        "first_time": float(times[0]),
        "last_time": float(times[-1]),
        "pi": [low, high],
        "detectors": {str(number): int(by_detector[number]) for number in np.flatnonzero(by_detector)},
        "columns": list(table.columns),
        "gtis": len(table.gti),
        "gti_names": list(events.gti_names),
        "ontime": total(table.gti_of(main)),
        "exposure": table.exposure(main),
        "live_part": header.live_part(main),
        "mjd": mjd,
        "mjd_end": mjd_end,
        "object": header.object,
        "telescop": header.cards.get("TELESCOP"),
        "instrume": header.instrument,
        "obs_id": header.obsid,
        "date_obs": header.cards.get("DATE-OBS"),
        "sky": header.wcs is not None,
    }
