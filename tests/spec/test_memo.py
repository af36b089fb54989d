"""What is kept from one member to the next, and what it hangs on."""

from __future__ import annotations

from dataclasses import replace

from xbatch.base.errors import Place
from xbatch.spec.memo import Memo, Stage
from xbatch.spec.nodes import Scalar, Table
from xbatch.spec.report import Report

PLACE = Place("f.yaml")


def table(**values: int) -> Table:
    return Table({key: Scalar(value, str(value), PLACE) for key, value in values.items()}, PLACE)


class Sum:
    """Adds up some entries, and counts how often it is asked to."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.calls = 0

    def __call__(self, tree: Table, report: Report, notes: Report) -> int:
        self.calls += 1
        found = [tree.entries.get(name) for name in self.names]
        numbers = [one.value for one in found if isinstance(one, Scalar)]
        report.add(PLACE, "XB001", "seen")
        return sum(number for number in numbers if isinstance(number, int))


def ask(stage: Stage[int], tree: Table, make: Sum, *others: object) -> tuple[int, int]:
    report = Report()
    return stage(tree, make, others, report, report), len(report.problems)


def test_an_answer_holds_as_long_as_what_was_read_stays() -> None:
    stage, add = Stage[int](), Sum("a", "b", "none")
    first = table(a=1, b=2, c=3)
    assert ask(stage, first, add) == (3, 1)
    other = replace(first, entries={**first.entries, "c": Scalar(9, "9", PLACE)})
    assert ask(stage, other, add) == (3, 1)
    assert add.calls == 1
    changed = replace(first, entries={**first.entries, "b": Scalar(5, "5", PLACE)})
    assert ask(stage, changed, add) == (6, 1)
    there = replace(first, entries={**first.entries, "none": Scalar(10, "10", PLACE)})
    assert ask(stage, there, add) == (13, 1)
    assert ask(stage, first, add) == (3, 1)
    assert add.calls == 3


def test_an_answer_hangs_on_the_other_objects_too() -> None:
    stage, add = Stage[int](), Sum("a")
    tree, one, two = table(a=1), object(), object()
    assert [ask(stage, tree, add, other)[0] for other in (one, two, one)] == [1, 1, 1]
    assert add.calls == 2


def test_what_goes_through_all_entries_hangs_on_all() -> None:
    stage: Stage[list[str]] = Stage()

    def keys(tree: Table, report: Report, notes: Report) -> list[str]:
        return sorted(tree.entries)

    tree = table(a=1)
    assert stage(tree, keys, (), Report(), Report()) == ["a"]
    longer = replace(tree, entries={**tree.entries, **table(b=2).entries})
    assert stage(longer, keys, (), Report(), Report()) == ["a", "b"]


def test_a_block_that_is_read_later_counts_from_then_on() -> None:
    stage, calls = Stage[int](), []

    def either(tree: Table, report: Report, notes: Report) -> int:
        calls.append(tree)
        first = tree.entries["a"]
        assert isinstance(first, Scalar)
        second = tree.entries["b"] if first.value else first
        assert isinstance(second, Scalar) and isinstance(second.value, int)
        return second.value

    none, some = table(a=0, b=1), table(a=1, b=7)
    other = replace(some, entries={**some.entries, "b": Scalar(8, "8", PLACE)})
    found = [stage(tree, either, (), Report(), Report()) for tree in (none, some, other, some, none)]
    assert found == [0, 7, 8, 7, 0]


def test_answers_not_asked_for_go() -> None:
    memo = Memo(2)
    for name in "abcd":
        memo.keep((name,), name.upper(), ())
        assert memo.find(("a",)) == "A"
    assert [memo.find((name,)) for name in "abcd"] == ["A", None, "C", "D"]
