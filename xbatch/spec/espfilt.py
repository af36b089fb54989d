"""The flare cut ``method: espfilt``: SAS finds flares in the histogram of the counts of a light curve."""

from __future__ import annotations

from typing import Any

from xbatch.spec.nodes import Table, data_of, is_said, text_of
from xbatch.spec.quantity import QuantityError, energy_range, quantity
from xbatch.spec.report import Report

__all__ = ["ESPFILT", "ESPFILT_KEYS", "espfilt_params"]

ESPFILT = "espfilt"
ESPFILT_KEYS = ("estimator", "range_scale", "smooth", "ratio")
_RANGE_SCALE = {"EPN": 15.0}  # 6 for the MOS
#: As the ESAS cookbook gives elow and ehigh for each method.
_BANDS = {"histogram": "2.5-8.5 keV", "ratio": "8-12 keV"}
_FOREIGN = ("rate", "pattern", "flag", "ccd")


def espfilt_params(flare: Table, instrument: str, report: Report) -> dict[str, Any] | None:
    """Give what espfilt is called with; None where it is at fault.

    Returns
    -------
    dict or None
        ``{"method": "espfilt", "estimator": "histogram" | "ratio", "band": [eV, eV], "bin": s, "sigma": n,
        "range_scale": .., "smooth": bins, "ratio": ..}``.
    """
    for key in _FOREIGN:
        if is_said(own := flare.entries.get(key)):
            message = f"espfilt takes no '{key}'"
            report.add(own or flare, "XB228", message, "remove it, or use method: rate")
            return None
    band, width = flare.entries.get("band"), flare.entries.get("bin")
    estimator = text_of(flare.entries.get("estimator")) or "histogram"
    try:
        at = band
        lo, hi = energy_range(text_of(band) or _BANDS.get(estimator, _BANDS["histogram"]))
        at = width
        seconds = quantity(text_of(width) or "60 s", "time")
        if seconds <= 0.0:
            raise QuantityError("XB205", "the bin of flare is not above 0", "write it as 60 s")
        if seconds != round(seconds):
            # binsize is an integer (espfilt 2.7.1 and 5.1, *Parameters*)
            raise QuantityError("XB205", f"espfilt takes bins of whole seconds, and not {seconds:g} s", "write 60 s")
    except QuantityError as error:
        report.add(at or flare, error.code, error.message, error.hint)
        return None
    return {
        "method": ESPFILT,
        "estimator": estimator,
        "band": [round(lo * 1000.0), round(hi * 1000.0)],
        "bin": seconds,
        "sigma": _number(flare, "sigma", 3.0),
        "range_scale": _number(flare, "range_scale", _RANGE_SCALE.get(instrument, 6.0)),
        "smooth": int(_number(flare, "smooth", 51)),
        "ratio": _number(flare, "ratio", 1.2),
    }


def _number(flare: Table, key: str, default: float) -> float:
    node = flare.entries.get(key)
    value = data_of(node) if node is not None else None
    return float(value) if value is not None else default
