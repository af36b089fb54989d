"""Light curves that a mission's tools have made, written as the native task writes its own: files, facts, picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.curvefile import RateTable, write_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand
from xbatch.tasks._curve_facts import band_cards, curve_facts, curve_file, draw_bands
from xbatch.xray.gti import total

__all__ = ["NetCurve", "ToolCurve", "conclude", "write_band"]


@dataclass(frozen=True)
class NetCurve:
    """A light curve net of its background.

    Attributes
    ----------
    time, rate, error, fracexp : ndarray, shape (n,)
        Middle of each bin in s; net counts per exposed s and its error; exposed part of the bin.
    counts : ndarray of integers, shape (n,)
        Events of the source region, the background among them.
    back, back_error : ndarray, shape (n,), or None
        What was subtracted, counts per exposed s.
    back_counts : ndarray of integers, shape (n,), or None
        Events of the background region.
    """

    time: NDArray[np.float64]
    rate: NDArray[np.float64]
    error: NDArray[np.float64]
    fracexp: NDArray[np.float64]
    counts: NDArray[np.int64]
    back: NDArray[np.float64] | None = None
    back_error: NDArray[np.float64] | None = None
    back_counts: NDArray[np.int64] | None = None

    def chosen(self, keep: NDArray[np.bool_]) -> NetCurve:
        """Give some of the bins."""
        return NetCurve(
            self.time[keep],
            self.rate[keep],
            self.error[keep],
            self.fracexp[keep],
            self.counts[keep],
            None if self.back is None else self.back[keep],
            None if self.back_error is None else self.back_error[keep],
            None if self.back_counts is None else self.back_counts[keep],
        )

    def per_bin(self) -> NetCurve:
        """Give rates per second of the bin, not per exposed second."""
        back = None if self.back is None else self.back * self.fracexp
        back_error = None if self.back_error is None else self.back_error * self.fracexp
        rate, error = self.rate * self.fracexp, self.error * self.fracexp
        return replace(self, rate=rate, error=error, back=back, back_error=back_error)


@dataclass(frozen=True)
class ToolCurve:
    """The light curve of a band as it was made.

    Attributes
    ----------
    band : StepBand
    pi : (int, int)
        First and last PI, both included.
    net : NetCurve
        All its bins.
    width : float
        Length of a bin, s.
    gti : ndarray, shape (m, 2)
    scale : float or None
        What the background was scaled by, where there is one and it is known.
    livetime : bool
        Whether dead time is corrected.
    """

    band: StepBand
    pi: tuple[int, int]
    net: NetCurve
    width: float
    gti: NDArray[np.float64]
    scale: float | None
    livetime: bool


def _corrections(params: Mapping[str, Any]) -> Sequence[str]:
    return tuple(params.get("corrections", ()))


def _least(params: Mapping[str, Any]) -> float:
    return float(params.get("min_fracexp") or 0.0)


def write_band(job: Job, header: EventHeader, curve: ToolCurve) -> dict[str, Any]:
    """Write the light curve of one band, of the bins that are exposed enough; give its facts.

    Raises
    ------
    FileError
        No bin is left.
    """
    corrections, least = _corrections(job.params), _least(job.params)
    whole = curve.net
    net = whole.chosen((whole.fracexp > least) & np.isfinite(whole.rate) & np.isfinite(whole.error))
    if not net.time.size:
        raise FileError(
            str(job.inputs["events"]),
            f"has no bin of {curve.width:g} s that is exposed by more than {least:g}: at most "
            f"{np.nan_to_num(whole.fracexp).max(initial=0.0):.4g} is",
            "Choose shorter bins or a lower min_fracexp",
        )
    per_bin = "gti" not in corrections
    net = net.per_bin() if per_bin else net
    exposure = np.full(net.time.size, curve.width) if per_bin else net.fracexp * curve.width
    band, scale = curve.band, curve.scale
    cards = [
        *band_cards(band, curve.pi),
        Card("EXPOSURE", float(exposure.sum()), "[s] that rates are divided by, all bins"),
        Card("MINFREXP", least, "bins with a larger FRACEXP are here"),
        Card("GTICORR", not per_bin, "rates are per exposed second"),
        Card("DEADAPP", curve.livetime, "dead time corrected"),
        Card("AREACORR", "area" in corrections, "PSF, exposure and vignetting corrected"),
        *([Card("BKGSCALE", scale, "BACKSCAL of source / BACKSCAL of background")] if scale is not None else []),
    ]
    table = RateTable(
        net.time,
        net.rate,
        net.error,
        net.fracexp,
        net.counts,
        net.back,
        net.back_error,
        curve.width,
        curve.gti,
        cards,
    )
    write_curve(job.out / curve_file(band), header, table)
    return curve_facts(band, curve.pi, (net.rate, net.error, net.back), exposure, net.counts, net.back_counts)


def conclude(
    job: Job,
    header: EventHeader,
    curves: Sequence[ToolCurve],
    calls: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Outcome:
    """Write all bands of a step, their facts and their picture.

    Parameters
    ----------
    job : Job
    header : EventHeader
        Of the events.
    curves : sequence of ToolCurve
        Of one grid of bins.
    calls : Mapping
        What the record should hold of the tools.
    notes : sequence of str
    """
    told = [write_band(job, header, curve) for curve in curves]
    first = curves[0]
    facts = {
        "dt": first.width,
        "start": float(first.net.time[0]) - 0.5 * first.width,
        "bins": told[0]["bins"],
        "bins_in_all": round(float(first.net.time[-1] - first.net.time[0]) / first.width) + 1,
        "min_fracexp": _least(job.params),
        "corrections": list(_corrections(job.params)),
        "background_scale": first.scale,
        "detectors": {},
        "gti_seconds": total(first.gti),
        "bands": told,
    }
    write_atomically(job.out / "lightcurves.json", pretty_json({**facts, "notes": list(notes)}))
    if job.params.get("figure", True):
        draw_bands(job, header, [one.band for one in curves], first.gti)
    few = {key: value for key, value in facts.items() if key != "bands"}
    return Outcome({**few, "bands": [one["band"] for one in told], "counts": told[0]["counts"], **calls}, tuple(notes))
