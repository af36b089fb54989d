"""The ``sweep`` block as it is written: its axes, cases and conditions, each with its place.

A part of a sweep is a list of blocks, each a list of rows of which a member has one; what is left out; and parts that
are for some members only. `points` multiplies them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xbatch.base.errors import Place
from xbatch.spec.labels import CASE, value_label
from xbatch.spec.merge import Key, PathError, find_path
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, join
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.schema import Schema

__all__ = [
    "MOST_MEMBERS",
    "Condition",
    "Part",
    "Row",
    "Setting",
    "Sweep",
    "Term",
    "changed_twice",
    "forms",
    "overlap",
    "read_sweep",
]

MOST_MEMBERS = 1000
"""How many members a sweep may have that says nothing of a limit; a test holds it to the schema's default."""
_NOT_SWEPT = {"xbatch", "name", "include", "sweep"}


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A path (as text, and as keys into the tree) with a value that it takes; `place` is that of the path."""

    path: str
    keys: tuple[Key, ...]
    node: Node
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Settings that come together: one value of a grid's axis, one row of a zip, or a case, which has a name."""

    settings: tuple[Setting, ...]
    case: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One line of a condition: the path, and the forms (`forms`) of the values of which one must be there.

    `keys` is empty for the name of the case.
    """

    path: str
    keys: tuple[Key, ...]
    accepted: frozenset[object]


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What must hold for a member: all of some terms."""

    terms: tuple[Term, ...]
    place: Place
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A sweep, or a part of it that is for some members only."""

    blocks: tuple[tuple[Row, ...], ...] = ()
    exclude: tuple[Condition, ...] = ()
    when: tuple[tuple[Condition, Part], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What a spec says of its sweep; `limit` is the most members it may have without a question."""

    part: Part
    limit: int
    place: Place


def forms(node: Node) -> frozenset[object]:
    """Give the forms of a value by which a condition knows it: 3 is 3.0, and '3-79keV' is '3 - 79 keV'."""
    if isinstance(node, Scalar):
        number = node.value if isinstance(node.value, int | float) and not isinstance(node.value, bool) else None
        return frozenset({("text", _written(node))} | ({("number", number)} if number is not None else set()))
    if isinstance(node, Items):
        return frozenset({("list", tuple(_written(item) for item in node.items))})
    return frozenset()


def _written(node: Node) -> str:
    if not isinstance(node, Scalar):
        return value_label(data_of(node))
    if node.value is None or isinstance(node.value, bool):
        return value_label(node.value)
    return "".join(node.text.split())


def overlap(one: Sequence[Key], other: Sequence[Key]) -> bool:
    """Tell whether two paths are equal or one lies within the other."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def changed_twice(one: Setting, other: Setting) -> str:
    """Say that two settings would change the same value."""
    if one.keys == other.keys:
        return f"{shown(one.path)} is swept twice"
    return f"{shown(one.path)} and {shown(other.path)} change the same value"


def read_sweep(root: Table, schema: Schema, report: Report) -> Sweep | None:
    """Read the sweep of a tree.

    Parameters
    ----------
    root : Table
        The whole tree, not yet checked. Faults of the sweep's own shape are said elsewhere, and passed over here.
    schema : Schema
    report : Report
        Takes paths that lead nowhere, values that are there twice, lists that do not match.

    Returns
    -------
    Sweep or None
        None where there is nothing to sweep, or where it is at fault.
    """
    table = root.entries.get("sweep")
    if not isinstance(table, Table):
        return None
    before = len(report.problems)
    reader = _Reader(root.without("sweep"), schema, report)
    part = reader.part(table, "sweep", ())
    reader.check_names()
    if len(report.problems) > before or not (part.blocks or part.when):
        return None
    limit = table.entries.get("limit")
    number = limit.value if isinstance(limit, Scalar) else None
    most = int(number) if isinstance(number, int | float) and not isinstance(number, bool) else MOST_MEMBERS
    first = next((key for key in ("grid", "zip", "cases", "when") if key in table.entries), "")
    return Sweep(part, most, table.entries[first].place if first else table.place)


class _Reader:
    """One pass over a sweep's table."""

    def __init__(self, base: Table, schema: Schema, report: Report) -> None:
        self.base = base
        self.schema = schema
        self.report = report
        self.cases: dict[str, Place] = {}
        self.asked: list[tuple[Node, str, str]] = []

    def part(self, table: Table, path: str, outer: tuple[Setting, ...]) -> Part:
        """Read a part; `outer` are settings of parts around it that all its members have."""
        blocks: list[tuple[Row, ...]] = []
        grid = table.entries.get("grid")
        if isinstance(grid, Table):
            axes = ((name, self._columns(grid, (name,), join(path, "grid"))) for name in grid.entries)
            blocks += [rows for _, rows in axes if rows]
        for group, below in self._groups(table.entries.get("zip"), join(path, "zip")):
            rows = self._columns(group, tuple(group.entries), below)
            blocks += [rows] if rows else []
        fixed = outer
        for rows in blocks:
            for setting in rows[0].settings:
                self._apart(setting, fixed, path)
                fixed = (*fixed, setting)
        cases = table.entries.get("cases")
        rows = self._cases(cases, join(path, "cases"), fixed) if isinstance(cases, Table) else ()
        blocks += [rows] if rows else []
        return Part(tuple(blocks), self._excludes(table, path), self._whens(table, path, fixed))

    def _groups(self, node: Node | None, path: str) -> list[tuple[Table, str]]:
        if isinstance(node, Table):
            return [(node, path)]
        items = node.items if isinstance(node, Items) else ()
        return [(item, join(path, number)) for number, item in enumerate(items) if isinstance(item, Table)]

    def _keys(self, name: str, at: Place, below: str) -> tuple[Key, ...]:
        """Find a path in the tree; nothing where it cannot be swept."""
        try:
            keys = find_path(self.base, name, self.schema)
        except PathError as error:
            self.report.add(at, "XB130", error.message, error.hint, below)
            return ()
        if keys[0] in _NOT_SWEPT:
            self.report.add(at, "XB133", f"{shown(name)} cannot be swept", "sweep what the analysis does", below)
            return ()
        return keys

    def _setting(self, table: Table, name: str, node: Node, keys: tuple[Key, ...]) -> Setting:
        path = ""
        for key in keys:
            path = join(path, key)
        return Setting(path, keys, node, table.key_place(name))

    def _columns(self, table: Table, names: tuple[str, ...], path: str) -> tuple[Row, ...]:
        """Read lists that are taken side by side: the one of an axis, or all of a zip."""
        columns: list[list[Setting]] = []
        for name in names:
            keys = self._keys(name, table.key_place(name), join(path, name))
            values = table.entries[name]
            if keys and isinstance(values, Items):
                columns.append([self._setting(table, name, node, keys) for node in values.items])
        if len(columns) < len(names) or not columns:
            return ()
        for name, column in zip(names[1:], columns[1:], strict=True):
            if len(column) != len(columns[0]):
                message = (
                    f"the lists of a zip must be of one length: {shown(names[0])} has {len(columns[0])}, "
                    f"{shown(name)} {len(column)}"
                )
                self.report.add(
                    table.key_place(name), "XB134", message, "use 'grid' for combinations", join(path, name)
                )
                return ()
        for number, setting in enumerate(column[0] for column in columns):
            self._apart(setting, [column[0] for column in columns[:number]], path)
        rows = tuple(Row(settings) for settings in zip(*columns, strict=True))
        self._without_repeats(rows, names, path)
        return rows

    def _without_repeats(self, rows: tuple[Row, ...], names: tuple[str, ...], path: str) -> None:
        seen: dict[tuple[str, ...], Row] = {}
        for number, row in enumerate(rows):
            labels = tuple(value_label(data_of(setting.node)) for setting in row.settings)
            first = seen.setdefault(tuple(label.casefold() for label in labels), row)
            if first is not row:
                several = len(names) > 1
                what = f"the zip of {', '.join(map(shown, names))} has" if several else f"{shown(names[0])} takes"
                message = f"{what} the value{'s' if several else ''} {', '.join(labels)} twice"
                hint = f"the first is at line {first.settings[0].node.place.line}; remove one"
                self.report.add(row.settings[0].node, "XB131", message, hint, join(join(path, names[0]), number))

    def _cases(self, table: Table, path: str, fixed: Sequence[Setting]) -> tuple[Row, ...]:
        rows: list[Row] = []
        seen: dict[tuple[tuple[str, str], ...], str] = {}
        for name, node in table.entries.items():
            place, below = table.key_place(name), join(path, name)
            folded = self.cases.setdefault(name.casefold(), place)
            if folded is not place:
                hint = f"the first is at line {folded.line}; rename one, for the name is that of the member"
                self.report.add(place, "XB138", f"two cases are called {shown(name)}", hint, below)
            if not isinstance(node, Table) or not node.entries:
                continue
            settings: list[Setting] = []
            for key, value in node.entries.items():
                keys = self._keys(key, node.key_place(key), join(below, key))
                if keys:
                    setting = self._setting(node, key, value, keys)
                    self._apart(setting, [*fixed, *settings], below)
                    settings.append(setting)
            content = tuple(sorted((one.path, value_label(data_of(one.node)).casefold()) for one in settings))
            first = seen.setdefault(content, name)
            if first != name and settings:
                message = f"the cases {shown(first)} and {shown(name)} set the same values"
                self.report.add(place, "XB131", message, "remove one: they would be one member", below)
            rows.append(Row(tuple(settings), name))
        return tuple(rows)

    def _apart(self, setting: Setting, others: Sequence[Setting], path: str) -> None:
        """Refuse a path that is swept already, or lies within one that is."""
        for other in others:
            if overlap(setting.keys, other.keys):
                message = changed_twice(setting, other)
                self.report.add(setting.place, "XB133", message, "keep one", join(path, setting.path))

    def _excludes(self, table: Table, path: str) -> tuple[Condition, ...]:
        node = table.entries.get("exclude")
        items = node.items if isinstance(node, Items) else ()
        below = join(path, "exclude")
        found = [self._condition(one, one.place, join(below, n)) for n, one in enumerate(items)]
        return tuple(one for one in found if one is not None)

    def _whens(self, table: Table, path: str, fixed: tuple[Setting, ...]) -> tuple[tuple[Condition, Part], ...]:
        node = table.entries.get("when")
        parts = []
        for number, item in enumerate(node.items if isinstance(node, Items) else ()):
            if not isinstance(item, Table):
                continue
            below = join(join(path, "when"), number)
            condition = self._condition(item.entries.get("if"), item.key_place("if"), join(below, "if"))
            before = len(self.report.problems)
            part = self.part(item, below, fixed)
            if not (part.blocks or part.when or part.exclude) and len(self.report.problems) == before:
                message = "this part of the sweep changes nothing"
                self.report.add(item, "XB137", message, "give it a grid, zip, cases or exclude, or remove it", below)
            if condition is not None:
                parts.append((condition, part))
        return tuple(parts)

    def _condition(self, node: Node | None, place: Place, path: str) -> Condition | None:
        if not isinstance(node, Table) or not node.entries:
            return None
        terms = []
        for name, value in node.entries.items():
            if name == CASE:
                self.asked += [(one, _text(one), join(path, name)) for one in _each(value)]
                terms.append(Term(CASE, (), frozenset(("case", _text(one).casefold()) for one in _each(value))))
                continue
            keys = self._keys(name, node.key_place(name), join(path, name))
            if keys:
                terms.append(Term(name, keys, forms(value).union(*(forms(one) for one in _each(value)))))
        return Condition(tuple(terms), place, path)

    def check_names(self) -> None:
        """Refuse conditions on cases that there are not."""
        for node, name, path in self.asked:
            if name.casefold() not in self.cases:
                hint = did_you_mean(name, self.cases, "the sweep has no cases")
                self.report.add(node, "XB135", f"no case is called {shown(name)}", hint, path)


def _each(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""
