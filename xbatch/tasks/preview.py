"""Task `preview`: every region of an observation drawn on its image, before anything is extracted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.imagefile import ImageGrid
from xbatch.ogip.regions import check_area
from xbatch.registry import Job, Outcome
from xbatch.tasks._grids import bin_of, image_grid
from xbatch.tasks._piledup import enlarged, found_radii
from xbatch.tasks._regions import Placed, field_of, place_regions, plane_of, region_files
from xbatch.xray.channels import pi_range
from xbatch.xray.eventcounts import ImageCounter
from xbatch.xray.region_labels import label_image
from xbatch.xray.region_masks import LARGEST, Field, bounding_box, draw, pixels_inside, selected

__all__ = ["run"]

_PICTURE = "regions.png"
_FACTS = "regions.json"
#: keV; what an image is made of unless the parameters say so.
_BANDS = {"nustar": (3.0, 79.0), "xmm": (0.3, 10.0)}
_MOST_PIXELS = 1 << 20


def run(job: Job) -> Outcome:
    """Draw all regions of an observation on the image of its events.

    Inputs: ``events`` (events.bin), ``region/NAME`` for regions from files, and ``pileup/NAME`` for those whose inner
    radius a search has found. Parameters: ``obsid``, ``instrument``,
    ``mission``, ``regions`` (by name, see `xbatch.tasks._regions`), ``roles`` (by name, what each is for: ``source of
    agn``), ``bin`` (see `xbatch.tasks._grids`).

    Outputs: ``regions.png`` and ``regions.json``: of each region its shapes, its area in pixels of X and Y and in
    square arcmin, the part of it that lies in the field (TLMIN to TLMAX), and the events inside, of the image's band
    and of all energies.

    Raises
    ------
    FileError
        A region cannot be placed.
    StepError
        A region makes no sense, or selects no pixel of the field.
    """
    table = EventTable.open(job.inputs["events"])
    field = field_of(table)
    placed = place_regions(table, job.params.get("regions") or {}, region_files(job.inputs))
    for name, path in found_radii(job.inputs).items():
        shapes, _ = enlarged(name, placed[name].shapes, path, plane_of(table))
        placed = {**placed, name: replace(placed[name], shapes=shapes)}
    roles: Mapping[str, Any] = job.params.get("roles") or {}
    notes: list[str] = []
    areas = _areas(placed, field, notes)
    wcs = table.header.wcs
    scale = None if wcs is None else abs(wcs.cdelt[0] * wcs.cdelt[1]) * 3600.0
    band, ranges = _band(job.params)
    grid, _ = image_grid(table, {**job.params, "frame": "sky", "bin": _width(job.params, field)})
    image, counts = _count(table, grid, ranges, placed, field)
    regions = {
        name: {
            "role": str(roles.get(name, "")),
            "shapes": [_shape_text(shape) for shape in region.shapes],
            "combine": region.rule,
            "pixels": areas[name][0],
            "area_arcmin2": None if scale is None else areas[name][0] * scale,
            "fraction_in_field": areas[name][1],
            "counts": int(counts[number][1]),
            "band_counts": int(counts[number][0]),
            "notes": list(region.notes),
        }
        for number, (name, region) in enumerate(placed.items())
    }
    facts = {"band": band, "events": int(table.rows), "image_counts": int(image.sum()), "regions": regions}
    _draw(job, table, grid, image, placed, f"{band}   {int(image.sum()):,} counts")
    write_atomically(job.out / _FACTS, pretty_json({**facts, "notes": notes}))
    return Outcome(facts, tuple(notes))


def _areas(placed: Mapping[str, Placed], field: Field, notes: list[str]) -> dict[str, tuple[int, float]]:
    """Give the pixels of each region in the field, and the part of it that these are."""
    areas: dict[str, tuple[int, float]] = {}
    empty: list[tuple[str, FileError | StepError]] = []
    for name, region in placed.items():
        try:
            pixels, said = check_area(region.shapes, region.rule, field, name, region.file)
        except (FileError, StepError) as error:
            empty.append((name, error))
            continue
        areas[name] = (pixels, _fraction(region, field, pixels))
        notes += [f"{name}: {note}" if name not in note else note for note in (*region.notes, *said)]
    if empty:
        first = empty[0][1]
        others = ", ".join(repr(name) for name, _ in empty[1:])
        raise StepError(first.what + (f"; neither does {others}" if others else ""), first.file, first.cure)
    return areas


def _band(params: Mapping[str, Any]) -> tuple[str, tuple[int, int] | None]:
    """Give the band of the image, by name and by PI; all events where the mission's PI are not known."""
    mission, instrument = str(params.get("mission", "")), str(params.get("instrument", ""))
    if mission not in _BANDS:
        return "all energies", None
    lo, hi = _BANDS[mission]
    return f"{lo:g}-{hi:g} keV", pi_range(mission, instrument, lo, hi)


def _width(params: Mapping[str, Any], field: Field) -> int:
    """Give the bin of the image: as asked for, as the mission has it, or so that an image is not too large."""
    if params.get("bin") is not None or params.get("mission") in _BANDS:
        return bin_of(params, str(params.get("mission", "")))
    return max(round(math.sqrt(field.pixels / _MOST_PIXELS)), 1)


def _fraction(region: Placed, field: Field, pixels: int) -> float:
    """Give the part of a region's pixels that lie in the field."""
    if not any(shape.include for shape in region.shapes):
        return 1.0
    try:
        box = bounding_box(region.shapes, region.rule)
    except ValueError:  # a sector without an end
        return 1.0
    if box.common(field) == box or box.pixels > LARGEST:
        return 1.0
    return pixels / pixels_inside(region.shapes, box, region.rule)


def _count(
    table: EventTable,
    grid: ImageGrid,
    ranges: tuple[int, int] | None,
    placed: Mapping[str, Placed],
    field: Field,
) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Count the image, and the events in each region: those of the band and those of all energies, shape (n, 2)."""
    counter = ImageCounter(grid.x_axis, grid.y_axis, None if ranges is None else [ranges])
    regions = list(placed.values())
    counts = np.zeros((len(regions), 2), np.int64)
    labels = _labels(table, regions, field)
    for chunk in table.chunks(["x", "y", "pi"]):
        x, y, pi = chunk["x"], chunk["y"], chunk["pi"]
        counter.add(x, y, pi)
        in_band = np.ones(len(pi), np.bool_) if ranges is None else (pi >= ranges[0]) & (pi <= ranges[1])
        if labels is not None:
            at = labels.at(x, y)
            size = len(labels.members)
            both = [np.bincount(some, minlength=size) for some in (at[in_band], at)]
            counts += np.stack([labels.members.T.astype(np.int64) @ each for each in both], axis=1)
            continue
        for number, region in enumerate(regions):
            held = selected(region.shapes, x, y, region.rule)
            counts[number] += (np.count_nonzero(held & in_band), np.count_nonzero(held))
    return counter.images[0], counts


def _labels(table: EventTable, regions: Sequence[Placed], field: Field) -> Any:
    """Draw the regions, where positions are whole pixels and the regions not too large to be drawn.

    Nor are they drawn where that is more work than to ask for each event: EPIC's pixels are many, and small.
    """
    whole = all(table.columns[name].dtype.kind in "iu" for name in ("x", "y"))
    pixels = sum(bounding_box(region.shapes, region.rule, field).pixels for region in regions)
    if not whole or not regions or pixels > min(LARGEST, int(table.rows) * len(regions)):
        return None
    return label_image([draw(region.shapes, region.rule, field) for region in regions])


def _shape_text(shape: Any) -> str:
    """Write a shape as one line: ``circle 500.25, 498.5, 40 pixels``."""
    word = type(shape).__name__.lower()
    ring = getattr(shape, "ring", None)
    about = shape if ring is None else ring
    fields = [value for name, value in vars(about).items() if name not in {"include", "vertices"}]
    flat = [number for value in fields for number in (value if isinstance(value, tuple) else (value,))]
    if ring is not None:
        flat += [shape.start, shape.stop]
    if hasattr(shape, "vertices"):
        flat = [number for vertex in shape.vertices for number in vertex]
    return f"{'' if shape.include else '-'}{word} {', '.join(f'{number:.10g}' for number in flat)}"


def _draw(
    job: Job,
    table: EventTable,
    grid: ImageGrid,
    image: NDArray[np.integer[Any]],
    placed: Mapping[str, Placed],
    about: str,
) -> None:
    from xbatch.tasks.skyfigure import DrawnRegion, draw_regions, role_of, save_picture, uses_of

    roles: Mapping[str, Any] = job.params.get("roles") or {}
    told = {name: str(roles.get(name, "")) for name in placed}
    regions = [
        DrawnRegion(name, role_of(told[name]), each.shapes, uses_of(told[name])) for name, each in placed.items()
    ]
    words = [table.header.object, str(job.params.get("obsid", "")), str(job.params.get("instrument", ""))]
    words += [f"CHU {job.params['chu']}"] if job.params.get("chu") else []
    width = round(1.0 / grid.x_axis.ltm)
    figure = draw_regions(grid, image, regions, " ".join(word for word in words if word), about, width)
    save_picture(figure, job.out / _PICTURE)
