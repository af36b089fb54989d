"""The call of SAS's `specgroup`, which groups the channels of a spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.commands.call import SAS, Call

__all__ = ["AREA", "BACKGROUND", "GROUPED", "RESPONSE", "SPECTRUM", "specgroup"]

SPECTRUM, BACKGROUND, RESPONSE, AREA, GROUPED = "src.pha", "bgd.pha", "src.rmf", "src.arf", "grouped.pha"
"""Names in the working folder."""


def specgroup(
    binning: Mapping[str, Any], *, background: bool, response: bool, bad: Sequence[tuple[int, int]] = ()
) -> Call:
    """Group `SPECTRUM` to `GROUPED`.

    Parameters
    ----------
    binning : Mapping
        ``counts``, ``snr`` and ``oversample``, those that are asked for.
    background : bool
        Whether `BACKGROUND` is subtracted for the ratio of signal to noise.
    response : bool
        Whether the matrix is there, for the energies of channels; the area's file is named and not read.
    bad : sequence of (int, int)
        First and last of ranges of channels that are left out, in the place of those that the calibration says.
    """
    files = [("rmfset", RESPONSE)] if response else []
    files += [("backgndset", BACKGROUND)] if background else []
    files += [("arfset", AREA)] if response else []
    minima = {"counts": "mincounts", "snr": "minSN", "oversample": "oversample"}
    asked = [(name, f"{float(binning[key]):.10g}") for key, name in minima.items() if key in binning]
    left_out = [("setbad", ",".join(f"{first}:{last}" for first, last in bad))] if bad else []
    args = (("spectrumset", SPECTRUM), *files, ("groupedset", GROUPED), *asked, *left_out)
    return Call(SAS, "specgroup", args, (GROUPED,))
