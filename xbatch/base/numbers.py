"""How many digits of a number to print, decided by its errors; one rule for tables, plots and pages."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["Rounded", "plain_number", "rounded", "unit_parts"]

_DIGITS = 2
_POWER = re.compile(r"(.+?)(?:\^|\*\*|(?<=[A-Za-z])(?=-)|(?<=\))(?=\d))([+-]?\d+)")
_NUMBER = re.compile(r"(\d+\.?\d*)e([+-]?\d+)")
_UNDER = re.compile(r"([A-Za-z]+)\^?(\d*)")


@dataclass(frozen=True)
class Rounded:
    """A number and its errors as text, all to the same decimal place.

    Attributes
    ----------
    value : str
        To be multiplied by ten to the power `exponent`.
    minus, plus : str
        The errors, without sign and in the same power of ten; empty where there is none.
    exponent : int
        0 for numbers that read well as they are.
    """

    value: str
    minus: str = ""
    plus: str = ""
    exponent: int = 0


def _usable(error: float | None) -> float | None:
    return abs(error) if error is not None and math.isfinite(error) and error != 0.0 else None


def _order(number: float) -> int:
    """Give the power of ten of a number's leading digit, after rounding it to the digits kept."""
    return int(f"{abs(number):.{_DIGITS - 1}e}".partition("e")[2])


def rounded(value: float, minus: float | None = None, plus: float | None = None, digits: int = 4) -> Rounded:
    """Round a value to the second significant digit of its smaller error.

    Parameters
    ----------
    value : float
    minus, plus : float or None
        Errors below and above, with or without their sign; None, 0 and non-finite ones are not there.
    digits : int
        Significant digits of a value that has no error.

    Returns
    -------
    Rounded
        With an exponent where the value, or the larger error, is below 1e-3 or at least 1e5.

    Examples
    --------
    >>> rounded(1.98765, -0.0213, 0.0309)
    Rounded(value='1.988', minus='0.021', plus='0.031', exponent=0)
    >>> rounded(3.456e-12, 1.2e-13, 1.3e-13)
    Rounded(value='3.46', minus='0.12', plus='0.13', exponent=-12)
    """
    low, high = _usable(minus), _usable(plus)
    if not math.isfinite(value):
        return Rounded(str(value))
    errors = [error for error in (low, high) if error is not None]
    largest = max([abs(value), *errors])
    exponent = 0
    if largest != 0.0 and not 1e-3 <= largest < 1e5:
        exponent = math.floor(math.log10(largest))
    scale = 10.0 ** min(exponent, 300)
    last = _order(min(errors)) - _DIGITS + 1 if errors else (_order(value) - digits + 1 if value else 0)
    places = exponent - last

    def text(number: float) -> str:
        scaled = round(number / scale, places)
        return f"{scaled:z.{max(places, 0)}f}"

    return Rounded(text(value), text(low) if low is not None else "", text(high) if high is not None else "", exponent)


def plain_number(value: float | None, digits: int = 6) -> str:
    """Give a number in its shortest plain form (``0.6``, ``1.234e-11``), or an empty text for None.

    Examples
    --------
    >>> plain_number(0.006181), plain_number(1.5e-12), plain_number(None)
    ('0.006181', '1.5e-12', '')
    """
    return "" if value is None else f"{value:.{digits}g}"


def unit_parts(unit: str) -> list[tuple[str, str]]:
    """Split a unit into words and powers: ``cm^-2``, ``cm**-2``, ``cm-2`` and ``/cm2`` are one, ``1e22`` is a power.

    Other numbers are multiples of powers of ten: ``3.02e-15``.

    Examples
    --------
    >>> unit_parts("10^22 cm^-2"), unit_parts("erg/cm2 at 1 keV")
    ([('10', '22'), ('cm', '-2')], [('erg', ''), ('cm', '-2'), ('at', ''), ('1', ''), ('keV', '')])
    """
    parts: list[tuple[str, str]] = []
    for word in unit.split():
        first, *below = word.split("/")
        number, power = _NUMBER.fullmatch(first), _POWER.fullmatch(first)
        if number:
            parts += [*([(number[1], ""), ("x", "")] if number[1] != "1" else []), ("10", number[2])]
        else:
            parts += [(power[1], power[2])] if power else [(first, "")] if first else []
        for piece in below:
            under = _UNDER.fullmatch(piece)
            parts.append((under[1], f"-{under[2] or 1}") if under else (f"/{piece}", ""))
    return parts
