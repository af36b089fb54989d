"""epiclccorr: light curves corrected for what the instrument did not see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.fakes.sas.fitsfile import Hdu, events_of, find, primary, read, table, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.spectra import area_of, enclosed_share
from tests.fakes.sas.subspace import gti_table, intervals
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import overlap

__all__ = ["epiclccorr"]

_SAME = ("TSTART", "TSTOP", "TIMEDEL")


def _curve(name: str) -> tuple[list[Hdu], Hdu]:
    hdus = read(Path(name.partition(":")[0]))
    return hdus, find(hdus, "RATE", name)


def epiclccorr(task: Task) -> None:
    """Subtract the background, and divide by the part of each bin that was seen."""
    values = task.values
    task.calibration()
    names = values.items("srctslist")
    if len(names) != 1:
        raise SasError("NotSupported", "only one source series is known here")
    hdus, source = _curve(names[0])
    task.same_observation(source.get("OBS_ID"))
    path = values.path("eventlist")
    listed = read(path)
    events = events_of(listed, path)
    rows = source.rows
    if "RATE" not in (rows.dtype.names or ()):
        raise SasError("noRate", f"`{names[0]}' has no column RATE: make it with makeratecolumn=yes")
    with task.alone("epiclccorr_spectrum.ds"):
        width = float(source.get("TIMEDEL"))
        main = _main(events)
        gti = intervals(listed, main)
        assert gti is not None
        edges = np.append(rows["TIME"] - 0.5 * width, rows["TIME"][-1] + 0.5 * width)
        live = float(events.get(f"LIVETI{main:02d}")) / max(float(events.get(f"ONTIME{main:02d}")), 1e-9)
        seen = overlap(edges, gti) / width * live
        rate, error = rows["RATE"].astype(float), rows["ERROR"].astype(float)
        behind = _background(task, names[0], source, hdus)
        if behind is not None:
            rate, error = rate - behind[0], np.sqrt(error**2 + behind[1] ** 2)
        factor = 1.0
        if values.on("applyabsolutecorrections"):
            factor = 1.0 / max(enclosed_share(task.run.root, hdus, source), 1e-3)
        scale = np.where(seen > 0, factor / np.where(seen > 0, seen, 1.0), np.nan)
        columns = [
            ("TIME", "s", rows["TIME"].astype(float)),
            ("RATE", "count/s", rate * scale),
            ("ERROR", "count/s", error * scale),
            ("FRACEXP", "", seen / live),
        ]
        if behind is not None:
            columns += [("BACKV", "count/s", behind[0] * scale), ("BACKE", "count/s", behind[1] * scale)]
        _write(task, source, columns, gti_table("SRC_GTIS", gti), behind is not None)


def _main(events: Hdu) -> int:
    """Give the CCD that the list calls the central one."""
    live = float(events.get("LIVETIME", 0.0))
    return min(range(1, 13), key=lambda ccd: abs(float(events.get(f"LIVETI{ccd:02d}", -1e9)) - live))


def _background(task: Task, name: str, source: Hdu, hdus: Sequence[Hdu]) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the background's rate and error in the source's region."""
    values = task.values
    if not values.on("withbkgset"):
        return None
    other_name = values.items("bkgtslist")[0]
    others, other = _curve(other_name)
    different = [key for key in _SAME if source.get(key) != other.get(key)]
    if different or len(other.rows) != len(source.rows):
        raise SasError("Binning", f"`{name}' and `{other_name}' differ in {', '.join(different) or 'length'}")
    areas = [area_of(task.run.root, *one) for one in ((hdus, source), (others, other))]
    if not all(areas):
        raise SasError("ZeroBackscale", "Source or Background backscale 0")
    ratio = areas[0] / areas[1]
    return other.rows["RATE"].astype(float) * ratio, other.rows["ERROR"].astype(float) * ratio


def _write(task: Task, source: Hdu, columns: list[tuple[str, str, np.ndarray]], gti: Hdu, net: bool) -> None:
    made = table("RATE", columns)
    made.add([Card(key, value) for key, value in source.header.items() if key not in made.header and value is not None])
    made.set("BACKAPP", net)
    made.set("DEADAPP", True)
    made.set("VIGNAPP", task.values.on("applyabsolutecorrections"))
    made.set("HDUCLAS2", "NET" if net else "TOTAL")
    write(task.keep(task.values.path("outset")), [primary([Card("CREATOR", task.creator)]), made, gti])
