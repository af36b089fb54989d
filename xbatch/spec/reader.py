"""Text to a tree of nodes with their places: PyYAML's events, put together here.

PyYAML's own composer lets the last of two equal keys win and expands aliases without bound. Here each of these is one
located error: duplicate keys, tags, aliases that make the document too large or refer to themselves, nesting that is
too deep, more than one document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from xbatch.base.errors import Place, Problem, SpecError
from xbatch.spec.nodes import Items, Node, Scalar, Table
from xbatch.spec.report import Report, shown
from xbatch.spec.scalars import resolve
from xbatch.spec.syntax import syntax_problem

__all__ = ["MOST_BYTES", "read_bytes", "read_document", "read_value"]

MOST_BYTES = 4_000_000
_MOST_NODES = 100_000
_DEEPEST = 40
_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}
_UNPRINTABLE: re.Pattern[str] = yaml.reader.Reader.NON_PRINTABLE
_Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class _Built:
    """A node with what aliases to it will cost: how many nodes it stands for, and how deep it is."""

    node: Node
    size: int
    height: int


def read_bytes(path: Path, at: Place | None = None) -> bytes:
    """Read a spec file, refusing one that is too large to be a spec.

    Parameters
    ----------
    path : Path
    at : Place or None
        Where the file is named, for an include.

    Raises
    ------
    SpecError
        The file is not there, cannot be read, or is too large.
    """
    place = at or Place(str(path))
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise SpecError(
            [Problem(place, "XB001", f"cannot read {path}: {why}", "name a spec file that exists and may be read")]
        ) from error
    if len(raw) > MOST_BYTES:
        message = f"{path} is larger than {MOST_BYTES // 1_000_000} MB, which no spec is"
        raise SpecError([Problem(place, "XB002", message, "is it a data file? name the YAML file")])
    return raw


def read_document(raw: bytes, file: str, report: Report) -> Table:
    """Read one YAML document whose top is a map.

    Parameters
    ----------
    raw : bytes
    file : str
        Its name, for places.
    report : Report
        Takes what is wrong but can be read past: equal keys, tags, ``<<`` of something else.

    Raises
    ------
    SpecError
        One located problem: the text is not UTF-8, not YAML, or not a map.
    """
    text = _decoded(raw, file)
    node = _Composer(text, file, report).document()
    if node is None:
        raise SpecError([Problem(Place(file), "XB005", "the file is empty", "start with 'xbatch: 1' and 'name: ...'")])
    if not isinstance(node, Table):
        message = "a spec is a map of keys to values, and this is " + ("a list" if isinstance(node, Items) else "text")
        raise SpecError([Problem(node.place, "XB007", message, "start with 'xbatch: 1' and 'name: ...'")])
    return node


def read_value(text: str, place: Place, report: Report) -> Node:
    """Read one value written on a command line.

    Parameters
    ----------
    text : str
    place : Place
        Where the text begins; everything in it is on that line.
    report : Report
        As for `read_document`.

    Raises
    ------
    SpecError
        One problem, located within the text.
    """
    return _Composer(_printable(text, place.file, place), place.file, report, place).document() or Scalar(
        None, "", place
    )


def _decoded(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        wide = raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
        message = f"the file is {'UTF-16' if wide else 'not UTF-8'} text (byte 0x{raw[error.start]:02x})"
        raise SpecError([Problem(Place(file, line, column), "XB003", message, "save it as UTF-8")]) from error
    return _printable(text, file)


def _printable(text: str, file: str, at: Place | None = None) -> str:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return text
    before = text[: found.start()]
    place = at or Place(file, before.count("\n") + 1, found.start() - before.rfind("\n"))
    message = f"the character {found.group().encode('unicode_escape').decode()} is not allowed in YAML"
    raise SpecError([Problem(place, "XB004", message, "remove it; is this a text file?")])


class _Composer:
    """Builds the tree of one text."""

    def __init__(self, text: str, file: str, report: Report, at: Place | None = None) -> None:
        self.text = text
        self.file = file
        self.report = report
        self.at = at
        self.anchors: dict[str, _Built | None] = {}
        self.nodes = 0

    def document(self) -> Node | None:
        loader = _Loader(self.text)
        try:
            self.loader = loader
            return self._document()
        except yaml.YAMLError as error:
            problem = syntax_problem(self.text, self.file, error)
            if self.at is not None:
                place = Place(self.file, self.at.line, self.at.column + problem.place.column - 1)
                problem = Problem(place, problem.code, problem.message, problem.hint)
            raise SpecError([problem]) from error
        finally:
            loader.dispose()

    def _document(self) -> Node | None:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        built = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            hint = "keep one, without '---' between parts; put a part of its own into a file and 'include:' it"
            raise self._error(event, "XB006", "a second document begins here", hint)
        if isinstance(built.node, Scalar) and built.node.value is None:
            return None
        return built.node

    def _next(self) -> yaml.Event:
        event: yaml.Event = self.loader.get_event()  # type: ignore[assignment]  # never past the end of the stream
        return event

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None
        if self.at is not None:
            return Place(self.file, self.at.line, self.at.column + mark.index)
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _error(self, event: yaml.Event, code: str, message: str, hint: str) -> SpecError:
        return SpecError([Problem(self._place(event), code, message, hint)])

    def _count(self, event: yaml.Event, size: int) -> None:
        self.nodes += size
        if self.nodes > _MOST_NODES:
            message = f"the document has more than {_MOST_NODES} values once its aliases are followed"
            raise self._error(event, "XB016", message, "use fewer aliases (*name), not lists of lists of them")

    def _node(self, event: yaml.Event, depth: int) -> _Built:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._count(event, 1)
        self._check_tag(event)
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.ScalarEvent):
            built = _Built(self._scalar(event), 1, 0)
        else:
            if depth >= _DEEPEST:
                raise self._error(event, "XB017", f"nested more than {_DEEPEST} deep", "no spec needs that")
            if anchor is not None:
                self.anchors[anchor] = None
            build = self._items if isinstance(event, yaml.SequenceStartEvent) else self._table
            built = build(event, depth)
        if anchor is not None:
            self.anchors[anchor] = built
        return built

    def _alias(self, event: yaml.AliasEvent, depth: int) -> _Built:
        name = event.anchor
        if name not in self.anchors:
            hint = f"name a value with &{name} first; a text that begins with * must be quoted"
            raise self._error(event, "XB014", f"the alias *{name} names nothing above it", hint)
        built = self.anchors[name]
        if built is None:
            raise self._error(event, "XB015", f"the alias *{name} stands within what it names", "write the value out")
        self._count(event, built.size)
        if depth + built.height > _DEEPEST:
            raise self._error(event, "XB017", f"nested more than {_DEEPEST} deep by *{name}", "no spec needs that")
        return built

    def _check_tag(self, event: yaml.Event) -> None:
        tag: str | None = getattr(event, "tag", None)
        if tag is not None and not (isinstance(event, yaml.ScalarEvent) and tag in _TEXT_TAGS):
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self.report.add(self._place(event), "XB013", f"the tag {shown(short)} means nothing here", "remove it")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        place = self._place(event)
        text = event.value
        found = _UNPRINTABLE.search(text)
        if found is not None:
            message = f"the text holds the character {found.group().encode('unicode_escape').decode()}"
            raise self._error(event, "XB004", message, "remove it")
        style = event.style or ""
        plain = not style and event.tag is None
        assert event.start_mark is not None and event.end_mark is not None
        raw = self.text[event.start_mark.index : event.end_mark.index]
        return Scalar(resolve(text) if plain else text, text, place, style, raw)

    def _items(self, event: yaml.Event, depth: int) -> _Built:
        items: list[Node] = []
        size, height = 1, 0
        while not isinstance(following := self._next(), yaml.SequenceEndEvent):
            built = self._node(following, depth + 1)
            items.append(built.node)
            size, height = size + built.size, max(height, built.height)
        return _Built(Items(tuple(items), self._place(event)), size, height + 1)

    def _table(self, event: yaml.Event, depth: int) -> _Built:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: dict[str, Node] = {}
        merged_keys: dict[str, Place] = {}
        size, height = 1, 0
        seen: dict[str, Place] = {}
        while not isinstance(following := self._next(), yaml.MappingEndEvent):
            key, place = self._key(following)
            again = self._is_again(key, place, seen)
            is_merge = key == "<<" and isinstance(following, yaml.ScalarEvent) and not following.style
            value_event = self._next()
            built = self._node(value_event, depth + 1)
            size, height = size + built.size, max(height, built.height)
            if again:
                continue
            if is_merge:
                for table in self._merged(value_event, built.node):
                    merged = {**table.entries, **merged}
                    merged_keys = {**table.keys, **merged_keys}
            else:
                entries[key], keys[key] = built.node, place
        flow = bool(getattr(event, "flow_style", False))
        node = Table({**merged, **entries}, self._place(event), {**merged_keys, **keys}, flow)
        return _Built(node, size, height + 1)

    def _key(self, event: yaml.Event) -> tuple[str, Place]:
        if isinstance(event, yaml.AliasEvent):
            aliased = self._alias(event, 0).node
            key = aliased.text if isinstance(aliased, Scalar) else None
        elif isinstance(event, yaml.ScalarEvent):
            self._count(event, 1)
            self._check_tag(event)
            scalar = self._scalar(event)
            key = scalar.text
            if event.anchor is not None:
                self.anchors[event.anchor] = _Built(scalar, 1, 0)
        else:
            key = None
        if key is None:
            hint = "a key is text; a template that begins with a brace must be quoted"
            raise self._error(event, "XB018", "a list or a map cannot be a key", hint)
        return key, self._place(event)

    def _is_again(self, key: str, place: Place, seen: dict[str, Place]) -> bool:
        if key not in seen:
            seen[key] = place
            return False
        hint = f"the first is at line {seen[key].line}; keep one"
        if key == "<<":
            hint = "merge several maps with one key: '<<: [*a, *b]'"
        self.report.add(place, "XB012", f"the key {shown(key)} is here twice", hint, key)
        return True

    def _merged(self, event: yaml.Event, node: Node) -> list[Table]:
        parts = node.items if isinstance(node, Items) else (node,)
        tables = [part for part in parts if isinstance(part, Table)]
        if len(tables) != len(parts):
            message = "'<<' merges maps, and this is not one"
            self.report.add(self._place(event), "XB019", message, "write '<<: *name'")
        return tables
