"""What was worked out for one member of a sweep and holds for another: answers by the identity of what they hang on.

Trees share all that a member does not change, so that a part of a tree is known again by being the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from xbatch.base.errors import Problem
from xbatch.spec.nodes import Node, Table
from xbatch.spec.report import Report

__all__ = ["Memo", "Stage"]

T = TypeVar("T")


class Memo:
    """A table from objects, known by identity, to what was made of them.

    Parameters
    ----------
    most : int
        How many answers are kept at least; those that have not been asked for lately go, so that no more than twice as
        many are there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._new: dict[tuple[Any, ...], tuple[Any, Sequence[object]]] = {}
        self._old: dict[tuple[Any, ...], tuple[Any, Sequence[object]]] = {}

    def find(self, key: tuple[Any, ...]) -> Any:
        """Give the answer for a key, or None."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self.keep(key, *found)
        return found[0]

    def keep(self, key: tuple[Any, ...], answer: Any, held: Sequence[object]) -> None:
        """Keep an answer (not None), and the objects whose identities are in its key: none of them may be made anew."""
        if len(self._new) >= self.most:
            self._old, self._new = self._new, {}
        self._new[key] = (answer, held)


class _Read(Mapping[str, "Node"]):
    """The entries of a table, noting which of them are asked for."""

    def __init__(self, entries: Mapping[str, Node]) -> None:
        self.entries = entries
        self.keys_read: set[str] = set()
        self.whole = False

    def __getitem__(self, key: str) -> Node:
        self.keys_read.add(key)
        return self.entries[key]

    def __contains__(self, key: object) -> bool:
        self.keys_read.add(str(key))
        return key in self.entries

    def __iter__(self) -> Iterator[str]:
        self.whole = True
        self.keys_read.update(self.entries)
        return iter(self.entries)

    def __len__(self) -> int:
        self.whole = True
        return len(self.entries)


class Stage(Generic[T]):
    """A function of a tree whose answers are kept by the blocks of the tree that it has looked at.

    Which these are is not declared but seen: the function is given a tree that notes what is asked of it.

    Parameters
    ----------
    most : int
        How many answers are kept.
    """

    def __init__(self, most: int = 64) -> None:
        self.memo = Memo(most)
        self.most = most
        self.blocks: tuple[str, ...] = ()
        self.whole = False

    def __call__(
        self,
        tree: Table,
        make: Callable[[Table, Report, Report], T],
        others: Sequence[object],
        report: Report,
        notes: Report,
    ) -> T:
        """Give what `make` makes of a tree and of other objects, with the problems and notes that belong to it."""
        known = self.memo.find(self._key(tree, others))
        if known is None:
            seen = _Read(tree.entries)
            own, remarks = Report(), Report()
            result = make(replace(tree, entries=seen), own, remarks)
            if seen.whole > self.whole or not seen.keys_read <= set(self.blocks):
                self.blocks = tuple(sorted(seen.keys_read.union(self.blocks)))
                self.whole = self.whole or seen.whole
                self.memo = Memo(self.most)
            known = (result, own.problems, remarks.problems)
            held = [*others, *(tree.entries.get(block) for block in self.blocks), tree]
            self.memo.keep(self._key(tree, others), known, held)
        answer: tuple[T, list[Problem], list[Problem]] = known
        report.problems += answer[1]
        notes.problems += answer[2]
        return answer[0]

    def _key(self, tree: Table, others: Sequence[object]) -> tuple[Any, ...]:
        entries, places = tree.entries, tree.keys
        blocks = [(id(entries.get(block)), id(places.get(block))) for block in self.blocks]
        return (*map(id, others), *blocks, tuple(entries) if self.whole else None)
