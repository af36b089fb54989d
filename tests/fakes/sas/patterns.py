"""epatplot: how the patterns of events compare with those expected, for pile-up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.fakes.sas.fitsfile import Hdu, find, read, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.subspace import regions_of
from tests.fakes.sas.task import Task

__all__ = ["epatplot"]

_ARCSEC = 0.05


def epatplot(task: Task) -> None:
    """Write the ratios into the list, on the console, and in a plot."""
    values = task.values
    task.calibration()
    path = values.path("set")
    hdus = read(path)
    events = find(hdus, "EVENTS", path)
    task.same_observation(events.get("OBS_ID"))
    band = values.text("pileupnumberenergyrange").split()
    if len(band) != 2:
        raise SasError("BadParameterValue", f"`{' '.join(band)}' of `pileupnumberenergyrange' are not two energies")
    if values.on("withbackgroundset"):
        find(read(values.path("backgroundset")), "EVENTS", values.text("backgroundset"))
    low, high = (float(number) for number in band)
    rows = events.rows
    used = rows[(rows["PI"] >= low) & (rows["PI"] <= high)]
    if not task.since(22):
        Path("pgplot.ps").write_text("%!PS\n")
    if not len(used):
        task.warn("noEvents", f"no events between {low:g} and {high:g} eV: no ratios")
        return
    singles, doubles = _ratios(task, hdus, events, len(used))
    for key, value in zip(("SNGL_OTM", "ESGL_OTM", "DBLE_OTM", "EDBL_OTM"), (*singles, *doubles), strict=True):
        events.set(key, value, "observed to model")
    write(task.keep(path), hdus)
    task.say(f"{low / 1000:.1f}-{high / 1000:.1f} keV observed-to-model fractions:")
    task.say(f"s: {singles[0]:.3f} +/- {singles[1]:.3f}   d: {doubles[0]:.3f} +/- {doubles[1]:.3f}")
    if values.on("useplotfile"):
        _plot(task, values.path("plotfile"), values.text("device").upper())
    if values.on("withqdp"):
        task.keep(values.path("qdpfile")).write_text("read serr 2\n")


def _plot(task: Task, path: Path, device: str) -> None:
    """Write a plot; 22 writes PDF under a name of its own choice (as a script in Python, seen with SAS 22.1)."""
    if task.since(22):
        if path.suffix != ".pdf":
            task.warn("wrongFormat", "Only format supported now is pdf")
        task.keep(path.with_suffix(".pdf")).write_bytes(b"%PDF-1.4\n")
    else:
        task.keep(path).write_bytes(b"GIF89a" if "GIF" in device else b"%!PS\n")


def _ratios(
    task: Task, hdus: Sequence[Hdu], events: Hdu, count: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give singles and doubles, each with its error: what the installation's file says for the region, else about 1."""
    path = task.run.root / "pileup.json"
    truth = json.loads(path.read_text()) if path.exists() else {}
    obsid = str(events.get("OBS_ID")).strip()
    rows = truth.get(f"{obsid}:{str(events.get('INSTRUME')).strip()}", truth.get(obsid, []))
    radius = _inner(hdus, events)
    fitting = [row for row in sorted(rows) if row[0] <= radius + 1e-6]
    if fitting:
        _, single, single_error, double, double_error = fitting[-1]
        return (single, single_error), (double, double_error)
    error = float(1.0 / np.sqrt(count))
    return (1.0, error), (1.0, 1.5 * error)


def _inner(hdus: Sequence[Hdu], events: Hdu) -> float:
    """Give the inner radius of the region that a list was selected by, in arcsec."""
    inner = 0.0
    for _, components in regions_of(hdus, events):
        for shape, include in components[0]:
            if (shape.kind == "annulus" and include) or (shape.kind == "circle" and not include):
                inner = max(inner, shape.numbers[2])
    return inner * _ARCSEC
