"""Plots of points with errors as SVG, written by hand: a thousand points take milliseconds and no library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from xbatch.report.compare.axes import Axis, Ticks, ticks
from xbatch.report.compare.words import power_text

__all__ = ["COLOURS", "Plot", "Point", "Series", "svg"]

COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito (2008): they can be told apart with any colour vision; each also has a marker of its own."""

_WIDTH, _HEIGHT = 440.0, 320.0
_LEFT, _RIGHT, _BOTTOM = 84.0, 14.0, 54.0
_TOP, _LINE = 14.0, 17.0
_LETTER = 6.1  # the mean width of a letter of 12 pixels
_DODGE = 5.0
_MANY = 150
_FEW = 40
_SHORT = 34
_TILTED = 34.0
_DECADES = 50.0
_LEAST = 0.02  # values that are all but equal are to look so: without errors the last digits alone would fill the plot
_BAD = "#A3260C"


@dataclass(frozen=True)
class Point:
    """One point: where it is, its errors (None where there are none), and what it says under the mouse."""

    x: float
    y: float
    minus: float | None
    plus: float | None
    tip: str


@dataclass(frozen=True)
class Series:
    """Points of one colour and marker."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Plot:
    """What a plot shows.

    Attributes
    ----------
    x_label, y_label : str
        Units, and the powers of ten that the axes leave out, are added.
    x_unit, y_unit : str
    series : tuple of Series
    missing : tuple of (float, str)
        Places on the x axis that have no result, and what to say of each.
    categories : tuple of str
        Labels of the x axis if it is not one of numbers.
    level : float or None
        A value to draw a line at: that of the reference.
    """

    x_label: str
    x_unit: str
    y_label: str
    y_unit: str
    series: tuple[Series, ...]
    missing: tuple[tuple[float, str], ...] = ()
    categories: tuple[str, ...] = ()
    level: float | None = None


@dataclass(frozen=True)
class _Frame:
    """Where the axes are on the canvas."""

    x: Axis
    y: Axis
    top: float
    bottom: float

    def left_at(self, value: float) -> float:
        return _LEFT + self.x.at(value) * (_WIDTH - _LEFT - _RIGHT)

    def top_at(self, value: float) -> float:
        return self.bottom - self.y.at(value) * (self.bottom - self.top)


def svg(plot: Plot, title: str) -> str:
    """Draw a plot.

    Parameters
    ----------
    plot : Plot
    title : str
        What it shows, for those who do not see it.

    Returns
    -------
    str
        An ``svg`` element. Filled markers have errors, open ones have none; a cross at the foot has no result.
    """
    legend = list(_legend(plot))
    entry = _entry_width([one for row in legend for one in row]) if legend else 0.0
    long_words = max((len(label) for label in plot.categories), default=0)
    room = (_WIDTH - _LEFT - _RIGHT) / max(len(plot.categories), 1)
    tilted = long_words * _LETTER > room - 6
    foot = _BOTTOM + (min(long_words, 22) * 0.62 * _LETTER if tilted else 0)
    top = _TOP + _LINE * len(legend)
    height = _HEIGHT + top - _TOP + (foot - _BOTTOM)
    points = [point for series in plot.series for point in series.points]
    ends = [end for point in points for end in (point.y - (point.minus or 0), point.y + (point.plus or 0))]
    ends += [plot.level] if plot.level is not None else []
    places = [point.x for point in points] + [place for place, _ in plot.missing]
    x_axis = Axis.around(places or [0.0], plot.categories)
    frame = _Frame(x_axis, Axis.around(ends or [0.0, 1.0], (), _DECADES, _LEAST), top, height - foot)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'font-family="Helvetica, Arial, \'Liberation Sans\', sans-serif" font-size="12" fill="#000">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH:g}" height="{height:g}" fill="#fff"/>',
        *(_entry(row, entry, _TOP + _LINE * number) for number, row in enumerate(legend)),
        *_axes(plot, frame, tilted, height),
    ]
    if plot.level is not None:
        y = frame.top_at(plot.level)
        parts.append(
            f'<path d="M{_LEFT:g} {y:.1f}H{_WIDTH - _RIGHT:g}" stroke="#767676" stroke-dasharray="5 4" fill="none"/>'
        )
    shifts = list(_shifts(plot.series))
    for number, series in enumerate(plot.series):
        parts += _bars(series, number, shifts[number], frame, len(points))
    for number, series in enumerate(plot.series):
        parts += _markers(series, number, shifts[number], frame, len(points))
    parts += _missing(plot, frame)
    return "\n".join([*parts, "</svg>"])


def _legend(plot: Plot) -> Iterator[list[tuple[str, int]]]:
    """Share the entries of the legend out over rows: label and number of the series, -1 for what has no result."""
    entries = [(series.label, number) for number, series in enumerate(plot.series)] if len(plot.series) > 1 else []
    if any(point.minus is None and point.plus is None for series in plot.series for point in series.points):
        entries.append(("open: no error", -2))
    if plot.missing:
        entries.append(("no result", -1))
    columns = max(1, int((_WIDTH - 2 * _RIGHT) / _entry_width(entries))) if entries else 1
    for first in range(0, len(entries), columns):
        yield entries[first : first + columns]


def _entry_width(entries: Sequence[tuple[str, int]]) -> float:
    return max(len(label) for label, _ in entries) * _LETTER + 28


def _entry(row: Sequence[tuple[str, int]], width: float, top: float) -> str:
    parts = []
    for place, (label, number) in enumerate(row):
        left, y = _RIGHT + 6 + place * width, top + 4
        if number == -1:
            parts.append(_cross(left, y))
        else:
            colour = "#000" if number < 0 else COLOURS[number % len(COLOURS)]
            fill = "#fff" if number < 0 else colour
            d = _marker(max(number, 0), left, y, 3.6)
            parts.append(f'<path d="{d}" fill="{fill}" stroke="{colour}" stroke-width="1.2"/>')
        parts.append(f'<text x="{left + 10:.1f}" y="{y + 4:.1f}">{escape(label)}</text>')
    return "".join(parts)


def _axes(plot: Plot, frame: _Frame, tilted: bool, height: float) -> Iterator[str]:
    x_ticks, y_ticks = ticks(frame.x), ticks(frame.y)
    right = _WIDTH - _RIGHT
    yield f'<path d="{_tick_path(x_ticks, y_ticks, frame)}" stroke="#000" stroke-width="1" fill="none"/>'
    yield (
        f'<rect x="{_LEFT:g}" y="{frame.top:g}" width="{right - _LEFT:g}" height="{frame.bottom - frame.top:g}" '
        'fill="none" stroke="#000" stroke-width="1.2"/>'
    )
    for value, label in zip(x_ticks.major, x_ticks.labels, strict=True):
        x, y = frame.left_at(value), frame.bottom + 17
        short = escape(label if len(label) <= 22 else f"{label[:21]}…")
        if tilted:
            how = f'transform="translate({x + 4:.1f} {y - 2:.1f}) rotate(-{_TILTED:g})" text-anchor="end"'
        else:
            how = f'x="{x:.1f}" y="{y:.1f}" text-anchor="middle"'
        yield f"<text {how}>{short}</text>"
    for value, label in zip(y_ticks.major, y_ticks.labels, strict=True):
        yield f'<text x="{_LEFT - 7:g}" y="{frame.top_at(value) + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    middle = (_LEFT + right) / 2
    x_label = " ".join(_label(plot.x_label, plot.x_unit, frame.x.power))
    yield f'<text x="{middle:g}" y="{height - 12:g}" text-anchor="middle" font-size="13">{escape(x_label)}</text>'
    yield from _upright(_label(plot.y_label, plot.y_unit, frame.y.power), (frame.top + frame.bottom) / 2)


def _upright(lines: list[str], middle: float) -> Iterator[str]:
    """Write the label of the y axis: in one line if it is short, else its unit below."""
    if len(lines) == 2 and len(" ".join(lines)) < _SHORT:
        lines = [" ".join(lines)]
    for number, line in enumerate(lines):
        place = f'transform="translate({17 + 15 * number - 4 * (len(lines) - 1)} {middle:g}) rotate(-90)"'
        size = 13 if len(line) < _SHORT else 11
        yield f'<text {place} text-anchor="middle" font-size="{size}">{escape(line)}</text>'


def _label(label: str, unit: str, power: int) -> list[str]:
    inside = " ".join(part for part in (power_text(power), unit) if part)
    return [label, f"({inside})"] if inside else [label]


def _tick_path(x_ticks: Ticks, y_ticks: Ticks, frame: _Frame) -> str:
    right = _WIDTH - _RIGHT
    parts = []
    for length, xs, ys in ((6, x_ticks.major, y_ticks.major), (3, x_ticks.minor, y_ticks.minor)):
        for value in () if frame.x.categories and length == 3 else xs:
            x = frame.left_at(value)
            parts.append(f"M{x:.1f} {frame.bottom:g}v-{length}M{x:.1f} {frame.top:g}v{length}")
        for value in ys:
            y = frame.top_at(value)
            parts.append(f"M{_LEFT:g} {y:.1f}h{length}M{right:g} {y:.1f}h-{length}")
    return "".join(parts)


def _shifts(series: Sequence[Series]) -> Iterator[float]:
    """Set the series side by side, where few enough values are on the axis for that to be seen."""
    few = len({point.x for one in series for point in one.points}) <= _FEW
    for number in range(len(series)):
        yield (number - (len(series) - 1) / 2) * min(_DODGE, 24.0 / len(series)) if few else 0.0


def _bars(series: Series, number: int, shift: float, frame: _Frame, total: int) -> Iterator[str]:
    """Draw the errors of a series as one path."""
    colour = COLOURS[number % len(COLOURS)]
    bars = []
    for point in series.points:
        x = frame.left_at(point.x) + shift
        if point.minus or point.plus:
            low, high = frame.top_at(point.y - (point.minus or 0)), frame.top_at(point.y + (point.plus or 0))
            low, high = min(low, frame.bottom), max(high, frame.top)
            bars.append(f"M{x:.1f} {low:.1f}V{high:.1f}")
            if total <= _MANY:
                ends = ((low, point.minus), (high, point.plus))
                bars += [f"M{x - 2.5:.1f} {y:.1f}h5" for y, is_end in ends if is_end]
    opacity = "" if total <= _MANY else ' stroke-opacity="0.45"'
    if bars:
        yield f'<path d="{"".join(bars)}" stroke="{colour}" stroke-width="1.1" fill="none"{opacity}/>'


def _markers(series: Series, number: int, shift: float, frame: _Frame, total: int) -> Iterator[str]:
    """Draw the markers of a series, open where there is no error; each says under the mouse what it is."""
    colour = COLOURS[number % len(COLOURS)]
    size = 3.6 if total <= _MANY else 2.0
    yield f'<g stroke="{colour}" stroke-width="1.2" fill="{colour}">'
    for point in series.points:
        is_open = point.minus is None and point.plus is None
        d = _marker(number, frame.left_at(point.x) + shift, frame.top_at(point.y), size)
        fill = ' fill="#fff"' if is_open else ""
        yield f'<path d="{d}"{fill}><title>{escape(point.tip)}</title></path>'
    yield "</g>"


def _missing(plot: Plot, frame: _Frame) -> Iterator[str]:
    for x, tip in plot.missing:
        yield _cross(frame.left_at(x), frame.bottom - 8, tip)


def _cross(x: float, y: float, tip: str = "") -> str:
    d = f"M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m-7 0l7 -7"
    inside = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<path d="{d}" stroke="{_BAD}" stroke-width="1.8" fill="none">{inside}</path>'


def _marker(number: int, x: float, y: float, r: float) -> str:
    """Give the outline of a marker: circle, square, triangle, diamond, triangle down, bars."""
    shapes = (
        f"M{x - r:.1f} {y:.1f}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 -{2 * r:g} 0z",
        f"M{x - 0.9 * r:.1f} {y - 0.9 * r:.1f}h{1.8 * r:g}v{1.8 * r:g}h-{1.8 * r:g}z",
        f"M{x:.1f} {y - 1.2 * r:.1f}l{1.1 * r:g} {2 * r:g}h-{2.2 * r:g}z",
        f"M{x:.1f} {y - 1.3 * r:.1f}l{1.2 * r:g} {1.3 * r:g}l-{1.2 * r:g} {1.3 * r:g}l-{1.2 * r:g} -{1.3 * r:g}z",
        f"M{x:.1f} {y + 1.2 * r:.1f}l{1.1 * r:g} -{2 * r:g}h-{2.2 * r:g}z",
        f"M{x - 1.2 * r:.1f} {y - 0.5 * r:.1f}h{2.4 * r:g}v{r:g}h-{2.4 * r:g}z",
        f"M{x - 0.5 * r:.1f} {y - 1.2 * r:.1f}h{r:g}v{2.4 * r:g}h-{r:g}z",
    )
    return shapes[number % len(shapes)]
