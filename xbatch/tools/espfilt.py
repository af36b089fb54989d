"""The task ``flare`` by `espfilt` of SAS: what its command says, and how much time it leaves."""

from __future__ import annotations

from xbatch.base.errors import StepError
from xbatch.registry import Job, Outcome
from xbatch.tools import execute
from xbatch.tools.flares import good_of, kept_note
from xbatch.xray.gti import intersection, total

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Find the times of a list without flares.

    Input: ``events``, with what the work stages. Output: ``flare.gti``. Facts: ``intervals``, ``seconds``, ``share``.

    Raises
    ------
    StepError
        espfilt failed, or leaves no time.
    FileError
        What it has left cannot be read.
    """
    outcome = execute.run(job)
    own = good_of(job.inputs["events"])
    good = intersection(good_of(job.out / "flare.gti"), own)
    seconds, whole = total(good), total(own)
    if not seconds:
        raise StepError(
            f"{' '.join(job.step.partition(':')[2].split('/')[:2])}: espfilt leaves no time of {whole:.6g} s",
            cure="Allow more by sigma, range_scale or ratio, cut by a rate, or leave the observation out by 'where'",
        )
    facts = {**outcome.facts, "intervals": len(good), "seconds": seconds, "share": seconds / whole}
    return Outcome(facts, (*outcome.notes, kept_note(seconds, whole, "espfilt")))
