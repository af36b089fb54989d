"""The members of a sweep: each point laid over the tree, checked and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xbatch.base.files import canonical_json
from xbatch.spec.labels import CASE, Namer, digest
from xbatch.spec.memo import Memo
from xbatch.spec.merge import Key, laid_over
from xbatch.spec.model import Member
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of
from xbatch.spec.points import Point
from xbatch.spec.report import Report
from xbatch.spec.resolve import Resolver
from xbatch.spec.sweep import Setting

__all__ = ["members_of"]

_ENOUGH = 200
_NODES_KEPT = 1000


def members_of(
    plain: Table, points: Sequence[Point], resolver: Resolver, report: Report, notes: Report
) -> list[Member]:
    """Make the members of a sweep.

    Parameters
    ----------
    plain : Table
        The tree without the sweep, not yet checked.
    points : sequence of tuple of Row
    resolver : Resolver
    report, notes : Report
        Take what is wrong with members; each thing once.
    """
    laid = _Laid(plain)
    problems = dict.fromkeys(report.problems)
    remarks = dict.fromkeys(notes.problems)
    members: list[Member] = []
    for point in points:
        settings = [setting for row in point for setting in row.settings]
        own, said = Report(), Report()
        resolved = resolver.resolve(laid.tree(settings) if settings else plain, own, said)
        problems.update(dict.fromkeys(own.problems))
        remarks.update(dict.fromkeys(said.problems))
        if len(problems) > _ENOUGH:
            break
        if resolved.spec is not None:
            members.append(laid.member(point, resolved.tree, resolved.spec))
    report.problems[:] = problems
    notes.problems[:] = remarks
    return _with_own_names(members)


@dataclass
class _Laid:
    """Lays points over a tree, so that equal parts of two members are one object."""

    plain: Table
    nodes: Memo = field(default_factory=lambda: Memo(_NODES_KEPT))
    values: dict[int, Any] = field(default_factory=dict)
    namer: Namer = field(default_factory=Namer)

    def tree(self, settings: Sequence[Setting]) -> Table:
        """Give the tree of a member."""
        tree = self._laid(self.plain, settings, 0)
        assert isinstance(tree, Table)
        return tree

    def _laid(self, node: Node | None, settings: Sequence[Setting], depth: int) -> Node:
        """Lay settings over the node that they have in common; `depth` is how many of their keys lead to it."""
        first = settings[0]
        if depth == len(first.keys):  # no path lies within another: it is alone
            return laid_over(node, first.node)
        key = (depth, *[id(setting) for setting in settings])
        known: Node | None = self.nodes.find(key)
        if known is None:
            known = self._set(node, settings, depth)
            self.nodes.keep(key, known, settings)
        return known

    def _set(self, node: Node | None, settings: Sequence[Setting], depth: int) -> Node:
        groups: dict[Key, list[Setting]] = {}
        for setting in settings:
            groups.setdefault(setting.keys[depth], []).append(setting)
        place = settings[-1].node.place
        if isinstance(node, Items):
            items = list(node.items)
            for key, mine in groups.items():
                if isinstance(key, int):
                    items[key] = self._laid(items[key], mine, depth + 1)
            return Items(tuple(items), node.place)
        table = node if isinstance(node, Table) else Table({}, place)
        entries, keys = dict(table.entries), dict(table.keys)
        for key, mine in groups.items():
            entries[str(key)] = self._laid(entries.get(str(key)), mine, depth + 1)
            keys[str(key)] = mine[-1].node.place
        return replace(table, entries=entries, keys=keys)

    def member(self, point: Point, tree: Table, spec: Any) -> Member:
        """Give a member with its values and its name."""
        values: dict[str, Any] = {}
        cases: list[str] = []
        silent: list[str] = []
        for row in point:
            if row.case:
                cases.append(row.case)
                values[CASE] = cases[0] if len(cases) == 1 else sorted(cases)
            for setting in row.settings:
                if id(setting) not in self.values:
                    self.values[id(setting)] = _value_at(tree, setting)
                values[setting.path] = self.values[id(setting)]
                if row.case:
                    silent.append(setting.path)
        return Member(self.namer.name(values, silent), values, spec, frozenset(silent))


def _value_at(tree: Table, setting: Setting) -> Any:
    """Give a swept value as the checked document has it: an obsid stays the text it was written as."""
    node: Node | None = tree
    for key in setting.keys:
        if isinstance(node, Table):
            node = node.entries.get(str(key))
        elif isinstance(node, Items) and isinstance(key, int):
            node = node.items[key]
    whole = isinstance(node, Scalar | Items) and not isinstance(setting.node, Table)
    return data_of(node) if whole and node is not None else data_of(setting.node)


def _with_own_names(members: list[Member]) -> list[Member]:
    """Add a digest of their values to names that are the same, or differ by case alone, which files may not."""
    count = Counter(member.name.casefold() for member in members)
    if len(count) == len(members):
        return members
    return [
        replace(member, name=f"{member.name}-{digest(canonical_json(member.values).decode(), 12)}")
        if count[member.name.casefold()] > 1
        else member
        for member in members
    ]
