"""Pile-up by the patterns of events: how their fractions compare with those of single photons, and what that means.

Two photons in neighbouring pixels of one frame are read as one event of a larger pattern: singles are lost to doubles.
`epatplot` gives the observed fractions of singles and of doubles over those of its model. Its own documentation
(XMM-Newton SAS, epatplot) says that with pile-up the ratio of singles falls below 1 and that of doubles rises above 1.
Published analyses have tested for the opposite, or for either, so the rule is a choice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["DIRECTIONS", "TOLERANCE", "PatternRatios", "excesses", "is_borderline", "is_piled_up", "radii"]

TOLERANCE = 1e-9
"""Ratios are known to three or four digits: what lies on a limit but for the last bits of a float is on it."""

#: Signs of what counts: of singles and of doubles; 0 for either.
DIRECTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"two-sided": (0, 0), "task": (-1, 1), "notebook": (1, -1)}
)


@dataclass(frozen=True)
class PatternRatios:
    """Observed fractions of singles and of doubles over those of the model, with their errors (1 sigma)."""

    singles: float
    singles_error: float
    doubles: float
    doubles_error: float

    def __post_init__(self) -> None:
        values = (self.singles, self.singles_error, self.doubles, self.doubles_error)
        if not all(math.isfinite(value) for value in values):
            raise ValueError("a ratio of patterns is no number: there are too few events")
        if min(self.singles_error, self.doubles_error) < 0:
            raise ValueError("an error is negative")


def excesses(ratios: PatternRatios, n_sigma: float, direction: str) -> tuple[float, float]:
    """Give by how much singles and doubles lie outside what is allowed; negative inside.

    Parameters
    ----------
    ratios : PatternRatios
    n_sigma : float
        How many times its error a ratio may be away from 1.
    direction : str
        ``two-sided``: either way. ``task``: singles below, doubles above 1, as the task documents pile-up.
        ``notebook``: singles above, doubles below 1.

    Raises
    ------
    ValueError
        There is no such direction, or `n_sigma` is not above 0.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"pile-up is judged by {', '.join(DIRECTIONS)}, not {direction!r}")
    if not n_sigma > 0:
        raise ValueError(f"a ratio is away from 1 by more than 0 sigma, not {n_sigma!r}")
    both = (ratios.singles, ratios.singles_error), (ratios.doubles, ratios.doubles_error)
    first, second = (
        (sign * (value - 1.0) if sign else abs(value - 1.0)) - n_sigma * error
        for sign, (value, error) in zip(DIRECTIONS[direction], both, strict=True)
    )
    return first, second


def is_piled_up(ratios: PatternRatios, n_sigma: float, direction: str) -> bool:
    """Say whether a ratio lies outside what is allowed, by more than `TOLERANCE`; see `excesses`."""
    return max(excesses(ratios, n_sigma, direction)) > TOLERANCE


def is_borderline(ratios: PatternRatios, n_sigma: float, direction: str) -> bool:
    """Say whether a ratio lies on its limit, so that floats alone would decide; see `excesses`."""
    return any(abs(excess) <= TOLERANCE for excess in excesses(ratios, n_sigma, direction))


def radii(start: float, first: float, step: float, largest: float) -> tuple[float, ...]:
    """Give the inner radii to try, in the order of trying.

    Parameters
    ----------
    start : float
        The first of all, in any unit.
    first, step : float
        The next one, and how much larger each further one is.
    largest : float
        The last that may be tried.

    Raises
    ------
    ValueError
        They do not rise.
    """
    if not (0 <= start < first <= largest and step > 0 and math.isfinite(largest)):
        raise ValueError(f"radii rise from {start:g} to {first:g} and by {step:g} to {largest:g}: they do not")
    count = math.floor((largest - first) / step * (1.0 + TOLERANCE) + TOLERANCE) + 1
    return (start, *(round(first + number * step, 9) for number in range(count)))
