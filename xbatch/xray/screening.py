"""Screening of events: grades, patterns, flags, status bits and PI, with a count of what was dropped and why.

Sources of the rules: NuSTAR keeps GRADE 0 to 26 and screens STATUS by bits (``b0000x00xx0xx0000``: 0 and 1 are
demanded, x is free, the first is the highest bit); XMM-Newton's named selections (``#XMMEA_EM``) are expressions in the
header of each event list (``XMMEA_EM = '(FLAG & 0x766ba000) == 0'``) and are read from there. Ranges are inclusive at
both ends, as the missions' tools select.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.gti import inside

__all__ = ["Bits", "Cut", "Range", "Screened", "bits_of_text", "flag_selection", "inside_gtis", "passes", "screen"]

_BITS = re.compile(r"b[01x]+\Z")
_MASKED = re.compile(r"\(\s*FLAG\s*&\s*(0x[0-9a-f]+|\d+)\s*\)\s*(?:==|\.eq\.)\s*(0x[0-9a-f]+|\d+)\Z", re.IGNORECASE)
_EQUAL = re.compile(r"\(?\s*FLAG\s*(?:==|\.eq\.)\s*(0x[0-9a-f]+|\d+)\s*\)?\Z", re.IGNORECASE)
_ALL = 0xFFFFFFFF


@dataclass(frozen=True)
class Range:
    """Keep ``lowest <= value <= highest``."""

    column: str
    lowest: float
    highest: float


@dataclass(frozen=True)
class Bits:
    """Keep ``(value & mask) == wanted``."""

    column: str
    mask: int
    wanted: int


Cut = Range | Bits


@dataclass(frozen=True)
class Screened:
    """Which events stay, and how many went for each reason; an event goes for the first reason that it meets."""

    keep: NDArray[np.bool_]
    dropped: Mapping[str, int]


def bits_of_text(column: str, text: str) -> Bits:
    """Read a pattern of bits, for example ``b0000x00xx0xx0000``.

    Raises
    ------
    ValueError
        It is none.
    """
    pattern = text.strip().lower()
    if not _BITS.match(pattern):
        raise ValueError(f"{text!r} is no pattern of bits: write b and then 0, 1 or x for each bit, the highest first")
    digits = pattern[1:]
    mask = int("".join("0" if digit == "x" else "1" for digit in digits), 2)
    return Bits(column, mask, int(digits.replace("x", "0"), 2))


def flag_selection(expression: str) -> Bits:
    """Read an expression of a selection's card: ``(FLAG & 0x766ba000) == 0`` or ``FLAG == 0``.

    Raises
    ------
    ValueError
        It is of another form.
    """
    text = expression.strip()
    match = _MASKED.match(text)
    if match is not None:
        return Bits("FLAG", int(match[1], 0), int(match[2], 0))
    match = _EQUAL.match(text)
    if match is None:
        raise ValueError(f"the selection {expression!r} is not of the form (FLAG & mask) == value")
    return Bits("FLAG", _ALL, int(match[1], 0))


def passes(values: NDArray[Any], cut: Cut) -> NDArray[np.bool_]:
    """Say of each value whether a cut keeps it; what is not a number is not kept.

    Raises
    ------
    ValueError
        Bits of values that are no whole numbers are asked for.
    """
    if isinstance(cut, Range):
        kept: NDArray[np.bool_] = (values >= cut.lowest) & (values <= cut.highest)
        return kept
    if values.dtype.kind not in "iu":
        raise ValueError(f"column {cut.column} holds no whole numbers, so it has no bits")
    wide = values.astype(np.int64)
    same: NDArray[np.bool_] = (wide & cut.mask) == cut.wanted
    return same


def inside_gtis(
    times: NDArray[np.float64],
    gti: NDArray[np.float64],
    detector: NDArray[Any] | None = None,
    detector_gtis: Mapping[int, NDArray[np.float64]] | None = None,
) -> NDArray[np.bool_]:
    """Say of each event whether it lies in the GTIs, in those of its own detector where they are by detector.

    Parameters
    ----------
    times : ndarray, shape (n,)
    gti : ndarray, shape (m, 2)
        For all detectors.
    detector : ndarray of integers, shape (n,), optional
    detector_gtis : Mapping of int to ndarray, optional
        An event of a detector that is not there lies in none.
    """
    if detector is None or not detector_gtis:
        return inside(times, gti)
    keep = np.zeros(len(times), np.bool_)
    for number, own in detector_gtis.items():
        at = np.flatnonzero(detector == number)
        keep[at] = inside(times.take(at), own)
    return keep


def screen(
    count: int, tests: Sequence[tuple[str, NDArray[np.bool_]]], before: Mapping[str, int] | None = None
) -> Screened:
    """Combine tests in their order.

    Parameters
    ----------
    count : int
        Number of events.
    tests : sequence of (reason, ndarray of bool, shape (count,))
        Which events each keeps.
    before : Mapping of str to int, optional
        Counts of earlier events, to be added to.

    Returns
    -------
    Screened
        Every reason is there, also with 0; ``sum(dropped) + sum(keep)`` is the number of events.
    """
    dropped = dict(before or {})
    keep = np.ones(count, np.bool_)
    left = count
    for reason, test in tests:
        keep &= test
        now = int(np.count_nonzero(keep))
        dropped[reason] = dropped.get(reason, 0) + left - now
        left = now
    return Screened(keep, dropped)
