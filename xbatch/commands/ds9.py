"""Regions as text that DS9, xselect and nuproducts read; the coordinate system is always named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.commands.parameters import degrees, number

__all__ = ["FRAMES", "region_text"]

#: The word for each frame; FK5 and ICRS differ by less than 0.1 arcsec, and not every tool knows the second.
FRAMES: Mapping[str, str] = {"fk5": "fk5", "icrs": "fk5", "physical": "physical", "image": "image"}
_HEAD = "# Region file format: DS9 version 4.1"


def region_text(shapes: Sequence[Mapping[str, Any]], rule: str | None = None) -> str:
    """Write shapes as a region file.

    Parameters
    ----------
    shapes : sequence of Mapping
        Each with ``shape``, ``frame``, ``center``, ``sizes`` (arcsec on the sky, else pixels), ``angle``, ``sweep``,
        ``vertices`` and ``include``, as a spec's regions have them.
    rule : str or None
        How includes and excludes combine: by ``exclude-last`` excludes are written last, else all is in its order.

    Raises
    ------
    ValueError
        A shape is in a frame that the tools do not read, or there is nothing to write.
    """
    if not shapes:
        raise ValueError("a region has at least one shape")
    ordered = sorted(shapes, key=lambda one: not one["include"]) if rule == "exclude-last" else list(shapes)
    lines = [_HEAD]
    frame = ""
    for one in ordered:
        wanted = FRAMES.get(str(one["frame"]).lower())
        if wanted is None:
            raise ValueError(f"the missions' tools take regions in {', '.join(FRAMES)}, not in {one['frame']}")
        if wanted != frame:
            frame = wanted
            lines.append(frame)
        lines.append(f"{'' if one['include'] else '-'}{_shape(one, frame)}")
    return "\n".join(lines) + "\n"


def _shape(one: Mapping[str, Any], frame: str) -> str:
    name = str(one["shape"])
    sky = frame == "fk5"
    places = one["vertices"] if name == "polygon" else [one["center"]]
    words = [degrees(value) if sky else number(value) for place in places for value in place]
    sizes = [f'{_size(value)}"' if sky else number(value) for value in one["sizes"]]
    if name == "panda":
        first, last = one["sweep"]
        words += [number(first), number(last), "1", *sizes, "1"]
    else:
        words += sizes
        words += [number(one["angle"] or 0.0)] if name in {"ellipse", "box"} else []
    return f"{name}({','.join(words)})"


def _size(value: float) -> str:
    return number(round(value, 6))
