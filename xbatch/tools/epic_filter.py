"""The task ``epicfilter``: what its commands say, and a picture of the cut of flares among them."""

from __future__ import annotations

from xbatch.registry import Job, Outcome
from xbatch.tools import execute
from xbatch.tools.flares import draw_cut, good_of, kept_note, lost_note, nothing_left
from xbatch.xray.gti import intersection, total

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Filter an event list, and draw the light curve that flares were found in, if they were.

    Raises
    ------
    StepError
        A task of SAS failed, or the cut leaves no time.
    FileError
        What it has left cannot be read.
    """
    outcome = execute.run(job)
    flare = job.params.get("flare")
    if flare is None:
        return outcome
    title = " ".join(str(job.params.get(name, "")) for name in ("obsid", "instrument"))
    rates, good, picture = (job.out / f"flare.{kind}" for kind in ("lc", "gti", "png"))
    own = good_of(job.inputs["events"])
    seconds, whole = total(intersection(good_of(good), own)), total(own)
    if not seconds:
        raise nothing_left(rates, flare["rate"], str(job.params["instrument"]))
    cut = draw_cut(rates, seconds, picture, flare["rate"], title, own)
    note = kept_note(seconds, whole, f"rate {cut['test']} {cut['limit']:.4g}")
    notes = (*outcome.notes, note, *filter(None, [lost_note(rates, own)]))
    return Outcome({**outcome.facts, **cut, "share": seconds / whole}, notes)
