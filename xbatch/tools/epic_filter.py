"""The task ``epicfilter``: what its commands say, and a picture of the cut of flares among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.registry import Job, Outcome
from xbatch.tasks.flare import good_times
from xbatch.tools import execute
from xbatch.xray.gti import total, union

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Filter an event list, and draw the light curve that flares were found in, if they were.

    Raises
    ------
    StepError
        A task of SAS failed.
    FileError
        What it has left cannot be read.
    """
    outcome = execute.run(job)
    flare = job.params.get("flare")
    return outcome if flare is None else Outcome({**outcome.facts, **_drawn(job, flare)}, outcome.notes)


def _drawn(job: Job, flare: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the rates with the limit; give what the cut has come to."""
    from xbatch.tasks._curve_figure import draw_flares, save_png

    curve = read_curve(job.out / "flare.lc")
    test, limit = str(flare["rate"][0]), float(flare["rate"][1])
    _, kept = good_times(curve.time, curve.rate, curve.width, test, limit)
    gti = union(*(table.gti for table in read_gti_tables(job.out / "flare.gti")))
    ends = np.array([[curve.time[0] - 0.5 * curve.width, curve.time[-1] + 0.5 * curve.width]])
    title = " ".join(str(job.params.get(name, "")) for name in ("obsid", "instrument"))
    said = f"{int(kept.sum())} of {len(kept)} bins: rate {test} {limit:.4g}"
    save_png(draw_flares(curve, kept, limit, ends, title, said), job.out / "flare.png")
    return {"limit": limit, "test": test, "bins": len(kept), "bins_kept": int(kept.sum()), "seconds": total(gti)}
