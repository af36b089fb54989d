"""Axes of a plot: values of a spec as numbers or as places, and ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.report.compare.words import common_power, power_text, value_text
from xbatch.spec.quantity import measured

__all__ = ["Axis", "Placed", "Ticks", "place", "ticks"]

_LOG_RATIO = 10.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Placed:
    """Values of a spec along an axis.

    Attributes
    ----------
    positions : tuple of float or None
        One for each value: its number, or its place among the categories; None for what has none.
    unit : str
        Of the numbers.
    categories : tuple of str
        Their labels, in the order in which they are met; empty for numbers.
    """

    positions: tuple[float | None, ...]
    unit: str = ""
    categories: tuple[str, ...] = ()


def place(values: Sequence[Any]) -> Placed:
    """Put values on an axis: numbers and quantities of one dimension by their size, anything else side by side.

    Parameters
    ----------
    values : sequence
        Values of a spec; None for what is not on the axis.

    Examples
    --------
    >>> place(["80 arcsec", "1 arcmin"])
    Placed(positions=(80.0, 60.0), unit='arcsec', categories=())
    >>> place(["min30", "opt", "min30"])
    Placed(positions=(0.0, 1.0, 0.0), unit='', categories=('min30', 'opt'))
    """
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in there):
        return Placed(tuple(None if value is None else float(value) for value in values))
    if there and all(isinstance(value, str) for value in there):
        found = [measured(value) for value in there]
        first = found[0]
        if first is not None and all(one is not None and one.dimension == first.dimension for one in found):
            numbers = (None if value is None else measured(value) for value in values)
            return Placed(tuple(None if one is None else one.number_in(first) for one in numbers), first.unit)
    labels = list(dict.fromkeys(value_text(value) for value in there))
    places = {label: float(number) for number, label in enumerate(labels)}
    return Placed(tuple(None if v is None else places[value_text(v)] for v in values), "", tuple(labels))


@dataclass(frozen=True)
class Ticks:
    """Ticks of an axis: places of those with labels, the labels, places of those between."""

    major: tuple[float, ...]
    labels: tuple[str, ...]
    minor: tuple[float, ...]


@dataclass(frozen=True)
class Axis:
    """A scale: its ends, whether it is logarithmic, the power of ten taken out of its labels, its categories."""

    lo: float
    hi: float
    log: bool = False
    power: int = 0
    categories: tuple[str, ...] = ()

    @staticmethod
    def around(
        values: Sequence[float], categories: Sequence[str] = (), log_ratio: float = _LOG_RATIO, least: float = 0.0
    ) -> Axis:
        """Give the scale that holds some values with a margin.

        It is logarithmic where they span that ratio, and spans the least share of the largest value.
        """
        if categories:
            return Axis(-0.5, len(categories) - 0.5, categories=tuple(categories))
        lo, hi = min(values), max(values)
        if lo > 0 and hi / lo >= log_ratio and len(set(values)) > 2:
            margin = (hi / lo) ** 0.06
            return Axis(lo / margin, hi * margin, True, 0)
        margin = max(0.06 * (hi - lo) or 0.05 * abs(hi), 0.5 * (least * max(abs(lo), abs(hi)) - (hi - lo))) or 1.0
        return Axis(lo - margin, hi + margin, False, common_power([lo, hi]) if max(abs(lo), abs(hi)) > 0 else 0)

    def at(self, value: float) -> float:
        """Give the place of a value between the ends, 0 to 1."""
        if self.log:
            return math.log(max(value, 1e-300) / self.lo) / math.log(self.hi / self.lo)
        return (value - self.lo) / (self.hi - self.lo)


def ticks(axis: Axis, wanted: int = 6) -> Ticks:
    """Choose ticks: round numbers, about as many as wanted; decades and their parts on a logarithmic axis."""
    if axis.categories:
        places = tuple(float(number) for number in range(len(axis.categories)))
        every = math.ceil(len(places) / 24)
        return Ticks(places[::every], axis.categories[::every], ())
    return _log_ticks(axis, wanted) if axis.log else _linear_ticks(axis, wanted)


def _linear_ticks(axis: Axis, wanted: int) -> Ticks:
    rough = (axis.hi - axis.lo) / wanted
    size = 10.0 ** math.floor(math.log10(rough))
    number = next(n for n in range(len(_STEPS)) if _STEPS[n] * size >= rough * (1 - 1e-9))
    step = _STEPS[number] * size
    major = _multiples(axis, step)
    parts = {1.0: 5, 2.0: 4, 2.5: 5, 5.0: 5, 10.0: 5}[_STEPS[number]]
    minor = [value for value in _multiples(axis, step / parts) if all(abs(value - m) > step / 99 for m in major)]
    scale = 10.0**axis.power
    places = max(0, -math.floor(math.log10(step / scale) + 1e-9) + (_STEPS[number] == 2.5))
    return Ticks(tuple(major), tuple(f"{value / scale:z.{places}f}" for value in major), tuple(minor))


def _multiples(axis: Axis, step: float) -> list[float]:
    first, last = math.ceil(axis.lo / step - 1e-9), math.floor(axis.hi / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _log_ticks(axis: Axis, wanted: int) -> Ticks:
    first, last = math.floor(math.log10(axis.lo)), math.ceil(math.log10(axis.hi))
    inside = [
        (digit, digit * 10.0**power)
        for power in range(first, last + 1)
        for digit in range(1, 10)
        if axis.lo <= digit * 10.0**power <= axis.hi
    ]
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
        major = [value for digit, value in inside if digit in digits]
        if len(major) >= min(wanted, 3):
            break
    if len(major) > 2 * wanted:
        major = major[:: math.ceil(len(major) / wanted)]
    minor = tuple(value for _, value in inside if value not in major)
    return Ticks(tuple(major), tuple(_short(value) for value in major), minor)


def _short(value: float) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    power = math.floor(math.log10(value) + 1e-9)
    digit = round(value / 10.0**power)
    return power_text(power) if digit == 1 else f"{digit}×{power_text(power)}"
