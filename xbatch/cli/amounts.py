"""Sizes and times as people write them on a command line: ``20GB``, ``30d``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import click

__all__ = ["age", "size", "size_text"]

_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*")
_SIZES = MappingProxyType(
    {
        "b": 1,
        "kb": 10**3,
        "mb": 10**6,
        "gb": 10**9,
        "tb": 10**12,
        "kib": 2**10,
        "mib": 2**20,
        "gib": 2**30,
        "tib": 2**40,
    }
)
_AGES = MappingProxyType({"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400})


def size(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read a size in bytes; the callback of an option."""
    return _amount(text, "size", _SIZES, "20GB")


def age(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read a time in seconds; the callback of an option."""
    return _amount(text, "time", _AGES, "30d")


def _amount(text: str | None, what: str, units: Mapping[str, int], example: str) -> float | None:
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in units:
        raise click.BadParameter(
            f"{text!r} is no {what}: write a number and one of {', '.join(units)}, as in {example}"
        )
    return float(found[1]) * units[found[2].lower()]


def size_text(count: float) -> str:
    """Write a number of bytes with three digits: ``1.23 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} B" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
