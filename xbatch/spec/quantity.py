"""Numbers with units: ``3-79 keV``, ``2 6 7 10 keV``, ``50 arcsec``, ``90 %``. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xbatch.spec.report import did_you_mean, listed, shown

__all__ = [
    "Measured", "QuantityError", "Span", "energies", "energy_range", "measured", "probability", "quantity", "span",
]  # fmt: skip

_UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "energy": {"eV": 1e-3, "keV": 1.0, "MeV": 1e3},
        "angle": {"arcsec": 1.0, "arcmin": 60.0, "deg": 3600.0},
        "time": {"ms": 1e-3, "s": 1.0, "ks": 1e3, "min": 60.0, "h": 3600.0, "d": 86400.0},
        "counts": {"ct": 1.0, "count": 1.0, "counts": 1.0},
        "significance": {"sigma": 1.0},
        "fraction": {"%": 0.01},
        "channel": {"channel": 1.0, "channels": 1.0},
    }
)
_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
_ONE = re.compile(rf"\s*(?P<number>[-+]?(?:{_NUMBER}))\s*(?P<unit>[A-Za-z%]*)\s*", re.ASCII)
_SPAN = re.compile(
    rf"\s*(?P<lo>{_NUMBER})\s*(?P<lo_unit>[A-Za-z%]*)\s*[-–]\s*(?P<hi>{_NUMBER})\s*(?P<unit>[A-Za-z%]*)\s*", re.ASCII
)
_PAIR = re.compile(rf"\s*(?P<lo>{_NUMBER})\s+(?P<hi>{_NUMBER})\s*(?P<unit>[A-Za-z%]+)\s*", re.ASCII)


class QuantityError(ValueError):
    """Text that is no quantity of the kind wanted; `code` is the problem's."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(message)


@dataclass(frozen=True)
class Span:
    """A range: its ends, and the dimension they have (empty where no unit was given)."""

    lo: float
    hi: float
    dimension: str


def _scale(unit: str, dimension: str, text: str) -> float:
    units = _UNITS[dimension]
    if unit in units:
        return units[unit]
    example = {"energy": "keV", "time": "s"}.get(dimension, next(iter(units)))
    if not unit:
        raise QuantityError("XB212", f"{shown(text)} has no unit", f"write it as {text.strip()} {example}")
    folded = {name.casefold(): name for name in units}
    if unit.casefold() in folded:
        raise QuantityError("XB212", f"no unit {shown(unit)} in {shown(text)}", f"write {folded[unit.casefold()]}")
    known = [name for names in _UNITS.values() for name in names]
    if unit in known:
        raise QuantityError("XB212", f"{shown(text)} is not {_of(dimension)}", f"units: {listed(units)}")
    raise QuantityError("XB212", f"no unit {shown(unit)} in {shown(text)}", did_you_mean(unit, units))


def _of(dimension: str) -> str:
    return f"{'an' if dimension[0] in 'ae' else 'a'} {dimension}"


def _finite(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise QuantityError("XB210", f"{shown(text)} is too large", "check the exponent")
    return number


def quantity(text: str, dimension: str) -> float:
    """Read a number with a unit.

    Parameters
    ----------
    text : str
    dimension : str
        energy (given in keV), angle (arcsec), time (s), counts, significance (sigma), fraction, channel.

    Raises
    ------
    QuantityError
        The text is no number with a unit of that dimension.

    Examples
    --------
    >>> quantity("2.5 arcmin", "angle"), quantity("200 eV", "energy")
    (150.0, 0.2)
    """
    found = _ONE.fullmatch(text)
    if found is None:
        raise QuantityError("XB210", f"{shown(text)} is not {_of(dimension)}", "write a number and a unit")
    scale = _scale(found["unit"], dimension, text)
    return _finite(_scaled(found["number"], scale), text)


def _scaled(number: str, scale: float) -> float:
    """Multiply by a power of ten without a rounding error of its own (0.3 keV is 300 eV exactly)."""
    value = float(number)
    return value / (1 / scale) if 0 < scale < 1 and (1 / scale).is_integer() else value * scale


@dataclass(frozen=True)
class Measured:
    """A number as it was written, its unit, and the dimension of that."""

    number: float
    unit: str
    dimension: str

    def number_in(self, other: Measured) -> float:
        """Give the number in the unit of another of the same dimension."""
        if self.unit == other.unit:
            return self.number
        units = _UNITS[self.dimension]
        return self.number * units[self.unit] / units[other.unit]


def measured(text: str) -> Measured | None:
    """Read a number with a unit of any dimension; None for any other text, also for a number without a unit.

    Examples
    --------
    >>> measured("80 arcsec"), measured("3-79 keV")
    (Measured(number=80.0, unit='arcsec', dimension='angle'), None)
    """
    found = _ONE.fullmatch(text)
    dimension = next((name for name, units in _UNITS.items() if found and found["unit"] in units), "")
    if found is None or not dimension or not math.isfinite(float(found["number"])):
        return None
    return Measured(float(found["number"]), found["unit"], dimension)


def energy_range(text: str) -> tuple[float, float]:
    """Read an energy range, in keV.

    Raises
    ------
    QuantityError
        The text is no range, has no unit of energy, or its ends are not in order.

    Examples
    --------
    >>> energy_range("3-79 keV"), energy_range("2 10 keV"), energy_range("200 eV - 10 keV")
    ((3.0, 79.0), (2.0, 10.0), (0.2, 10.0))
    """
    found = span(text)
    if found.dimension != "energy":
        raise QuantityError("XB212", f"{shown(text)} has no unit of energy", f"write it as {text.strip()} keV")
    return found.lo, found.hi


def span(text: str) -> Span:
    """Read a range of energies (in keV) or of channels.

    Raises
    ------
    QuantityError
        The text is no range, or its ends are not in order.
    """
    found = _SPAN.fullmatch(text) or _PAIR.fullmatch(text)
    if found is None:
        raise QuantityError("XB210", f"{shown(text)} is not a range", "write it as 3-79 keV")
    groups = found.groupdict()
    unit = groups["unit"]
    if not unit or unit in _UNITS["channel"]:
        if not (groups["lo"].isdigit() and groups["hi"].isdigit()):
            raise QuantityError("XB212", f"{shown(text)} has no unit", f"write it as {text.strip()} keV")
        lo, hi, dimension = float(groups["lo"]), float(groups["hi"]), "channel"
    else:
        lo = _scaled(groups["lo"], _scale(groups.get("lo_unit") or unit, "energy", text))
        hi = _scaled(groups["hi"], _scale(unit, "energy", text))
        dimension = "energy"
    _finite(lo, text)
    _finite(hi, text)
    if lo > hi or (lo == hi and dimension == "energy"):
        raise QuantityError("XB211", f"the range {shown(text)} is empty: {lo:g} is not below {hi:g}", "swap the ends")
    return Span(lo, hi, dimension)


def energies(text: str) -> tuple[float, ...]:
    """Read several energies with one unit at the end, in keV.

    Raises
    ------
    QuantityError
        The text is not numbers and a unit of energy.

    Examples
    --------
    >>> energies("2 6 7 10 keV")
    (2.0, 6.0, 7.0, 10.0)
    """
    found = re.fullmatch(rf"\s*((?:(?:{_NUMBER})[\s,]+)*(?:{_NUMBER}))\s*([A-Za-z%]*)\s*", text, re.ASCII)
    if found is None:
        raise QuantityError("XB210", f"{shown(text)} is not a list of energies", "write it as 2 6 7 10 keV")
    scale = _scale(found[2], "energy", text)
    return tuple(_finite(_scaled(number, scale), text) for number in re.split(r"[\s,]+", found[1]))


def probability(text: str) -> float:
    """Read a confidence: ``0.9``, ``90 %``, or ``1 sigma`` (two-sided, of a normal distribution).

    Raises
    ------
    QuantityError
        The text is none of these, or not between 0 and 1.
    """
    found = _ONE.fullmatch(text)
    if found is None or found["unit"] not in {"", "%", "sigma"}:
        raise QuantityError("XB210", f"{shown(text)} is not a confidence", "write 0.9, 90 % or 1 sigma")
    number = float(found["number"])
    if found["unit"] == "sigma":
        value = math.erf(number / math.sqrt(2.0))
    else:
        value = number / 100.0 if found["unit"] == "%" else number
    if not 0.0 < value < 1.0:
        raise QuantityError(
            "XB205", f"the confidence {shown(text)} is not between 0 and 1", "write 0.9, 90 % or 1 sigma"
        )
    return value
