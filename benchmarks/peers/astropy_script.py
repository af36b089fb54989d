"""What an astronomer would write with astropy and numpy for these products: ``astropy_script.py LIST OUT``.

Two spectra, an image, and 24 light curves with their background scaled and subtracted; GTIs and grades applied.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

CENTRE, RADIUS, INNER, OUTER = 500.5, 20.0, 60.0, 100.0
WIDTH, CHANNELS, PIXELS, BANDS = 100.0, 4096, 1000, 24
CARDS = ("TELESCOP", "INSTRUME", "OBS_ID", "OBJECT", "MJDREFI", "MJDREFF", "TIMESYS", "DATE-OBS")


def main(path: Path, out: Path) -> None:
    """Read the list, make the products, write them."""
    with fits.open(path) as hdus:
        header, events = hdus["EVENTS"].header, hdus["EVENTS"].data
        gti = np.column_stack([hdus["GTI"].data["START"], hdus["GTI"].data["STOP"]]).astype(float)
        time, pi = np.array(events["TIME"], float), np.array(events["PI"], int)
        x, y = np.array(events["X"], float), np.array(events["Y"], float)
        grade = np.array(events["GRADE"], int)
    number = np.searchsorted(gti[:, 0], time, side="right") - 1
    good = (grade <= 26) & (number >= 0) & (time < gti[number, 1])
    time, pi, x, y = time[good], pi[good], x[good], y[good]

    distance = np.hypot(x - CENTRE, y - CENTRE)
    in_source = distance <= RADIUS
    in_background = (distance > INNER) & (distance <= OUTER)
    grid = np.hypot(*np.meshgrid(*[np.arange(1, PIXELS + 1) - CENTRE] * 2))
    areas = {"src": np.sum(grid <= RADIUS), "bkg": np.sum((grid > INNER) & (grid <= OUTER))}

    exposure = float(np.sum(gti[:, 1] - gti[:, 0])) * header["DEADC"]
    for name, chosen in (("src", in_source), ("bkg", in_background)):
        counts, _ = np.histogram(pi[chosen], bins=np.arange(CHANNELS + 1) - 0.5)
        write_spectrum(out / f"{name}.pha", counts, exposure, areas[name] / PIXELS**2, header)

    image, _, _ = np.histogram2d(y, x, bins=[np.arange(PIXELS + 1) + 0.5] * 2)
    hdu = fits.PrimaryHDU(image.astype(np.int32))
    for axis, column in ((1, "X"), (2, "Y")):
        place = list(events.names).index(column) + 1
        for card in ("CTYP", "CRVL", "CDLT", "CRPX"):
            hdu.header[{"CTYP": "CTYPE", "CRVL": "CRVAL", "CDLT": "CDELT", "CRPX": "CRPIX"}[card] + str(axis)] = header[
                f"T{card}{place}"
            ]
    hdu.writeto(out / "image.fits", overwrite=True)

    edges = np.arange(gti[0, 0], gti[-1, 1] + WIDTH, WIDTH)
    exposed = np.zeros(len(edges) - 1)
    for start, stop in gti:
        exposed += np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None)
    scale = areas["src"] / areas["bkg"]
    energies = np.linspace(3, 27, BANDS + 1)
    band_edges = np.floor(np.round((energies - 1.6) / 0.04, 6)).astype(int)
    for band, (low, high) in enumerate(pairwise(band_edges)):
        in_band = (pi >= low) & (pi < high)
        source, _ = np.histogram(time[in_source & in_band], bins=edges)
        below, _ = np.histogram(time[in_background & in_band], bins=edges)
        write_curve(out / f"band{band}.lc", edges, source, below * scale, below * scale**2, exposed, header)


def write_spectrum(path: Path, counts: NDArray[Any], exposure: float, backscal: float, header: fits.Header) -> None:
    """Write an OGIP spectrum."""
    columns = [
        fits.Column("CHANNEL", "J", array=np.arange(len(counts))),
        fits.Column("COUNTS", "J", unit="count", array=counts),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    for card in CARDS:
        hdu.header[card] = header[card]
    hdu.header.update(EXPOSURE=exposure, BACKSCAL=float(backscal), AREASCAL=1.0, POISSERR=True, CHANTYPE="PI")
    hdu.header.update(HDUCLASS="OGIP", HDUCLAS1="SPECTRUM", DETCHANS=len(counts))
    hdu.writeto(path, overwrite=True)


def write_curve(
    path: Path,
    edges: NDArray[Any],
    source: NDArray[Any],
    below: NDArray[Any],
    variance: NDArray[Any],
    exposed: NDArray[Any],
    header: fits.Header,
) -> None:
    """Write a light curve of the exposed bins."""
    there = exposed > 0
    live = exposed[there] * header["DEADC"]
    columns = [
        fits.Column("TIME", "D", unit="s", array=0.5 * (edges[:-1] + edges[1:])[there] - edges[0]),
        fits.Column("RATE", "D", unit="count/s", array=(source - below)[there] / live),
        fits.Column("ERROR", "D", unit="count/s", array=np.sqrt(source + variance)[there] / live),
        fits.Column("FRACEXP", "D", array=exposed[there] / WIDTH),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="RATE")
    for card in CARDS:
        hdu.header[card] = header[card]
    hdu.header.update(TIMEDEL=WIDTH, TIMEZERO=float(edges[0]), HDUCLASS="OGIP", HDUCLAS1="LIGHTCURVE")
    hdu.writeto(path, overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
