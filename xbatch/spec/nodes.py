"""A YAML document as a tree that knows where each key and value stands and what its source text was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xbatch.base.errors import Place

__all__ = [
    "DEFAULT",
    "Broken",
    "Items",
    "Node",
    "Scalar",
    "Table",
    "at_character",
    "data_of",
    "from_data",
    "is_said",
    "is_sound",
    "items_of",
    "join",
    "text_of",
    "walk",
]

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value.

    Attributes
    ----------
    value : str, int, float, bool or None
        What the text stands for.
    text : str
        The text itself, as written (escapes and quotes undone), whatever it stands for.
    place : Place
    style : str
        Empty for plain text, else the quote or the sign of a block (``|``, ``>``).
    raw : str
        The stretch of the file, quotes and all.
    path : str
        The dotted path, once checked.
    origin : str
        Where the value came from, if that is not its place (``default``).
    """

    value: str | int | float | bool | None
    text: str
    place: Place
    style: str = ""
    raw: str = ""
    path: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place
    path: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A map, in the order written; `keys` has the place of each key."""

    entries: Mapping[str, Node]
    place: Place
    keys: Mapping[str, Place] = field(default_factory=dict)
    flow: bool = False
    path: str = ""
    origin: str = ""

    def key_place(self, key: str) -> Place:
        """Give the place of a key, or of the map where the key is a default."""
        return self.keys.get(key, self.place)

    def with_entry(self, key: str, node: Node, place: Place) -> Table:
        """Give the map with one entry set; an entry that is there keeps its turn."""
        return replace(self, entries={**self.entries, key: node}, keys={**self.keys, key: place})

    def without(self, *keys: str) -> Table:
        """Give the map without some keys."""
        return replace(self, entries={key: node for key, node in self.entries.items() if key not in keys})


@dataclass(frozen=True, slots=True)
class Broken:
    """What stands where a value is wrong or missing and that has been reported: nothing more is said about it."""

    place: Place
    path: str = ""
    origin: str = ""


Node = Scalar | Items | Table | Broken


def join(path: str, key: str | int) -> str:
    """Extend a dotted path by a key or an index."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def walk(node: Node) -> Iterator[Node]:
    """Visit a node and all below it, parents first."""
    yield node
    children: tuple[Node, ...] = ()
    if isinstance(node, Table):
        children = tuple(node.entries.values())
    elif isinstance(node, Items):
        children = node.items
    for child in children:
        yield from walk(child)


def is_sound(node: Node | None) -> bool:
    """Say whether a node is there and nothing in it has been found wrong."""
    return node is not None and not any(isinstance(one, Broken) for one in walk(node))


def is_said(node: Node | None) -> bool:
    """Say whether a node is there and not null, which is as good as left out."""
    return node is not None and not (isinstance(node, Scalar) and node.value is None)


def text_of(node: Node | None) -> str | None:
    """Give the text of a scalar that is text, else None."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def items_of(node: Node | None) -> tuple[Node, ...]:
    """Give the members of a list, a scalar as the only member, or nothing."""
    if isinstance(node, Items):
        return node.items
    return (node,) if isinstance(node, Scalar) and node.value is not None else ()


def data_of(node: Node) -> Any:
    """Give a node as JSON-able data; what is broken is None."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [data_of(item) for item in node.items]
    if isinstance(node, Table):
        return {key: data_of(value) for key, value in node.entries.items()}
    return None


def from_data(data: Any, place: Place, origin: str = DEFAULT) -> Node:
    """Make a node of JSON-able data, all of it at one place."""
    if isinstance(data, Mapping):
        entries = {key: from_data(value, place, origin) for key, value in data.items()}
        return Table(entries, place, origin=origin)
    if isinstance(data, list | tuple):
        return Items(tuple(from_data(item, place, origin) for item in data), place, origin=origin)
    return Scalar(data, "" if data is None else str(data), place, origin=origin)


def at_character(node: Scalar, index: int) -> Place:
    """Find the place of one character of a scalar's text in the file.

    White space may be folded between the file and the value, so the characters that are not white space are counted.
    """
    if not node.raw:
        return node.place
    count = sum(not character.isspace() for character in node.text[:index])
    offset = 0
    if node.style in {"'", '"'}:
        offset = 1
    elif node.style:
        offset = node.raw.find("\n") + 1
    for position in range(offset, len(node.raw)):
        if node.raw[position].isspace():
            continue
        if count == 0:
            return _moved(node.place, node.raw, position)
        count -= 1
    return _moved(node.place, node.raw, len(node.raw.rstrip()))


def _moved(place: Place, raw: str, position: int) -> Place:
    lines = raw.count("\n", 0, position)
    if not lines:
        return Place(place.file, place.line, place.column + position)
    return Place(place.file, place.line + lines, position - raw.rfind("\n", 0, position))
