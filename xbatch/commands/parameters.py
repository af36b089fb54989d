"""How values are written for the missions' tools: yes and no, plain decimal numbers, positions in degrees."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Value", "arguments", "degrees", "number", "written"]

Value = str | float | bool | None


def number(value: float) -> str:
    """Write a number with all its digits and no more; whole numbers without a point."""
    whole = int(value)
    return str(whole) if whole == value else repr(float(value))


def degrees(value: float) -> str:
    """Write an angle in degrees, to a tenth of a milliarcsec."""
    return f"{value:.8f}".rstrip("0").rstrip(".")


def written(value: str | float | bool) -> str:
    """Write a value as HEASoft's parameter interface reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)


def arguments(given: Iterable[tuple[str, Value]]) -> tuple[tuple[str, str], ...]:
    """Give the parameters of a call in their order, those left to the tool's default (None) left out."""
    return tuple((name, written(value)) for name, value in given if value is not None)
