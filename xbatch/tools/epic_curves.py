"""Task `lightcurve` by SAS: evselect and epiclccorr for each band, written as the native task does.

`epiclccorr` subtracts the background (scaled by what backscale gives for the two regions), and always corrects for
good times and dead time; with absolute corrections also for the effective area and the light outside of the region.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.commands.call import Work
from xbatch.commands.epiccurves import BACKGROUND, NET, SOURCE, EpicCurves
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tasks._times import selected_gti
from xbatch.tools.execute import Session
from xbatch.tools.toolcurves import NetCurve, ToolCurve, conclude
from xbatch.xray.gti import intersection

__all__ = ["run"]

_AGAIN = "Look at the log of the step"
#: Times of bins that are nearer than this part of a bin are the same.
_SAME = 1e-3


def run(job: Job) -> Outcome:
    """Make light curves by evselect and epiclccorr.

    Inputs: what the work stages; ``table`` (of the `events` step of the same list); ``gti``, a time selection; ``bins``
    (of the task `timebins`); ``bands/SCHEME`` (bands found in data). Parameters: as of
    `xbatch.tasks.lightcurve`, with ``curves`` (`xbatch.commands.epiccurves.EpicCurves`) and ``work``. Outputs: as of
    that task; COUNTS are events, BACKV is the corrected background in the source's region.

    Raises
    ------
    StepError
        A call fails.
    FileError
        SAS has made something else than light curves of the same bins, or no bin is left.
    """
    work, curves = Work.of(job.params["work"]), EpicCurves.of(job.params["curves"])
    bands = step_bands(job.params, job.inputs)
    table = EventTable.open(job.inputs["table"])
    selection = selected_gti(table, job.inputs.get("gti"))
    bins = json.loads(job.inputs["bins"].read_bytes())
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        session.write(work.written)
        for band in bands:
            for call in curves.calls(band.stem, band.pi):
                session.call(call)
        gti = intersection(selection.gti, [[bins["start"], bins["stop"]]])
        found = [_curve(curves, band, session.folder / band.stem, float(bins["start"]), gti) for band in bands]
        calls = session.facts()
    return conclude(job, table.header, found, calls, (*selection.notes, *_notes(job, curves)))


def _curve(curves: EpicCurves, band: StepBand, folder: Path, begins: float, gti: NDArray[np.float64]) -> ToolCurve:
    """Read what has been made for one band."""
    net = read_curve(folder / NET)
    number = _numbers(net.time, begins, net.width, folder / NET)
    back, back_error = _background(folder / NET, len(net.time)) if curves.background else (None, None)
    made = NetCurve(
        np.asarray(begins + (number + 0.5) * net.width, np.float64),
        net.rate,
        net.error,
        net.fracexp,
        _counts(folder / SOURCE, begins, number),
        back,
        back_error,
        _counts(folder / BACKGROUND, begins, number) if curves.background else None,
    )
    return ToolCurve(band, band.pi, made, net.width, gti, None, livetime=True)


def _numbers(time: NDArray[np.float64], begins: float, width: float, path: Path) -> NDArray[np.int64]:
    """Number bins from the first; each time must be the middle of one."""
    place = (time - begins) / width - 0.5
    number = np.rint(place)
    if len(time) == 0 or np.any(np.abs(place - number) > _SAME) or np.any(np.diff(number) < 1):
        raise FileError(str(path), f"has other bins than those of {width:g} s from {begins:.10g} s", _AGAIN)
    return number.astype(np.int64)


def _counts(path: Path, begins: float, number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the events in the same bins, from a curve that is not corrected."""
    raw = read_curve(path)
    own = _numbers(raw.time, begins, raw.width, path)
    place = np.minimum(np.searchsorted(own, number), len(own) - 1)
    if np.any(own[place] != number):
        raise FileError(str(path), f"lacks bins that {NET} has", _AGAIN)
    return np.rint(np.nan_to_num(raw.rate[place]) * raw.width).astype(np.int64)


def _background(path: Path, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give what epiclccorr has subtracted."""
    _, hdus = read_fits(path, lambda hdu: hdu.name == "RATE")
    rates = next((hdu for hdu in hdus if isinstance(hdu, Table)), None)
    if rates is None or not (rates.has("BACKV") and rates.has("BACKE")) or rates.rows != rows:
        raise FileError(str(path), "does not say what background was subtracted (BACKV, BACKE)", _AGAIN)
    order = np.argsort(rates.floats("TIME"), kind="stable")
    return np.asarray(rates.column("BACKV"), np.float64)[order], np.asarray(rates.column("BACKE"), np.float64)[order]


def _notes(job: Job, curves: EpicCurves) -> list[str]:
    corrected = ["good times", "dead time"]
    corrected += ["the effective area", "light outside of the region"] if curves.absolute else []
    said = [f"rates are corrected for {', '.join(corrected)} by epiclccorr"]
    if "livetime" not in job.params.get("corrections", ()):
        said.append("dead time is corrected for, though 'livetime' is not asked for: epiclccorr leaves no choice")
    return said
