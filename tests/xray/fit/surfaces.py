"""Plain functions as surfaces: residuals in, their squares summed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.surface import Slope

Floats = NDArray[np.float64]
Residuals = Callable[[Floats], Floats]


class Squares:
    """The sum of the squares of some residuals, differentiated by differences."""

    def __init__(self, residuals: Residuals) -> None:
        self._residuals = residuals
        self.seen: list[Floats] = []

    def __call__(self, free: Floats) -> tuple[float, Floats]:
        self.seen.append(free.copy())
        residual = self._residuals(free)
        return float(residual @ residual), residual

    def slope(self, free: Floats) -> Slope:
        steps = 1e-6 * np.maximum(np.abs(free), 1e-3)
        columns = np.column_stack(
            [
                (self._residuals(free + axis) - self._residuals(free - axis)) / (2 * step)
                for step, axis in zip(steps, np.diag(steps), strict=True)
            ]
        )
        second = columns.T @ columns
        return Slope(columns.T @ self._residuals(free), second, second)

    def bend(self, free: Floats, steps: Floats) -> Floats:
        residual = self._residuals(free)
        result = np.zeros((free.size,) * 2)
        axes = np.diag(steps)
        for i in np.flatnonzero(steps):
            for j in np.flatnonzero(steps):
                self.seen += [free + sign * (axes[i] + other * axes[j]) / 2 for sign in (1, -1) for other in (1, -1)]
                corners = sum(
                    sign * other * self._residuals(free + (sign * axes[i] + other * axes[j]) / 2)
                    for sign in (1, -1)
                    for other in (1, -1)
                )
                result[i, j] = residual @ np.asarray(corners) / (steps[i] * steps[j])
        return result
