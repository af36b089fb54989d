"""Task `selection`: regions of an observation as conditions that SAS selects events by, on the pixels of its list."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xbatch.base.errors import FileError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.events import EventList, open_events
from xbatch.ogip.regions import check_area
from xbatch.ogip.skyplane import PixelPlane, event_plane
from xbatch.registry import Job, Outcome
from xbatch.tasks._piledup import enlarged, found_radii, pixels_of_arcsec
from xbatch.tasks._regions import Placed, place_on, region_files
from xbatch.tasks._selectlib import region_expression
from xbatch.xray.region_masks import Field, selected
from xbatch.xray.regions import Annulus, Circle, Ellipse, Shape

__all__ = ["run"]

_SELECTION = "selection.json"
#: As arfgen and epiclccorr call them.
_GIVEN, _LONGITUDE, _LATITUDE = "withsourcepos", "sourcex", "sourcey"


def run(job: Job) -> Outcome:
    """Write the regions of an observation and instrument as conditions on X and Y.

    Inputs: ``events``, a list (only its header is read), ``region/NAME`` for regions from files, and ``pileup/NAME``
    (see `xbatch.tools.pileup`) for those whose inner radius a search has found. Parameters: ``mission``,
    ``instrument``, ``obsid``, ``regions`` (by name, see `xbatch.tasks._regions`); ``sources``, for some regions RA and
    Dec (degrees, fk5) of a source that may lie in them.

    Output: ``selection.json``: for each region ``NAME.expression``, the condition, and in ``regions`` what it was made
    of: ``expression``, ``combine``, ``shapes`` (how many), and of a circle or an annulus ``x``, ``y``, ``inner`` and
    ``outer`` (pixels) and ``pixels`` (to an arcsec). For regions of ``sources`` what `arfgen` is told too:
    ``NAME.withsourcepos``, ``NAME.sourcex`` and ``NAME.sourcey``.

    Raises
    ------
    FileError
        A region cannot be placed on this list; the list has no X and Y.
    StepError
        A region makes no sense, or is not a circle or an annulus whose inner radius can be enlarged.
    """
    found = found_radii(job.inputs)
    with tempfile.TemporaryDirectory(prefix=".inflated-", dir=job.out) as folder:
        events = open_events(job.inputs["events"], Path(folder))
        field = _field(events)
    plane = event_plane(events.header.wcs, events.path)
    notes: list[str] = []
    regions: dict[str, dict[str, Any]] = {}
    sources: dict[str, Any] = {}
    for name, placed in place_on(plane, field, job.params["regions"], region_files(job.inputs)).items():
        shapes = placed.shapes
        if name in found:
            shapes, said = enlarged(name, shapes, found[name], plane)
            notes += said
        _, said_of_area = check_area(shapes, placed.rule, field, name, placed.file)
        notes += [f"{name}: {note}" for note in (*placed.notes, *said_of_area)]
        regions[name] = _written(placed, shapes, plane)
        if (place := (job.params.get("sources") or {}).get(name)) is not None:
            sources |= {f"{name}.{key}": value for key, value in _source(shapes, placed, plane, place).items()}
            where = "the target" if sources[f"{name}.{_GIVEN}"] else "the middle of the region"
            notes.append(f"{name}: the source is taken to be at {where}")
    expressions = {f"{name}.expression": region["expression"] for name, region in regions.items()}
    write_atomically(job.out / _SELECTION, pretty_json({**expressions, **sources, "regions": regions}))
    return Outcome({"regions": {name: region["expression"] for name, region in regions.items()}}, tuple(notes))


def _source(shapes: Sequence[Shape], placed: Placed, plane: PixelPlane, place: Sequence[float]) -> dict[str, Any]:
    """Say whether a source lies in a region of shapes whose middle does not tell where it is; and where.

    What a region leaves out may lie around the source (its piled-up core), and does not count.
    """
    included = [shape for shape in shapes if shape.include]
    only = included[0] if len(shapes) == 1 and included else None
    given = False
    if included and plane.sky is not None and not isinstance(only, Circle | Annulus | Ellipse):
        x, y = plane.from_sky(place[0], place[1], "fk5")
        given = bool(selected(included, np.array([x]), np.array([y]), placed.rule)[0])
    ra, dec = (f"{angle:.8g}" if given else "0" for angle in place)
    return {_GIVEN: given, _LONGITUDE: ra, _LATITUDE: dec}


def _field(events: EventList) -> Field:
    """Give the pixels that X and Y may have, as the header has them; all that fit where it has not."""
    if not {"X", "Y"} <= events.header.columns.keys():
        raise FileError(
            events.path,
            "has no X and Y, which regions select by (of a timing mode?)",
            "Use exposures in an imaging mode (data.pipeline.mode)",
        )
    ends: list[int] = []
    for name in ("X", "Y"):
        low, high = events.header.columns[name][2:]
        if low is None or high is None:
            raise FileError(events.path, f"does not say which {name} it may have (TLMIN, TLMAX)", "Make it again")
        ends += [math.floor(low), math.ceil(high)]
    return Field(*ends)


def _written(placed: Placed, shapes: Sequence[Shape], plane: PixelPlane) -> dict[str, Any]:
    about: dict[str, Any] = {
        "expression": region_expression(shapes, placed.rule),
        "combine": placed.rule,
        "shapes": len(shapes),
    }
    only = shapes[0]
    if len(shapes) == 1 and isinstance(only, Annulus | Circle) and plane.sky is not None:
        ring = only if isinstance(only, Annulus) else Annulus(only.x, only.y, 0.0, only.radius)
        about |= {
            "x": ring.x,
            "y": ring.y,
            "inner": ring.inner,
            "outer": ring.outer,
            "pixels": pixels_of_arcsec(ring, plane),
        }
    return about
