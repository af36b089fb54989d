"""The fake nuexpomap: the live time wherever events lie."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import existing
from tests.fakes.headas.parameters import Parameters
from tests.fakes.headas.pipeline import calibration, own_folder

__all__ = ["TOOLS", "write_map"]


def write_map(target: Path, events: Path, size: int, vignetting: float = 1.0) -> None:
    """Write an exposure map: the exposure on the rectangle of the list's events, 0 elsewhere.

    Parameters
    ----------
    target, events : Path
    size : int
        Pixels of a side.
    vignetting : float
        What it is multiplied by.
    """
    import numpy as np

    from tests.fakes.headas.fitsbytes import part_named, read_parts, write_parts
    from xbatch.ogip.events import open_events
    from xbatch.ogip.imagefile import grid_of, identity_cards, write_image
    from xbatch.xray.histograms import binned_axis

    table = part_named(read_parts(events), "EVENTS")
    with tempfile.TemporaryDirectory() as scratch:
        header = open_events(events, Path(scratch)).header
    axis = binned_axis(1, size, 1)
    values = np.zeros((size, size), np.float32)
    if int(table.number("NAXIS2")):
        x, y = table.column("X"), table.column("Y")
        x, y = x[x > 0], y[y > 0]
        values[int(y.min()) - 1 : int(y.max()), int(x.min()) - 1 : int(x.max())] = table.number("EXPOSURE") * vignetting
    write_image(target, values, grid_of(header.wcs, axis, axis), identity_cards(header.cards))
    parts = read_parts(target)
    for number in (1, 2):
        parts[0].put(f"CRPIX{number}P", 1.0)
        parts[0].put(f"CRVAL{number}P", 1.0)
    for card in ("ONTIME", "LIVETIME", "DEADC"):
        parts[0].put(card, table.number(card, 1.0))
    parts[0].put("VIGNAPP", vignetting != 1.0)
    write_parts(target, parts)


def _nuexpomap(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "mastaspectfile", "attfile", "det1reffile", "expomapfile")
    calibration()
    for name in ("mastaspectfile", "attfile", "det1reffile"):
        existing(Path(parameters[name]))
    target = Path(parameters["expomapfile"])
    if target.exists() and not parameters.yes("clobber"):
        raise ToolError(f"file {target} already exists, use clobber=yes to overwrite it")
    with own_folder("nuexpomap"):
        vignetting = 0.9 if parameters.yes("vignflag") else 1.0
        write_map(run.keep(target), existing(Path(parameters["infile"])), int(parameters["skysize"]), vignetting)
    run.leave("nuexpomap_1.2.4: Exit with success")


TOOLS = {"nuexpomap": _nuexpomap}
