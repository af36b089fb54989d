"""What an astronomer would write with astropy and Sherpa to fit a spectrum grouped in one way, from the event list.

``binning_script.py LIST RMF ARF TAU OUT COUNTS`` reads the list, extracts source and background, writes their spectra,
loads them with their response, groups to so many counts, and fits an absorbed power law to 3-79 keV by chi-squared. The
next binning is the same once more. TAU holds the response's energies and the absorber's optical
depths there for 1e22 / cm2: Sherpa without XSPEC has no absorber. Prints the answer as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from sherpa.astro import ui
from sherpa.models import ArithmeticModel, Parameter

SOURCE, BACKGROUND = (476.0, 482.0, 25.0), (620.0, 600.0, 60.0)  # x, y, radius in pixels
CHANNELS, PIXELS = 4096, 1000
BAND = (3.0, 79.0)
START = {"nH": 0.5, "gamma": 1.5, "ampl": 0.01}


class Absorber(ArithmeticModel):
    """``exp(-nH tau)``, tau tabulated for energy bins that begin at `energies`."""

    def __init__(self, energies: NDArray[Any], tau: NDArray[Any]) -> None:
        self.energies, self.tau = energies, tau
        self.asked, self.here = energies, tau
        self.nH = Parameter("gal", "nH", START["nH"], min=0, max=50)
        ArithmeticModel.__init__(self, "gal", (self.nH,))

    def calc(self, p: Any, xlo: Any, *args: Any, **kwargs: Any) -> NDArray[Any]:
        """Give the factors of the bins that Sherpa asks for: those that the noticed channels see."""
        if xlo is not self.asked:
            self.asked, self.here = xlo, self.tau[np.searchsorted(self.energies, xlo * (1 - 1e-7))]
        return np.asarray(np.exp(-p[0] * self.here))


def extract(path: Path, out: Path) -> None:
    """Read the list, and write the spectra of source and background."""
    with fits.open(path) as hdus:
        header, events = hdus["EVENTS"].header, hdus["EVENTS"].data
        gti = np.column_stack([hdus["GTI"].data["START"], hdus["GTI"].data["STOP"]]).astype(float)
        time, pi = np.array(events["TIME"], float), np.array(events["PI"], int)
        x, y = np.array(events["X"], float), np.array(events["Y"], float)
        grade = np.array(events["GRADE"], int)
    number = np.searchsorted(gti[:, 0], time, side="right") - 1
    good = (grade <= 26) & (number >= 0) & (time <= gti[number, 1])
    pi, x, y = pi[good], x[good], y[good]
    grid = np.meshgrid(*[np.arange(1, PIXELS + 1)] * 2)
    for name, (x0, y0, radius) in (("src", SOURCE), ("bkg", BACKGROUND)):
        counts, _ = np.histogram(pi[np.hypot(x - x0, y - y0) <= radius], bins=np.arange(CHANNELS + 1) - 0.5)
        area = np.sum(np.hypot(grid[0] - x0, grid[1] - y0) <= radius)
        write_spectrum(out / f"{name}.pha", counts, header["EXPOSURE"], area / PIXELS**2, header)


def write_spectrum(path: Path, counts: NDArray[Any], exposure: float, backscal: float, header: fits.Header) -> None:
    """Write an OGIP spectrum."""
    columns = [
        fits.Column("CHANNEL", "J", array=np.arange(len(counts))),
        fits.Column("COUNTS", "J", unit="count", array=counts),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    for card in ("TELESCOP", "INSTRUME", "OBS_ID", "OBJECT", "DATE-OBS"):
        hdu.header[card] = header[card]
    hdu.header.update(EXPOSURE=exposure, BACKSCAL=float(backscal), AREASCAL=1.0, CORRSCAL=1.0, POISSERR=True)
    hdu.header.update(HDUCLASS="OGIP", HDUCLAS1="SPECTRUM", HDUVERS="1.2.1", CHANTYPE="PI", DETCHANS=len(counts))
    hdu.writeto(path, overwrite=True)


def load(rmf: Path, arf: Path, tau: Path, out: Path) -> None:
    """Load the spectra with their response, and say what is to be fitted."""
    ui.clean()
    ui.load_pha(1, str(out / "src.pha"))
    ui.load_rmf(1, str(rmf))
    ui.load_arf(1, str(arf))
    ui.load_bkg(1, str(out / "bkg.pha"))
    ui.set_analysis(1, "energy")
    ui.subtract(1)
    ui.set_stat("chi2datavar")
    ui.set_method("levmar")
    ui.set_source(1, Absorber(*np.load(tau)) * ui.powlaw1d.pl)


def fit(counts: int) -> dict[str, Any]:
    """Group to so many counts, and fit from the start."""
    data = ui.get_data(1)
    data.quality_filter, data.mask = None, True  # of the binning before
    ui.ungroup(1)
    ui.set_quality(1, np.zeros(CHANNELS, dtype=int))
    ui.group_counts(1, counts)
    ui.ignore_bad(1)
    ui.notice(*BAND)
    for parameter in ui.get_source(1).pars:
        if parameter.name in START:
            parameter.val = START[parameter.name]
    ui.fit(1)
    found = ui.get_fit_results()
    values = dict(zip((name.rpartition(".")[2] for name in found.parnames), found.parvals, strict=True))
    return {"statistic": found.statval, "bins": found.numpoints, "values": [values[name] for name in START]}


def main(path: Path, rmf: Path, arf: Path, tau: Path, out: Path, counts: int) -> dict[str, Any]:
    """Do all of it for one binning."""
    extract(path, out)
    load(rmf, arf, tau, out)
    return fit(counts)


def quiet() -> None:
    """Let Sherpa say nothing on its way."""
    warnings.simplefilter("ignore")
    logging.getLogger("sherpa").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    quiet()
    print(json.dumps(main(*(Path(word) for word in sys.argv[1:6]), int(sys.argv[6]))))
