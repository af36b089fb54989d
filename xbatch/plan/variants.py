"""Steps of one name that members of a sweep have in different forms: told apart, and named.

A step is shared by the members that agree on all that defines it, through all that it hangs on. Where there are several
under one name, each is named by the swept values that make it differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from xbatch.base.files import canonical_json
from xbatch.plan.steps import FileInput, Input, Step, ordered
from xbatch.spec.labels import Namer
from xbatch.spec.model import Member

__all__ = ["Variant", "Variants", "common_values"]

_ABSENT = object()
_NOWHERE = (object, _ABSENT)
"""What stands for the value of a path that a member has not (`_token`)."""


@dataclass
class Variant:
    """A step as some members have it: equal definitions under one name are one variant."""

    step: Step
    signature: str
    needs: Mapping[str, str]
    """The signatures of the steps it takes something from, by their names."""
    members: list[Member] = field(default_factory=list)


class Variants:
    """The steps of all members seen so far."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[str, Variant]] = {}
        self._order: list[Variant] = []
        self._signed: dict[tuple[int, tuple[str, ...]], tuple[str, Step]] = {}

    def add(self, member: Member, steps: list[Step]) -> None:
        """Add the steps of a member.

        Raises
        ------
        graphlib.CycleError
            Steps wait for each other.
        """
        signatures: dict[str, str] = {}
        for step in _in_order(steps):
            needs = {name: signatures[name] for name in step.waits_for()}
            signatures[step.name] = self._signature(step, needs)
            same_name = self._by_name.setdefault(step.name, {})
            known = same_name.get(signatures[step.name])
            if known is None:
                known = same_name[signatures[step.name]] = Variant(step, signatures[step.name], needs)
        for step in steps:
            variant = self._by_name[step.name][signatures[step.name]]
            if not variant.members:
                self._order.append(variant)
            variant.members.append(member)

    def _signature(self, step: Step, needs: Mapping[str, str]) -> str:
        """Digest what defines a step, through all that it hangs on; one that members share is digested once."""
        key = (id(step), tuple(needs.values()))
        known = self._signed.get(key)
        if known is None:
            content = {
                "task": step.task,
                "engine": f"{step.engine} {step.engine_version}",
                "params": step.params,
                "places": dict(step.places),
                "inputs": {role: _defined(item, needs) for role, item in step.inputs.items()},
            }
            known = (sha256(canonical_json(content)).hexdigest(), step)
            self._signed[key] = known
        return known[0]

    def steps(self) -> list[Step]:
        """Give each variant under a name of its own: the plain one, or with the swept values that make it differ."""
        namer = Namer()
        tails: dict[str, dict[str, str]] = {}
        for name, variants in self._by_name.items():
            if len(variants) > 1:
                tails[name] = _tails(list(variants.values()), namer)
        return [_named(variant, tails) for variant in self._order]


def _in_order(steps: list[Step]) -> Iterable[Step]:
    """Give steps each after those that it waits for; as they are given, where that will do."""
    seen: set[str] = set()
    for step in steps:
        if not seen.issuperset(step.waits_for()):
            return ordered("", steps)
        seen.add(step.name)
    return steps


def _defined(item: Input, needs: Mapping[str, str]) -> str:
    return f"file {item.path}" if isinstance(item, FileInput) else f"{needs[item.step]} {item.output}"


def _named(variant: Variant, tails: Mapping[str, Mapping[str, str]]) -> Step:
    step, members = variant.step, tuple([member.name for member in variant.members if member.name])
    tail = tails[step.name][variant.signature] if step.name in tails else ""
    inputs = step.inputs
    if any(name in tails for name in variant.needs):
        inputs = {
            role: item
            if isinstance(item, FileInput) or item.step not in tails
            else replace(item, step=item.step + tails[item.step][variant.needs[item.step]])
            for role, item in inputs.items()
        }
    if not tail and inputs is step.inputs:
        return replace(step, members=members)
    return replace(
        step,
        name=step.name + tail,
        subject=step.subject + tail,
        product=f"{step.product}/{tail[1:]}" if tail and step.product else step.product,
        params=_titled(step.params, tail),
        inputs=inputs,
        members=members,
    )


def _titled(params: Mapping[str, Any], tail: str) -> Mapping[str, Any]:
    """Put the swept values into the title of a figure, which tells the members' figures apart."""
    return {**params, "title": f"{params['title']} ({tail[1:]})"} if tail and "title" in params else params


def _tails(variants: Sequence[Variant], namer: Namer) -> dict[str, str]:
    """Name the variants of one step by values that all members of each have, as few as tell them apart."""
    paths = _telling(variants)
    labels = {}
    for variant in variants:
        values = common_values(variant.members)
        first = min((member.values for member in variant.members), key=lambda some: (len(some), sorted(some)))
        chosen = {path: values[path] for path in paths if path in values}
        spoken = [path for path in first if path not in variant.members[0].by_case or path in chosen]
        labels[variant.signature] = namer.name(chosen, paths=spoken)
    count = Counter(label.casefold() for label in labels.values())
    return {
        signature: "~" + (label if label and count[label.casefold()] == 1 else f"{label}-{signature[:12]}".lstrip("-"))
        for signature, label in labels.items()
    }


def _telling(variants: Sequence[Variant]) -> list[str]:
    """Choose the swept paths whose values tell the variants of a step apart.

    Paths that are the same throughout a variant come first. Of paths that say the same (those of a zip, those that a
    case sets) the ones that the step was asked for by are kept, and the name of the case before what it sets.
    """
    members = [(number, member) for number, variant in enumerate(variants) for member in variant.members]
    paths = sorted({path for _, member in members for path in member.values})
    columns = {path: [_token(member.values.get(path, _ABSENT)) for _, member in members] for path in paths}
    numbers = [number for number, _ in members]
    by_case = frozenset().union(*(member.by_case for _, member in members))
    asked = variants[0].step.path

    def steady(path: str) -> bool:
        known: dict[int, Any] = {}
        return all(
            known.setdefault(number, token) == token for number, token in zip(numbers, columns[path], strict=True)
        )

    def weight(path: str) -> tuple[bool, bool, bool, str]:
        return (path in by_case, _NOWHERE in columns[path], not (asked and path.startswith(asked)), path)

    chosen = [path for path in paths if steady(path)]
    if not _tells(chosen, columns, numbers):
        chosen = paths
    for path in sorted(chosen, key=weight, reverse=True):
        fewer = [one for one in chosen if one != path]
        if _tells(fewer, columns, numbers):
            chosen = fewer
    return chosen


def _tells(paths: Sequence[str], columns: Mapping[str, Sequence[Any]], numbers: Sequence[int]) -> bool:
    """Say whether equal values at some paths mean the same variant, and each has a value at one of them."""
    known: dict[tuple[Any, ...], int] = {(_NOWHERE,) * len(paths): -1}
    rows = zip(*(columns[path] for path in paths), strict=True) if paths else ((),) * len(numbers)
    return all(known.setdefault(row, number) == number for row, number in zip(rows, numbers, strict=True))


def common_values(members: Sequence[Member]) -> dict[str, Any]:
    """Give the swept values that are the same for all of some members."""
    if not members:
        return {}
    values = dict(members[0].values)
    for member in members[1:]:
        for path in list(values):
            other = member.values.get(path, _ABSENT)
            if other is not values[path] and _token(other) != _token(values[path]):
                del values[path]
        if not values:
            break
    return values


def _token(value: Any) -> Any:
    """Give what stands for a value where values are compared: 1, 1.0 and true are three."""
    if isinstance(value, list | dict):
        return canonical_json(value)
    return (type(value), value)
