"""Task `group` by SAS: specgroup, with the files and facts of the native task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.commands.call import Work as Calls
from xbatch.commands.specgroup import BACKGROUND, GROUPED, SPECTRUM, specgroup
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_work import Work, subtracts
from xbatch.tools.execute import Session
from xbatch.tools.groupings import check_counts, grouped_by
from xbatch.xray.grouping import Flags

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Group one spectrum by minima of counts, of signal to noise and of width.

    Inputs, parameters and outputs are those of `xbatch.tasks.group.run`, with the index of the calibration (``cif``),
    which the resolution of the instrument is taken from, and the channels to be left out unless the spectrum, or the
    binning, says which.

    Raises
    ------
    StepError
        specgroup failed, or the binning cannot be made of this spectrum.
    FileError
        An input cannot be read.
    """
    return grouped_by(job, _flags)


def _flags(job: Job, work: Work) -> tuple[Flags, Mapping[str, Any]]:
    """Give GROUPING and QUALITY as specgroup sets them."""
    planned = Calls.of(job.params["work"])
    excluded = work.spectrum.quality != 0
    if work.inside is not None:
        excluded = excluded | ~work.inside
    none = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"}
    background = work.background if "snr" in work.binning and subtracts(work) else None
    with Session(job, planned.environment) as session:
        session.stage({name: one for name, one in planned.staged.items() if name not in {SPECTRUM, BACKGROUND}})
        plain = read_pha(job.inputs["spectrum"])
        write_pha(session.folder / SPECTRUM, plain, none)
        if background is not None:
            write_pha(session.folder / BACKGROUND, background, none)
        call = specgroup(
            work.binning,
            background=background is not None,
            response=work.response is not None,
            bad=_ranges(work.spectrum.channel, excluded),
        )
        session.call(call)
        made = read_pha(session.folder / GROUPED)
        facts = session.facts()
    check_counts(made, plain, work.name)
    flags = np.where(excluded, 1, made.grouping).astype(np.int16)
    quality = np.where(excluded, work.spectrum.quality, made.quality).astype(np.int16)
    return (flags, quality), facts


def _ranges(channel: NDArray[np.int64], chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the first and last of the ranges of channels that are chosen."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return [(int(channel[first]), int(channel[beyond - 1])) for first, beyond in edges.reshape(-1, 2)]
