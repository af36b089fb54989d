"""The task ``nusplitsc``: the list of mode 06 of a module of NuSTAR, split by the camera head units in use."""

from __future__ import annotations

from xbatch.base.files import pretty_json, write_atomically
from xbatch.commands.call import Work
from xbatch.registry import Job, Outcome
from xbatch.tools import execute

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Split the list, if there is one: an observation may never have been without its own star tracker.

    Inputs, parameters: as of `xbatch.tools.execute.run`; ``events`` may be absent. Outputs: the lists, and
    ``nusplitsc.json`` with their names.

    Raises
    ------
    StepError
        nusplitsc failed.
    """
    outcome = execute.run(job) if "events" in job.inputs else Outcome({"calls": []}, ("there is no list of mode 06",))
    lists = [name for name in Work.of(job.params["work"]).kept if (job.out / name).exists()]
    write_atomically(job.out / "nusplitsc.json", pretty_json({"lists": lists}))
    return Outcome({**outcome.facts, "lists": lists}, outcome.notes)
