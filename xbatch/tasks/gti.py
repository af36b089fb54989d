"""Task `gti`: select times by clock, file, flux, housekeeping or phase, or join other selections."""

from __future__ import annotations

from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.clock import utc_date
from xbatch.ogip.curvefile import time_cards
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.gtifile import write_gti_file
from xbatch.registry import Job, Outcome
from xbatch.tasks._gti_kinds import KINDS, NoList, Timed, list_clock
from xbatch.xray.gti import intersection, total

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Select times of an observation.

    Inputs: ``events`` (the table of an `events` step), and what the selection is made of: ``file`` (GTIs or
    housekeeping), ``curve`` (a light curve), ``gti/NAME`` (other selections of the same list).
    Parameters: ``name``, ``mission``, ``instrument``, ``obsid``; where there is no list of events ``clock``
    (``{"mjdref": [day, part], "timesys": "TT", "telescop": "XMM"}``), and the selection is then for a tool that cuts it
    to the good time itself; and one of

    - ``time``: ``[[start, stop], ...]``, each a date (ISO 8601), an MJD, or ``{"met": s}``; ``scale``, ``utc`` unless
      ``tt`` or ``tdb``, is that of dates and MJDs;
    - ``file``: GTIs of a file; its seconds are converted where they are counted from another day;
    - ``flux``: ``{"quantile": [lo, hi]}`` (see `xbatch.xray.timeselect.by_quantile`) or ``{"rate": [lo, hi]}`` in
      counts/s, both included, None for no end, of the bins of the light curve;
    - ``hk``: ``{"expression": .., "extension": ..}``: rows for which an expression is true
      (see `xbatch.xray.expression`), each from its TIME to that of the next;
    - ``phase``: ``{"epoch": MJD, "scale": "tdb", "period": s, "pdot": .., "range": [lo, hi]}``, of barycentred events;
    - ``all_of``, ``any_of``: names of other selections; ``not``: the name of one.

    Outputs: ``gti.gti``, the selection, within the good time of the list if there is one, and ``gti.json``.

    Raises
    ------
    StepError
        What is asked for makes no sense, or selects no good time.
    FileError
        A file cannot be used.
    """
    clock = job.params.get("clock")
    table: Timed
    if clock is None:
        table = EventTable.open(job.inputs["events"])
    else:
        table = NoList.of(str(job.params["mission"]), str(job.params["obsid"]), clock)
    asked = [kind for kind in KINDS if job.params.get(kind) is not None]
    if "hk" in asked:  # its file is the one of housekeeping
        asked = [kind for kind in asked if kind != "file"]
    name = str(job.params.get("name", ""))
    if len(asked) != 1:
        raise StepError(
            f"the time selection {name} asks for {' and '.join(asked) or 'nothing'}", cure=f"One of {', '.join(KINDS)}"
        )
    found = KINDS[asked[0]](job.params, job.inputs, table)
    gti = intersection(found.gti, table.gti)
    if not len(gti) and clock is not None:
        raise StepError(f"the time selection {name} holds no time: {found.why}", cure="Select other times")
    if not len(gti):
        good = table.gti
        raise StepError(
            f"the time selection {name} holds no good time of the observation, which lasts from {good[0, 0]:.10g} s to "
            f"{good[-1, 1]:.10g} s ({_dates(table)}): {found.why}",
            cure="Select other times",
        )
    facts: dict[str, Any] = {"kind": asked[0], "intervals": len(gti)}
    if clock is None:  # of all times of a clock nothing is known before they are cut
        seconds = total(gti)
        facts |= {
            "seconds": seconds,
            "share": seconds / total(table.gti),
            "first": float(gti[0, 0]),
            "last": float(gti[-1, 1]),
            "longest": float(np.diff(gti).max()),
        }
    facts |= found.facts
    write_gti_file(job.out / "gti.gti", gti, time_cards(table.header))
    write_atomically(job.out / "gti.json", pretty_json({"name": name, **facts, "notes": list(found.notes)}))
    return Outcome(facts, found.notes)


def _dates(table: Timed) -> str:
    """Say from when to when an observation lasts."""
    clock = list_clock(table)
    return " to ".join(utc_date(float(moment), clock) for moment in table.gti[[0, -1], [0, 1]]) + " UTC"
