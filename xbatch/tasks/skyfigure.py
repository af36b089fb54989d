"""Pictures of the sky: images in bands, and regions drawn on one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from xbatch.ogip.imagefile import ImageGrid
from xbatch.tasks._closeups import MOST, Drawn, box_of, close_ups, is_within
from xbatch.tasks._skypicture import Picture, Pixels, norm_of, picture_of, window_of
from xbatch.tasks._skyticks import sky_ticks
from xbatch.tasks.figure import COLOURS, own_style
from xbatch.xray.outlines import outline
from xbatch.xray.region_masks import Field
from xbatch.xray.regions import Shape

__all__ = ["ROLE_COLOURS", "DrawnRegion", "draw_images", "draw_regions", "role_of", "save_picture", "uses_of"]

#: Panels of one figure; a figure of more would show nothing.
MOST_PANELS = 16
_NICE = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000)
ROLE_COLOURS: Mapping[str, str] = {
    "source": COLOURS[1],
    "background": COLOURS[2],
    "source and background": COLOURS[4],
    "light curve": COLOURS[3],
    "other": COLOURS[5],
}
Image = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnRegion:
    """A region to be drawn: its name, what it is for (a key of `ROLE_COLOURS`), and its shapes in pixels of X and Y.

    `uses` names the spectra and light curves that it is used for: where the regions of one are small in the picture
    they have a close-up.
    """

    name: str
    role: str
    shapes: tuple[Shape, ...]
    uses: tuple[str, ...] = ()


def role_of(text: str) -> str:
    """Give the key of `ROLE_COLOURS` for what a region is used for: ``source of agn; background of jet``."""
    uses = [use.strip() for use in text.replace(";", ",").split(",")]
    found = [role for role in ("source", "background", "light curve") if any(use.startswith(role) for use in uses)]
    if found[:2] == ["source", "background"]:
        return "source and background"
    return found[0] if found else "other"


def uses_of(text: str) -> tuple[str, ...]:
    """Name what a region is used for: ``source of agn; background of jet`` gives ``agn`` and ``jet``."""
    found = (use.strip().partition(" of ") for use in text.split(";"))
    return tuple(dict.fromkeys(whose or use for use, _, whose in found if use))


def save_picture(figure: Figure, path: Path) -> None:
    """Write a PNG without the name of the program that drew it, so that equal pictures are equal."""
    with own_style():
        figure.savefig(path, dpi=150, metadata={"Software": None}, pil_kwargs={"compress_level": 4})


def draw_images(
    grid: ImageGrid, images: NDArray[Any], names: Sequence[str], title: str, unit: str = "counts"
) -> Figure:
    """Draw images of one grid side by side.

    Parameters
    ----------
    grid : ImageGrid
    images : ndarray, shape (bands, rows, columns)
    names : sequence of str
        Of the bands.
    title : str
    unit : str
        Of a pixel's value.

    Returns
    -------
    Figure
        To be written by `save_picture`.
    """
    shown = min(len(names), MOST_PANELS)
    across = shown if shown <= 3 else math.ceil(math.sqrt(shown))
    down = math.ceil(shown / across)
    window = window_of(grid.shape, images[:shown])
    wide = 6.2 if shown == 1 else 4.2 if shown in {2, 4} else 3.1
    tall = wide * min(max(window.height / window.width, 0.3), 3.0)
    left, right, below, head, gap = 0.95, 0.85, 0.65, 0.5, 0.18
    with own_style():
        width, height = left + across * (wide + right), head + below + down * tall + (down - 1) * gap
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        sigmas: list[float] = []
        for number in range(shown):
            row, column = divmod(number, across)
            x, y = left + column * (wide + right), below + (down - 1 - row) * (tall + gap)
            axes = figure.add_axes((x / width, y / height, wide / width, tall / height))
            picture = picture_of(images[number], window)
            sigmas += [picture.sigma] if picture.sigma else []
            drawn = _show(axes, picture, window, "magma")
            _colour_bar(figure, drawn, ((x + wide + 0.07) / width, y / height, 0.13 / width, tall / height), unit)
            total = float(np.nansum(images[number]))
            _inscription(axes, names[number], f"{total:,.0f} {unit}" if unit == "counts" else "")
            look = ("white", 4 if wide > 3.5 else 3)
            _label_axes(axes, grid, window, left=column == 0, below=number + across >= shown, look=look)
            if number == 0:
                _scale_bar(axes, grid, window, "white")
        more = f"   (the first {shown} of {len(names)} bands)" if len(names) > shown else ""
        span = " to ".join(f"{sigma:g}" for sigma in sorted({min(sigmas), max(sigmas)})) if sigmas else ""
        note = f"smoothed for display, sigma {span} pixels" if span else ""
        _head(figure, f"{title}{more}", note)
    return figure


def draw_regions(
    grid: ImageGrid, image: NDArray[Any], regions: Sequence[DrawnRegion], title: str, about: str, bin_width: int
) -> Figure:
    """Draw regions on an image; where those of a spectrum are small in it, close-ups stand beside the whole.

    Parameters
    ----------
    grid : ImageGrid
        Of the image.
    image : ndarray, shape `grid.shape`
        Counts.
    regions : sequence of DrawnRegion
        In the order in which they are drawn.
    title, about : str
        Head of the figure, on the left and on the right.
    bin_width : int
        Coordinates to a pixel, for the size of what is drawn.

    Returns
    -------
    Figure
        To be written by `save_picture`.
    """
    lines = {region.name: _region_lines(region, grid, bin_width) for region in regions}
    window = window_of(grid.shape, [image], [line for each in lines.values() for line, included in each if included])
    boxes = {name: box_of(_own(each)) for name, each in lines.items() if each}
    drawn = [Drawn(boxes[region.name], region.uses) for region in regions if region.name in boxes]
    closer = close_ups(window, drawn, grid.shape)
    panels = [window, *closer[:MOST]]
    across = len(panels) if len(panels) <= 3 else 2 if len(panels) == 4 else 3
    down = math.ceil(len(panels) / across)
    ratio = min(max(window.height / window.width, 0.4), 1.6)
    wide, left, gap, head, foot = {1: 6.18, 2: 4.6, 3: 3.7}[across], 0.92, 0.3, 0.55, 0.95
    below = foot - 0.3
    with own_style():
        width, tall = across * (wide + left) + gap, wide * ratio
        height = head + 0.3 + down * (tall + below)
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        for number, part in enumerate(panels):
            row, column = divmod(number, across)
            x, y = left + column * (wide + left), 0.3 + below + (down - 1 - row) * (tall + below)
            axes = figure.add_axes((x / width, y / height, wide / width, tall / height))
            seen = [one for one in regions if one.name in boxes and (not number or is_within(boxes[one.name], part))]
            _region_panel(axes, grid, image, seen, lines, part)
            _scale_bar(axes, grid, part, "black")
            if number:
                _letter(axes, number, (0.03, 0.965), "axes")
            else:
                _compass(axes, grid, window)
        for number, part in enumerate(panels[1:], 1):
            _mark(figure.axes[0], number, part)
        more = f"   (close-ups of the first {MOST} of {len(closer)})" if len(closer) > MOST else ""
        _head(figure, f"{title}{more}", about)
        _region_legend(figure, regions, any(not included for each in lines.values() for _, included in each))
    return figure


def _region_panel(
    axes: Any,
    grid: ImageGrid,
    image: NDArray[Any],
    regions: Sequence[DrawnRegion],
    lines: Mapping[str, list[tuple[Image, bool]]],
    window: Field,
) -> None:
    """Draw a part of an image with its regions and their names."""
    _show(axes, picture_of(image, window), window, "gray_r")
    halo = [patheffects.withStroke(linewidth=3.2, foreground="white", alpha=0.85)]
    for region in regions:
        for line, included in lines[region.name]:
            axes.plot(
                line[:, 0], line[:, 1], color=ROLE_COLOURS[region.role], lw=1.5, zorder=4,
                ls="-" if included else (0, (4, 2.5)), path_effects=halo, scalex=False, scaley=False,
            )  # fmt: skip
    _name_regions(axes, regions, lines, window)
    _label_axes(axes, grid, window, left=True, below=True, look=("black", 5))


def _mark(axes: Any, number: int, part: Field) -> None:
    """Frame the place of a close-up in the whole picture."""
    corner = part.x_first - 0.5, part.y_first - 0.5
    axes.add_patch(Rectangle(corner, part.width, part.height, fill=False, ec="0.25", lw=0.9, ls=":", zorder=5))
    _letter(axes, number, corner, "data")


def _letter(axes: Any, number: int, place: tuple[float, float], of: str) -> None:
    edge = [patheffects.withStroke(linewidth=2.5, foreground="white", alpha=0.9)]
    system = axes.transAxes if of == "axes" else axes.transData
    axes.text(
        *place, chr(ord("a") + number - 1), transform=system, ha="left" if of == "axes" else "right", va="top",
        fontsize=11, color="0.15", path_effects=edge, zorder=8, clip_on=of == "data",
    )  # fmt: skip


def _region_legend(figure: Figure, regions: Sequence[DrawnRegion], excluded: bool) -> None:
    roles = {region.role for region in regions}
    handles = [Line2D([], [], color=ROLE_COLOURS[role], lw=1.8, label=role) for role in ROLE_COLOURS if role in roles]
    if excluded:
        handles.append(Line2D([], [], color="0.3", lw=1.5, ls=(0, (4, 2.5)), label="excluded"))
    if handles:
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.545, 0.0), ncols=5, fontsize=10)


def _own(lines: Sequence[tuple[Image, bool]]) -> list[Image]:
    """Give the edges of what a region includes; of all its shapes where it includes none."""
    return [line for line, included in lines if included] or [line for line, _ in lines]


def _colour_bar(figure: Figure, drawn: Any, place: tuple[float, float, float, float], unit: str) -> None:
    top, soft = drawn.norm.vmax, drawn.norm.linear_width
    decades = range(math.floor(math.log10(soft)), math.floor(math.log10(top)) + 1)
    subs = (1, 2, 5) if len(decades) <= 2 else (1,)
    ticks = [0.0, *(sub * 10.0**decade for decade in decades for sub in subs if soft < sub * 10.0**decade <= top)]
    bar = figure.colorbar(drawn, cax=figure.add_axes(place), ticks=ticks)
    bar.ax.set_yticklabels([f"{tick:g}" for tick in ticks])
    bar.ax.tick_params(labelsize=8, direction="out", pad=2)
    bar.ax.minorticks_off()
    bar.set_label(f"{unit} / pixel", fontsize=9, labelpad=2)


def _show(axes: Any, picture: Picture, window: Field, colours: str) -> Any:
    """Put a picture on axes; give what a colour bar is made of."""
    mapped = ScalarMappable(norm_of(picture), colours)
    corner = window.x_first - 0.5, window.y_first - 0.5
    axes.add_artist(Pixels(mapped.to_rgba(picture.values, bytes=True), corner, picture.block))
    axes.set_xlim(corner[0], window.x_last + 0.5)
    axes.set_ylim(corner[1], window.y_last + 0.5)
    axes.set_aspect("equal")
    return mapped


def _label_axes(axes: Any, grid: ImageGrid, window: Field, left: bool, below: bool, look: tuple[str, int]) -> None:
    """Put ticks on the bottom and the left edge, in a colour and so many at most, and labels where they are wanted."""
    words = [f"{name} (image pixels)" for name in grid.names]
    ends = ((window.x_first - 0.5, window.x_last + 0.5), (window.y_first - 0.5, window.y_last + 0.5))
    colour, most = look
    axes.tick_params(which="both", color=colour, labelsize=9, top=False, right=False)
    if grid.plane.sky is not None:
        is_galactic = grid.plane.frame == "galactic"
        words = ["l", "b"] if is_galactic else ["Right ascension", "Declination"]
        found = (
            sky_ticks(grid.plane, "bottom", *ends[0], ends[1][0], most),
            sky_ticks(grid.plane, "left", *ends[1], ends[0][0], most + 1),
        )
        for axis, ticks in zip((axes.xaxis, axes.yaxis), found, strict=True):
            if ticks is not None:
                axis.set_ticks(ticks.places, ticks.labels)
                axis.set_ticks(ticks.minor, minor=True)
            else:
                axis.set_ticks([])
    for axis, word, shown in zip((axes.xaxis, axes.yaxis), words, (below, left), strict=True):
        axis.set_label_text(word if shown else "", fontsize=10.5)
        axis.set_tick_params(which="both", **({} if shown else {"labelbottom": False, "labelleft": False}))


def _inscription(axes: Any, name: str, told: str) -> None:
    edge = [patheffects.withStroke(linewidth=2.0, foreground="black", alpha=0.7)]
    for at, text, side, size in ((0.03, name, "left", 11.0), (0.97, told, "right", 9.0)):
        axes.text(
            at, 0.965, text.replace("$", r"\$"), transform=axes.transAxes, ha=side, va="top", color="white",
            fontsize=size, path_effects=edge,
        )  # fmt: skip


def _head(figure: Figure, title: str, about: str) -> None:
    width, height = figure.get_size_inches()
    figure.text(0.15 / width, 1 - 0.24 / height, title.replace("$", r"\$"), fontsize=12.5, weight="bold", va="center")
    figure.text(
        1 - 0.15 / width,
        1 - 0.24 / height,
        about.replace("$", r"\$"),
        fontsize=9.5,
        va="center",
        ha="right",
        color="0.3",
    )


def _arcsec_per_pixel(grid: ImageGrid) -> float:
    assert grid.wcs is not None
    return math.sqrt(abs(grid.wcs.cdelt[0] * grid.wcs.cdelt[1])) * 3600.0


def _scale_bar(axes: Any, grid: ImageGrid, window: Field, colour: str) -> None:
    if grid.plane.sky is None:
        return
    scale = _arcsec_per_pixel(grid)
    most = 0.26 * window.width * scale
    length = max((size for size in _NICE if size <= most), default=_NICE[0])
    text = f"{length} arcsec" if length < 60 else f"{length / 60:g} arcmin"
    part = length / scale / window.width
    edge = [patheffects.withStroke(linewidth=3.0, foreground="black" if colour == "white" else "white", alpha=0.7)]
    look: dict[str, Any] = {"transform": axes.transAxes, "color": colour, "path_effects": edge, "zorder": 6}
    axes.plot([0.05, 0.05 + part], [0.055, 0.055], lw=1.8, solid_capstyle="butt", scalex=False, scaley=False, **look)
    axes.text(0.05 + part / 2, 0.068, text, ha="center", va="bottom", fontsize=9.5, **look)


def _compass(axes: Any, grid: ImageGrid, window: Field) -> None:
    sky = grid.plane.sky
    if sky is None:
        return
    x, y = (window.x_first + window.x_last) / 2 + 1.0, (window.y_first + window.y_last) / 2 + 1.0
    lon, lat = grid.plane.to_sky(x, y)
    step = _arcsec_per_pixel(grid) / 3600.0
    # a step towards the equator stays on the sphere
    side = -1.0 if lat > 0 else 1.0
    lons = np.array([lon, lon + step / math.cos(math.radians(lat))])
    px, py = sky.to_pixels(lons, np.array([lat + side * step, lat]))
    up, east = (side * (px[0] - x), side * (py[0] - y)), (px[1] - x, py[1] - y)
    edge = [patheffects.withStroke(linewidth=3.0, foreground="white", alpha=0.8)]
    vectors = [np.array(vector) / math.hypot(*vector) * 0.085 for vector in (up, east)]
    aspect = window.width / window.height
    # the corner of the two arrows is put so that both stay in the frame
    corner = np.array([0.955, 0.94]) - np.maximum(np.max(vectors, axis=0), 0.0) * (1.0, aspect)
    for vector, name in zip(vectors, "NE", strict=True):
        tip = corner + vector * (1.0, aspect)
        axes.annotate(
            "", tip, corner, xycoords="axes fraction", textcoords="axes fraction", zorder=6,
            arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.1, "shrinkA": 0, "shrinkB": 0,
                        "mutation_scale": 9, "path_effects": edge},
        )  # fmt: skip
        word = corner + vector * 1.28 * (1.0, aspect)
        axes.text(
            *word, name, transform=axes.transAxes, ha="center", va="center", fontsize=9.5, path_effects=edge, zorder=6
        )


def _region_lines(region: DrawnRegion, grid: ImageGrid, bin_width: int) -> list[tuple[Image, bool]]:
    """Give the edges of a region in pixels of the image, counted from 0, and whether each belongs to an include."""
    rows, columns = grid.shape
    reach = 2.0 * bin_width * max(rows, columns)
    scale = np.array([grid.x_axis.ltm, grid.y_axis.ltm])
    shift = np.array([grid.x_axis.ltv, grid.y_axis.ltv]) - 1.0
    return [(line * scale + shift, shape.include) for shape in region.shapes for line in outline(shape, reach)]


def _name_regions(
    axes: Any, regions: Sequence[DrawnRegion], lines: Mapping[str, list[tuple[Image, bool]]], window: Field
) -> None:
    """Write each name beside its region, where no other name stands."""
    halo = [patheffects.withStroke(linewidth=3.0, foreground="white", alpha=0.9)]
    taken: list[tuple[float, float, float]] = []
    span = np.array([window.width, window.height], dtype=np.float64)
    start = np.array([window.x_first - 0.5, window.y_first - 0.5])
    for region in regions:
        points = (np.concatenate(_own(lines[region.name])) - start) / span
        half = 0.009 * len(region.name) + 0.01
        low, high = points.min(axis=0), points.max(axis=0)
        middle = (low + high) / 2
        wishes = [
            (middle[0], high[1] + 0.022), (middle[0], low[1] - 0.022), (high[0] + half, middle[1]),
            (low[0] - half, middle[1]), (high[0], high[1] + 0.022), (low[0], low[1] - 0.022),
        ]  # fmt: skip
        free = [wish for wish in wishes if _is_free(wish, half, taken)] or wishes
        x, y = (float(value) for value in free[0])
        taken.append((x, y, half))
        axes.text(
            min(max(x, half), 1 - half), min(max(y, 0.02), 0.98), region.name.replace("$", r"\$"),
            transform=axes.transAxes, ha="center", va="center", fontsize=10.5, weight="bold",
            color=ROLE_COLOURS[region.role], path_effects=halo, zorder=7,
        )  # fmt: skip


def _is_free(place: tuple[float, float], half: float, taken: Sequence[tuple[float, float, float]]) -> bool:
    x, y = place
    if not (half <= x <= 1 - half and 0.02 <= y <= 0.98):
        return False
    return all(abs(x - tx) > half + other or abs(y - ty) > 0.035 for tx, ty, other in taken)
