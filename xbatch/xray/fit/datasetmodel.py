"""The model of one dataset as a function of a fit's free parameters: its photons, and how these change with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.bend import Bend
from xbatch.xray.fit.model import Values
from xbatch.xray.fit.parameters import Parameters
from xbatch.xray.fit.roles import Roles, Slots
from xbatch.xray.fit.several import EnergyModel
from xbatch.xray.folding import Operator

__all__ = ["DatasetModel", "Step", "Steps"]

Floats = NDArray[np.float64]
#: By how much a free parameter is moved, and the values of all parameters after that; for the place of each.
Step = tuple[float, list[float]]
Steps = Callable[[int], Step]


class DatasetModel:
    """The model of a dataset.

    A derivative is the model's own where it knows it, and else a difference over a small step.

    Parameters
    ----------
    model : EnergyModel
    operator : Operator
        What folds its photons.
    slots : Mapping
        Component name to the positions of its parameters' values.
    parameters : Parameters
    roles : Roles
    """

    def __init__(
        self, model: EnergyModel, operator: Operator, slots: Slots, parameters: Parameters, roles: Roles
    ) -> None:
        self.model, self.operator = model, operator
        self._slots, self._parameters, self._roles = slots, parameters, roles
        self._norms = roles.norms(slots)
        self._owners = [one if one and one[0] in model.smooth else None for one in roles.owners(slots)]

    def values(self, given: Sequence[float]) -> dict[str, tuple[float, ...]]:
        """Pick of all values those that hold here: component name to its parameters' values in order."""
        return {name: tuple([given[n] for n in slots]) for name, slots in self._slots.items()}

    def flux(self, given: Sequence[float]) -> Floats:
        """Give photons / cm2 / s on the energies of the response, shape (k,), from the values of all parameters."""
        return self.model.flux(self.values(given))

    def derivatives(
        self, given: Sequence[float], flux: Floats, counts: Floats, steps: Steps
    ) -> tuple[NDArray[np.int64], Floats]:
        """Give the places of the free parameters that matter here, and the derivatives of the counts by them, (n, g).

        Parameters
        ----------
        given : sequence of float
            Values of all parameters.
        flux, counts : ndarray, shape (k,) and (g,)
            What they give.
        steps : callable
        """
        known = self.values(given)
        norms = {place: given[self._parameters.free[place]] for place in self._norms}
        # The model is proportional to its norms, so what the others leave of the counts is the derivative by the last.
        last = next((place for place, norm in norms.items() if norm != 0), None)
        active: list[int] = []
        slopes = np.empty((len(self._owners), flux.size))
        for place, owner in enumerate(self._owners):
            if place == last:
                continue
            row = slopes[len(active)]
            if owner is not None:
                self.model.slope(known, *owner, out=row)
            else:
                step, after = steps(place)
                changed = self.values(after)
                if changed == known:
                    continue
                np.subtract(self.model.flux(changed), flux, out=row)
                row /= step
            active.append(place)
        others = len(active)
        rows = np.empty((others + (last is not None), counts.size))
        rows[:others] = self.operator.fold(slopes[:others].T).T
        if last is not None:
            weights = np.array([norms.get(place, 0.0) for place in active])
            rows[-1] = (counts - weights @ rows[:others]) / norms[last]
            active.append(last)
        return np.array(active, dtype=np.int64), rows

    def bend(self, weights: Floats, free: Sequence[float], steps: Sequence[float]) -> Floats:
        """Give the second derivatives of a weighted sum of the photons by the free parameters, shape (f, f).

        Parameters
        ----------
        weights : ndarray, shape (k,)
        free, steps : sequence of float
            See `Bend`.
        """
        return Bend(self.model, weights, self._values_of, self._roles, self._norms, free, steps).matrix()

    def _values_of(self, free: Sequence[float]) -> Values:
        return self.values(self._parameters.values(free))
