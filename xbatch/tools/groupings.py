"""What all tools that group have in common: the native task's files and facts, with what is to be recorded of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_output import grouped
from xbatch.tasks._group_work import Work
from xbatch.xray.grouping import Flags

__all__ = ["check_counts", "grouped_by"]

ByTool = Callable[[Job, Work], tuple[Flags, Mapping[str, Any]]]
"""Gives GROUPING and QUALITY as a tool sets them, and what is to be recorded of its calls."""


def grouped_by(job: Job, tool: ByTool) -> Outcome:
    """Group one spectrum by one binning, with inputs, parameters and outputs of `xbatch.tasks.group.run`."""
    told: dict[str, Any] = {}

    def flags(work: Work) -> Flags:
        made, facts = tool(job, work)
        told.update(facts)
        return made

    outcome = grouped(job, flags)
    return Outcome({**outcome.facts, **told}, outcome.notes)


def check_counts(made: Spectrum, plain: Spectrum, name: str) -> None:
    """See that a tool has grouped the spectrum it was given.

    Raises
    ------
    StepError
        Channels or counts differ.
    """
    if not np.array_equal(made.channel, plain.channel) or not np.array_equal(made.counts, plain.counts):
        raise StepError("the grouped spectrum has other counts than the spectrum that was grouped", name)
