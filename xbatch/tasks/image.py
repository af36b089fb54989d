"""Task `image`: counts images of an observation in some bands, and rate images where there is an exposure map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.imagefile import ImageGrid, identity_cards, read_image, resample, write_image
from xbatch.ogip.livetime import load_livetime
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tasks._grids import image_grid
from xbatch.tasks._times import Selection, exposed, selected_gti
from xbatch.xray.eventcounts import ImageCounter

__all__ = ["Counted", "band_cards", "imaged", "longer_map", "rate_image", "run"]

_PICTURE = "images.png"
_FACTS = "images.json"
#: Maps in seconds of all CCDs, or by the whole second, exceed the good time by less.
_LONGER = 1.05
_INT32 = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Counted:
    """Images, shape (bands, rows, columns), and the events of each band that lie in none of their pixels."""

    images: NDArray[np.integer[Any]]
    outside: NDArray[np.int64]
    events: int
    detector: int | None


Counter = Callable[[EventTable, list[StepBand], ImageGrid, tuple[str, str], Selection], Counted]
"""Counts the events of bands in the pixels of a grid; told the table, its columns for the grid, and the times."""


def run(job: Job) -> Outcome:
    """Make images of an event table.

    Inputs: ``events`` (events.bin), and where there are such ``livetime`` (of the same step), ``gti`` (a file with
    GTIs), ``expmap`` (an exposure map in seconds, of any binning and any sky coordinates) and ``bands/NAME`` (the bands
    of a scheme). Parameters: ``name``,
    ``mission``, ``instrument``, ``obsid``, ``bands`` (see `xbatch.tasks._bands`), and ``frame``, ``bin``, ``origin``,
    ``size`` (see `xbatch.tasks._grids`), ``figure`` (whether there is to be a picture).

    Outputs: for each band ``BAND.img`` (counts) and with a map ``BAND.rate.img`` (counts/s, NaN where nothing was
    exposed); ``images.json``, ``images.png``.

    A pixel holds the events whose coordinates, as whole numbers, lie in its bins. The value of the exposure map at a
    pixel is that at the pixel's centre.

    Raises
    ------
    FileError
        The table has no such coordinates, or the map does not cover the events.
    StepError
        The bands or the grid cannot be used, or there is no live time in the GTIs.
    """
    return imaged(job, _count)


def imaged(job: Job, count: Counter) -> Outcome:
    """Make images as `run` says, of counts by a counter of one's own."""
    table = EventTable.open(job.inputs["events"])
    bands = step_bands(job.params, job.inputs)
    grid, columns = image_grid(table, job.params)
    selection = selected_gti(table, job.inputs.get("gti"))
    counted = count(table, bands, grid, columns, selection)
    notes = [*selection.notes, *_outside_notes(bands, counted.outside)]
    ontime = selection.ontime(counted.detector)
    live = load_livetime(job.inputs["livetime"]) if "livetime" in job.inputs else None
    exposure = exposed(table, selection, live, counted.detector)
    cards = [*identity_cards(table.header.cards), *_time_cards(ontime, exposure)]
    exposures = None
    if "expmap" in job.inputs:
        exposures = _exposures(job.inputs["expmap"], grid, counted.images, bands, notes)
        notes += longer_map(exposures, ontime)
    entries = []
    for number, band in enumerate(bands):
        image = counted.images[number]
        stem = band.stem
        head = [*cards, *band_cards(band)]
        write_image(job.out / f"{stem}.img", _as_int32(image), grid, [*head, Card("BUNIT", "count")], selection.gti)
        entry: dict[str, Any] = {
            "name": band.name,
            "lo": band.lo,
            "hi": band.hi,
            "pi": list(band.pi),
            "file": f"{stem}.img",
            "counts": int(image.sum()),
            "outside": int(counted.outside[number]),
            "brightest": int(image.max(initial=0)),
        }
        if exposures is not None:
            more = [Card("BUNIT", "count/s"), Card("EXPMAP", job.inputs["expmap"].name, "taken at each pixel's centre")]
            write_image(job.out / f"{stem}.rate.img", rate_image(image, exposures), grid, [*head, *more], selection.gti)
            entry["rate_file"] = f"{stem}.rate.img"
            entry["unexposed_counts"] = int(image[exposures <= 0].sum())
        entries.append(entry)
    facts = {
        "frame": str(job.params.get("frame") or "sky"),
        "columns": list(grid.names),
        "bin": round(1.0 / grid.x_axis.ltm),
        "shape": list(grid.shape),
        "ltm": [grid.x_axis.ltm, grid.y_axis.ltm],
        "ltv": [grid.x_axis.ltv, grid.y_axis.ltv],
        "ontime": ontime,
        "exposure": exposure,
        "events": counted.events,
        "bands": entries,
    }
    if job.params.get("figure", True):
        _draw(job, table, grid, counted.images, bands)
    write_atomically(job.out / _FACTS, pretty_json({**facts, "notes": notes}))
    return Outcome(facts, tuple(notes))


def _count(
    table: EventTable, bands: list[StepBand], grid: ImageGrid, columns: tuple[str, str], selection: Selection
) -> Counted:
    """Count all events in one pass."""
    ranges = [band.pi for band in bands]
    counter = ImageCounter(grid.x_axis, grid.y_axis, ranges)
    # PI 0 is at 1; what lies below or above all bands is at the ends
    by_pi = np.zeros(max(last for _, last in ranges) + 3, np.int64)
    by_detector = np.zeros(256, np.int64)
    names = ["pi", *columns]
    names += ["time"] if selection.chosen is not None else []
    names += ["det"] if selection.by_detector and "det" in table.columns else []
    events = 0
    for raw in table.chunks(names):
        chunk = selection.kept(raw) if selection.chosen is not None else raw
        pi = chunk["pi"]
        counter.add(chunk[columns[0]], chunk[columns[1]], pi)
        by_pi += _histogram(pi, len(by_pi))
        if "det" in chunk:
            by_detector += np.bincount(chunk["det"].view(np.uint8), minlength=256)
        events += len(pi)
    in_band = np.array([by_pi[first + 1 : last + 2].sum() for first, last in ranges])
    images = counter.images
    # where time is counted by detector, that of the one with most events is told: the target's, mostly
    main = int(by_detector.argmax()) if selection.by_detector and by_detector.any() else None
    return Counted(images, in_band - images.sum(axis=(1, 2)), events, main)


def _histogram(pi: NDArray[Any], size: int) -> NDArray[np.int64]:
    """Count PI from 0, which is at 1; what lies below or above is counted at the ends."""
    if pi.size and (pi.min() < -1 or pi.max() > size - 2):
        pi = np.clip(pi, -1, size - 2)
    return np.bincount(np.add(pi, 1, dtype=np.intp), minlength=size)


def _outside_notes(bands: list[StepBand], outside: NDArray[np.int64]) -> list[str]:
    told = [f"{count} of {band.name}" for band, count in zip(bands, outside, strict=True) if count]
    return [f"events outside the image: {', '.join(told)}"] if told else []


def _time_cards(ontime: float, exposure: float) -> list[Card]:
    return [
        Card("ONTIME", ontime, "[s] sum of the GTIs"),
        Card("EXPOSURE", exposure, "[s] ONTIME less the dead time"),
        Card("LIVETIME", exposure, "[s]"),
    ]


def band_cards(band: StepBand) -> list[Card]:
    """Give the cards that say which band an image is of."""
    return [
        Card("BAND", band.name),
        Card("E_MIN", band.lo, "[keV]"),
        Card("E_MAX", band.hi, "[keV] not in the band"),
        Card("PI_MIN", band.first, "lowest PI"),
        Card("PI_MAX", band.last, "highest PI, in the band"),
    ]


def _as_int32(image: NDArray[np.integer[Any]]) -> NDArray[Any]:
    return image.astype(np.int32) if int(image.max(initial=0)) <= _INT32 else image


def rate_image(image: NDArray[np.integer[Any]], exposure: NDArray[np.float64]) -> NDArray[np.float32]:
    """Divide counts by the exposure in s: counts/s, NaN where nothing was exposed."""
    rate = np.full(image.shape, np.nan, np.float32)
    np.divide(image, exposure, out=rate, where=exposure > 0, casting="unsafe")
    return rate


def longer_map(exposure: NDArray[np.float64], ontime: float) -> list[str]:
    """Say so where a map tells of much more time than that of the events: of a part of an observation, mostly."""
    most = float(exposure.max(initial=0.0))
    if most <= _LONGER * ontime:
        return []
    return [
        f"the exposure map reaches {most:.6g} s and the events are of {ontime:.6g} s: rates are too low unless the map "
        "is made for these times"
    ]


def _exposures(
    path: Path, grid: ImageGrid, images: NDArray[np.integer[Any]], bands: list[StepBand], notes: list[str]
) -> NDArray[np.float64]:
    """Bring an exposure map onto the grid, and make sure that it covers the events."""
    if grid.wcs is None:
        raise FileError(
            str(path), f"is a map of the sky, the image is of {' and '.join(grid.names)}", "Use frame: sky, or no map"
        )
    values, there = resample(read_image(path), grid)
    if not there.any():
        raise FileError(str(path), "covers no pixel of the image", "Use the exposure map of this observation")
    missed = int(max(image[~there].sum() for image in images))
    if missed:
        raise FileError(
            str(path),
            f"does not cover the image: {missed} events of a band lie outside the map",
            "Make the map as large as the image, or give the image an origin and a size within the map",
        )
    unexposed = [int(image[values <= 0].sum()) for image in images]
    told = [f"{count} of {band.name}" for band, count in zip(bands, unexposed, strict=True) if count]
    if told:
        notes.append(f"events where the map has no exposure, not in the rate images: {', '.join(told)}")
    return values


def _draw(
    job: Job, table: EventTable, grid: ImageGrid, images: NDArray[np.integer[Any]], bands: list[StepBand]
) -> None:
    from xbatch.tasks.skyfigure import draw_images, save_picture

    params: Mapping[str, Any] = job.params
    words = [table.header.object, str(params.get("obsid", "")), str(params.get("instrument", ""))]
    title = " ".join(word for word in (*words, str(params.get("name", ""))) if word)
    figure = draw_images(grid, images, [band.name for band in bands], title)
    save_picture(figure, job.out / _PICTURE)
