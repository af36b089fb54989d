"""The figure of a fit's Markov chains: each free parameter by itself, and each pair of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from xbatch.tasks.figure import COLOURS, own_style, plain
from xbatch.tasks.latex import latex_unit

__all__ = ["density_levels", "draw_corner", "read_samples"]

Floats = NDArray[np.float64]

# A figure of more would be read by nobody.
_MOST = 10
_CELLS, _BARS = 40, 40
# How far samples are spread before lines are drawn about them, in cells.
_SMOOTH = 1.0
# What the shaded regions of two parameters hold: those of one and two sigma of one parameter.
_SHARES = (0.9545, 0.6827)
_SHADES = ("#c6d8ec", "#6d9ac8")


def read_samples(path: Path) -> dict[str, Floats]:
    """Read a chain of a fit: the samples of each parameter, by its name there."""
    with fits.open(path) as file:
        table = file["CHAIN"]
        return {
            str(table.header[f"TCOMM{place}"]): np.array(table.data.field(place - 1), dtype=np.float64)
            for place in range(1, len(table.columns))
        }


def density_levels(density: Floats, shares: tuple[float, ...]) -> list[float]:
    """Give the densities above which the shares of all samples lie; ascending if the shares descend."""
    ordered = np.sort(density, axis=None)[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    return [float(ordered[min(int(np.searchsorted(held, share)), ordered.size - 1)]) for share in shares]


def draw_corner(fit: Mapping[str, Any], samples: Mapping[str, Floats], title: str = "") -> Figure:
    """Draw the chains of a fit.

    Parameters
    ----------
    fit : Mapping
        The content of fit.json, with `mcmc`.
    samples : Mapping of str to ndarray, shape (n,)
        From `read_samples`; of more than ten parameters the first ten are drawn.
    title : str
    """
    names = list(samples)[:_MOST]
    values = {one["name"]: one for one in fit["parameters"]}
    powers = {name: _power(samples[name]) for name in names}
    samples = {name: samples[name] / 10.0 ** powers[name] for name in names}
    best = {name: float(values[name]["value"]) / 10.0 ** powers[name] for name in names}
    ends = {
        one["name"]: [float(one[key]) / 10.0 ** powers[one["name"]] for key in ("lower", "median", "upper")]
        for one in fit["mcmc"]["parameters"]
        if one["name"] in powers
    }
    few = len(names) < 5
    panel, left, head = 1.9 if few else 1.35, 1.0, 0.8
    width, height = left + panel * len(names) + 0.25, head + panel * len(names) + 0.85
    width = max(width, 5.0)
    with own_style():
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            len(names), len(names), left=left / width, right=(left + panel * len(names)) / width,
            bottom=0.85 / height, top=1 - head / height, wspace=0.08, hspace=0.08,
        )  # fmt: skip
        for row, below in enumerate(names):
            for column, beside in enumerate(names[: row + 1]):
                axes = figure.add_subplot(grid[row, column])
                if row == column:
                    _draw_one(axes, samples[below], ends[below], best[below])
                else:
                    _draw_two(axes, samples[beside], samples[below])
                    axes.plot(best[beside], best[below], "+", ms=8, mew=1.2, color=COLOURS[0])
                axes.set_xlim(*_range(samples[beside]))
                for axis in (axes.xaxis, *((axes.yaxis,) if row != column else ())):
                    axis.set_major_locator(MaxNLocator(3, prune="both"))
                axes.tick_params(
                    labelsize=7.5,
                    labelbottom=row == len(names) - 1,
                    labelleft=column == 0 and row > 0,
                    labelrotation=30,
                )
                if row == len(names) - 1:
                    axes.set_xlabel(_label(values[beside], powers[beside], few), fontsize=8.5)
                if column == 0 and row > 0:
                    axes.set_ylabel(_label(values[below], powers[below], few), fontsize=8.5)
        name = title or str(fit["name"])
        figure.text(0.05, 1 - 0.2 / height, plain(name), fontsize=12, va="center", weight="bold")
        confidence = f"{100 * float(fit['mcmc']['confidence']):.4g} %"
        handles = [
            Line2D([], [], marker="+", ls="", ms=8, mew=1.2, color=COLOURS[0], label="best fit"),
            Line2D([], [], ls="--", lw=1.0, color=COLOURS[0], label=f"median, {confidence}"),
            *(
                Patch(color=shade, label=f"{100 * share:.4g} %")
                for shade, share in zip(_SHADES, _SHARES, strict=True)
                if len(names) > 1
            ),
        ]
        figure.legend(
            handles=handles, loc="center", bbox_to_anchor=(0.5, 1 - 0.52 / height), ncols=len(handles), fontsize=8
        )
    return figure


def _power(samples: Floats) -> int:
    """Give the power of ten that goes into the label of an axis; 0 where numbers are easily read as they are."""
    largest = float(np.max(np.abs(_range(samples))))
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    return power if not -2 <= power <= 3 else 0


def _label(value: Mapping[str, Any], power: int, units: bool) -> str:
    unit = latex_unit(str(value["unit"])) if units and value["unit"] else ""
    said = " ".join(filter(None, (f"$10^{{{power}}}$" if power else "", unit)))
    return f"{plain(str(value['name']))}\n({said})" if said else plain(str(value["name"]))


def _range(samples: Floats) -> tuple[float, float]:
    """Give the limits of an axis: all samples but the last in a thousand to either side."""
    low, high = (float(one) for one in np.quantile(samples, [0.001, 0.999]))
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _draw_one(axes: Any, samples: Floats, ends: Sequence[float], best: float) -> None:
    axes.hist(samples, bins=_BARS, range=_range(samples), histtype="step", color=COLOURS[1], lw=1.2)
    for end in ends:
        axes.axvline(end, ls="--", lw=1.0, color=COLOURS[0])
    axes.plot(best, 0, "+", ms=8, mew=1.2, color=COLOURS[0], clip_on=False)
    axes.set_yticks([])
    axes.set_ylim(0, None)


def _draw_two(axes: Any, x: Floats, y: Floats) -> None:
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=_CELLS, range=(_range(x), _range(y)))
    density = gaussian_filter(counts, _SMOOTH)
    levels = density_levels(density, _SHARES)
    middle_x, middle_y = (x_edges[1:] + x_edges[:-1]) / 2, (y_edges[1:] + y_edges[:-1]) / 2
    if levels[0] < levels[1] < density.max():
        axes.contourf(middle_x, middle_y, density.T, levels=[*levels, density.max()], colors=_SHADES)
        axes.contour(middle_x, middle_y, density.T, levels=levels, colors=[COLOURS[1]], linewidths=0.8)
    axes.set_ylim(*_range(y))
