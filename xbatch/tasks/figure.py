"""Drawing of a fit with matplotlib's objects: no pyplot, no settings of the user's, no dates in the files."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "component_names",
    "darker",
    "dataset_labels",
    "draw_fit",
    "draw_words",
    "finish_energy_axis",
    "own_style",
    "plain",
    "save_figure",
    "steps",
    "write_head",
]

# Okabe & Ito (2008), "Color Universal Design": told apart with any colour vision. The yellow is left out: too faint
# on white paper.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_STYLE: Mapping[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 11,
    "axes.linewidth": 0.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.size": 5,
    "ytick.major.size": 5,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.hashsalt": "xbatch",
    "pdf.fonttype": 42,
    "path.simplify": False,
}
_LIKELIHOODS = frozenset({"cstat", "wstat", "cash", "pgstat"})
_STATISTICS = {"chi2": r"$\chi^2$", "cstat": "C-stat", "wstat": "W-stat", "pgstat": "PG-stat", "cash": "Cash"}
Columns = Mapping[str, "NDArray[Any]"]


@contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's defaults and ours, whatever the user's matplotlibrc says; put it all back after."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@contextmanager
def _silent_fonts() -> Iterator[None]:
    """Keep the subsetting of fonts, which tells of every glyph, out of the step's log."""
    logger = logging.getLogger("fontTools")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def draw_fit(fit: Mapping[str, Any], bins: Columns, title: str = "", residuals: str = "delchi") -> Figure:
    """Draw a fit.

    Parameters
    ----------
    fit : Mapping
        The content of fit.json.
    bins : Mapping of str to ndarray of shape (n,)
        The columns of bins.ecsv: energies in keV, densities in counts/s/keV.
    title : str
        What stands first in the title; the fit's own name where empty.
    residuals : str
        What the lower panel has: ``delchi`` (in units of the error), or ``ratio`` (data by model).

    Returns
    -------
    Figure
        To be written by `save_figure`.
    """
    labels, common = dataset_labels(fit["datasets"])
    extra = _key(bins)
    entries = (len(labels) if len(labels) > 1 else 0) + len(extra)
    across = 4 if max(map(len, labels), default=0) > 14 else 6
    rows = math.ceil(entries / across)
    head = 0.62 + 0.19 * rows
    height = 5.2 + head
    with own_style():
        figure = Figure(figsize=(7.2, height))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2,
            1,
            height_ratios=(2.8, 1),
            hspace=0.0,
            left=0.105,
            right=0.98,
            bottom=0.55 / height,
            top=1 - head / height,
        )
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        below = _residuals(bins, str(fit["statistic"]), residuals)
        handles = _draw_datasets(upper, lower, {**bins, "residual": below.values, "spread": below.errors}, labels)
        finish_energy_axis(lower, bins)
        upper.tick_params(labelbottom=False, which="both")
        _finish_upper(upper, bins)
        _finish_lower(lower, below)
        write_head(figure, fit, title, common, height)
        figure.align_ylabels((upper, lower))
        if rows:
            figure.legend(
                handles=[*(handles if len(labels) > 1 else []), *extra],
                loc="lower center",
                bbox_to_anchor=(0.54, 1 - head / height),
                ncols=min(across, entries),
                fontsize=9,
                handlelength=2.2,
                handletextpad=0.4,
                columnspacing=1.4,
                labelspacing=0.3,
                borderaxespad=0.2,
            )
    return figure


def draw_words(title: str, words: Sequence[str]) -> Figure:
    """Draw a figure that says why there is no plot."""
    with own_style():
        figure = Figure(figsize=(7.2, 1.0 + 0.22 * len(words)))
        FigureCanvasAgg(figure)
        figure.text(0.05, 0.9, plain(_short(title, 66)), fontsize=12.5, va="top", weight="bold")
        text = "\n".join(["Nothing was fitted.", *(_short(word, 100) for word in words)])
        figure.text(0.05, 0.1, plain(text), fontsize=9.5, va="bottom")
    return figure


def save_figure(figure: Figure, folder: Path, name: str = "fit") -> None:
    """Write ``fit.png`` and ``fit.pdf``, or those of another name.

    Neither date nor names of programs are in them, so that equal plots are equal.
    """
    with own_style(), _silent_fonts():
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
        figure.savefig(
            folder / f"{name}.pdf", metadata={"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
        )


def dataset_labels(datasets: Sequence[Mapping[str, Any]]) -> tuple[list[str], str]:
    """Name datasets by what tells them apart, and give what they share as one text.

    Examples
    --------
    >>> one = {"obsid": "9", "instrument": "FPMA", "spectrum": "src"}
    >>> dataset_labels([one, {**one, "instrument": "FPMB"}])
    (['FPMA', 'FPMB'], '9 src')
    """
    words = [[str(d.get(key, "")) for key in ("obsid", "instrument", "spectrum", "binning")] for d in datasets]
    shared = [len({word[i] for word in words}) == 1 for i in range(4)]
    # A binning is worth a word only where one spectrum is fitted in two of them.
    common = " ".join(words[0][i] for i in range(3) if shared[i]) if words else ""
    needed = [i for i in range(4) if not shared[i] and (i < 3 or len({tuple(w[:3]) for w in words}) < len(words))]
    labels = [" ".join(word[i] for i in needed) for word in words]
    return (labels if len(labels) > 1 else [common]), common


def steps(
    lo: NDArray[np.float64], hi: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the corners of a step line over bins, broken where two bins do not touch.

    Parameters
    ----------
    lo, hi : ndarray of shape (n,)
        Edges in keV, ascending.
    y : ndarray of shape (n,)

    Returns
    -------
    tuple of two ndarrays
        Abscissae and ordinates, with a NaN in each gap.
    """
    xs: list[NDArray[Any]] = []
    ys: list[NDArray[Any]] = []
    breaks = np.flatnonzero(np.abs(lo[1:] - hi[:-1]) > 1e-3 * (hi[:-1] - lo[:-1])) + 1
    for part in np.split(np.arange(len(lo)), breaks):
        xs += [np.column_stack((lo[part], hi[part])).ravel(), np.array([np.nan])]
        ys += [np.repeat(y[part], 2), np.array([np.nan])]
    return np.concatenate(xs), np.concatenate(ys)


def component_names(bins: Columns) -> list[str]:
    """List the columns of additive components; none where there is but one."""
    names = [name for name in bins if name.startswith("model_")]
    return names if len(names) > 1 else []


def _draw_datasets(upper: Any, lower: Any, bins: Columns, labels: Sequence[str]) -> list[Line2D]:
    handles: list[Line2D] = []
    crowd = len(labels)
    width = 0.8 if crowd <= 4 else 0.5
    size = 2.2 if crowd <= 4 else 1.6
    for number in np.unique(bins["dataset"]):
        here = np.flatnonzero(bins["dataset"] == number)
        here = here[np.argsort(bins["e_lo"][here], kind="stable")]
        part = {name: column[here] for name, column in bins.items()}
        position = int(number) % max(crowd, 1)
        colour = COLOURS[position % len(COLOURS)]
        marker = MARKERS[(position + position // len(COLOURS)) % len(MARKERS)]
        middle = np.sqrt(np.maximum(part["e_lo"], 1e-6) * part["e_hi"])
        across = np.array([middle - part["e_lo"], part["e_hi"] - middle])
        look: dict[str, Any] = {
            "fmt": marker, "ms": size, "mew": 0, "color": colour, "ecolor": colour, "elinewidth": width, "capsize": 0,
        }  # fmt: skip
        faint = 0.55 if crowd <= 4 else 0.45
        upper.errorbar(middle, part["data"], part["data_error"], across, alpha=faint, zorder=2, **look)
        lower.errorbar(middle, part["residual"], part["spread"], across, alpha=faint, zorder=2, **look)
        if "background" in part and np.any(part["background"] > 0):
            upper.plot(middle, part["background"], ls="", marker=".", ms=2.5, mew=0, color=colour, alpha=0.3, zorder=1)
        upper.plot(
            *steps(part["e_lo"], part["e_hi"], part["model"]),
            color=darker(colour),
            lw=1.3 if crowd <= 4 else 0.7,
            zorder=4,
        )
        for index, name in enumerate(component_names(bins)):
            dashes = DASHES[index % len(DASHES)]
            x, y = steps(part["e_lo"], part["e_hi"], part[name])
            upper.plot(x, y, color=darker(colour), lw=0.8, ls=dashes, zorder=3)
        handles.append(Line2D([], [], color=colour, marker=marker, ms=4.5, lw=1.3, label=plain(labels[position])))
    return handles


DASHES: tuple[Any, ...] = ((0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (8, 2, 2, 2, 2, 2)), (0, (3, 4)))


def _key(bins: Columns) -> list[Line2D]:
    """Make legend entries for what is not a dataset: components, and a background that can be seen."""
    key = [
        Line2D([], [], color="0.25", lw=0.9, ls=DASHES[i % len(DASHES)], label=plain(name.removeprefix("model_")))
        for i, name in enumerate(component_names(bins))
    ]
    limits = _limits(bins)
    if "background" in bins and limits is not None and np.any(bins["background"] > limits[0]):
        key.append(Line2D([], [], color="0.25", ls="", marker=".", ms=5, mew=0, alpha=0.6, label="background"))
    return key


def darker(colour: str, keep: float = 0.72) -> tuple[float, ...]:
    """Give a colour nearer to black, so that a model stands out from its own data."""
    return tuple(int(colour[i : i + 2], 16) / 255 * keep for i in (1, 3, 5))


def finish_energy_axis(lower: Any, bins: Columns) -> None:
    """Give a panel an axis of energies that holds all bins."""
    low, high = float(np.min(bins["e_lo"])), float(np.max(bins["e_hi"]))
    if low <= 0:
        low = float(np.min(bins["e_hi"])) / 2
    if high / low > 3:
        lower.set_xscale("log")
        lower.set_xlim(low / 1.04, high * 1.04)
        subs = (1, 2, 5) if high / low > 8 else (1, 2, 3, 4, 5, 6, 8)
        lower.xaxis.set_major_locator(LogLocator(subs=subs, numticks=99))
        lower.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        lower.xaxis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=99))
        lower.xaxis.set_minor_formatter(NullFormatter())
    else:
        lower.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    lower.set_xlabel("Energy (keV)")


def _limits(bins: Columns) -> tuple[float, float] | None:
    """Give the range of the upper panel in counts/s/keV; None where nothing is above zero.

    Net counts may be as near to zero as they like and a model may fall far below them; the axis ends a little below
    the bulk of the data, and low enough to show components that are not much weaker.
    """
    data, model = bins["data"], bins["model"]
    positive = np.concatenate((data[data > 0], model[model > 0]))
    if positive.size == 0:
        return None
    bulk = float(np.percentile(data[data > 0] if np.any(data > 0) else positive, 2)) / 3.0
    peaks = [float(np.max(bins[name])) / 5.0 for name in component_names(bins)]
    floor = max(float(np.min(positive)), min([bulk, *(peak for peak in peaks if peak > bulk / 30.0)]))
    top = data + np.nan_to_num(bins["data_error"])
    return floor / 1.6, 1.6 * float(np.max(np.concatenate((top[top > 0], positive))))


def _finish_upper(upper: Any, bins: Columns) -> None:
    upper.set_ylabel(r"Counts s$^{-1}$ keV$^{-1}$")
    limits = _limits(bins)
    if limits is None:
        return
    low, high = limits
    upper.set_yscale("log", nonpositive="clip")
    upper.set_ylim(low, high)
    narrow = high / low < 60
    upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=99 if narrow else 12))
    if narrow and low >= 1e-4 and high < 1e5:
        upper.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    upper.yaxis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=99))
    upper.yaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class _Residuals:
    """What the lower panel has: values and their errors, where there is no difference, the least range, its name."""

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    even: float
    least: float
    label: str


def _residuals(bins: Columns, statistic: str, kind: str) -> _Residuals:
    if kind == "ratio":
        model = np.where(bins["model"] > 0, bins["model"], np.nan)
        return _Residuals(bins["data"] / model, bins["data_error"] / model, 1.0, 0.05, "Data / model")
    label = r"$\pm\sqrt{\Delta C}$" if statistic in _LIKELIHOODS else r"(data $-$ model) / $\sigma$"
    return _Residuals(bins["residual"], np.ones_like(bins["residual"]), 0.0, 2.5, label)


def _finish_lower(lower: Any, below: _Residuals) -> None:
    finite = below.values[np.isfinite(below.values)]
    low = float(np.min(finite, initial=below.even - below.least))
    high = float(np.max(finite, initial=below.even + below.least))
    if below.even == 1.0:  # ratios of nearly empty groups say little, and are not to squeeze the others
        widest = 4 * float(np.median(np.abs(finite - 1.0))) + below.least if finite.size else below.least
        low, high = max(low, 1.0 - widest), min(high, 1.0 + widest)
    margin = max(0.4 * below.least, 0.06 * (high - low))
    low, high = low - margin, high + margin
    lower.set_ylim(low, high)
    # A label at the very top would stand on the upper panel's.
    ticks = MaxNLocator(nbins=6 if below.even else 4, steps=[1, 2, 5, 10]).tick_values(low, high)
    lower.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high - 0.07 * (high - low)]))
    lower.axhline(below.even, color="0.2", lw=0.8, zorder=3)
    lower.set_ylabel(below.label, fontsize=9.5)


def write_head(figure: Any, fit: Mapping[str, Any], title: str, common: str, height: float) -> None:
    """Write title, statistic, data and model above the panels of a figure so high (inches)."""
    name = title or " ".join(part for part in (str(fit["name"]), str(fit.get("group", ""))) if part)
    size = 12.5 if len(name) <= 42 else 9.5
    figure.text(0.105, 1 - 0.2 / height, plain(_short(name, 66)), fontsize=size, va="center", weight="bold")
    statistic = _STATISTICS.get(str(fit["statistic"]), plain(str(fit["statistic"])))
    told = f"{statistic} = {fit['stat_value']:.2f} / {fit['dof']} d.o.f."
    if fit.get("reduced") is not None:
        told += f" = {fit['reduced']:.4g}"
    figure.text(0.98, 1 - 0.2 / height, told, fontsize=11, va="center", ha="right")
    model = str(fit.get("model_text", ""))
    words = "   ".join(word for word in (common, model) if word)
    figure.text(0.105, 1 - 0.43 / height, plain(_short(words, 120)), fontsize=9.5, va="center", color="0.3")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def plain(text: str) -> str:
    """Keep a name from being read as mathematics."""
    return text.replace("$", r"\$")
