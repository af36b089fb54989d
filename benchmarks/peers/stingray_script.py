"""The same products with stingray, and numpy where it has nothing: ``stingray_script.py LIST OUT``."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.io import fits
from stingray import EventList

CENTRE, RADIUS, INNER, OUTER = 500.5, 20.0, 60.0, 100.0
WIDTH, CHANNELS, PIXELS, BANDS = 100.0, 4096, 1000, 24


def main(path: Path, out: Path) -> None:
    """Read the list, make the products, write them."""
    events = EventList.read(str(path), fmt="hea", additional_columns=["X", "Y", "GRADE"])
    # EventList.read keeps events outside the GTIs: they are masked out here
    number = np.searchsorted(events.gti[:, 0], events.time, side="right") - 1
    good = (events.grade <= 26) & (number >= 0) & (events.time < events.gti[number, 1])
    events = events.apply_mask(good)
    distance = np.hypot(events.x - CENTRE, events.y - CENTRE)
    source = events.apply_mask(distance <= RADIUS)
    background = events.apply_mask((distance > INNER) & (distance <= OUTER))
    for name, chosen in (("src", source), ("bkg", background)):
        counts, _ = np.histogram(chosen.pi, bins=np.arange(CHANNELS + 1) - 0.5)
        columns = [fits.Column("CHANNEL", "J", array=np.arange(CHANNELS)), fits.Column("COUNTS", "J", array=counts)]
        hdu = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
        hdu.header["EXPOSURE"] = float(np.sum(np.diff(events.gti, axis=1)))
        hdu.writeto(out / f"{name}.pha", overwrite=True)
    image, _, _ = np.histogram2d(events.y, events.x, bins=[np.arange(PIXELS + 1) + 0.5] * 2)
    fits.PrimaryHDU(image.astype(np.int32)).writeto(out / "image.fits", overwrite=True)
    edges = np.floor(np.round((np.linspace(3, 27, BANDS + 1) - 1.6) / 0.04, 6)).astype(int)
    scale = RADIUS**2 / (OUTER**2 - INNER**2)
    for band, (low, high) in enumerate(pairwise(edges)):
        of_source, below = (
            each.apply_mask((each.pi >= low) & (each.pi < high)).to_lc(
                WIDTH, tstart=events.gti[0, 0], tseg=events.gti[-1, 1] - events.gti[0, 0]
            )
            for each in (source, background)
        )
        net = of_source.counts - scale * below.counts
        columns = [fits.Column("TIME", "D", array=of_source.time), fits.Column("RATE", "D", array=net / WIDTH)]
        fits.BinTableHDU.from_columns(columns, name="RATE").writeto(out / f"band{band}.lc", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
