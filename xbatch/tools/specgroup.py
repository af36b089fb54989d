"""Task `group` by SAS: specgroup, with the files and facts of the native task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.commands.call import Work as Calls
from xbatch.commands.specgroup import BACKGROUND, GROUPED, SPECTRUM, specgroup
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_output import grouped
from xbatch.tasks._group_work import Work, subtracts
from xbatch.tools.execute import Session
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
    tool = _Tool(job)
    outcome = grouped(job, tool.group)
    return Outcome({**outcome.facts, **tool.facts}, outcome.notes)


@dataclass
class _Tool:
    """Groups by a call, and keeps what is to be recorded of it."""

    job: Job
    facts: dict[str, Any] = field(default_factory=dict)

    def group(self, work: Work) -> Flags:
        """Give GROUPING and QUALITY as specgroup sets them."""
        planned = Calls.of(self.job.params["work"])
        excluded = work.spectrum.quality != 0
        if work.inside is not None:
            excluded = excluded | ~work.inside
        none = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"}
        background = work.background if "snr" in work.binning and subtracts(work) else None
        with Session(self.job, planned.environment) as session:
            session.stage({name: one for name, one in planned.staged.items() if name not in {SPECTRUM, BACKGROUND}})
            plain = read_pha(self.job.inputs["spectrum"])
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
            self.facts = session.facts()
        if not np.array_equal(made.channel, plain.channel) or not np.array_equal(made.counts, plain.counts):
            raise StepError("the grouped spectrum has other counts than the spectrum that was grouped", work.name)
        flags = np.where(excluded, 1, made.grouping).astype(np.int16)
        return flags, np.where(excluded, work.spectrum.quality, made.quality).astype(np.int16)


def _ranges(channel: NDArray[np.int64], chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the first and last of the ranges of channels that are chosen."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return [(int(channel[first]), int(channel[beyond - 1])) for first, beyond in edges.reshape(-1, 2)]
