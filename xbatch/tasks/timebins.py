"""Task `timebins`: when bins of time begin and end, for tools that are to make several curves of the same bins."""

from __future__ import annotations

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.eventtable import EventTable
from xbatch.registry import Job, Outcome
from xbatch.tasks._times import selected_gti
from xbatch.xray.lightcurve import bin_edges

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Find the bins that cover the good time of a list, from its first second on: those of the task `lightcurve`.

    Inputs: ``events`` (the table of an `events` step); if there is one ``gti`` (a time selection). Parameter: ``dt``
    in s. Output: ``bins.json``: ``start`` and ``stop`` in s of the list, a whole number of bins apart, ``bins`` and
    ``dt``.

    Raises
    ------
    FileError
        The time selection has no good time in common with the list.
    StepError
        The bins make no sense.
    """
    dt = float(job.params["dt"])
    selection = selected_gti(EventTable.open(job.inputs["events"]), job.inputs.get("gti"))
    start, stop = float(selection.gti[0, 0]), float(selection.gti[-1, 1])
    try:
        bins = len(bin_edges(start, stop, dt)) - 1
    except ValueError as error:
        raise StepError(f"the bins of the light curve make no sense: {error}", cure="Choose another dt") from error
    facts = {"start": start, "stop": start + dt * bins, "bins": bins, "dt": dt}
    write_atomically(job.out / "bins.json", pretty_json(facts))
    return Outcome(facts, selection.notes)
