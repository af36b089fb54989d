"""The parameters of one fit: which values there are, which spectra share each, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from xbatch.spec.components import ParameterDef
from xbatch.spec.fitdata import axis_label
from xbatch.spec.model import Dataset, Parameter, Subject
from xbatch.spec.nodes import Node, Scalar, Table, items_of, text_of
from xbatch.spec.report import Report
from xbatch.spec.settings import Settled
from xbatch.spec.tablemodels import definition

__all__ = ["Instance", "instances", "named"]

_LABEL_AXES = ("instrument", "epoch", "obsid", "spectrum", "gti", "mission")
_FULL = ("obsid", "instrument", "spectrum")


@dataclass(frozen=True)
class Instance:
    """One value of a parameter, not yet named.

    Attributes
    ----------
    component, parameter : str
    rule : ParameterDef
    datasets : tuple of int
    value, min, max : float
    frozen : bool
    link : Scalar or None
        The node of its link.
    path : str
    place : Node or None
        Where it is said, for errors.
    """

    component: str
    parameter: str
    rule: ParameterDef
    datasets: tuple[int, ...]
    value: float
    min: float
    max: float
    frozen: bool
    link: Scalar | None
    path: str

    @property
    def name(self) -> str:
        """``pl.PhoIndex``, without a subject."""
        return f"{self.component}.{self.parameter}"


def instances(
    components: Mapping[str, str],
    settled: Settled,
    datasets: Sequence[Dataset],
    fit: Table,
    report: Report,
    only: Mapping[str, frozenset[int]] | None = None,
) -> list[Instance]:
    """Decide which values the parameters of one fit have.

    One value holds for all spectra with the same settings, except that a free factor of ``constant`` is one for each
    obsid and instrument; ``vary`` makes one along an axis, ``tie`` one value along it.

    Parameters
    ----------
    components : Mapping
        Name to type, of the model.
    settled : Mapping
        What the spec says, from `settle`.
    datasets : sequence of Dataset
        Of this fit alone.
    fit : Table
        The fit's entry.
    report : Report
    only : Mapping, optional
        The datasets that have a component, for those that not all have.
    """
    found: list[Instance] = []
    for component, kind in components.items():
        having = (only or {}).get(component, frozenset(range(len(datasets))))
        for rule in definition(kind).parameters:
            said = settled[f"{component}.{rule.name}"]
            groups: dict[tuple[object, ...], Instance] = {}
            for number in sorted(having):
                data = datasets[number]
                table = said.get(data.subject, Table({}, fit.place))
                one = _instance(component, kind, rule, number, table, fit.path)
                key = _key(kind, rule, one, table, data.subject, fit, report)
                known = groups.get(key)
                groups[key] = replace(known, datasets=(*known.datasets, number)) if known else one
                if known is None:
                    _check_limits(one, table, report)
            found += groups.values()
    return found


def _instance(component: str, kind: str, rule: ParameterDef, number: int, table: Table, fit_path: str) -> Instance:
    link = table.entries.get("link")
    frozen = table.entries.get("frozen")
    return Instance(
        component,
        rule.name,
        rule,
        (number,),
        _number(table.entries.get("value"), rule.value),
        _number(table.entries.get("min"), rule.min),
        _number(table.entries.get("max"), rule.max),
        bool(frozen.value) if isinstance(frozen, Scalar) and frozen.value is not None else rule.frozen,
        link if isinstance(link, Scalar) and link.value is not None else None,
        table.path or fit_path,
    )


def _number(node: Node | None, default: float) -> float:
    if isinstance(node, Scalar) and isinstance(node.value, int | float):
        return float(node.value)
    return default


def _key(
    kind: str, rule: ParameterDef, one: Instance, table: Table, subject: Subject, fit: Table, report: Report
) -> tuple[object, ...]:
    """Give what datasets must have in common to share a value."""
    own = (one.value, one.min, one.max, one.frozen, one.link.text if one.link else None)
    if one.frozen or one.link is not None:
        return own
    axes = ["obsid", "instrument"] if (kind, rule.name) == ("constant", "factor") else []
    vary, tie = (_axes(table.entries.get(key), subject, fit, report) for key in ("vary", "tie"))
    both = [axis for axis in vary if axis in tie]
    if both:
        message = f"{one.name} both varies and is tied along {both[0]}"
        report.add(table.entries["tie"], "XB318", message, "remove one")
    if "epoch" in tie and "obsid" not in vary:
        tie = [*tie, "obsid"]
    axes = [axis for axis in dict.fromkeys([*axes, *vary]) if axis not in tie]
    return (*own, *(axis_label(subject, axis) for axis in axes))


def _axes(node: Node | None, subject: Subject, fit: Table, report: Report) -> list[str]:
    axes = [axis for item in items_of(node) if (axis := text_of(item)) is not None]
    if "epoch" in axes and node is not None and "epochs" not in fit.entries and not subject.epoch:
        report.add(node, "XB114", "epoch is named, but the fit has no epochs", "add 'epochs:' to the fit")
    return axes


def _check_limits(one: Instance, table: Table, report: Report) -> None:
    rule = one.rule
    if rule.switch and not one.frozen and one.link is None:
        message = f"{one.name} chooses between ways to compute: it cannot be fitted"
        report.add(table.entries.get("frozen") or table, "XB327", message, "leave 'frozen' out")
    for key, value in (("min", one.min), ("max", one.max)):
        if not rule.min <= value <= rule.max:
            message = f"{key} of {one.name} is {value:g}, outside XSPEC's limits {rule.min:g} to {rule.max:g}"
            message += f" ({rule.unit})" if rule.unit else ""
            report.add(table.entries.get(key) or table, "XB309", message, "bring it inside")
            return
    if one.min >= one.max:
        node = table.entries.get("max") or table.entries.get("min") or table
        message = f"the limits of {one.name}, {one.min:g} and {one.max:g}, are not in order"
        report.add(node, "XB309", message, "min is below max")
    elif one.link is None and not one.min <= one.value <= one.max:
        given = table.entries.get("value")
        node = given or table.entries.get("min") or table.entries.get("max") or table
        what = "value" if given else "default value"
        unit = f" ({rule.unit})" if rule.unit else ""
        message = f"the {what} of {one.name}, {one.value:g}, is outside {one.min:g} to {one.max:g}{unit}"
        report.add(node, "XB309", message, "give a value inside, or other limits")


def named(found: Sequence[Instance], datasets: Sequence[Dataset]) -> list[Parameter]:
    """Name the values of one fit; links are still to be written."""
    by_name: dict[str, list[Instance]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    labels = {name: _labels(those, datasets) for name, those in by_name.items()}
    return [
        Parameter(
            one.name + next(labels[one.name]),
            one.component,
            one.parameter,
            one.datasets,
            one.value,
            one.min,
            one.max,
            one.rule.unit,
            one.frozen,
            "",
            one.path,
        )
        for one in found
    ]


def _labels(values: Sequence[Instance], datasets: Sequence[Dataset]) -> Iterator[str]:
    """Give each value of one name the shortest ``[subject]`` that tells it from the others; nothing if it is alone."""
    if len(values) == 1:
        yield ""
        return
    by_axes = []
    for axes in _label_axes():
        labels = [
            dict.fromkeys("/".join(axis_label(datasets[n].subject, axis) for axis in axes) for n in one.datasets)
            for one in values
        ]
        by_axes.append((labels, Counter(label for mine in labels for label in mine)))
    for number, one in enumerate(values):
        own = [list(labels[number]) for labels, holders in by_axes if all(holders[m] == 1 for m in labels[number])]
        best = next((found for found in own if len(found) == 1), own[0] if own else [str(one.datasets[0] + 1)])
        yield f"[{'+'.join(best)}]"


def _label_axes() -> list[tuple[str, ...]]:
    pairs = [
        pair for pair in combinations(("obsid", "epoch", "instrument", "spectrum"), 2) if pair != ("obsid", "epoch")
    ]
    timed = [(axis, "gti") for axis in ("obsid", "instrument")]
    return [*((axis,) for axis in _LABEL_AXES), *pairs, *timed, _FULL, (*_FULL, "gti")]
