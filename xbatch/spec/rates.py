"""Limits of rates, as cuts of flares have them."""

from __future__ import annotations

import math
import re
from typing import Any

from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import shown

__all__ = ["rate_limit"]

_LIMIT = re.compile(r"\s*(<=?|>=?)?\s*(.+)", re.ASCII)


def rate_limit(text: str) -> list[Any]:
    """Read ``< 0.4 ct/s`` as ``["<", 0.4]``.

    Raises
    ------
    QuantityError
    """
    found = _LIMIT.fullmatch(text)
    sign, rest = (found[1], found[2]) if found is not None else (None, text)
    if sign is None:
        raise QuantityError("XB228", f"{shown(text)} does not say which side is good", f'write "< {text.strip()}"')
    if ">" in sign:
        message = f"{shown(text)} keeps the flares: bins are good below a rate"
        raise QuantityError("XB228", message, f'write "< {rest.strip()}"')
    number = re.fullmatch(r"([0-9.eE+-]+)\s*(?:(?:ct|cts|count|counts)\s*/\s*s)?", rest.strip())
    try:
        value = float(number[1]) if number is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0.0:
        raise QuantityError("XB210", f"{shown(text)} is not a limit of a rate", 'write it as "< 0.4 ct/s"')
    return [sign, value]
