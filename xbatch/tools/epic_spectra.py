"""The task ``epicspectrum``: what its commands say, with a look at each spectrum before responses are made for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.base.errors import StepError
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import TOKEN, Work
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
    spectrum without exposure that no later task can use; where a region has no area on the CCDs `backscale` writes a
    BACKSCAL of 0, by which no background can be scaled. Here the step ends with it, before responses are made.

    Raises
    ------
    StepError
        A task of SAS failed, or a region has no events or no area.
    FileError
        A spectrum cannot be read.
    """
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.stage(work.staged)
        session.write(work.written)
        conditions: dict[str, str] = {}
        for call in work.calls:
            session.call(call)
            args = dict(call.args)
            made = args.get("spectrumset", "")
            if call.tool == "evselect" and made:
                conditions[made] = args.get("expression", "")
                if _is_empty(session.folder / made):
                    raise _useless(
                        job.params,
                        conditions[made],
                        f"no events after the screening, so that {made} has neither counts nor an exposure, and no "
                        "response can be made for it",
                    )
            if call.tool == "backscale" and _has_no_area(session.folder / made):
                raise _useless(
                    job.params,
                    conditions.get(made, ""),
                    f"no area on the CCDs in the field of view: backscale has given {made} a BACKSCAL of 0",
                )
        session.keep(work.kept, optional=work.kept)
        return Outcome(session.facts(), tuple(job.params.get("notes", ())))


def _is_empty(path: Path) -> bool:
    """Say whether a spectrum has neither counts nor an exposure."""
    _, hdus = read_fits(path, lambda hdu: hdu.name == "SPECTRUM")
    for hdu in hdus:
        if isinstance(hdu, Table) and not float(str(hdu.header.get("EXPOSURE") or 0.0)) > 0.0:
            return not hdu.floats("COUNTS").any()
    return False


def _has_no_area(path: Path) -> bool:
    """Say whether a spectrum's BACKSCAL is there and is 0."""
    return any(float(str(header["BACKSCAL"])) <= 0.0 for header in read_headers(path) if "BACKSCAL" in header)


def _useless(params: Mapping[str, Any], condition: str, why: str) -> StepError:
    camera = str(params["instrument"])
    names = [found[1] for token in TOKEN.findall(condition) if (found := _REGION.fullmatch(token))]
    region = f"region {names[0]!r}" if names else "the region"
    return StepError(f"{params['obsid']} {camera}: {region} has {why}", cure=_CURE.format(camera))
