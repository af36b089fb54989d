"""The parameters of a fit: which are free, and all values from the free ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.links import Link, parse_link

__all__ = ["FitParameter", "Parameters", "read_parameters"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FitParameter:
    """One value in a fit and the datasets it holds for.

    Attributes
    ----------
    name : str
        Unique in the fit: ``pl.PhoIndex``, ``cal.factor[FPMB]``.
    component, parameter : str
    datasets : tuple of int
    value, min, max : float
        Start and limits.
    unit : str
    frozen : bool
    link : str
        An expression of other parameters that gives the value, or empty.
    """

    name: str
    component: str
    parameter: str
    datasets: tuple[int, ...]
    value: float
    min: float = -np.inf
    max: float = np.inf
    unit: str = ""
    frozen: bool = False
    link: str = ""

    @property
    def free(self) -> bool:
        """Whether the fit may change it by itself."""
        return not self.frozen and not self.link


class Parameters:
    """All parameters of a fit, in the order given.

    Attributes
    ----------
    all : tuple of FitParameter
    free : tuple of int
        Positions of the free ones.
    start, low, high : ndarray, shape (f,)
        Values to start from and limits of the free ones.

    Raises
    ------
    ValueError
        Two share a name, a start lies outside its limits, a link cannot be read or leads back to itself.
    """

    def __init__(self, parameters: Sequence[FitParameter]) -> None:
        self.all = tuple(parameters)
        self._position = {p.name: number for number, p in enumerate(self.all)}
        if len(self._position) != len(self.all):
            raise ValueError("two parameters of a fit share a name")
        self.free = tuple(number for number, p in enumerate(self.all) if p.free)
        for number in self.free:
            p = self.all[number]
            if not p.min <= p.value <= p.max:
                raise ValueError(f"{p.name} starts at {p.value:g}, outside its limits {p.min:g} to {p.max:g}")
        self.start = np.array([self.all[n].value for n in self.free], dtype=np.float64)
        self.low = np.array([self.all[n].min for n in self.free], dtype=np.float64)
        self.high = np.array([self.all[n].max for n in self.free], dtype=np.float64)
        self._given = [p.value for p in self.all]
        self._links = self._ordered_links()

    def _ordered_links(self) -> tuple[tuple[int, Link], ...]:
        links = {p.name: parse_link(p.link, self._position) for p in self.all if p.link}
        sorter = TopologicalSorter({name: [n for n in link.names if n in links] for name, link in links.items()})
        try:
            return tuple((self._position[name], links[name]) for name in sorter.static_order())
        except CycleError as error:
            raise ValueError(f"links lead in a circle: {' -> '.join(error.args[1])}") from error

    @property
    def used(self) -> frozenset[str]:
        """Names of the parameters that links use."""
        return frozenset(name for _, link in self._links for name in link.names)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters, in the order of their values."""
        return tuple(self.all[n].name for n in self.free)

    def values(self, free: Sequence[float] | Floats) -> list[float]:
        """Give the values of all parameters, in their order, from those of the free ones."""
        result = self._given.copy()
        numbers = free.tolist() if isinstance(free, np.ndarray) else free
        for number, value in zip(self.free, numbers, strict=True):
            result[number] = float(value)
        for number, link in self._links:
            result[number] = link(lambda name: result[self._position[name]])
        return result

    def slots(
        self, names: Mapping[str, Sequence[str]], datasets: Sequence[Collection[str]]
    ) -> list[dict[str, tuple[int, ...]]]:
        """Find the positions of each component's parameters, in the component's order, for each dataset.

        Parameters
        ----------
        names : Mapping
            Component to the names of its parameters.
        datasets : sequence of collection of str
            The components that each dataset has.

        Raises
        ------
        ValueError
            A parameter has no value, or two, for some dataset.
        """
        found: dict[tuple[int, str, str], int] = {}
        for number, p in enumerate(self.all):
            for dataset in p.datasets:
                key = (dataset, p.component, p.parameter)
                if key in found:
                    raise ValueError(f"{p.component}.{p.parameter} has two values for dataset {dataset}")
                found[key] = number
        missing = [
            f"{component}.{parameter} has no value for dataset {dataset}"
            for dataset, used in enumerate(datasets)
            for component, parameters in names.items()
            for parameter in parameters
            if component in used and (dataset, component, parameter) not in found
        ]
        if missing:
            raise ValueError(missing[0])
        return [
            {c: tuple(found[dataset, c, p] for p in parameters) for c, parameters in names.items() if c in used}
            for dataset, used in enumerate(datasets)
        ]


def read_parameters(items: Sequence[Mapping[str, Any]]) -> Parameters:
    """Make parameters of their JSON form (the attributes of `FitParameter` as keys; others are passed over)."""
    return Parameters(
        [
            FitParameter(
                name=str(item["name"]),
                component=str(item["component"]),
                parameter=str(item["parameter"]),
                datasets=tuple(int(n) for n in item["datasets"]),
                value=float(item["value"]),
                min=float(item["min"]),
                max=float(item["max"]),
                unit=str(item.get("unit") or ""),
                frozen=bool(item.get("frozen", False)),
                link=str(item.get("link") or ""),
            )
            for item in items
        ]
    )
