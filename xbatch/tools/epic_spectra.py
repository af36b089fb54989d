"""The task ``epicspectrum``: what its commands say, with a look at each spectrum before responses are made for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.base.errors import StepError
from xbatch.commands.call import TOKEN, Call, Work
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.registry import Job, Outcome
from xbatch.tools.execute import Session

__all__ = ["run"]

_REGION = re.compile(r"selection:(.+)\.expression")
_CURE = (
    "See where it lies with xbatch preview, and move it or change the screening; or leave {} of this observation out "
    "by the 'where' of the spectrum"
)


def run(job: Job) -> Outcome:
    """Make a spectrum, its background and its responses.

    Parameters: ``obsid``, ``instrument``, ``work``. Where a region has no events `evselect` only warns, and leaves a
    spectrum without exposure that no later task can use: here the step ends with it, before responses are made.

    Raises
    ------
    StepError
        A task of SAS failed, or a region has no events.
    FileError
        A spectrum cannot be read.
    """
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        session.write(work.written)
        for call in work.calls:
            session.call(call)
            made = dict(call.args).get("spectrumset") if call.tool == "evselect" else None
            if made is not None and _is_empty(session.folder / made):
                raise _empty(job.params, call)
        session.keep(work.kept, optional=work.kept)
        return Outcome(session.facts(), tuple(job.params.get("notes", ())))


def _is_empty(path: Path) -> bool:
    """Say whether a spectrum has neither counts nor an exposure."""
    _, hdus = read_fits(path, lambda hdu: hdu.name == "SPECTRUM")
    for hdu in hdus:
        if isinstance(hdu, Table) and not float(str(hdu.header.get("EXPOSURE") or 0.0)) > 0.0:
            return not hdu.floats("COUNTS").any()
    return False


def _empty(params: Mapping[str, Any], call: Call) -> StepError:
    camera = str(params["instrument"])
    condition = dict(call.args).get("expression", "")
    names = [found[1] for token in TOKEN.findall(condition) if (found := _REGION.fullmatch(token))]
    region = f"region {names[0]!r}" if names else "the region"
    return StepError(
        f"{params['obsid']} {camera}: {region} has no events after the screening, so that "
        f"{dict(call.args)['spectrumset']} has neither counts nor an exposure, and no response can be made for it",
        cure=_CURE.format(camera),
    )
