"""The ways to a minimum: our own, and Sherpa's optimisers. The one place where Sherpa is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.levmar import descend
from xbatch.xray.fit.surface import Surface

__all__ = ["OF_SHERPA", "OPTIMISERS", "Minimum", "minimise", "sherpa_version"]

Floats = NDArray[np.float64]
Function = Callable[[Floats], tuple[float, Floats]]

#: The optimisers that need Sherpa.
OF_SHERPA = ("neldermead", "moncar", "sherpa-levmar")
OPTIMISERS = ("levmar", *OF_SHERPA)
# Relative step of a derivative, squared: small enough not to shift the minimum of a likelihood, whose roots are far
# from zero in empty groups, and far above the rounding of a folded model.
_STEP_SQUARED = 1e-13
_TOLERANCE = 1e-10
_SEED = 74815
# What an optimiser is told where the model has no value: worse than anything, and its square still a number.
_WORST = 1e100
# How far inside a limit the statistic is looked at, relative to the parameter.
_INSIDE = 1e-4
# How often a fit goes on from where it ended, and evaluations of each for one parameter.
_ROUNDS = 30
_EVALUATIONS = 25


@dataclass(frozen=True)
class Minimum:
    """Where an optimiser stopped.

    Attributes
    ----------
    free : ndarray, shape (f,)
    statistic : float
    converged : bool
    message : str
        The optimiser's own words.
    """

    free: Floats
    statistic: float
    converged: bool
    message: str


def sherpa_version() -> str:
    """Give Sherpa's version.

    Raises
    ------
    ImportError
        Sherpa is not installed.
    """
    import sherpa

    return str(sherpa.__version__)


def minimise(
    surface: Surface,
    start: Floats,
    low: Floats,
    high: Floats,
    method: str = "levmar",
    tolerance: float = 1e-6,
    moving: NDArray[np.bool_] | None = None,
) -> Minimum:
    """Find a minimum of the statistic.

    Parameters
    ----------
    surface : Surface
    start, low, high : ndarray, shape (f,)
        f > 0; limits are finite.
    method : str
        ``levmar`` (`xbatch.xray.fit.levmar`); Sherpa's ``neldermead`` or ``moncar`` with ``levmar`` after it, which
        finds the bottom of a valley that the others have found; or ``sherpa-levmar``.
    tolerance : float
        How far above the minimum the statistic may end.
    moving : ndarray of bool, shape (f,), or None
        The parameters that ``levmar`` may change.

    Raises
    ------
    ImportError
        Sherpa is needed and not installed.
    ValueError
        Another `method`.
    """
    free = np.clip(start, low, high)
    if method not in OPTIMISERS:
        raise ValueError(f"there is no optimiser {method!r}; there are {', '.join(OPTIMISERS)}")
    if method == "sherpa-levmar":
        return _sherpa_levmar(_guarded(surface), free, low, high, tolerance)
    if method != "levmar":
        free = _searched(_guarded(surface), free, low, high, method)
    found = descend(surface, free, low, high, tolerance, moving)
    left = f"{found.steps} steps, {found.fall:.1e} to gain"
    return Minimum(found.free, found.statistic, found.converged, left)


def _searched(function: Function, free: Floats, low: Floats, high: Floats, method: str) -> Floats:
    from sherpa.optmethods import MonCar, NelderMead

    if method == "neldermead":
        return np.asarray(NelderMead().fit(function, free, low, high)[1], dtype=np.float64)
    moncar = MonCar()
    moncar.seed, moncar.rng = _SEED, np.random.default_rng(_SEED)
    return np.asarray(moncar.fit(function, free, low, high)[1], dtype=np.float64)


def _sherpa_levmar(function: Function, free: Floats, low: Floats, high: Floats, tolerance: float) -> Minimum:
    """Run Sherpa's Levenberg-Marquardt, again and again if the way is long, with parameters at a limit held there.

    Sherpa sends a fit that ends at a limit through a simplex, which may take more evaluations than all the rest and
    is not exact; here a parameter at its limit is taken out as long as the statistic would fall only beyond it.
    """
    from sherpa.optmethods import LevMar

    levmar = LevMar()
    levmar.epsfcn = _STEP_SQUARED
    levmar.xtol = levmar.gtol = _TOLERANCE
    best = _Best(function, free)
    converged, message = True, "all parameters are at their limits"
    for _ in range(_ROUNDS):
        moving = np.flatnonzero(~_held(best, low, high))
        if moving.size == 0:
            break
        before, begin = best.statistic, best.free
        levmar.ftol = float(np.clip(tolerance / max(abs(before), tolerance), _TOLERANCE, 1e-3))
        levmar.maxfev = _EVALUATIONS * (moving.size + 1)
        *_, message, told = levmar.fit(best.of(begin, moving), begin[moving], low[moving], high[moving])
        ended = told["nfev"] < levmar.maxfev
        inside = not np.any((best.free <= low) | (best.free >= high))
        converged = (ended and inside) or before - best.statistic <= tolerance
        if converged:
            break
    return Minimum(
        best.free, best.statistic, converged, str(message) if converged else "the statistic was still falling"
    )


class _Best:
    """A function that remembers where it was lowest: an optimiser stopped early may give back another place."""

    def __init__(self, function: Function, free: Floats) -> None:
        self._function = function
        self.free = free
        self.statistic = function(free)[0]

    def __call__(self, free: Floats) -> tuple[float, Floats]:
        statistic, residual = self._function(free)
        if statistic < self.statistic:
            self.free, self.statistic = free.copy(), statistic
        return statistic, residual

    def of(self, begin: Floats, moving: NDArray[np.intp]) -> Callable[[Any], tuple[float, Floats]]:
        """Give the function of some parameters, with the others as they were at `begin`."""

        def call(values: Any) -> tuple[float, Floats]:
            free = begin.copy()
            free[moving] = values
            return self(free)

        return call


def _held(best: _Best, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Tell which parameters are at a limit that keeps the statistic from falling."""
    free, statistic = best.free, best.statistic
    held = np.zeros(free.size, dtype=bool)
    for number in np.flatnonzero((free <= low) | (free >= high)):
        step = min(_INSIDE * max(abs(float(free[number])), _INSIDE), float(high[number] - low[number]))
        moved = free.copy()
        moved[number] += step if free[number] <= low[number] else -step
        held[number] = not best(moved)[0] < statistic
    return held


def _guarded(function: Function) -> Function:
    """Give an optimiser a finite number where the model has none (an overflow far from the data)."""

    def call(free: Any) -> tuple[float, Floats]:
        statistic, residual = function(np.asarray(free, dtype=np.float64))
        if not np.isfinite(statistic):
            return _WORST**2, np.full(residual.size, _WORST)
        return statistic, residual

    return call
