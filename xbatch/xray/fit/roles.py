"""What each free parameter of a fit does to the model: whether it scales it, whether anything else depends on it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xbatch.xray.components import Component, Convolution
from xbatch.xray.fit.model import Kinds
from xbatch.xray.fit.parameters import Parameters

__all__ = ["Owner", "Roles", "Slots"]

#: Component name to the positions of its parameters' values among all of a fit.
Slots = Mapping[str, tuple[int, ...]]
#: A component and the position of one of its parameters there.
Owner = tuple[str, int]

_NORM = "norm"


class Roles:
    """The parts that the free parameters play, each known by its place among them.

    Parameters
    ----------
    parameters : Parameters
    kinds : Mapping
        Component name to component, scaling or convolution.

    Attributes
    ----------
    alone : list of bool
        It changes one component and nothing else.
    straight : list of bool
        The model is a straight line in it: a norm or a factor that no link uses.
    rough : ndarray of bool
        Derivatives by it need large steps.
    """

    def __init__(self, parameters: Parameters, kinds: Kinds) -> None:
        self._kinds, self._linked = kinds, parameters.used
        self._numbers = parameters.free
        self._free = [parameters.all[number] for number in parameters.free]
        # A component that is neither added nor multiplied may make anything depend on anything.
        plain = all(kind.kind in ("add", "mul") for kind in kinds.values())
        self.alone = [plain and one.name not in self._linked for one in self._free]
        # The additive component that a parameter alone belongs to.
        self._term = [
            one.component if alone and kinds[one.component].kind == "add" else None
            for one, alone in zip(self._free, self.alone, strict=True)
        ]
        places = range(len(self._free))
        self.straight = [self._is_straight(place) for place in places]
        self.rough = np.array([self._is_rough(place) for place in places], dtype=np.bool_)

    def _is_straight(self, place: int) -> bool:
        one = self._free[place]
        kind = self._kinds[one.component]
        scales = (kind.kind == "add" and one.parameter == _NORM) or kind.name == "constant"
        return scales and self.alone[place]

    def _is_rough(self, place: int) -> bool:
        """Tell whether derivatives by a parameter need large steps: by all, if a convolution is rough."""
        one = self._free[place]
        linked = one.name in self._linked
        used = [kind for name, kind in self._kinds.items() if linked or name == one.component or kind.kind == "con"]
        return any(isinstance(kind, Component | Convolution) and kind.rough for kind in used)

    def norms(self, slots: Slots) -> list[int]:
        """Give the places of the norms of a dataset's model, or nothing if not all are free to change."""
        numbers = {position[-1] for name, position in slots.items() if self._kinds[name].kind == "add"}
        places = [place for place, number in enumerate(self._numbers) if number in numbers]
        return places if len(places) == len(numbers) and all(self.straight[place] for place in places) else []

    def owners(self, slots: Slots) -> list[Owner | None]:
        """Give the component of a dataset's model that each parameter alone changes, and its position there."""
        owners: list[Owner | None] = []
        for one, number, alone in zip(self._free, self._numbers, self.alone, strict=True):
            mine = slots.get(one.component, ()) if alone else ()
            owners.append((one.component, mine.index(number)) if number in mine else None)
        return owners

    def apart(self, one: int, other: int) -> bool:
        """Tell whether two parameters belong to different terms of the model's sum."""
        first, second = self._term[one], self._term[other]
        return first is not None and second is not None and first != second

    def norm_of(self, norm: int, other: int) -> bool:
        """Tell whether one parameter is the norm of the component that the other belongs to."""
        if not self.straight[norm] or self.straight[other] or not self.alone[other]:
            return False
        first, second = self._free[norm], self._free[other]
        return first.component == second.component and first.datasets == second.datasets
