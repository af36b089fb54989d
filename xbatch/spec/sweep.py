"""Sweeps: every combination of the listed values is a member, named after its values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from xbatch.base.files import canonical_json
from xbatch.spec.merge import Key, PathError, find_path, set_at
from xbatch.spec.nodes import Items, Node, Table, data_of, join
from xbatch.spec.report import Report, shown
from xbatch.spec.schema import Schema

__all__ = ["Axis", "expanded", "member_label", "sweep_axes"]

MOST_MEMBERS = 5000
_LONGEST_VALUE = 40
_LONGEST_NAME = 150
_NOT_SWEPT = {"xbatch", "name", "include", "sweep"}
_WEAK_WORDS = {"value", "min", "max", "type", "mode", "scheme", "frozen", "n", "file"}


@dataclass(frozen=True)
class Axis:
    """One swept path, as keys into the tree, and the nodes it takes."""

    path: str
    keys: tuple[Key, ...]
    values: tuple[Node, ...]


def sweep_axes(root: Table, schema: Schema, report: Report) -> list[Axis]:
    """Read the grid of a sweep.

    Parameters
    ----------
    root : Table
        The whole tree, not yet checked.
    schema : Schema
    report : Report
        Takes paths that lead nowhere, values that are there twice, grids that are too large.

    Returns
    -------
    list of Axis
        Empty without a sweep, or where it is at fault.
    """
    sweep = root.entries.get("sweep")
    grid = sweep.entries.get("grid") if isinstance(sweep, Table) else None
    if not isinstance(grid, Table):
        return []
    before = len(report.problems)
    axes: list[Axis] = []
    for path, values in grid.entries.items():
        place, below = grid.key_place(path), join("sweep.grid", path)
        try:
            keys = find_path(root.without("sweep"), path, schema)
        except PathError as error:
            report.add(place, "XB130", error.message, error.hint, below)
            continue
        if keys[0] in _NOT_SWEPT:
            report.add(place, "XB133", f"{shown(path)} cannot be swept", "sweep what the analysis does", below)
            continue
        for other in axes:
            shared = min(len(keys), len(other.keys))
            if keys[:shared] == other.keys[:shared]:
                message = f"{shown(path)} and {shown(other.path)} change the same value"
                report.add(place, "XB133", message, "keep one", below)
        if isinstance(values, Items):
            _check_values(path, values, below, report)
            axes.append(Axis(path, keys, values.items))
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_MEMBERS:
        lengths = " x ".join(str(len(axis.values)) for axis in axes)
        message = f"the sweep has {lengths} = {count} members, more than {MOST_MEMBERS}"
        report.add(grid, "XB132", message, "sweep fewer values at once", "sweep.grid")
    return axes if len(report.problems) == before else []


def _check_values(path: str, values: Items, below: str, report: Report) -> None:
    seen: dict[str, Node] = {}
    for number, node in enumerate(values.items):
        label = _value_label(data_of(node)).casefold()
        if label in seen:
            first = seen[label].place.line
            message = f"{shown(path)} takes the value {_value_label(data_of(node))} twice"
            report.add(node, "XB131", message, f"the first is at line {first}; remove one", join(below, number))
        seen.setdefault(label, node)


def expanded(root: Table, axes: Sequence[Axis]) -> Iterator[tuple[Table, dict[str, Node]]]:
    """Give each member's tree, and its values by path; the last axis changes fastest."""
    plain = root.without("sweep")
    for values in product(*(axis.values for axis in axes)):
        tree = plain
        for axis, value in zip(axes, values, strict=True):
            tree = set_at(tree, axis.keys, value, value.place)
        yield tree, {axis.path: value for axis, value in zip(axes, values, strict=True)}


def member_label(values: Mapping[str, Any], paths: Sequence[str] | None = None) -> str:
    """Name a point of a sweep by its values: ``binning=min30,snr=3``.

    The name hangs on the swept paths and on these values alone: not on their order, nor on what else is listed.

    Parameters
    ----------
    values : Mapping of str to value
        By dotted path; some or all of the swept ones.
    paths : sequence of str or None
        All swept paths, which the words must tell apart; by default those of `values`.

    Returns
    -------
    str
        Letters, digits and ``._+=,-`` only.

    Examples
    --------
    >>> member_label({"fit.cutoff.data[0].binning": "min30", "binning.opt6.snr": 3})
    'snr=3,binning=min30'
    """
    words = _words(list(paths if paths is not None else values))
    name = ",".join(f"{words[path]}={_value_label(values[path])}" for path in sorted(values))
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9]}-{_digest(name)}"


def _words(paths: Sequence[str]) -> dict[str, str]:
    """Give each path its last word, or as many of its last words as tell it from the others."""
    split = {path: [_safe(word) for word in re.split(r"\.|(?=\[)", path) if word] for path in paths}
    result = {}
    for path, words in split.items():
        least = 2 if words[-1] in _WEAK_WORDS and len(words) > 1 else 1
        others = [other for name, other in split.items() if name != path]
        length = next(
            (n for n in range(least, len(words) + 1) if all(other[-n:] != words[-n:] for other in others)), len(words)
        )
        result[path] = ".".join(words[-length:])
    return result


def _value_label(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, float):
        return _safe(str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _safe(value)
    if isinstance(value, list) and value and not any(isinstance(one, list | dict) for one in value):
        return _safe("+".join(_value_label(one) for one in value))
    return _digest(canonical_json(value).decode())


def _safe(text: str) -> str:
    """Make text fit for a file's name; what is lost is told by a digest."""
    compact = text.replace(" ", "")
    safe = re.sub(r"[^A-Za-z0-9._+-]", "-", compact).strip("-.")
    is_path_word = text.startswith("[")
    if (safe == compact or is_path_word) and safe and len(safe) <= _LONGEST_VALUE:
        return safe
    return f"{safe[:_LONGEST_VALUE]}-{_digest(text)}".lstrip("-")


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
