"""Figures of a fit beside the folded spectra: the unfolded spectrum, and contours of two parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.interpolate import RectBivariateSpline

from xbatch.tasks.figure import (
    COLOURS,
    DASHES,
    MARKERS,
    Columns,
    darker,
    dataset_labels,
    finish_energy_axis,
    own_style,
    plain,
    steps,
    write_head,
)
from xbatch.tasks.latex import latex_unit

__all__ = ["draw_contours", "draw_unfolded"]

_WIDTH = 7.2
_FINE = 201
_LOOKS = (("-", 1.6), ("--", 1.3), (":", 1.3), ("-.", 1.1))


def draw_unfolded(fit: Mapping[str, Any], bins: Columns, title: str = "") -> Figure:
    """Draw the spectrum as the model unfolds it: E^2 times photons / cm2 / s / keV.

    A point is the data by the folded model times the model itself, as XSPEC's ``eeufspec``: where it lies hangs on the
    model. Counts of further models, which go through other responses, are taken off both, as a background is.

    Parameters
    ----------
    fit : Mapping
        The content of fit.json.
    bins : Mapping of str to ndarray of shape (n,)
        The columns of bins.ecsv, with those of the model that is not folded: ``source``, ``source_NAME``.
    title : str
    """
    labels, common = dataset_labels(fit["datasets"])
    parts = [name for name in bins if name.startswith("source_")]
    parts = parts if len(parts) > 1 else []
    entries = (len(labels) if len(labels) > 1 else 0) + len(parts)
    across = 4 if max(map(len, labels), default=0) > 14 else 6
    head = 0.62 + 0.19 * math.ceil(entries / across)
    height = 4.2 + head
    with own_style():
        figure = Figure(figsize=(_WIDTH, height))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.13, 0.55 / height, 0.85, 1 - (head + 0.55) / height))
        handles = [_draw_dataset(axes, bins, parts, int(number), labels) for number in np.unique(bins["dataset"])]
        finish_energy_axis(axes, bins)
        axes.set_yscale("log", nonpositive="clip")
        _limit(axes, bins, parts)
        axes.set_ylabel(r"$E^2 f(E)$  (keV$^2$ photons cm$^{-2}$ s$^{-1}$ keV$^{-1}$)")
        write_head(figure, fit, title, common, height)
        key = [*(handles if len(labels) > 1 else []), *_part_key(parts)]
        if key:
            figure.legend(
                handles=key, loc="lower center", bbox_to_anchor=(0.54, 1 - head / height), ncols=min(across, entries),
                fontsize=9, handlelength=2.2, handletextpad=0.4, columnspacing=1.4, labelspacing=0.3,
                borderaxespad=0.2,
            )  # fmt: skip
    return figure


def _draw_dataset(axes: Any, bins: Columns, parts: Sequence[str], number: int, labels: Sequence[str]) -> Line2D:
    here = np.flatnonzero(bins["dataset"] == number)
    here = here[np.argsort(bins["e_lo"][here], kind="stable")]
    low, high = bins["e_lo"][here], bins["e_hi"][here]
    middle = np.sqrt(np.maximum(low, 1e-6) * high)
    square = middle**2
    source = bins["source"][here] * square
    further = bins["further"][here] if "further" in bins else np.zeros(here.size)
    model = bins["model"][here] - further
    data = bins["data"][here] - further
    unfold = np.divide(source, model, out=np.full_like(source, np.nan), where=model > 0)
    crowd = len(labels)
    colour = COLOURS[number % len(COLOURS)]
    marker = MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]
    axes.errorbar(
        middle, data * unfold, bins["data_error"][here] * unfold, np.array([middle - low, high - middle]),
        fmt=marker, ms=2.2 if crowd <= 4 else 1.6, mew=0, color=colour, ecolor=colour, capsize=0,
        elinewidth=0.8 if crowd <= 4 else 0.5, alpha=0.55 if crowd <= 4 else 0.45, zorder=2,
    )  # fmt: skip
    axes.plot(*steps(low, high, source), color=darker(colour), lw=1.3 if crowd <= 4 else 0.7, zorder=4)
    for index, name in enumerate(parts):
        line = steps(low, high, bins[name][here] * square)
        axes.plot(*line, color=darker(colour), lw=0.8, ls=DASHES[index % len(DASHES)], zorder=3)
    return Line2D([], [], color=colour, marker=marker, ms=4.5, lw=1.3, label=plain(labels[number]))


def _part_key(parts: Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], color="0.25", lw=0.9, ls=DASHES[i % len(DASHES)], label=plain(name.removeprefix("source_")))
        for i, name in enumerate(parts)
    ]


def _limit(axes: Any, bins: Columns, parts: Sequence[str]) -> None:
    """End the axis round the model, with room for components that are not a hundred times weaker."""
    square = bins["e_lo"] * bins["e_hi"]
    model = (bins["source"] * square)[bins["source"] > 0]
    if model.size == 0:
        return
    peaks = [float(np.max(bins[name] * square)) for name in parts]
    top = float(model.max())
    floor = min([float(model.min()) / 2, *(peak / 5 for peak in peaks if peak > top / 100)])
    axes.set_ylim(floor, 3 * top)


def draw_contours(fit: Mapping[str, Any], title: str = "") -> Figure:
    """Draw the regions that hold two parameters together with some probabilities, and the best values.

    Parameters
    ----------
    fit : Mapping
        The content of fit.json, with `contours`.
    title : str
    """
    contours: Sequence[Mapping[str, Any]] = fit["contours"]
    columns = min(len(contours), 2)
    rows = math.ceil(len(contours) / columns)
    head, size = 0.95, 3.6
    height = head + rows * size
    values = {one["name"]: one for one in fit["parameters"]}
    with own_style():
        figure = Figure(figsize=(_WIDTH if columns == 2 else 5.0, height))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            rows, columns, left=0.13 if columns == 2 else 0.17, right=0.97, bottom=0.6 / height, top=1 - head / height,
            wspace=0.38, hspace=0.32,
        )  # fmt: skip
        handles: list[Line2D] = []
        for number, one in enumerate(contours):
            axes = figure.add_subplot(grid[number // columns, number % columns])
            handles = _draw_contour(axes, one, values)
        name = title or str(fit["name"])
        figure.text(0.05, 1 - 0.25 / height, plain(name), fontsize=12.5, va="center", weight="bold")
        figure.legend(
            handles=handles, loc="center", bbox_to_anchor=(0.5, 1 - 0.62 / height), ncols=len(handles), fontsize=9.5
        )
    return figure


def _smooth(one: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Lay a finer grid over a contour's own, by cubic splines: lines between 25 points would show corners."""
    x, y, rise = (np.array(one[key], dtype=np.float64) for key in ("x", "y", "rise"))
    if not np.all(np.isfinite(rise)) or min(x.size, y.size) < 4:
        return x, y, rise
    fine_x, fine_y = np.linspace(x[0], x[-1], _FINE), np.linspace(y[0], y[-1], _FINE)
    return fine_x, fine_y, RectBivariateSpline(y, x, rise)(fine_y, fine_x)


def _draw_contour(axes: Any, one: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    x, y, rise = _smooth(one)
    handles = []
    for number, (confidence, level) in enumerate(sorted(one["levels"].items(), key=lambda pair: pair[1])):
        style, width = _LOOKS[number % len(_LOOKS)]
        colour = COLOURS[(number + 1) % len(COLOURS)]
        axes.contour(x, y, rise, levels=[level], colors=[colour], linestyles=[style], linewidths=[width])
        label = f"{100 * float(confidence):.4g} %"
        handles.append(Line2D([], [], color=colour, ls=style, lw=width, label=label))
    names = [str(name) for name in one["parameters"]]
    best = [float(values[name]["value"]) for name in names]
    axes.plot(*best, marker="+", ms=9, mew=1.2, color=COLOURS[0], ls="", clip_on=False)
    for name, label in zip(names, (axes.set_xlabel, axes.set_ylabel), strict=True):
        unit = str(values[name]["unit"] or "")
        label(f"{plain(name)} ({latex_unit(unit)})" if unit else plain(name), fontsize=10)
    axes.ticklabel_format(useOffset=False)
    return [*handles, Line2D([], [], marker="+", ms=9, mew=1.2, color=COLOURS[0], ls="", label="best")]
