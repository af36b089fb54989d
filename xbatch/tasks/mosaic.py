"""Task `mosaic`: sums of the images of several observations and instruments on one piece of sky."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.imagefile import ImageGrid, grid_of, identity_cards, read_image, resample, write_image
from xbatch.ogip.livetime import LiveTime, load_livetime
from xbatch.registry import Job, Outcome
from xbatch.tasks._bands import StepBand, step_bands
from xbatch.tasks._grids import LARGEST_IMAGE, bin_of
from xbatch.tasks._regions import field_of, plane_of
from xbatch.tasks._times import Selection, exposed, selected_gti
from xbatch.tasks.image import band_cards, longer_map, rate_image
from xbatch.xray.histograms import Axis, pixel_numbers
from xbatch.xray.region_masks import Field

__all__ = ["run"]

_PICTURE = "mosaic.png"
_FACTS = "mosaic.json"
#: Pixels of X and Y that are looked up in a table; of a larger field only those that events lie on are placed.
_LARGEST_TABLE = 1 << 22
_BLOCK = 1 << 19
#: Points along each edge of a field, to find how far it reaches on another's.
_EDGE = 33


@dataclass(frozen=True)
class _Member:
    """One of the summed: its events, what is selected of them, and the pixels that they span."""

    label: str
    table: EventTable
    selection: Selection
    bands: list[StepBand]
    span: Field
    live: LiveTime | None


def run(job: Job) -> Outcome:
    """Sum the images of several event tables on one tangent plane.

    Inputs: ``events/N``, and where there are such ``livetime/N``, ``gti/N``, ``expmap/N`` (in s, of any binning and
    coordinates) and ``bands/NAME``. Parameters: ``name``, ``group``, ``members`` (``{"mission", "instrument",
    "obsid"}`` of each N), ``bands`` (see `xbatch.tasks._bands`), ``bin`` (pixels of X and Y of the first member to a
    pixel) or ``pixel`` (the size of a pixel in arcsec), ``grid``: ``all`` to hold the events of all members (so unless
    given) or ``first`` for the field of the first.

    Outputs: for each band ``BAND.img`` (counts), and if every member has a map ``BAND.rate.img`` (counts/s, NaN where
    nothing was exposed); ``mosaic.json``, ``mosaic.png``.

    The plane is that of X and Y of the first member. Every pixel of X and Y of a member that events lie on goes as a
    whole to the pixel that its centre lies in: no count is split or lost. Exposure maps are taken at the centres of the
    pixels and added.

    Raises
    ------
    FileError
        A table has no sky coordinates.
    StepError
        The bands or the grid cannot be used, or the members lie too far apart.
    """
    members = _members(job)
    grid = _grid(job.params, members)
    count = len(members[0].bands)
    images = np.zeros((count, grid.shape[0] * grid.shape[1] + 1), np.int32)
    notes, told = [], []
    for member in members:
        before = images.sum(axis=1, dtype=np.int64)
        outside_before = images[:, -1].copy()
        _add(member, members[0], grid, images)
        added = images.sum(axis=1, dtype=np.int64) - before
        lost = images[:, -1] - outside_before
        told.append({"member": member.label, "counts": added.tolist(), "outside": lost.tolist(), **_times(member)})
        notes += [f"{member.label}: {note}" for note in member.selection.notes]
        if lost.any():
            worst = int(lost.argmax())
            notes.append(f"{member.label}: events outside the mosaic: {int(lost[worst])} of {member.bands[worst].name}")
    summed = images[:, :-1].reshape(count, *grid.shape)
    exposures = _exposures(job.inputs, members, grid, notes)
    entries = _write(job.out, grid, summed, exposures, members)
    facts = {
        "shape": list(grid.shape),
        "bin": 1.0 / grid.x_axis.ltm,
        "pixel": abs(grid.wcs.cdelt[1]) * 3600.0 if grid.wcs is not None else None,
        "members": told,
        "exposure": sum(float(each["exposure"]) for each in told),
        "bands": entries,
    }
    _draw(job, grid, summed, [band.name for band in members[0].bands])
    write_atomically(job.out / _FACTS, pretty_json({**facts, "notes": notes}))
    return Outcome(facts, tuple(notes))


def _members(job: Job) -> list[_Member]:
    listed: Sequence[Mapping[str, Any]] = job.params.get("members") or ()
    if not listed:
        raise StepError("no image is to be summed", cure="Name the members of the mosaic")
    members = []
    for number, identity in enumerate(listed):
        table = EventTable.open(job.inputs[f"events/{number}"])
        plane = plane_of(table)
        if plane.sky is None:
            raise FileError(plane.file, f"cannot be laid on the sky: {plane.trouble}", "Leave it out of the mosaic")
        members.append(
            _Member(
                f"{identity.get('obsid', '')}/{identity.get('instrument', '')}",
                table,
                selected_gti(table, job.inputs.get(f"gti/{number}")),
                step_bands({**job.params, **identity}, job.inputs),
                _span(table),
                load_livetime(job.inputs[live]) if (live := f"livetime/{number}") in job.inputs else None,
            )
        )
    return members


def _span(table: EventTable) -> Field:
    """Give the pixels of X and Y between which all events lie."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for chunk in table.chunks(["x", "y"]):
        low = np.minimum(low, [chunk[name].min() for name in "xy"])
        high = np.maximum(high, [chunk[name].max() for name in "xy"])
    ends = [int(np.floor(low[0])), int(np.ceil(high[0])), int(np.floor(low[1])), int(np.ceil(high[1]))]
    return Field(*ends)


def _grid(params: Mapping[str, Any], members: Sequence[_Member]) -> ImageGrid:
    """Lay the pixels of the mosaic: those of the first member's image, continued as far as is asked for."""
    first = members[0].table
    width = _width(params, first)
    field = field_of(first)
    choice = str(params.get("grid") or "all")
    if choice not in {"all", "first"}:
        raise StepError(f"a mosaic's grid is {choice!r}", cure="It is all or first")
    starts: list[float] = []
    sizes: list[int] = []
    reach = [_reach(member, members[0]) for member in members] if choice == "all" else []
    for axis, (low, high) in enumerate(((field.x_first, field.x_last), (field.y_first, field.y_last))):
        start: float = low
        size = (high - low + 1) // width
        if choice == "all":
            least, most = min(each[axis][0] for each in reach), max(each[axis][1] for each in reach)
            start = low + int(np.floor((least - low + 0.5) / width)) * width
            size = int(np.floor((most - start + 0.5) / width)) + 1
        starts.append(start)
        sizes.append(int(size))
    if sizes[0] * sizes[1] > LARGEST_IMAGE or min(sizes) < 1:
        raise StepError(
            f"a mosaic of {sizes[0]} x {sizes[1]} pixels cannot be made", cure="Take a larger bin, or nearer members"
        )
    axes = [Axis(1 / width, 0.5 + (0.5 - start) / width, size) for start, size in zip(starts, sizes, strict=True)]
    return grid_of(first.header.wcs, axes[0], axes[1])


def _width(params: Mapping[str, Any], first: EventTable) -> float:
    """Give the coordinates to a pixel: a whole number for ``bin``, any for ``pixel``."""
    arcsec = params.get("pixel")
    if arcsec is None:
        return bin_of(params, str(params.get("mission") or first.header.mission))
    wcs = first.header.wcs
    if isinstance(arcsec, bool) or not isinstance(arcsec, int | float) or not arcsec > 0 or wcs is None:
        raise StepError(f"a mosaic's pixel is {arcsec!r}", cure="It is a size in arcsec")
    return float(arcsec) / (abs(wcs.cdelt[1]) * 3600.0)


def _reach(member: _Member, first: _Member) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the range of the first member's X, and of its Y, that a member's events may lie in."""
    span = member.span
    x, y = np.linspace(span.x_first, span.x_last, _EDGE), np.linspace(span.y_first, span.y_last, _EDGE)
    ends = [np.full(_EDGE, float(end)) for end in (span.x_first, span.x_last, span.y_first, span.y_last)]
    across = np.concatenate([x, x, ends[0], ends[1]])
    up = np.concatenate([ends[2], ends[3], y, y])
    px, py = _placed(member, first, across, up)
    if not (np.isfinite(px).all() and np.isfinite(py).all()):
        raise StepError(
            f"{member.label} and {first.label} lie on different sides of the sky", cure="Sum nearer observations"
        )
    return (float(px.min()), float(px.max())), (float(py.min()), float(py.max()))


def _placed(
    member: _Member, first: _Member, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the first member's X and Y of a member's."""
    if member.table.header.wcs == first.table.header.wcs:
        return x, y
    return plane_of(member.table).onto(plane_of(first.table), x, y)


def _pixels(member: _Member, first: _Member, grid: ImageGrid, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Give the pixel of the mosaic that positions lie in, by rows; the one beyond the last if none."""
    px, py = _placed(member, first, x.astype(np.float64), y.astype(np.float64))
    column, row = pixel_numbers(px, grid.x_axis), pixel_numbers(py, grid.y_axis)
    return np.where((column < 0) | (row < 0), grid.shape[0] * grid.shape[1], row * grid.shape[1] + column)


def _add(member: _Member, first: _Member, grid: ImageGrid, images: NDArray[np.int32]) -> None:
    """Count the events of a member."""
    table, span = member.table, member.span
    whole = all(table.columns[name].dtype.kind in "iu" for name in "xy")
    places = _table_of_places(member, first, grid) if whole and span.pixels <= _LARGEST_TABLE else None
    names = ["x", "y", "pi", *(["time"] if member.selection.chosen is not None else [])]
    for raw in table.chunks(names):
        chunk = member.selection.kept(raw) if member.selection.chosen is not None else raw
        x, y, pi = chunk["x"], chunk["y"], chunk["pi"]
        if whole:
            flat = np.subtract(y, span.y_first, dtype=np.int64) * span.width
            flat += np.subtract(x, span.x_first, dtype=np.int64)
        if whole and places is not None:
            pixels = places.take(flat)
        elif whole:
            known, back = np.unique(flat, return_inverse=True)
            there = known % span.width + span.x_first, known // span.width + span.y_first
            pixels = _pixels(member, first, grid, *there).take(back)
        else:
            pixels = _pixels(member, first, grid, x, y)
        for image, band in zip(images, member.bands, strict=True):
            held = pixels.take(np.flatnonzero((pi >= band.first) & (pi <= band.last)))
            np.add.at(image, held, np.ones(len(held), np.int32))


def _table_of_places(member: _Member, first: _Member, grid: ImageGrid) -> NDArray[np.int64]:
    """Give the pixel of the mosaic for each pixel of X and Y that a member's events may lie on, row by row."""
    span = member.span
    x = np.arange(span.x_first, span.x_last + 1)
    rows = max(_BLOCK // span.width, 1)
    parts = []
    for begin in range(span.y_first, span.y_last + 1, rows):
        y = np.arange(begin, min(begin + rows, span.y_last + 1))
        across, up = np.meshgrid(x, y)
        parts.append(_pixels(member, first, grid, across.reshape(-1), up.reshape(-1)))
    return np.concatenate(parts)


def _times(member: _Member) -> dict[str, float]:
    """Give the time of a member: of the detector with most of it, where time is counted by detector."""
    selection = member.selection
    main = max(selection.by_detector, key=selection.ontime, default=None)
    ontime = selection.ontime(main)
    return {"ontime": ontime, "exposure": exposed(member.table, selection, member.live, main)}


def _exposures(
    inputs: Mapping[str, Path], members: Sequence[_Member], grid: ImageGrid, notes: list[str]
) -> NDArray[np.float64] | None:
    """Add up the exposure maps on the pixels of the mosaic; None unless every member has one."""
    missing = [member.label for number, member in enumerate(members) if f"expmap/{number}" not in inputs]
    if missing:
        if len(missing) < len(members):
            notes.append(f"no rates, for want of the exposure map of {', '.join(missing)}")
        return None
    total = np.zeros(grid.shape)
    for number, member in enumerate(members):
        values, there = resample(read_image(inputs[f"expmap/{number}"]), grid)
        if not there.any():
            path = str(inputs[f"expmap/{number}"])
            raise FileError(path, f"covers no pixel of the mosaic with {member.label}", "Use its own exposure map")
        notes += [f"{member.label}: {note}" for note in longer_map(values, _times(member)["ontime"])]
        total += values
    return total


def _write(
    out: Path,
    grid: ImageGrid,
    images: NDArray[np.int32],
    exposures: NDArray[np.float64] | None,
    members: Sequence[_Member],
) -> list[dict[str, Any]]:
    cards = _cards(members)
    entries = []
    for image, band in zip(images, members[0].bands, strict=True):
        stem = band.stem
        head = [*cards, *band_cards(band)]
        write_image(out / f"{stem}.img", image, grid, [*head, Card("BUNIT", "count")])
        entry: dict[str, Any] = {"name": band.name, "lo": band.lo, "hi": band.hi, "file": f"{stem}.img"}
        entry["counts"] = int(image.sum(dtype=np.int64))
        if exposures is not None:
            rate = rate_image(image, exposures)
            write_image(out / f"{stem}.rate.img", rate, grid, [*head, Card("BUNIT", "count/s")])
            entry["rate_file"] = f"{stem}.rate.img"
            entry["unexposed_counts"] = int(image[exposures <= 0].sum(dtype=np.int64))
        entries.append(entry)
    return entries


def _cards(members: Sequence[_Member]) -> list[Card]:
    """Give what all members share of who observed what, and who they are."""
    own = [{card.keyword: card for card in identity_cards(member.table.header.cards)} for member in members]
    shared = [
        card
        for key, card in own[0].items()
        if key in {"TELESCOP", "INSTRUME", "FILTER", "OBJECT", "OBS_ID"}
        and all(card == other.get(key) for other in own)
    ]
    exposure = sum(_times(member)["exposure"] for member in members)
    named = [Card(f"MEMB{number:04d}", member.label) for number, member in enumerate(members, 1)]
    return [*shared, Card("EXPOSURE", exposure, "[s] sum over the members"), Card("NMEMBERS", len(members)), *named]


def _draw(job: Job, grid: ImageGrid, images: NDArray[np.int32], names: Sequence[str]) -> None:
    from xbatch.tasks.skyfigure import draw_images, save_picture

    words = [str(job.params.get(key, "")) for key in ("name", "group")]
    number = len(job.params["members"])
    title = " ".join(word for word in words if word) + f": sum of {number} image{'' if number == 1 else 's'}"
    save_picture(draw_images(grid, images, names, title), job.out / _PICTURE)
