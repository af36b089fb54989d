"""What is said of the light curves of bands, whoever has made them: cards of headers, facts, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job
from xbatch.tasks._bands import StepBand
from xbatch.xray.netcurve import variability

__all__ = ["band_cards", "curve_facts", "curve_file", "draw_bands"]

Floats = NDArray[np.float64]


def curve_file(band: StepBand) -> str:
    """Name the file of a band's light curve."""
    return f"{band.stem}.lc"


def band_cards(band: StepBand, pi: tuple[int, int]) -> list[Card]:
    """Give the cards that say which band it is; `pi`: the first and last PI that were counted."""
    return [
        Card("CHANTYPE", "PI"),
        Card("CHANMIN", pi[0], "lowest PI"),
        Card("CHANMAX", pi[1], "highest PI, included"),
        Card("E_MIN", band.lo, "[keV]"),
        Card("E_MAX", band.hi, "[keV] not included"),
        Card("E_UNIT", "keV"),
        Card("BANDNAME", band.name),
    ]


def curve_facts(
    band: StepBand,
    pi: tuple[int, int],
    rates: tuple[Floats, Floats, Floats | None],
    exposure: Floats,
    counts: NDArray[np.integer[Any]],
    back_counts: NDArray[np.integer[Any]] | None,
) -> dict[str, Any]:
    """Give the facts of a band's light curve.

    Parameters
    ----------
    band : StepBand
    pi : (int, int)
        First and last PI that were counted.
    rates : tuple of three ndarray, shape (n,)
        Net counts per s, their errors, and what was subtracted (or None).
    exposure : ndarray, shape (n,)
        Seconds that rates are divided by.
    counts, back_counts : ndarray of integers, shape (n,)
        Events of the source region and, if there is one, of the background's.
    """
    rate, error, back = rates
    varies = variability(rate, error, exposure, back)
    return {
        "band": band.name,
        "file": curve_file(band),
        "lo": band.lo,
        "hi": band.hi,
        "pi": list(pi),
        "counts": int(counts.sum()),
        "background_counts": None if back_counts is None else int(back_counts.sum()),
        "exposure": float(exposure.sum()),
        "bins": int(rate.size),
        "rate": float((rate * exposure).sum() / exposure.sum()),
        "rate_error": float(np.sqrt(((error * exposure) ** 2).sum()) / exposure.sum()),
        "excess_variance": None if varies is None else varies.excess,
        "excess_variance_error": None if varies is None else varies.excess_error,
        "fractional_variability": None if varies is None else varies.fractional,
        "fractional_variability_error": None if varies is None else varies.fractional_error,
        "chi2": None if varies is None else varies.chi2,
        "dof": None if varies is None else varies.dof,
    }


def draw_bands(job: Job, header: EventHeader, bands: Sequence[StepBand], gti: Floats) -> None:
    """Draw the light curves that a step has written, each band with its energies: ``lightcurves.png``.

    Parameters
    ----------
    job : Job
    header : EventHeader
        Of the events.
    bands : sequence of StepBand
    gti : ndarray, shape (m, 2)
        What lies outside is shaded.

    Raises
    ------
    FileError
        A light curve cannot be read.
    """
    from xbatch.tasks._curve_figure import Panel, draw_curves, save_png  # loaded for steps that draw

    title = " ".join(part for part in (header.object, str(job.params.get("obsid", "")), header.instrument) if part)
    panels = [Panel(_label(band), read_curve(job.out / curve_file(band))) for band in bands]
    save_png(draw_curves(panels, gti, title, str(job.params.get("name", ""))), job.out / "lightcurves.png")


def _label(band: StepBand) -> str:
    energies = f"{band.lo:.4g}-{band.hi:.4g} keV"
    return band.name if energies.replace(" ", "") == band.name.replace(" ", "") else f"{band.name}: {energies}"
