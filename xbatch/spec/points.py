"""The points of a sweep: its parts multiplied out, what is to be left out left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod

from xbatch.base.errors import SpecError
from xbatch.spec.merge import Key, laid_over
from xbatch.spec.nodes import Items, Node, Table
from xbatch.spec.report import Report
from xbatch.spec.sweep import Condition, Part, Row, Setting, Sweep, changed_twice, forms, overlap

__all__ = ["Point", "TooManyMembersError", "find_points"]

Point = tuple[Row, ...]
_MOST_COUNTED = 1_000_000


class TooManyMembersError(SpecError):
    """A sweep of more members than its limit, and nothing else wrong with it.

    `count` is how many they are, or 0 where they are too many to count.
    """

    count = 0


def find_points(
    sweep: Sweep, base: Sequence[Table], most: int | None, report: Report
) -> tuple[list[Point], TooManyMembersError | None]:
    """Multiply a sweep out.

    Parameters
    ----------
    sweep : Sweep
    base : sequence of Table
        The tree without the sweep as it is written, and as it is with defaults: where conditions look for values that
        are not swept.
    most : int or None
        How many members there may be; None for the limit of the sweep.
    report : Report
        Takes paths that two parts sweep for one member, conditions that hold nowhere, sweeps that nothing is left of.

    Returns
    -------
    points : list of tuple of Row
        In the order of the sweep: of a grid the last axis changes fastest. Empty where there is a problem.
    refused : TooManyMembersError or None
        Where there are more than there may be.
    """
    limit = most if most is not None else sweep.limit
    walk = _Walk(base, report)
    plain = prod(len(rows) for rows in sweep.part.blocks)
    whole = not (sweep.part.exclude or sweep.part.when)
    if whole and plain > limit:
        return [], _refused(sweep, plain, limit)
    points = list(islice(walk.points(sweep.part), limit + 1))
    if report.problems:
        return [], None
    if len(points) > limit:
        return [], _refused(sweep, sum(1 for _ in islice(walk.points(sweep.part), _MOST_COUNTED + 1)), limit)
    walk.idle(sweep.part, report)
    if not points and not report.problems:
        report.add(sweep.place, "XB136", "every member of the sweep is left out", "exclude fewer", "sweep.exclude")
    return points, None


def _refused(sweep: Sweep, count: int, limit: int) -> TooManyMembersError:
    known = count <= _MOST_COUNTED or not (sweep.part.exclude or sweep.part.when)
    number = str(count) if known else f"more than {_MOST_COUNTED}"
    wanted = str(count) if known else "N"
    hint = f"sweep less at once; or, if you want them all, add --members {wanted}, or 'limit: {wanted}' to the sweep"
    report = Report()
    report.add(sweep.place, "XB132", f"the sweep has {number} members, more than {limit}", hint, "sweep")
    refused = TooManyMembersError(report.problems)
    refused.count = count if known else 0
    return refused


class _Walk:
    """One multiplication; keeps in mind which conditions have held."""

    def __init__(self, base: Sequence[Table], report: Report) -> None:
        self.base = base
        self.report = report
        self.held: set[int] = set()
        self.checked: set[tuple[int, ...]] = set()
        self.found: dict[tuple[Key, ...], frozenset[object]] = {}

    def points(self, part: Part) -> Iterator[Point]:
        """Give all points of a sweep."""
        for point in self._tails(part, ()):
            if part.when:
                self._check_apart(point)
            yield point

    def _tails(self, part: Part, seen: Point) -> Iterator[Point]:
        """Give what a part adds to a point of what is around it."""
        for rows in product(*part.blocks):
            for more in self._inner(part, 0, (*seen, *rows)):
                tail = (*rows, *more)
                # All of them are asked, so that each is known to hold somewhere.
                left_out = [one for one in part.exclude if self._holds(one, (*seen, *tail))]
                if not left_out:
                    yield tail

    def _inner(self, part: Part, number: int, seen: Point) -> Iterator[Point]:
        """Give what the parts that are for some members only add, from one of them on.

        Their conditions look at `seen`, which has nothing of the parts beside them: their order does not matter.
        """
        if number == len(part.when):
            yield ()
            return
        condition, inner = part.when[number]
        if not self._holds(condition, seen):
            yield from self._inner(part, number + 1, seen)
            return
        for tail in self._tails(inner, seen):
            for more in self._inner(part, number + 1, seen):
                yield (*tail, *more)

    def _holds(self, condition: Condition, point: Point) -> bool:
        for term in condition.terms:
            if not term.keys:
                accepted = any(("case", row.case.casefold()) in term.accepted for row in point if row.case)
            else:
                accepted = not term.accepted.isdisjoint(self._value(term.keys, point))
            if not accepted:
                return False
        self.held.add(id(condition))
        return True

    def _value(self, keys: tuple[Key, ...], point: Point) -> frozenset[object]:
        """Give the forms of the value that a point has at a path: swept, written in the file, or a default."""
        for row in point:
            for setting in row.settings:
                if setting.keys == keys:
                    return forms(setting.node)
                if overlap(setting.keys, keys) and len(setting.keys) < len(keys):
                    return self._within(setting, keys)
        if keys not in self.found:
            nodes = [node for tree in self.base if (node := _below(tree, keys)) is not None]
            self.found[keys] = forms(nodes[0]) if nodes else frozenset()
        return self.found[keys]

    def _within(self, setting: Setting, keys: tuple[Key, ...]) -> frozenset[object]:
        """Look into a map or list that is swept whole."""
        laid = laid_over(_below(self.base[0], setting.keys), setting.node)
        node = _below(laid, keys[len(setting.keys) :])
        return forms(node) if node is not None else frozenset()

    def _check_apart(self, point: Point) -> None:
        """Refuse two parts that sweep one path for the same member."""
        settings = [setting for row in point for setting in row.settings]
        shape = tuple([id(setting.place) for setting in settings])
        if shape in self.checked:
            return
        self.checked.add(shape)
        for number, setting in enumerate(settings):
            for other in settings[:number]:
                if overlap(setting.keys, other.keys):
                    message = f"{changed_twice(setting, other)} for some members"
                    hint = "let their conditions exclude each other, or keep one"
                    self.report.add(setting.place, "XB133", message, hint, f"sweep.{setting.path}")

    def idle(self, part: Part, report: Report) -> None:
        """Report the conditions of a part, and of those in it, that have not held for any member."""
        for one in part.exclude:
            if id(one) not in self.held:
                self._say_idle(one, "no member of the sweep is as this says", report)
        for condition, inner in part.when:
            if id(condition) not in self.held:
                self._say_idle(condition, "this condition holds for no member of the sweep", report)
            else:
                self.idle(inner, report)

    def _say_idle(self, condition: Condition, message: str, report: Report) -> None:
        hint = "look at its values; what another part beside this one sweeps is not seen here"
        report.add(condition.place, "XB135", message, hint, condition.path)


def _below(node: Node | None, keys: Sequence[Key]) -> Node | None:
    for key in keys:
        if isinstance(node, Table):
            node = node.entries.get(str(key))
        elif isinstance(node, Items) and isinstance(key, int) and key < len(node.items):
            node = node.items[key]
        else:
            return None
    return node
