"""The call of SAS's `specgroup`, which groups the channels of a spectrum."""

from __future__ import annotations

import math
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
    least = {key: float(binning[key]) for key in minima if key in binning}
    if "counts" in least:
        # mincounts is an integer, as counts are (specgroup 1.7.1, *Parameters*)
        least["counts"] = math.ceil(least["counts"])
    asked = [(minima[key], f"{value:.10g}") for key, value in least.items()]
    left_out = [("setbad", ",".join(f"{first}:{last}" for first, last in bad))] if bad else []
    args = (("spectrumset", SPECTRUM), *files, ("groupedset", GROUPED), *asked, *left_out)
    return Call(SAS, "specgroup", args, (GROUPED,))
