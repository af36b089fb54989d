"""Task `flare`: find the times without flares of soft protons in a light curve at high energies."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.curvefile import RateTable, read_curve, time_cards, write_curve
from xbatch.ogip.events import EventList, open_events
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.gtifile import write_gti_file
from xbatch.registry import Job, Outcome
from xbatch.tasks._cuts import cuts_of
from xbatch.xray.flares import clip_flares
from xbatch.xray.gti import from_bins, intersection, overlap, total
from xbatch.xray.lightcurve import LightCurve, bin_edges
from xbatch.xray.screening import inside_gtis, passes

__all__ = ["good_times", "rate_cut", "run"]

_TESTS: Mapping[str, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    "<": lambda rate, limit: rate < limit,
    "<=": lambda rate, limit: rate <= limit,
}
_SELECTIONS = ("pi_range", "pattern", "grade", "flag", "status")
_KNOWN = (*_SELECTIONS, "bin", "rate", "sigma", "start")


@dataclass(frozen=True)
class _Cut:
    """Which bins are good: ``rate test limit``; what is said of how the limit was found."""

    test: str
    limit: float
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] | None = None


def run(job: Job) -> Outcome:
    """Find the good times of an event list.

    Input: ``events``, the list, before any screening. Parameters: ``mission``, ``instrument``, ``obsid`` and ``flare``:

    - ``pi_range``, ``pattern`` (GRADE of NuSTAR), ``flag``: which events are counted, as in the screening;
    - ``bin``: length of a bin in s; ``start``: of the first, else the start of the first GTI;
    - ``rate``: ``["<", 0.4]`` or ``["<=", 0.4]``, in counts per s, as it is written;
    - ``sigma`` in the place of ``rate``: the limit is found by clipping (see `xbatch.xray.flares.clip_flares`).

    Outputs: ``flare.gti`` (the bins that are kept, joined), ``flare.lc`` (the rates), ``flare.json``, ``flare.png``.

    A rate is the counts of a bin over its exposed seconds: the time in the GTIs of any CCD. Bins without any are in
    neither output. The list is read once and held nowhere.

    Raises
    ------
    FileError
        The list cannot be used, or no bin is kept.
    StepError
        What is asked for makes no sense.
    """
    flare = dict(job.params.get("flare") or {})
    if job.params.get("mission") == "nustar" and "pattern" in flare:
        flare["grade"] = flare.pop("pattern")
    unknown = sorted(set(flare) - set(_KNOWN))
    if unknown:
        raise StepError(f"the flare cut has no {', '.join(unknown)}", cure=f"It has {', '.join(_KNOWN)}")
    with tempfile.TemporaryDirectory(prefix=".inflated-", dir=job.out) as folder:
        events = open_events(job.inputs["events"], Path(folder))
        curve = _rates(events, flare).above(0.0)
    cut = rate_cut(flare, curve.rate, curve.fracexp, events.path)
    good, kept = good_times(curve.time, curve.rate, curve.width, cut.test, cut.limit)
    seen = _rates_seen(curve)
    seconds = total(intersection(good, events.gti))
    if not seconds:
        raise FileError(
            events.path,
            f"has no bin of {curve.width:g} s with a rate {cut.test} {cut.limit:.6g} counts/s: its "
            f"{len(curve.rate)} bins have {seen['lowest']:.4g} to {seen['highest']:.4g}, median {seen['median']:.4g}",
            "Choose a higher rate, or leave the observation out",
        )
    facts = {
        "limit": cut.limit,
        "test": cut.test,
        **(cut.found or {}),
        "bin": curve.width,
        "bins": len(kept),
        "bins_kept": int(kept.sum()),
        "intervals": len(good),
        "seconds": seconds,
        "share": seconds / total(events.gti),
        "counts": int(curve.counts.sum()),
        "rates": seen,
    }
    notes = (
        *cut.notes,
        f"{seconds:.6g} of {total(events.gti):.6g} s are free of flares (rate {cut.test} {cut.limit:.4g})",
    )
    write_gti_file(job.out / "flare.gti", good, time_cards(events.header))
    _write_rates(job, events, curve, flare)
    write_atomically(job.out / "flare.json", pretty_json({**facts, "notes": list(notes)}))
    _draw(job, events, kept, cut)
    return Outcome(facts, notes)


def rate_cut(flare: Mapping[str, Any], rate: NDArray[np.float64], fracexp: NDArray[np.float64], file: str) -> _Cut:
    """Give the cut that is asked for, or find it by clipping.

    Raises
    ------
    StepError
        Neither or both are asked for, or they make no sense.
    """
    asked, sigma = flare.get("rate"), flare.get("sigma")
    if (asked is None) == (sigma is None):
        raise StepError("a flare cut needs either a rate or sigma", file, "Give one of them")
    if asked is not None:
        try:
            test, limit = str(asked[0]), float(asked[1])
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise StepError(f"the rate of the flare cut is {asked!r}", file, "Write < 0.4 ct/s") from error
        if test not in _TESTS:
            raise StepError(f"a flare cut cannot be {test!r}", file, "Write < or <=")
        return _Cut(test, limit)
    try:
        clipped = clip_flares(rate, fracexp, float(str(sigma)))
    except ValueError as error:
        raise StepError(f"the flare cut by sigma cannot be made: {error}", file) from error
    notes = () if clipped.settled else ("clipping came back to an earlier set of bins: the lowest limit was taken",)
    found = {"sigma": float(str(sigma)), "mean": clipped.mean, "scatter": clipped.sigma, "rounds": clipped.rounds}
    return _Cut("<=", clipped.limit, notes, found)


def good_times(
    time: NDArray[np.float64], rate: NDArray[np.float64], width: float, test: str, limit: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give the GTIs of the bins whose rate passes, and which bins these are; `time` is the middle of each bin."""

    def passing(values: NDArray[np.float64]) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return _TESTS[test](values, limit)

    return from_bins(time, rate, width, passing), passing(rate) & np.isfinite(rate)


def _rates(events: EventList, flare: Mapping[str, Any]) -> LightCurve:
    """Read the list once and count what is asked for in bins of time."""
    cuts = [cut for _, cut in cuts_of(events, {key: flare[key] for key in _SELECTIONS if key in flare})]
    time = events.role("time")
    detector = events.role("det") if events.detector_gtis else None
    if time is None:  # open_events has seen to it
        raise FileError(events.path, "has no column TIME")
    start = flare.get("start")
    try:
        edges = bin_edges(
            float(events.gti[0, 0] if start is None else start), float(events.gti[-1, 1]), float(flare["bin"])
        )
    except (ValueError, KeyError) as error:
        raise StepError(
            f"the bins of the flare cut make no sense: {error}", events.path, "Choose another bin"
        ) from error
    counts = np.zeros(len(edges) - 1, np.int64)
    names = [time.name, *([detector.name] if detector else []), *(cut.column for cut in cuts)]
    for raw in events.chunks(list(dict.fromkeys(names))):
        times = raw[time.name].astype(np.float64, copy=False)
        keep = inside_gtis(times, events.gti, raw[detector.name] if detector else None, events.detector_gtis)
        for cut in cuts:
            keep &= passes(raw[cut.column], cut)
        place = np.searchsorted(edges, times[keep], side="right") - 1
        counts += np.bincount(place[(place >= 0) & (place < len(counts))], minlength=len(counts))
    fracexp = np.minimum(overlap(edges, events.gti) / np.diff(edges), 1.0)
    return LightCurve(edges, float(flare["bin"]), np.arange(len(counts)), counts, fracexp)


def _rates_seen(curve: LightCurve) -> dict[str, float]:
    rate = curve.rate
    return {"lowest": float(rate.min()), "median": float(np.median(rate)), "highest": float(rate.max())}


def _write_rates(job: Job, events: EventList, curve: LightCurve, flare: Mapping[str, Any]) -> None:
    ends = flare.get("pi_range")
    cards = [Card("CHANTYPE", "PI")]
    if ends is not None:
        cards += [Card("CHANMIN", int(ends[0]), "lowest PI"), Card("CHANMAX", int(ends[1]), "highest PI, included")]
    cards += [Card("EXPOSURE", float(curve.exposure.sum()), "[s] that rates are divided by, all bins")]
    cards += [Card("DEADAPP", False, "dead time corrected")]
    write_curve(
        job.out / "flare.lc",
        events.header,
        RateTable(
            curve.time, curve.rate, curve.error, curve.fracexp, curve.counts, None, None, curve.width, events.gti, cards
        ),
    )


def _draw(job: Job, events: EventList, kept: NDArray[np.bool_], cut: _Cut) -> None:
    from xbatch.tasks._curve_figure import draw_flares, save_png

    header = events.header
    title = " ".join(part for part in (header.object, str(job.params.get("obsid", "")), header.instrument) if part)
    said = f"{int(kept.sum())} of {len(kept)} bins: rate {cut.test} {cut.limit:.4g}"
    figure = draw_flares(read_curve(job.out / "flare.lc"), kept, cut.limit, events.gti, title, said)
    save_png(figure, job.out / "flare.png")
