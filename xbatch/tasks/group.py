"""Task `group`: flag bad channels, then group the others into bins; the counts stay as they are.

Order: `bad` channels get QUALITY 5, then channels are grouped inside `range`; channels outside stay single.
"""

from __future__ import annotations

from xbatch.registry import Job, Outcome
from xbatch.tasks._group_output import grouped
from xbatch.tasks._group_types import TYPES

__all__ = ["run"]


def run(job: Job) -> Outcome:
    """Group one spectrum by one binning.

    Inputs: ``spectrum``, and where the binning uses them ``background``, ``response`` and ``template``. Parameters:
    ``binning`` (its type and keys), ``obsid``, ``instrument``, ``spectrum``, ``name``, and ``min_exposure`` (s) where
    shorter spectra are not to be used: such a one is left as it is. Outputs: ``grouped.pha``, ``grouping.json``.

    Raises
    ------
    StepError
        The binning cannot be made of this spectrum; the message says what would help.
    FileError
        An input cannot be read.
    """
    return grouped(job, lambda work: TYPES[str(work.binning["type"])](work))
