"""Laying one tree over another, and setting a value at a dotted path: includes, ``--set`` and sweeps.

Maps merge key by key; lists are replaced whole, and so is a map whose overlay names its ``type``, ``scheme`` or
``shape``, because the keys of another type mean nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from xbatch.base.errors import Place
from xbatch.spec.nodes import Items, Node, Table
from xbatch.spec.report import counted, did_you_mean, shown
from xbatch.spec.schema import Rule, Schema

__all__ = ["Key", "PathError", "find_path", "laid_over", "set_at"]

Key = str | int
_SHAPES = ("type", "scheme", "shape")


class PathError(ValueError):
    """A dotted path that leads nowhere in a spec."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)


def laid_over(base: Node | None, over: Node) -> Node:
    """Lay one node over another."""
    if not isinstance(base, Table) or not isinstance(over, Table) or any(key in over.entries for key in _SHAPES):
        return over
    entries = dict(base.entries)
    for key, node in over.entries.items():
        entries[key] = laid_over(entries.get(key), node)
    return replace(base, entries=entries, keys={**base.keys, **over.keys})


def find_path(root: Table, text: str, schema: Schema) -> tuple[Key, ...]:
    """Split a dotted path into keys and indices by what is there and what the schema allows.

    Keys may hold dots themselves (``fit.one.parameters.pl.PhoIndex.value``): the longest key that fits is taken. A
    name that the user chooses (a binning, a band) must be there; a parameter need not.

    Raises
    ------
    PathError
        Some part of the path is unknown.
    """
    return tuple(_Walk(schema, text).keys(root))


def set_at(root: Table, keys: Sequence[Key], value: Node, place: Place) -> Table:
    """Give a tree with a value laid over what is at a path; maps on the way are made where they are missing."""
    changed = _set(root, keys, value, place)
    assert isinstance(changed, Table)
    return changed


def _set(node: Node | None, keys: Sequence[Key], value: Node, place: Place) -> Node:
    if not keys:
        return laid_over(node, value)
    key, rest = keys[0], keys[1:]
    if isinstance(key, int):
        items = list(node.items) if isinstance(node, Items) else []
        items[key] = _set(items[key], rest, value, place)
        return Items(tuple(items), node.place if node else place)
    table = node if isinstance(node, Table) else Table({}, place)
    return table.with_entry(key, _set(table.entries.get(key), rest, value, place), place)


@dataclass(frozen=True)
class _Step:
    """Where a walk has come: a node (if it is there), its rule, the rest of the text."""

    node: Node | None
    rule: Rule
    rest: str
    done: str


class _Walk:
    def __init__(self, schema: Schema, text: str) -> None:
        self.schema = schema
        self.text = text

    def keys(self, root: Table) -> Iterable[Key]:
        step = _Step(root, self.schema.root, self.text.strip(), "")
        if not step.rest:
            raise PathError("the path is empty", "write it as binning.min30.counts")
        while step.rest:
            key, after = self._key(step)
            rest = after.removeprefix(".") if not after.startswith("[") else after
            if (after and after[0] not in ".[") or after == ".":
                raise PathError(f"cannot read the path {shown(self.text)} from {shown(after)} on", "")
            node, rule = self._below(step, key)
            done = f"{step.done}[{key}]" if isinstance(key, int) else f"{step.done}.{key}".lstrip(".")
            step = _Step(node, rule, rest, done)
            yield key

    def _key(self, step: _Step) -> tuple[Key, str]:
        index = re.match(r"\[([0-9]{1,6})\]", step.rest)
        if index:
            return self._index(step, int(index[1])), step.rest[index.end() :]
        quoted = re.match(r"\"([^\"]+)\"|'([^']+)'", step.rest)
        known = self._known(step)
        if quoted:
            key = quoted[1] or quoted[2]
            if key in known or self._is_free(step):
                return key, step.rest[quoted.end() :]
            raise self._unknown(step, key, known)
        fitting = [key for key in known if re.match(rf"{re.escape(key)}(?=[.\[]|$)", step.rest)]
        if fitting:
            key = max(fitting, key=len)
            return key, step.rest[len(key) :]
        free = self._is_free(step)
        if free:
            found = re.match(free, step.rest)
            if found:
                return found.group(), step.rest[found.end() :]
        raise self._unknown(step, re.split(r"[.\[]", step.rest, maxsplit=1)[0], known)

    def _index(self, step: _Step, index: int) -> int:
        if not isinstance(step.node, Items):
            raise PathError(f"{step.done or 'the spec'} is not a list", f"in {shown(self.text)}, leave out [{index}]")
        if index >= len(step.node.items):
            count = len(step.node.items)
            hint = f"the last is [{count - 1}]" if count else "set the whole list"
            raise PathError(f"{step.done} has {counted(count, 'member')}, and no [{index}]", hint)
        return index

    def _known(self, step: _Step) -> list[str]:
        here = list(step.node.entries) if isinstance(step.node, Table) else []
        return list(dict.fromkeys([*here, *self.schema.properties(step.rule)]))

    def _is_free(self, step: _Step) -> str:
        """Give the pattern of keys that need not be there, or an empty text."""
        free = self.schema.free_names(step.rule)
        if free is None or free[0].get("title") == "A name":
            return ""
        return r"[^.\[]+\.[^.\[]+" if free[0] else r".+"

    def _unknown(self, step: _Step, word: str, known: list[str]) -> PathError:
        where = f" in {step.done}" if step.done else ""
        hint = did_you_mean(word, known, "nothing stands below it")
        if isinstance(step.node, Items):
            hint = f"it is a list: write {step.done}[0]"
        elif self._is_free(step):
            hint = "a parameter is named component.parameter, as pl.norm"
        return PathError(f"no {shown(word)}{where} (path {shown(self.text)})", hint)

    def _below(self, step: _Step, key: Key) -> tuple[Node | None, Rule]:
        if isinstance(key, int):
            assert isinstance(step.node, Items)
            return step.node.items[key], self.schema.member(step.rule) or {}
        node = step.node.entries.get(key) if isinstance(step.node, Table) else None
        properties = self.schema.properties(step.rule)
        if key in properties:
            return node, properties[key]
        free = self.schema.free_names(step.rule)
        return node, free[1] if free is not None else {}
