"""specgroup: channels put together in groups, and the names of the files that belong to a spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.fitsfile import find, read, table, write
from tests.fakes.sas.parameters import SasError, Values
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card

__all__ = ["specgroup"]

#: Channels of 5 eV whose calibration is known.
_KNOWN = {"EPN": (30, 3010), "EMOS1": (24, 2000), "EMOS2": (24, 2000)}


def specgroup(task: Task) -> None:
    """Group a spectrum by counts, signal to noise and resolution."""
    values = task.values
    path = values.path("spectrumset")
    hdus = read(path)
    spectrum = find(hdus, "SPECTRUM", path)
    rows = spectrum.rows
    counts = rows["COUNTS"].astype(np.float64)
    behind, ratio = np.zeros(counts.size), 0.0
    if values.on("withbgdset"):
        other = find(read(values.path("backgndset")), "SPECTRUM", values.text("backgndset"))
        for name, hdu in ((values.text("spectrumset"), spectrum), (values.text("backgndset"), other)):
            if hdu.get("BACKSCAL") is None:
                raise SasError("noBackscal", f"`{name}' has no BACKSCAL: run backscale first")
        behind = other.rows["COUNTS"].astype(np.float64)
        ratio = float(spectrum.get("BACKSCAL")) / float(other.get("BACKSCAL"))
        ratio *= float(spectrum.get("EXPOSURE")) / float(other.get("EXPOSURE"))
    if values.on("withoversampling"):
        task.calibration()
        if not values.on("withrmfset"):
            raise SasError("noRmf", "oversample needs the energies of rmfset")
    if values.on("withrmfset"):
        find(read(values.path("rmfset")), "EBOUNDS", values.text("rmfset"))
    if {"mincounts", "minSN"} <= values.given:
        raise SasError("MoreThanOneStatMethod", "only one of mincounts and minSN may be given")
    quality = np.zeros(counts.size, np.int16)
    if values.text("setbad") == "CCF":
        first, last = _KNOWN.get(str(spectrum.get("INSTRUME")), (0, counts.size))
        quality[:first] = quality[last:] = 1
    elif values.text("setbad") != "no":
        for item in values.text("setbad").split(","):
            first, last = (int(number) for number in item.split(":"))
            quality[(rows["CHANNEL"] >= first) & (rows["CHANNEL"] <= last)] = 1
    grouping = np.ones(counts.size, np.int16)
    for good in _runs(np.flatnonzero(quality == 0)):
        for start, stop in _groups(values, counts, behind, ratio, good):
            grouping[start + 1 : stop] = -1
    columns = [
        ("CHANNEL", "", rows["CHANNEL"].astype(np.int16)),
        ("COUNTS", "count", rows["COUNTS"].astype(np.int32)),
        ("GROUPING", "", grouping),
        ("QUALITY", "", quality),
    ]
    made = table("SPECTRUM", columns)
    skipped = {"GROUPING", "QUALITY", *made.header}
    made.add([Card(key, value) for key, value in spectrum.header.items() if key not in skipped and value is not None])
    if values.on("addfilenames"):
        for key, name, flag in (("BACKFILE", "backgndset", "withbgdset"), ("RESPFILE", "rmfset", "withrmfset")):
            made.set(key, _link(task, values.text(name)) if values.on(flag) else "none")
        made.set("ANCRFILE", _link(task, values.text("arfset")) if values.on("witharfset") else "none")
    out = path if values.on("overwrite") else values.path("groupedset")
    write(task.keep(out), [made if hdu is spectrum else hdu for hdu in hdus])


def _runs(good: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Give channels that follow one another: no group goes over a bad one."""
    return [run for run in np.split(good, np.flatnonzero(np.diff(good) > 1) + 1) if run.size]


def _link(task: Task, name: str) -> str:
    """Give the name as a keyword holds it: it has room for 68 characters."""
    if len(name) > 68:
        task.warn("nameTooLong", f"`{name}' is longer than 68 characters: cut")
    return name[:68]


def _groups(
    values: Values,
    counts: NDArray[np.float64],
    behind: NDArray[np.float64],
    ratio: float,
    good: Sequence[int] | NDArray[np.int64],
) -> list[tuple[int, int]]:
    """Give first channels of groups and those after their last ones."""
    groups: list[tuple[int, int]] = []
    if not len(good):
        return groups
    start, end = int(good[0]), int(good[-1]) + 1
    total = back = 0.0
    for channel in range(start, end):
        total, back = total + counts[channel], back + behind[channel]
        width = channel + 1 - start
        noise = float(np.sqrt(total + ratio**2 * back))
        enough = not values.on("withCounts") or total >= values.integer("mincounts")
        enough &= not values.on("withminSN") or (noise > 0 and (total - ratio * back) / noise >= values.real("minSN"))
        if values.on("withoversampling"):
            energy = 0.005 * (start + channel + 1) / 2
            enough &= width * 0.005 >= np.sqrt(0.00215 + 0.00291 * energy) / values.real("oversample")
        if enough:
            groups.append((start, channel + 1))
            start, total, back = channel + 1, 0.0, 0.0
    if start < end and values.text("lastbin") == "addtogroup" and groups:
        groups[-1] = (groups[-1][0], end)
    elif start < end:
        groups.append((start, end))
    return groups
