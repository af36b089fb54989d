"""Figure of a search for pile-up: singles and doubles over what is expected, radius by radius, and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator
from numpy.typing import NDArray

from xbatch.tasks.figure import COLOURS, own_style
from xbatch.xray.pileup import DIRECTIONS, TOLERANCE

__all__ = ["draw_pileup"]

_HEIGHT, _ABOVE, _BELOW = 4.6, 0.85, 0.55
_GOOD, _BAD, _ALLOWED, _TAKEN = COLOURS[0], COLOURS[1], COLOURS[6], COLOURS[3]
_KINDS = ("singles", "doubles")


def draw_pileup(table: Sequence[Mapping[str, Any]], rule: Mapping[str, Any], taken: float | None, title: str) -> Figure:
    """Draw the measured over the expected fractions of patterns against the inner radius.

    Parameters
    ----------
    table : sequence of Mapping
        For each radius: ``radius`` (arcsec), ``singles``, ``singles_error``, ``doubles``, ``doubles_error``.
    rule : Mapping
        ``n_sigma``, ``direction`` (see `xbatch.xray.pileup`), ``band`` (eV) and ``first`` (arcsec).
    taken : float or None
        The radius that the search has found, arcsec.
    title : str
        What stands at the top left; what the rule says stands at the right.
    """
    radius = np.array([row["radius"] for row in table], dtype=np.float64)
    low, high = float(radius[0]), max(float(radius[-1]), float(rule["first"]))
    margin = 0.06 * (high - low)
    with own_style():
        figure = Figure(figsize=(7.2, _HEIGHT))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 1, hspace=0.0, left=0.105, right=0.98, bottom=_BELOW / _HEIGHT, top=1 - _ABOVE / _HEIGHT
        )
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        upper.set_xlim(low - margin, high + margin)
        width = _width(radius, high - low)
        for axes, kind, sign in zip((upper, lower), _KINDS, DIRECTIONS[str(rule["direction"])], strict=True):
            values, errors = (np.array([row[key] for row in table], float) for key in (kind, f"{kind}_error"))
            _draw_ratios(axes, radius, values, errors, float(rule["n_sigma"]), sign, width)
            axes.set_ylabel(kind.capitalize())
            if taken is not None:
                axes.axvline(taken, color=_TAKEN, lw=1.1, ls=(0, (5, 2)), zorder=2)
        upper.tick_params(labelbottom=False)
        ticks = MaxNLocator(nbins=9, steps=[1, 2, 5, 10]).tick_values(low, high)
        lower.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
        lower.set_xlabel("Inner radius (arcsec)")
        figure.align_ylabels((upper, lower))
        _write_head(figure, rule, taken, title)
    return figure


def _width(radius: NDArray[np.float64], span: float) -> float:
    """Give the width of the range accepted at one radius: visible, and apart from that of the next."""
    gaps = np.diff(radius)
    return float(min([0.03 * span, *(0.7 * gaps)]))


def _draw_ratios(
    axes: Any,
    radius: NDArray[np.float64],
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
    n_sigma: float,
    sign: int,
    width: float,
) -> None:
    """Draw the ratios of one pattern; `sign` is the side of 1 on which it tells of pile-up, 0 for either."""
    room = n_sigma * errors
    ends = np.concatenate([values - errors, values + errors, 1 - room * (sign <= 0), 1 + room * (sign >= 0)])
    bottom, top = float(ends.min()), float(ends.max())
    margin = 0.1 * ((top - bottom) or 0.1)
    bottom, top = bottom - margin, top + margin
    axes.set_ylim(bottom, top)
    # what is accepted on any side of 1 has no end there
    lower = 1 - room if sign <= 0 else np.full_like(room, bottom)
    upper = 1 + room if sign >= 0 else np.full_like(room, top)
    axes.bar(radius, upper - lower, width, lower, color=_ALLOWED, alpha=0.4, lw=0, zorder=1)
    axes.axhline(1.0, color="0.5", lw=0.7, zorder=2)
    inside = (values >= lower - TOLERANCE) & (values <= upper + TOLERANCE)
    for which, colour, marker in ((inside, _GOOD, "o"), (~inside, _BAD, "s")):
        axes.errorbar(
            radius[which], values[which], errors[which], fmt=marker, ms=4, mew=0, color=colour, elinewidth=1.0, zorder=3
        )
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(bottom, top)
    edge = 0.06 * (top - bottom)
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if bottom + edge <= tick <= top - edge]))


def _write_head(figure: Figure, rule: Mapping[str, Any], taken: float | None, title: str) -> None:
    low, high = (float(edge) / 1000.0 for edge in rule["band"])
    said = f"{low:g}-{high:g} keV, {rule['direction']}, {float(rule['n_sigma']):g} σ"
    at = 1 - 0.25 / _HEIGHT
    figure.text(0.105, at, title, fontsize=12, va="center", weight="bold", parse_math=False)
    figure.text(0.98, at, said, fontsize=10, va="center", ha="right", color="0.3", parse_math=False)
    points: dict[str, Any] = {"ls": "", "ms": 4.5, "mew": 0}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=_GOOD, marker="o", label="measured / expected", **points),
        Line2D([], [], color=_BAD, marker="s", label="not accepted", **points),
        Patch(facecolor=_ALLOWED, alpha=0.4, lw=0, label="accepted"),
    ]
    if taken is not None:
        handles.append(Line2D([], [], color=_TAKEN, lw=1.1, ls=(0, (5, 2)), label=f"taken: {taken:g} arcsec"))
    figure.legend(
        handles=handles, loc="center", bbox_to_anchor=(0.5425, 1 - 0.6 / _HEIGHT), ncols=len(handles), fontsize=9.5,
        handletextpad=0.5, columnspacing=1.8, borderaxespad=0.0,
    )  # fmt: skip
