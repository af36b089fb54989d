"""Cuts of a screening, as an event list can make them: ranges of columns, bits, and selections of its header."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.events import EventList
from xbatch.xray.screening import Bits, Cut, Range, bits_of_text, flag_selection

__all__ = ["cuts_of"]

_RANGES = {"grade": "GRADE", "pattern": "PATTERN", "pi_range": "PI"}
_BITS = {"flag": "FLAG", "status": "STATUS"}
_ALL_BITS = 0xFFFFFFFF


def cuts_of(events: EventList, screening: Mapping[str, Any]) -> Iterator[tuple[str, Cut]]:
    """Give the cuts that are asked for, each with the reason it drops an event for.

    Parameters
    ----------
    events : EventList
        The list, which must have the columns.
    screening : Mapping
        ``grade``, ``pattern``, ``pi_range``, ``flag``, ``status``; ``keep`` is not looked at.

    Raises
    ------
    FileError
        The list has no such column, or no such selection in its header.
    StepError
        There is no such cut, or its value makes no sense.
    """
    unknown = sorted(set(screening) - {*_RANGES, *_BITS, "keep"})
    if unknown:
        known = ", ".join([*_RANGES, *_BITS, "keep"])
        raise StepError(f"the screening has no {', '.join(unknown)}", cure=f"It has {known}")
    for key, name in _RANGES.items():
        if screening.get(key) is not None:
            low, high = _ends(screening[key], key)
            events.column(name)
            yield f"{name} not in {low:g} to {high:g}", Range(name, low, high)
    for key, name in _BITS.items():
        wanted = screening.get(key)
        if wanted is not None:
            events.column(name)
            yield f"{name} is not {wanted}", _bits(events, name, wanted)


def _ends(value: Any, key: str) -> tuple[float, float]:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        low, high = value
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low <= high:
            return low, high
    raise StepError(f"the screening's {key} is {value!r}", cure="It needs a lowest and a highest value")


def _bits(events: EventList, name: str, wanted: Any) -> Bits:
    if isinstance(wanted, int):
        return Bits(name, _ALL_BITS, wanted)
    text = str(wanted).strip()
    try:
        if not text.startswith("#"):
            return bits_of_text(name, text)
        card = text[1:].upper()
        expression = events.table.header.get(card)
        if not isinstance(expression, str):
            there = [f"#{key}" for key in events.table.header if key.startswith("XMMEA_")]
            raise FileError(
                events.path,
                f"has no selection {text} in its header (it has {', '.join(there) or 'none'})",
                "Name one that it has, or give the bits",
            )
        return flag_selection(expression)
    except ValueError as error:
        raise StepError(f"the screening's {name.lower()} cannot be used: {error}", events.path) from error
