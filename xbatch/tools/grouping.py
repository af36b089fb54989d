"""Task `group` by HEASoft: ftgrouppha and grppha, with the files and facts of the native task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.commands.ftools import group_lines
from xbatch.commands.grouping import GROUPED, group_files, grouping_calls, grouping_staged
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks._group_types import TYPES
from xbatch.tasks._group_work import Work, subtracts
from xbatch.tools.execute import Session
from xbatch.tools.groupings import check_counts, grouped_by
from xbatch.xray.fold import find_groups
from xbatch.xray.grouping import LEFTOVER, Flags

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Group one spectrum by one binning.

    Inputs, parameters and outputs are those of `xbatch.tasks.group.run`. Groups of type nutools are found natively,
    and made by grppha from files as the pipelines of nutools do.

    Raises
    ------
    StepError
        A tool failed, or the binning cannot be made of this spectrum.
    FileError
        An input cannot be read.
    """
    return grouped_by(job, _flags)


def _flags(job: Job, work: Work) -> tuple[Flags, Mapping[str, Any]]:
    """Give GROUPING and QUALITY as the tools set them."""
    native = TYPES["nutools"](work) if work.binning["type"] == "nutools" else None
    plain = read_pha(job.inputs["spectrum"])
    with Session(job) as session:
        session.stage(grouping_staged(job.inputs))
        files: dict[str, str] = {}
        leftover: list[list[int]] = []
        if native is not None:
            files = group_files(group_lines(_groups(work.spectrum, native)))
            leftover = _leftover(work.spectrum, native)
        session.write(files)
        for call in grouping_calls(
            work.binning,
            background=_uses_background(work),
            channels=_channels(work),
            files=list(files),
            leftover=leftover,
        ):
            session.call(call)
        made = read_pha(session.folder / GROUPED)
        facts = session.facts()
    check_counts(made, plain, work.name)
    if native is None:
        return (made.grouping, made.quality), facts
    good = native[1] == 0
    if not np.array_equal(made.grouping[good], native[0][good]):
        raise StepError("grppha has made other groups than its file says", work.name, "group natively")
    return native, facts


def _uses_background(work: Work) -> bool:
    if work.background is None:
        return False
    return work.binning["type"] == "bmin" or ("snr" in work.binning and subtracts(work))


def _channels(work: Work) -> tuple[int, int] | None:
    """Give the first and last channel of the binning's range."""
    if work.inside is None:
        return None
    inside = work.spectrum.channel[work.inside]
    return int(inside[0]), int(inside[-1])


def _groups(spectrum: Spectrum, flags: Flags) -> list[tuple[int, int]]:
    """List the first and last channel of each group, single channels too."""
    first = np.flatnonzero(flags[0] != -1)
    last = np.append(first[1:], flags[0].size) - 1
    return list(zip(spectrum.channel[first].tolist(), spectrum.channel[last].tolist(), strict=True))


def _leftover(spectrum: Spectrum, flags: Flags) -> list[list[int]]:
    """List ranges of channels that reach no minimum."""
    left = (flags[1] == LEFTOVER) & (spectrum.quality == 0)
    groups = find_groups(np.where(np.append(False, left[:-1]) & left, -1, 1).astype(np.int16), np.where(left, 0, 1))
    return [
        [int(spectrum.channel[first]), int(spectrum.channel[last])]
        for first, last in zip(groups.first, groups.last, strict=True)
    ]
