"""The step at the head of an observation's reduction: its files, listed with their digests, or fetched first.

Later steps take the list as an input, so that their keys hold the content of the whole observation, and the folder as a
place, since no key holds a path. An observation that was fetched and one that was there make the same list.
"""

from __future__ import annotations

from pathlib import Path

from xbatch.base.errors import Problem
from xbatch.plan.eventlists import file_input
from xbatch.plan.links import unreadable
from xbatch.plan.rawmade import OBSERVATION, RawContext, RawMade, observation_name
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.rawmodel import RawObservation

__all__ = ["observation_inputs", "observation_places", "observation_steps"]


def observation_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the step that lists the files of an observation, and fetches them where the spec says so.

    A folder that is not there (or holds nothing) and must not be fetched is problem XB401.
    """
    try:
        files = [] if one.fetch == "always" else _files(one.folder)
    except PermissionError as error:
        return RawMade(problems=(unreadable(Path(error.filename), context.analysis, "data.root"),))
    if not files and one.fetch == "never":
        message = f"no files of observation {one.obsid} in {one.folder}, and with 'fetch: never' they are not fetched"
        hint = f"set data.root to the folder that holds {one.obsid}/, or say 'fetch: missing'"
        return RawMade(problems=(Problem(context.analysis.place("data.root"), "XB401", message, hint, "data.root"),))
    inputs: dict[str, Input] = {f"file/{path.relative_to(one.folder).as_posix()}": file_input(path) for path in files}
    step = Step(
        name=observation_name(one.obsid),
        task="observation" if files else "fetch",
        subject=one.obsid,
        params={"mission": one.mission, "obsid": one.obsid},
        inputs=inputs,
        product=f"{one.obsid}/observation",
        path=one.path,
        outputs=(OBSERVATION,),
        places=observation_places(one),
        fresh=one.fetch == "always",
    )
    return RawMade(steps=(step,))


def observation_inputs(one: RawObservation) -> dict[str, Input]:
    """Give the list of an observation's files as an input, under the role ``observation``."""
    return {"observation": StepInput(observation_name(one.obsid), OBSERVATION)}


def observation_places(one: RawObservation) -> dict[str, str]:
    """Give the observation's folder as a place, under the name ``raw``."""
    return {"raw": str(one.folder.absolute())}


def _files(folder: Path) -> list[Path]:
    """List the files of an observation, sorted; those that begin with a dot are not of it."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
