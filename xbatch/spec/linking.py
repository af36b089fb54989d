"""Links between the parameters of one fit: which values they name, in which order they follow, what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from xbatch.spec.expression import ExpressionError
from xbatch.spec.model import Dataset, Parameter
from xbatch.spec.nodes import at_character
from xbatch.spec.parameters import Instance, named
from xbatch.spec.report import Report, shown
from xbatch.spec.selectors import AXES
from xbatch.spec.settings import name_fault

if TYPE_CHECKING:
    from xbatch.spec.links import Link, Reference

__all__ = ["linked"]


def linked(
    found: Sequence[Instance], datasets: Sequence[Dataset], components: Mapping[str, str], report: Report
) -> list[Parameter] | None:
    """Name the values of one fit and follow their links.

    Parameters
    ----------
    found : sequence of Instance
    datasets : sequence of Dataset
    components : Mapping
    report : Report
        Takes links that cannot be read, name what is not there, or form a circle.

    Returns
    -------
    list of Parameter or None
        None where a link is at fault. A linked value is what its link gives at the start.
    """
    before = len(report.problems)
    parsed = {one.link.text: _parsed(one, components, report) for one in found if one.link is not None}
    links = {text: link for text, link in parsed.items() if link is not None}
    kept = [one if one.link is None or one.link.text in links else replace(one, link=None) for one in found]
    split = _split(kept, links, datasets, report) if links else kept
    if len(report.problems) > before:
        return None
    parameters = named(split, datasets)
    return _followed(split, parameters, links, datasets, report) if links else parameters


def _parsed(one: Instance, components: Mapping[str, str], report: Report) -> Link | None:
    # what reads links is loaded for fits that have them
    from xbatch.spec.links import parse_link

    assert one.link is not None
    try:
        link = parse_link(one.link.text)
    except ExpressionError as error:
        report.add(at_character(one.link, error.position), error.code, error.message, error.hint, one.link.path)
        return None
    sound = True
    for reference in link.references:
        fault = name_fault(reference.name, components)
        if fault is not None:
            sound = False
            report.add(at_character(one.link, reference.position), "XB311", fault[1], fault[2], one.link.path)
    return link if sound else None


def _split(
    found: list[Instance], links: Mapping[str, Link], datasets: Sequence[Dataset], report: Report
) -> list[Instance]:
    """Split linked values until each names one value only: a link to what varies varies with it."""
    while True:
        result: list[Instance] = []
        for one in found:
            groups: dict[tuple[int, ...], list[int]] = {}
            for number in one.datasets:
                named_there = _named_by(one, number, found, links, datasets, report)
                groups.setdefault(named_there or (), []).append(number)
            result += [replace(one, datasets=tuple(numbers)) for numbers in groups.values()]
        if len(result) == len(found):
            return result
        found = result


def _named_by(
    one: Instance,
    number: int,
    found: Sequence[Instance],
    links: Mapping[str, Link],
    datasets: Sequence[Dataset],
    report: Report,
) -> tuple[int, ...] | None:
    """Give the values (as indices) that a linked value's link names for one dataset."""
    if one.link is None:
        return ()
    indices = []
    for reference in links[one.link.text].references:
        index = _target(reference, number, found, datasets)
        if index is None:
            subject = datasets[number].subject.path
            message = f"{shown(reference.text)} is not one value for {subject}"
            hint = "name its subject: cal.factor[instrument=FPMA], with values that are in this fit"
            report.add(at_character(one.link, reference.position), "XB311", message, hint, one.link.path)
            return None
        indices.append(index)
    return tuple(indices)


def _target(reference: Reference, number: int, found: Sequence[Instance], datasets: Sequence[Dataset]) -> int | None:
    """Find the value a reference names for one dataset: its own, or that of the subject given."""
    mine = datasets[number].subject
    candidates = [number]
    if reference.where:
        candidates = [
            other
            for other, data in enumerate(datasets)
            if all(value in AXES[axis](data.subject) for axis, value in reference.where.items())
        ]
    for axis in (None, "obsid", "spectrum", "instrument"):
        if axis is not None and axis not in reference.where:
            same = [other for other in candidates if AXES[axis](datasets[other].subject) == AXES[axis](mine)]
            candidates = same or candidates
        targets = [
            index
            for index, one in enumerate(found)
            if one.name == reference.name and any(other in one.datasets for other in candidates)
        ]
        if len(targets) == 1:
            return targets[0]
    return None


def _followed(
    split: Sequence[Instance],
    parameters: list[Parameter],
    links: Mapping[str, Link],
    datasets: Sequence[Dataset],
    report: Report,
) -> list[Parameter] | None:
    targets: dict[int, tuple[int, ...]] = {}
    for index, one in enumerate(split):
        if one.link is not None:
            targets[index] = _named_by(one, one.datasets[0], split, links, datasets, report) or ()
    try:
        order = list(TopologicalSorter(targets).static_order())
    except CycleError as error:
        circle = error.args[1]
        first = split[circle[0]].link or split[circle[-1]].link
        assert first is not None
        names = " -> ".join(parameters[index].name for index in reversed(circle))
        report.add(first, "XB312", f"the links form a circle: {names}", "give one of them a value")
        return None
    result = list(parameters)
    for index in order:
        one = split[index]
        if one.link is not None:
            result[index] = _with_link(one, result, index, links[one.link.text], targets[index], report)
    return result


def _with_link(
    one: Instance, parameters: list[Parameter], index: int, link: Link, targets: tuple[int, ...], report: Report
) -> Parameter:
    assert one.link is not None
    mine = parameters[index]
    text = link.text([parameters[target].name for target in targets])
    try:
        value = link.value([parameters[target].value for target in targets])
    except ZeroDivisionError:
        report.add(
            one.link, "XB310", f"the link {shown(one.link.text)} divides by zero at the start", "start elsewhere"
        )
        return mine
    if not mine.min <= value <= mine.max:
        message = f"the link gives {one.name} the value {value:g}, outside {mine.min:g} to {mine.max:g}"
        report.add(one.link, "XB309", message, "start elsewhere, or change the link")
    return replace(mine, value=value, link=text, frozen=False)
