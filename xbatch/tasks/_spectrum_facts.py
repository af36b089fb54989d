"""What is worth saying of a spectrum, in a plan or a report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xbatch.ogip.pha import Spectrum
from xbatch.ogip.times import observation_mjd

__all__ = ["RESPONSE_FILE", "response_links", "spectrum_facts"]


#: The matrix that the task `response` writes.
RESPONSE_FILE = "response.rmf"


def response_links(there: bool, folder: str = "") -> dict[str, str]:
    """Give the cards that name the response of a spectrum: the files of the task `response`, in a folder seen from it.

    Other programs find them there; the files that the response was made of may lie anywhere.
    """
    names = {"RESPFILE": RESPONSE_FILE, "ANCRFILE": "response.arf"}
    return {card: f"{folder}{name}" if there else "none" for card, name in names.items()}


def spectrum_facts(source: Spectrum, background: Spectrum | None) -> dict[str, Any]:
    """Give a spectrum's counts, exposure, rates (with the background in them, and net of it), times and names.

    Rates with ``good`` in their names are those of the channels of quality 0.
    """
    good = source.quality == 0
    mjd, mjd_end = observation_mjd(source.header)
    facts: dict[str, Any] = {
        "counts": float(source.counts.sum()),
        "exposure": source.exposure,
        "rate": float(source.counts.sum()) / source.exposure,
        "rate_error": _rate_error(source, np.ones_like(good)),
        "channels": int(source.channel.size),
        "good_channels": int(good.sum()),
        "good_rate": float(source.counts[good].sum()) / source.exposure,
        "good_rate_error": _rate_error(source, good),
        "mjd": mjd,
        "mjd_end": mjd_end,
        "background_counts": None,
        "net_rate": None,
        "poisson": source.poisson,
    }
    for card in ("OBJECT", "TELESCOP", "INSTRUME", "DATE-OBS"):
        facts[card.lower().replace("-", "_")] = source.header.get(card)
    if background is not None:
        scale = source.backscal * source.areascal
        other = background.backscal * background.areascal
        share = np.divide(scale, other, out=np.zeros_like(scale), where=other > 0)
        facts["background_counts"] = float(background.counts.sum())
        facts["background_exposure"] = background.exposure
        facts["net_rate"] = facts["rate"] - float((share * background.counts).sum()) / background.exposure
    return facts


def _rate_error(spectrum: Spectrum, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    """Give the error of the summed rate: of counting, or of the file's own errors; None where it has none."""
    if spectrum.poisson:
        return math.sqrt(float(spectrum.counts[chosen].sum())) / spectrum.exposure
    if spectrum.stat_err is None:
        return None
    return float(np.sqrt((spectrum.stat_err[chosen] ** 2).sum())) / spectrum.exposure
