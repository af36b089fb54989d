"""Task `chu`: take the part of mode 06 of NuSTAR with the aspect of some camera head units."""

from __future__ import annotations

import re
import shutil

from xbatch.base.errors import StepError
from xbatch.registry import Job, Outcome

__all__ = ["run"]

_ROLE = "list/chu"


def run(job: Job) -> Outcome:
    """Take the list of a combination of camera head units among those that were made.

    Inputs: ``made``, something of the step that has split mode 06, which shows that it has ended well; ``list/chu1`` to
    ``list/chu123``, the lists that it has made. Parameters: ``obsid``, ``instrument``, ``chu``.

    Output: ``events.fits``, the list.

    Raises
    ------
    StepError
        It is not among them.
    """
    chu = str(job.params["chu"])
    there = [role.removeprefix(_ROLE) for role in job.inputs if re.fullmatch(f"{_ROLE}[123]+", role)]
    there.sort(key=lambda units: (len(units), units))
    if chu not in there:
        who = f"{job.params['obsid']} {job.params['instrument']}"
        said = f"has lists of {', '.join(there)}" if there else "has no list at all"
        other = "Write another chu for it by 'for', or leave" if there else "Leave"
        raise StepError(
            f"mode 06 of {who} has no list of the camera head units {chu}: it {said}",
            cure=f"{other} it out with the 'where' of what uses the screening",
        )
    shutil.copyfile(job.inputs[f"{_ROLE}{chu}"], job.out / "events.fits")
    return Outcome({"chu": chu, "there": there})
