"""Task `lightcurve`: light curves of a region in any bands, net of background, in one pass over the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.curvefile import RateTable, gti_part, write_curve
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.livetime import load_livetime
from xbatch.ogip.regions import check_area
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tasks._curve_counts import Counted, count_curves, exposed_seconds, region_gti
from xbatch.tasks._curve_facts import band_cards, curve_facts, curve_file, draw_bands
from xbatch.tasks._regions import Placed, field_of, place_regions, region_files
from xbatch.tasks._times import Selection, selected_gti
from xbatch.xray.gti import intersection, total
from xbatch.xray.lightcurve import bin_edges
from xbatch.xray.livetime import live_seconds_bins
from xbatch.xray.netcurve import net_curve

__all__ = ["run"]

_CORRECTIONS = ("gti", "livetime")


@dataclass(frozen=True)
class _Exposure:
    """Seconds of each bin: in the GTIs of the region, and those that rates are divided by."""

    good: NDArray[np.float64]
    used: NDArray[np.float64]


def run(job: Job) -> Outcome:
    """Make light curves.

    Inputs: ``events`` (the table of an `events` step); if there are any ``gti`` (a time selection), ``livetime``
    (NuSTAR's live time, of the `events` step), ``region/NAME`` (region files), ``bands/SCHEME`` (bands found in data).
    Parameters: ``mission``, ``instrument``, ``obsid``, ``name``; ``regions`` (by name), ``region``, ``background``
    (empty for none); ``bands``, ``[{name, lo, hi}]`` in keV or ``[{scheme, most}]``; ``dt`` in s; ``min_fracexp``;
    ``corrections``, of ``gti`` and ``livetime``; ``start`` and ``stop`` of the bins in s of the list, if wanted;
    ``figure``, whether there is to be a picture.

    Outputs: ``BAND.lc`` for each band (see `xbatch.ogip.curvefile`), ``lightcurves.json``, ``lightcurves.png``.

    All bands, source and background have one grid of bins: ``start + k dt`` from the first good second. A bin is
    written if more than ``min_fracexp`` of it (and more than 0) is exposed. With ``gti`` rates are per exposed second,
    without it per second of the bin; with ``livetime`` they are per live second. The background is scaled by the
    regions' numbers of pixels.

    Raises
    ------
    FileError
        A file cannot be used, a region selects no pixel, or no bin is left.
    StepError
        What is asked for makes no sense.
    """
    params = job.params
    table = EventTable.open(job.inputs["events"])
    selection = selected_gti(table, job.inputs.get("gti"))
    bands = step_bands(params, job.inputs)
    edges = _edges(params, selection)
    notes = [*selection.notes]
    source, background, field, scale = _regions(job, table, notes)
    wanted = [source] if not params.get("background") else [source, background]
    counted = count_curves(table, selection, wanted, field, edges, [band.pi for band in bands])
    exposures = [_exposure(job, table, selection, each, edges, notes) for each in counted]
    width = float(params["dt"])
    fracexp = np.minimum(exposures[0].good / np.diff(edges), 1.0)
    keep = _kept(params, fracexp, exposures, notes)
    if not keep.any():
        raise FileError(
            str(job.inputs["events"]),
            f"has no bin of {width:g} s that is exposed by more than {_least(params):g}: at most "
            f"{fracexp.max(initial=0.0):.4g} is",
            "Choose shorter bins or a lower min_fracexp",
        )
    # what lies beyond the bins is no part of the curves, though it is good time
    gti = intersection(region_gti(selection, counted[0].shares), [[edges[0], edges[-1]]])
    shared = _Shared(edges, width, fracexp, keep, exposures, scale, gti, gti_part(table.header, gti))
    told = [_write(job, table, shared, band, number, counted) for number, band in enumerate(bands)]
    facts = {
        "dt": width,
        "start": float(edges[0]),
        "bins": int(keep.sum()),
        "bins_in_all": len(keep),
        "min_fracexp": _least(params),
        "corrections": _corrections(params),
        "background_scale": scale if len(counted) > 1 else None,
        "detectors": {str(number): share for number, share in counted[0].shares.items()},
        "gti_seconds": total(selection.gti),
        "bands": told,
    }
    write_atomically(job.out / "lightcurves.json", pretty_json({**facts, "notes": notes}))
    if params.get("figure", True):
        draw_bands(job, table.header, bands, selection.gti)
    few = {key: value for key, value in facts.items() if key != "bands"}
    return Outcome({**few, "bands": [band["band"] for band in told], "counts": told[0]["counts"]}, tuple(notes))


@dataclass(frozen=True)
class _Shared:
    """What all bands have in common."""

    edges: NDArray[np.float64]
    width: float
    fracexp: NDArray[np.float64]
    keep: NDArray[np.bool_]
    exposures: Sequence[_Exposure]
    scale: float
    gti: NDArray[np.float64]
    gti_part: bytes


def _least(params: Mapping[str, Any]) -> float:
    return float(params.get("min_fracexp") or 0.0)


def _corrections(params: Mapping[str, Any]) -> list[str]:
    given = params.get("corrections")
    chosen = ["gti"] if given is None else [str(each) for each in given]
    unknown = [each for each in chosen if each not in _CORRECTIONS]
    if unknown:
        raise StepError(
            f"the correction {unknown[0]!r} of light curves is not known", cure=f"There are {', '.join(_CORRECTIONS)}"
        )
    return chosen


def _edges(params: Mapping[str, Any], selection: Selection) -> NDArray[np.float64]:
    gti = selection.gti
    ends = [params.get("start"), params.get("stop")]
    start, stop = (
        float(asked if asked is not None else own) for asked, own in zip(ends, gti[[0, -1], [0, 1]], strict=True)
    )
    try:
        return bin_edges(start, stop, float(params["dt"]))
    except ValueError as error:
        raise StepError(f"the bins of the light curve make no sense: {error}", cure="Choose another dt") from error


def _regions(job: Job, table: EventTable, notes: list[str]) -> tuple[Placed | None, Placed | None, Any, float]:
    """Place source and background; also give the field and what the background is to be scaled by."""
    names = [str(job.params.get(key) or "") for key in ("region", "background")]
    if not any(names):
        return None, None, None, 1.0
    field = field_of(table)
    placed = place_regions(table, job.params.get("regions") or {}, region_files(job.inputs))
    found: list[Placed | None] = []
    areas: list[int] = []
    for name in names:
        region = placed.get(name)
        found.append(region)
        if not name:
            areas.append(field.pixels)
            continue
        if region is None:
            raise StepError(f"there is no region {name!r} for the light curve")
        notes += [f"region {name}: {note}" for note in region.notes]
        areas.append(check_area(region.shapes, region.rule, field, name, region.file)[0])
    return found[0], found[1], field, areas[0] / areas[1]


def _exposure(
    job: Job,
    table: EventTable,
    selection: Selection,
    counted: Counted,
    edges: NDArray[np.float64],
    notes: list[str],
) -> _Exposure:
    """Give the seconds of each bin for a region, by what is to be corrected for."""
    corrections = _corrections(job.params)
    good = exposed_seconds(edges, selection, counted.shares)
    used = good if "gti" in corrections else np.where(good > 0, np.diff(edges), 0.0)
    if "livetime" not in corrections:
        return _Exposure(good, used)
    rows = load_livetime(job.inputs["livetime"]) if "livetime" in job.inputs else None
    if rows is not None:
        try:
            live = live_seconds_bins(edges, selection.gti, rows.time, rows.live, rows.step)
        except ValueError as error:
            raise FileError(
                str(job.inputs["livetime"]), str(error), "Use the housekeeping of this observation"
            ) from error
    else:
        header = table.header
        live = exposed_seconds(edges, selection, counted.shares, lambda n: header.live_part(None if n < 0 else n))
        said = (
            "live time: by detector, from LIVETInn and ONTIMEnn of the header"
            if header.detector_livetime
            else f"live time: the mean of the observation (DEADC {header.deadc:.6g}), for lack of housekeeping"
        )
        if said not in notes:
            notes.append(said)
    part = np.divide(live, good, out=np.zeros(len(good)), where=good > 0)
    return _Exposure(good, used * part)


def _kept(
    params: Mapping[str, Any],
    fracexp: NDArray[np.float64],
    exposures: Sequence[_Exposure],
    notes: list[str],
) -> NDArray[np.bool_]:
    """Say which bins are written: exposed enough, and with a rate of source and background."""
    keep: NDArray[np.bool_] = fracexp > _least(params)
    for each, what in zip(exposures, ("source", "background"), strict=False):
        known = each.used > 0
        lost = int(np.count_nonzero(keep & ~known))
        if lost:
            notes.append(f"{lost} bins left out: the {what} has no exposure in them")
        keep = keep & known
    return keep


def _write(
    job: Job, table: EventTable, shared: _Shared, band: StepBand, number: int, counted: Sequence[Counted]
) -> dict[str, Any]:
    """Write the light curve of one band; give its facts."""
    keep = shared.keep
    source = counted[0].counts[number][keep]
    exposure = shared.exposures[0].used[keep]
    back_counts = counted[1].counts[number][keep] if len(counted) > 1 else None
    back_exposure = shared.exposures[1].used[keep] if len(counted) > 1 else None
    net = net_curve(source, exposure, back_counts, back_exposure, shared.scale)
    time = shared.edges[:-1][keep] + 0.5 * shared.width
    corrections = _corrections(job.params)
    cards = [
        *band_cards(band, band.pi),
        Card("EXPOSURE", float(exposure.sum()), "[s] that rates are divided by, all bins"),
        Card("MINFREXP", _least(job.params), "bins with a larger FRACEXP are here"),
        Card("GTICORR", "gti" in corrections, "rates are per exposed second"),
        Card("DEADAPP", "livetime" in corrections, "dead time corrected"),
        *([Card("BKGSCALE", shared.scale, "area of source / area of background")] if len(counted) > 1 else []),
    ]
    write_curve(
        job.out / curve_file(band),
        table.header,
        RateTable(
            time,
            net.rate,
            net.error,
            shared.fracexp[keep],
            source,
            net.back,
            net.back_error,
            shared.width,
            shared.gti,
            cards,
        ),
        shared.gti_part,
    )
    return curve_facts(band, band.pi, (net.rate, net.error, net.back), exposure, source, back_counts)
