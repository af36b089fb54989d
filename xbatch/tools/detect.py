"""Task `detect`: sources in images of EPIC, as SAS's list, as a table, as regions and as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import write_atomically
from xbatch.commands.call import Work
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.ogip.imagefile import ImageGrid, SkyImage, read_image
from xbatch.ogip.tables import Column, Value, write_tables
from xbatch.registry import Job, Outcome
from xbatch.tasks.skyfigure import DrawnRegion, draw_regions, save_picture
from xbatch.tools.execute import Session
from xbatch.xray.histograms import Axis
from xbatch.xray.regions import Circle

__all__ = ["read_sources", "run"]

_LIST, _PICTURE = "sources.fits", "picture"
#: Radius of the circles that sources are marked by, degrees.
_RADIUS = 0.007
_NUMBERS = {"EPN": 1, "EMOS1": 2, "EMOS2": 3}
_ALL = 0
#: A column of the table, and the column of emldetect's list that it is; those that a list lacks are empty.
_COLUMNS: Mapping[str, tuple[str, Column]] = {
    "source": ("ML_ID_SRC", Column("source", "int64", "", "Number in the list of SAS")),
    "ra": ("RA", Column("ra", "float64", "deg", "Right ascension", digits=8)),
    "dec": ("DEC", Column("dec", "float64", "deg", "Declination", digits=8)),
    "position_error": ("RADEC_ERR", Column("position_error", "float64", "arcsec", "1 sigma, statistical", digits=3)),
    "likelihood": ("DET_ML", Column("likelihood", "float64", "", "Of the detection", digits=5)),
    "counts": ("SCTS", Column("counts", "float64", "ct", "Of the source, background subtracted", digits=5)),
    "counts_error": ("SCTS_ERR", Column("counts_error", "float64", "ct", "1 sigma", digits=3)),
    "rate": ("RATE", Column("rate", "float64", "ct / s", "Of all cameras and bands", digits=4)),
    "rate_error": ("RATE_ERR", Column("rate_error", "float64", "ct / s", "1 sigma", digits=3)),
    "flux": ("FLUX", Column("flux", "float64", "erg / (cm2 s)", "By the conversion factors", digits=4)),
    "flux_error": ("FLUX_ERR", Column("flux_error", "float64", "erg / (cm2 s)", "1 sigma", digits=3)),
    "extent": ("EXT", Column("extent", "float64", "", "Core radius, pixels of the images; 0 for a point", digits=3)),
    "extent_likelihood": ("EXT_ML", Column("extent_likelihood", "float64", "", "Of the extent", digits=4)),
}


def run(job: Job) -> Outcome:
    """Look for sources.

    Inputs: what the work stages; ``picture``, the image that the sources are drawn on, if it came. Parameters:
    ``obsid``, ``instrument`` (EPIC for several), ``name``, ``instruments`` and ``work``. Outputs: ``sources.fits`` (of
    emldetect), ``sources.ecsv``, ``.csv`` and ``.tex`` (one row for each source; the rate in each camera too where
    there are several), ``sources.reg`` (circles for DS9), ``sources.png``, and the maps of each image that the work
    keeps. Of these the call expects those that were asked for; that another is not there is said by a note.

    SAS's own srcdisplay would write the regions too, but opens DS9, and needs a display.

    Raises
    ------
    StepError
        The chain fails, or leaves no list.
    FileError
        The list is not one of emldetect.
    """
    work = Work.of(job.params["work"])
    with Session(job, work.environment) as session:
        session.do(work)
        session.keep(work.kept, optional=[name for name in work.kept if name != _LIST])
        facts = session.facts()
    instruments = [str(name) for name in job.params["instruments"]]
    rows = read_sources(job.out / _LIST, instruments)
    columns = [column for _, column in _COLUMNS.values()]
    if len(instruments) > 1:
        columns += [Column(f"rate_{name}", "float64", "ct / s", f"With {name} alone", digits=4) for name in instruments]
    about = {"obsid": job.params["obsid"], "name": job.params["name"], "instruments": instruments}
    write_tables(job.out, "sources", columns, rows, about)
    placed = [row for row in rows if row["ra"] is not None and row["dec"] is not None]
    write_atomically(job.out / "sources.reg", _regions(placed))
    if _PICTURE in job.inputs:
        _draw(job, placed, job.inputs[_PICTURE])
    brightest = rows[0]["likelihood"] if rows else None  # None too where no fit gave one
    notes = [] if rows else ["no source reaches the likelihood asked for"]
    lost = [str(row["source"]) for row in rows if row not in placed]
    notes += [f"emldetect gives no position of source {', '.join(lost)}: not drawn, nor in sources.reg"] if lost else []
    absent = [name for name in work.kept if not (job.out / name).exists()]
    notes += [f"edetect_chain has made no {', '.join(absent)}"] if absent else []
    return Outcome({"sources": len(rows), "brightest_likelihood": brightest, **facts}, tuple(notes))


def read_sources(path: Path, instruments: Sequence[str]) -> list[dict[str, Value]]:
    """Read a list of emldetect: one row for each source, of all cameras and bands together, the likeliest first.

    Those whose fit gave no likelihood come last.

    Parameters
    ----------
    path : Path
    instruments : sequence of str
        The cameras; where there are several, the rates in each are given too.

    Raises
    ------
    FileError
        It is not such a list.
    """
    _, hdus = read_fits(path, lambda hdu: hdu.name == "SRCLIST")
    table = next((hdu for hdu in hdus if isinstance(hdu, Table)), None)
    needed = ("ML_ID_SRC", "ID_INST", "ID_BAND", "RA", "DEC", "DET_ML", "RATE")
    if table is None or not all(table.has(name) for name in needed):
        raise FileError(str(path), "is no list of sources of emldetect (SRCLIST)", "Look at the log of the step")
    camera, band, source = (np.asarray(table.column(name)) for name in ("ID_INST", "ID_BAND", "ML_ID_SRC"))
    # with one camera the sum over bands may stand under the camera's own number alone
    whole = (band == 0) & (camera == _ALL)
    if not whole.any():
        whole = (band == 0) & (camera == _NUMBERS[instruments[0]])
    values = {name: np.asarray(table.column(name)) for name, _ in _COLUMNS.values() if table.has(name)}
    rates = {name: (band == 0) & (camera == _NUMBERS[name]) for name in instruments}
    rows: list[dict[str, Value]] = []
    for at in np.flatnonzero(whole):
        row = {key: _value(values[name][at]) if name in values else None for key, (name, _) in _COLUMNS.items()}
        if len(instruments) > 1:
            own = {name: np.flatnonzero(mask & (source == source[at])) for name, mask in rates.items()}
            row |= {f"rate_{name}": _value(values["RATE"][found[0]]) for name, found in own.items() if found.size}
        rows.append(row)
    return sorted(rows, key=_unlikelihood)


def _unlikelihood(row: Mapping[str, Value]) -> float:
    found = row["likelihood"]
    return -float(found) if isinstance(found, (int, float)) else math.inf


def _value(cell: Any) -> Value:
    if isinstance(cell, np.integer):
        return int(cell)
    return float(cell) if math.isfinite(cell) else None


def _regions(rows: Sequence[Mapping[str, Value]]) -> str:
    """Write the sources as regions for DS9, numbered as in the list."""
    lines = ["# Region file format: DS9 version 4.1", "global color=green", "fk5"]
    size = f'{_RADIUS * 3600:.1f}"'
    lines += [f"circle({row['ra']:.6f},{row['dec']:.6f},{size}) # text={{{row['source']}}}" for row in rows]
    return "\n".join([*lines, ""])


def _draw(job: Job, rows: Sequence[Mapping[str, Value]], path: Path) -> None:
    """Draw the sources on an image."""
    image = read_image(path)
    radius = _RADIUS / math.sqrt(abs(float(image.header["CDELT1"]) * float(image.header["CDELT2"])))
    drawn = []
    for row in rows:
        x, y = image.plane.from_sky(float(str(row["ra"])), float(str(row["dec"])), "fk5")
        drawn.append(DrawnRegion(str(row["source"]), "source", (Circle(x, y, radius),)))
    title = " ".join(
        [str(image.header.get("OBJECT", "")), str(job.params["obsid"]), *job.params["instruments"]]
    ).strip()
    about = f"{len(rows)} source{'' if len(rows) == 1 else 's'}"
    save_picture(draw_regions(_grid(image), _counts(image), drawn, title, about, 1), job.out / "sources.png")


def _counts(image: SkyImage) -> NDArray[np.float64]:
    return np.nan_to_num(image.data)


def _grid(image: SkyImage) -> ImageGrid:
    """Give the pixels of an image that was read, and where they lie on the sky."""
    rows, columns = image.data.shape
    head = image.header
    pairs = {key: (float(head[f"{key}1"]), float(head[f"{key}2"])) for key in ("CRPIX", "CRVAL", "CDELT")}
    wcs = SkyWcs(
        pairs["CRPIX"],
        pairs["CRVAL"],
        pairs["CDELT"],
        (str(head["CTYPE1"]), str(head["CTYPE2"])),
        float(head.get("CROTA2", 0.0)),
        str(head.get("RADECSYS", head.get("RADESYS", "FK5"))),
        float(head.get("EQUINOX", 2000.0)),
        ((1, columns), (1, rows)),
    )
    return ImageGrid(Axis(1.0, 0.0, columns), Axis(1.0, 0.0, rows), wcs=wcs)
