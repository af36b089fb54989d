"""Second derivatives of a model's photons, summed with weights, by the free parameters of a fit.

They come from the photons on both sides of each parameter, and of two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.model import Values
from xbatch.xray.fit.roles import Roles
from xbatch.xray.fit.several import EnergyModel

__all__ = ["Bend"]

Floats = NDArray[np.float64]


class Bend:
    """What is around a point.

    Parameters
    ----------
    model : EnergyModel
    weights : ndarray, shape (k,)
        Of its photons.
    values : callable
        The values of the free parameters to those of the model.
    roles : Roles
    norms : sequence of int
        The places of the model's norms, where all of them are free.
    free, steps : sequence of float
        The point, and by how much to move each parameter to either side; 0 for those to leave out.
    """

    def __init__(
        self,
        model: EnergyModel,
        weights: Floats,
        values: Callable[[Sequence[float]], Values],
        roles: Roles,
        norms: Sequence[int],
        free: Sequence[float],
        steps: Sequence[float],
    ) -> None:
        self._model, self._weights, self._values = model, weights, values
        self._roles, self._norms, self._free, self._steps = roles, norms, free, steps
        self._known = values(free)
        self._centre = float(weights @ model.flux(self._known))

    def matrix(self) -> Floats:
        """Give the second derivatives, shape (f, f)."""
        steps, straight = self._steps, self._roles.straight
        moving = [place for place, step in enumerate(steps) if step]
        sides = {n: (self._total({n: -1}), self._total({n: 1})) for n in moving if not straight[n]}
        both = {n: sum(sides[n]) - 2 * self._centre if n in sides else 0.0 for n in moving}
        result = np.zeros((len(self._free),) * 2)
        for number, i in enumerate(moving):
            result[i, i] = both[i] / steps[i] ** 2
            for j in moving[:number]:
                if self._roles.apart(i, j):
                    continue
                norm, other = (i, j) if straight[i] else (j, i)
                if other in sides and self._scales(norm, other) and self._free[norm] != 0:
                    # One norm scales all that the other parameter changes.
                    below, above = sides[other]
                    mixed = (above - below) / (2 * steps[other] * self._free[norm])
                else:
                    ends = self._total({i: 1, j: 1}) + self._total({i: -1, j: -1})
                    mixed = (ends - 2 * self._centre - both[i] - both[j]) / (2 * steps[i] * steps[j])
                result[i, j] = result[j, i] = mixed
        return result

    def _scales(self, norm: int, other: int) -> bool:
        """Tell whether a parameter is the norm of all that another one changes: the model's only one, or its own."""
        return list(self._norms) == [norm] or self._roles.norm_of(norm, other)

    def _total(self, signs: Mapping[int, int]) -> float:
        """Give the sum of the photons where some parameters are moved."""
        moved = [*self._free]
        for place, sign in signs.items():
            moved[place] += sign * self._steps[place]
        values = self._values(moved)
        return self._centre if values == self._known else float(self._weights @ self._model.flux(values))
