"""The step at the head of an observation's reduction: its files, listed with their digests, or fetched first.

Later steps take the list as an input, so that their keys hold the content of the whole observation, and the folder as a
place, since no key holds a path. An observation that was fetched and one that was there make the same list.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

from xbatch.base.errors import Problem
from xbatch.plan.eventlists import file_input
from xbatch.plan.links import unreadable
from xbatch.plan.rawfolder import files_below, folder_remarks, folder_trouble
from xbatch.plan.rawmade import OBSERVATION, RawContext, RawMade, observation_name
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.rawmodel import RawObservation

__all__ = ["observation_inputs", "observation_places", "observation_steps"]

#: What archives are asked with.
_CLIENTS = ("boto3", "astroquery")


def observation_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the step that lists the files of an observation, and fetches them where the spec says so.

    A folder that is not there (or holds nothing) and must not be fetched is problem XB401. What is there and is seen by
    its names not to be the whole of the observation blocks its step alone: the other observations can be reduced.
    """
    try:
        files = [] if one.fetch == "always" else list(files_below(one.folder))
    except PermissionError as error:
        return RawMade(problems=(unreadable(Path(error.filename), context.analysis, "data.root"),))
    if not files and one.fetch != "always":
        refused = _not_there(context, one)
        if refused is not None:
            return RawMade(problems=(refused,))
    trouble = folder_trouble(one, files) if files else None
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
        blocked=None if trouble is None else _problem(context, trouble.what, trouble.cure),
        remarks=tuple(_remarks(one, files)),
    )
    return RawMade(steps=(step,))


def _remarks(one: RawObservation, files: Sequence[Path]) -> Iterator[str]:
    """Say what is odd with an observation's files, and where they come from if they are not here."""
    if one.fetch != "always":
        yield from folder_remarks(one, files)
    if not files:
        what = (
            "all observations are fetched anew" if one.fetch == "always" else f"what is not below {one.root} is fetched"
        )
        lacking = [name for name in _CLIENTS if importlib.util.find_spec(name) is None]
        packages = f"; {' and '.join(lacking)} not installed for that: pip install 'xbatch[fetch]'" if lacking else ""
        yield f"{what} from the archives{packages}"


def _not_there(context: RawContext, one: RawObservation) -> Problem | None:
    """Say why an observation that is not there cannot be had; None if it can be fetched."""
    if one.root.name == one.obsid:
        message = f"no folder {one.folder}: data.root is {one.root}, the observation's own folder"
        return _problem(context, message, f"write data.root: {one.root.parent}, which holds {one.obsid}/")
    if one.fetch != "never":
        return None
    message = f"no files of observation {one.obsid} in {one.folder}, and with 'fetch: never' they are not fetched"
    hint = f"set data.root to the folder that holds {one.obsid}/, or say 'fetch: missing'"
    packed = next(folder_remarks(one, ()), "")
    return _problem(context, message, packed or hint)


def _problem(context: RawContext, message: str, hint: str) -> Problem:
    return Problem(context.analysis.place("data.root"), "XB401", message, hint, "data.root")


def observation_inputs(one: RawObservation) -> dict[str, Input]:
    """Give the list of an observation's files as an input, under the role ``observation``."""
    return {"observation": StepInput(observation_name(one.obsid), OBSERVATION)}


def observation_places(one: RawObservation) -> dict[str, str]:
    """Give the observation's folder as a place, under the name ``raw``."""
    return {"raw": str(one.folder.absolute())}
