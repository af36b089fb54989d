"""The pixels of the images of an event table, in its sky or its detector coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.imagefile import ImageGrid, grid_of
from xbatch.tasks._regions import field_of
from xbatch.xray.histograms import Axis, binned_axis

__all__ = ["LARGEST_IMAGE", "bin_of", "image_grid"]

#: X and Y of XMM-Newton count 0.05 arcsec: 80 of them are 4 arcsec.
_BINS = {"xmm": 80}
_DETECTOR = {"nustar": ("DET1X", "DET1Y"), "xmm": ("DETX", "DETY")}
#: Pixels of the largest image worth making.
LARGEST_IMAGE = 1 << 26


def bin_of(params: Mapping[str, Any], mission: str) -> int:
    """Give the coordinates to a pixel: ``bin`` of the parameters, else 80 for XMM-Newton (4 arcsec), else 1.

    Raises
    ------
    StepError
        It is no whole number above 0.
    """
    value = params.get("bin")
    if value is None:
        return _BINS.get(mission, 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise StepError(f"an image's bin is {value!r}", cure="It is a whole number of coordinates, 1 or more")
    return int(value)


def image_grid(table: EventTable, params: Mapping[str, Any]) -> tuple[ImageGrid, tuple[str, str]]:
    """Give the pixels of an image, and the table's columns that it is made of.

    Parameters
    ----------
    table : EventTable
    params : Mapping
        - ``mission``;
        - ``frame``: ``sky`` (X and Y) or ``det`` (DET1X and DET1Y of NuSTAR, DETX and DETY of XMM-Newton);
        - ``bin``: coordinates to a pixel;
        - ``origin``: ``[x, y]``, the first coordinates of the first pixel; TLMIN unless given;
        - ``size``: ``[columns, rows]``; up to TLMAX unless given.

    Raises
    ------
    FileError
        The table lacks the columns, or their limits are not known.
    StepError
        The parameters make no image.
    """
    mission = str(params.get("mission") or table.header.mission)
    frame = str(params.get("frame") or "sky")
    if frame == "sky":
        field = field_of(table)
        names, columns = ("X", "Y"), ("x", "y")
        limits = [(field.x_first, field.x_last), (field.y_first, field.y_last)]
    elif frame == "det":
        names = _detector_names(table, mission)
        columns = (names[0].lower(), names[1].lower())
        limits = [_limits(table, name) for name in names]
    else:
        raise StepError(f"an image's frame is {frame!r}", cure="It is sky or det")
    width = bin_of(params, mission)
    axes = [_axis(*limits[n], width, _at(params, "origin", n), _at(params, "size", n), names[n]) for n in (0, 1)]
    if axes[0].size * axes[1].size > LARGEST_IMAGE:
        raise StepError(f"an image of {axes[0].size} x {axes[1].size} pixels is too large", cure="Take a larger bin")
    return grid_of(table.header.wcs if frame == "sky" else None, axes[0], axes[1], names), columns


def _detector_names(table: EventTable, mission: str) -> tuple[str, str]:
    names = _DETECTOR.get(mission)
    if names is None:
        raise StepError(f"detector coordinates of {mission} are not known here", cure="Use frame: sky")
    missing = [name for name in names if name.lower() not in table.columns]
    if missing:
        raise FileError(
            f"events of {table.header.obsid}/{table.header.instrument}",
            f"detector coordinates were not kept ({', '.join(missing)})",
            f"Let the screening keep {' and '.join(names)}",
        )
    return names


def _limits(table: EventTable, name: str) -> tuple[int, int]:
    low, high = table.header.columns.get(name, ("", "", None, None))[2:]
    if low is None or high is None:
        raise FileError(
            f"events of {table.header.obsid}/{table.header.instrument}",
            f"{name} has no limits (TLMIN, TLMAX)",
            "Give the image an origin and a size",
        )
    return int(low), int(high)


def _at(params: Mapping[str, Any], key: str, place: int) -> int | None:
    value = params.get(key)
    if value is None:
        return None
    whole = [number for number in value if isinstance(number, int) and not isinstance(number, bool)]
    if len(value) != 2 or len(whole) != 2 or (key == "size" and min(whole) < 1):
        raise StepError(f"an image's {key} is {value!r}", cure="It is two whole numbers, for x and y")
    return whole[place]


def _axis(low: int, high: int, width: int, origin: int | None, size: int | None, name: str) -> Axis:
    first = low if origin is None else origin
    last = high if size is None else first + size * width - 1
    try:
        return binned_axis(first, last, width)
    except ValueError as error:
        raise StepError(
            f"a bin of {width} leaves no pixel between {name} {first} and {last}", cure="Take a smaller bin"
        ) from error
