"""A fit as other programs need it: its files, the channels it takes, its model and the values of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xbatch.xray.fit.several import component_names
from xbatch.xray.fit.xspec import XSPEC_PREFIX

__all__ = ["Data", "HandedFit", "HandedModel", "Value", "expression"]

Tree = Mapping[str, Any]
_STRENGTH = {"+": 1, "*": 2}


@dataclass(frozen=True)
class Data:
    """One spectrum of a fit.

    Attributes
    ----------
    title : str
        ``obsid/instrument/spectrum``.
    file, rmf, arf : str
        Names as seen from the folder of the scripts.
    background : str
        Empty where the fit uses none.
    noticed : tuple of (int, int)
        First and last channel of each run of groups in the fit.
    ignored : tuple of (int, int)
        First and last number of each run of groups not in the fit; XSPEC counts the groups of a file from 1.
    bad : bool
        Some channels have a QUALITY that is not 0.
    grouped : bool
        Some groups have more than one channel.
    systematic : bool
        Some channels have a SYS_ERR.
    further : Mapping of str to (str, str)
        RMF and ARF of each further model that the spectrum has, by the model's name.
    """

    title: str
    file: str
    background: str
    rmf: str
    arf: str
    noticed: tuple[tuple[int, int], ...]
    ignored: tuple[tuple[int, int], ...]
    bad: bool
    grouped: bool
    systematic: bool
    further: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """One value of a parameter; see fit.json."""

    name: str
    component: str
    parameter: str
    datasets: tuple[int, ...]
    value: float
    low: float
    high: float
    frozen: bool
    link: str


@dataclass(frozen=True)
class HandedModel:
    """One of the models of a fit.

    Attributes
    ----------
    name : str
        Empty for the first.
    source : int
        What XSPEC calls its source: 1 for the first, and the number of the responses that it is folded through.
    tree : Mapping
    slots : tuple of (str, str)
        Component and parameter in the order of XSPEC's numbers, which go on from one data group to the next.
    datasets : tuple of int
        Those that have it.
    """

    name: str
    source: int
    tree: Tree
    slots: tuple[tuple[str, str], ...]
    datasets: tuple[int, ...]

    def number(self, dataset: int, slot: int) -> int:
        """Give XSPEC's number of a parameter, from 1; `slot` is its place among those of one data group, from 0."""
        return self.datasets.index(dataset) * len(self.slots) + slot + 1

    @property
    def prefix(self) -> str:
        """What stands before a number where parameters of several models are told apart."""
        return f"{self.name}:" if self.name else ""


@dataclass(frozen=True)
class HandedFit:
    """A fit, ready to be written in another program's words.

    `tables` are the files of table models by component; `tree` is that of the first model, None where there is none;
    `further` has name, tree and datasets of each further model.
    """

    title: str
    statistic: str
    variance: str
    background: str
    abundances: str
    cross_sections: str
    tree: Tree | None
    components: Mapping[str, str]
    tables: Mapping[str, str]
    values: tuple[Value, ...]
    data: tuple[Data, ...]
    stat_value: float
    dof: int
    version: str
    further: tuple[tuple[str, Tree, tuple[int, ...]], ...] = ()

    @property
    def models(self) -> tuple[HandedModel, ...]:
        """All models in the order of XSPEC's sources."""
        everywhere = tuple(range(len(self.data)))
        first = [("", 1, self.tree, everywhere)] if self.tree is not None else []
        more = [(name, number, tree, where) for number, (name, tree, where) in enumerate(self.further, 2)]
        return tuple(
            HandedModel(name, source, tree, self._slots(tree), where) for name, source, tree, where in [*first, *more]
        )

    def _slots(self, tree: Tree) -> tuple[tuple[str, str], ...]:
        inside = set(component_names(tree))
        # The order of the components is that in which they are written, which XSPEC counts in.
        return tuple(
            (name, parameter) for name in self.components if name in inside for parameter in self.parameters_of(name)
        )

    def parameters_of(self, component: str) -> tuple[str, ...]:
        """Name a component's parameters in its order, in which their values stand."""
        return tuple(dict.fromkeys(one.parameter for one in self.values if one.component == component))

    @property
    def xspec_names(self) -> dict[str, str]:
        """Name components as XSPEC's expressions do: by type, a table model with its file."""
        return {
            name: f"{kind}{{{self.tables[name]}}}" if name in self.tables else kind.removeprefix(XSPEC_PREFIX)
            for name, kind in self.components.items()
        }

    def value_of(self, dataset: int, component: str, parameter: str) -> Value:
        """Find the value that a parameter has for a dataset."""
        return next(
            one
            for one in self.values
            if dataset in one.datasets and (one.component, one.parameter) == (component, parameter)
        )

    def by_name(self) -> dict[str, Value]:
        """Map names to values."""
        return {one.name: one for one in self.values}

    def linked_to(self, value: Value) -> tuple[str, ...]:
        """Name the values that a value is linked to."""
        return tuple(dict.fromkeys(self._names().findall(value.link)))

    def link_text(self, value: Value, words: Mapping[str, str]) -> str:
        """Write a value's link with other words for the names in it."""
        return self._names().sub(lambda found: words[found[0]], value.link)

    def _names(self) -> re.Pattern[str]:
        longest_first = sorted((one.name for one in self.values), key=len, reverse=True)
        return re.compile("|".join(re.escape(name) for name in longest_first))


def expression(tree: Tree, names: Mapping[str, str], within: str = "") -> str:
    """Write a model: components by other names, sums in parentheses where a product or an enclosing one holds them.

    Examples
    --------
    >>> part = {"op": "+", "args": [{"component": "a"}, {"component": "b"}]}
    >>> expression({"op": "*", "args": [{"component": "c"}, part]}, {"a": "apec", "b": "po", "c": "phabs"})
    'phabs * (apec + po)'
    """
    if "component" in tree:
        return names[str(tree["component"])]
    sign = str(tree["op"])
    parts: Sequence[Tree] = tree["args"]
    if sign == "con":
        return f"{names[str(tree['by'])]}({expression(parts[0], names)})"
    if len(parts) == 1:
        return expression(parts[0], names, within)
    text = f" {sign} ".join(expression(part, names, sign) for part in parts)
    return f"({text})" if within and _STRENGTH[sign] < _STRENGTH[within] else text
