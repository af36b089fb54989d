"""Task `combine` by HEASoft: addspec adds spectra, backgrounds and responses, in a folder that has short names only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xbatch.base.errors import StepError
from xbatch.base.fitsheader import first_with
from xbatch.commands.sums import SUM, sum_work
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import read_response
from xbatch.registry import Job, Outcome
from xbatch.tasks.combine import Added, Member, combined, measured, subtracts
from xbatch.tasks.combine import run as natively
from xbatch.tools.execute import Session
from xbatch.xray.spectra_sum import Measured, background_ratio, subtract_backgrounds

__all__ = ["run"]

#: What addspec multiplies the exposures of backgrounds by, and their counts (``bexpscale``, its default).
_SCALE = 1000.0
#: The largest whole number of 4 bytes.
_MOST = 2**31 - 1
#: Single precision, through a sum and a product; times are cut to whole seconds too.
_ROUNDING = 1e-5


def run(job: Job) -> Outcome:
    """Add spectra.

    Inputs, parameters and outputs are those of `xbatch.tasks.combine.run`. addspec scales each background to its
    spectrum, so that the sum of backgrounds is no whole counts; a background that is to be subtracted is subtracted
    from the sum here. One spectrum alone is taken as it is.

    Raises
    ------
    StepError
        addspec failed or has written another exposure than that of the members, nothing is left to be added, or members
        do not go together.
    FileError
        An input cannot be read.
    """
    if sum(f"spectrum/{number}" in job.inputs for number in range(len(job.params["members"]))) < 2:
        outcome = natively(job)
        return Outcome(outcome.facts, (*outcome.notes, "addspec was not called: there is nothing to add"))
    return combined(job, _by_addspec)


def _by_addspec(job: Job, members: Sequence[Member], paired: bool, answered: bool, notes: list[str]) -> Added:
    if answered and job.params["response"] != "exposure-weighted":
        raise StepError(
            "addspec weights responses by exposure alone",
            cure="Write response: exposure-weighted, or engine: {combine: native}",
        )
    work = sum_work([member.number for member in members], paired, answered)
    with Session(job) as session:
        session.do(work)
        exposures = [member.spectrum.exposure for member in members]
        _check_exposure(session.folder / f"{SUM}.pha", "the sum", sum(exposures))
        if paired:
            below_exposures = [member.background.exposure for member in members if member.background is not None]
            _check_exposure(session.folder / f"{SUM}.bak", "the background of the sum", sum(below_exposures), _SCALE)
        total = measured(read_pha(session.folder / f"{SUM}.pha"), "the sum")
        below = measured(read_pha(session.folder / f"{SUM}.bak"), "the background of the sum") if paired else None
        response = read_response(session.folder / f"{SUM}.rsp", None) if answered else None
        facts = session.facts()
    if below is not None and subtracts(job):
        notes.append("the background is subtracted from the sum: the errors are Gaussian (POISSERR F)")
        return Added(subtract_backgrounds([total], [_with_errors(total, below, members)]), None, response, facts)
    if below is not None:
        notes.append(
            "addspec scales each background to its spectrum and by bexpscale before it adds them: the sum's counts are "
            "more than were counted, and are not Poisson's"
        )
    return Added(total, below, response, facts)


def _check_exposure(path: Path, what: str, members: float, scale: float = 1.0) -> None:
    """Hold the EXPOSURE of a sum to that of its members.

    addspec adds the exposures of backgrounds in single precision, multiplies them by ``bexpscale`` and gives mathpha
    the whole number, of 4 bytes: with more than 2.1 Ms it is another one (`addspec.f`, DO_ADDSPEC 1.2.1; what Fortran's
    INT gives then depends on the machine).
    """
    wanted = scale * members
    header = first_with(path, lambda header: "EXPOSURE" in header)
    found = None if header is None else header["EXPOSURE"]
    if isinstance(found, int | float) and abs(found - wanted) <= _ROUNDING * wanted + 1.0:
        return
    times = f", times {scale:g} (bexpscale)" if scale != 1.0 else ""
    most = f"; it writes no more than {_MOST} s, which are {_MOST / scale:.3g} s of its members"
    raise StepError(
        f"addspec has written EXPOSURE {_seconds(found)} for {what}, which should be {_seconds(wanted)}: that of its "
        f"members{times}{most if wanted > _MOST else ''}",
        cure="Write engine: {combine: native}, which adds the same spectra without this limit",
    )


def _seconds(value: object) -> str:
    return f"{value:.9g} s" if isinstance(value, int | float) else "none"


def _with_errors(total: Measured, below: Measured, members: Sequence[Member]) -> Measured:
    """Give addspec's background the errors of those that were added, each scaled.

    It has none of its own, and the roots of its counts are none: each background is multiplied by the ratio of its
    areas and by ``bexpscale`` (1000; so the source and parameter file of HEASoft 6.20).
    """
    variance = np.zeros(below.counts.shape)
    for member in members:
        if member.background is not None:
            source, back = measured(member.spectrum, member.label), measured(member.background, member.label)
            variance = variance + background_ratio(source, back) ** 2 * back.variance
    return replace(below, error=np.sqrt(variance) / background_ratio(total, below))
