"""Checks a tree against the schema, and fills in defaults.

This reads the part of draft-07 that the schema uses (a test holds it to that part, and to the same verdicts as the
`jsonschema` package). Doing so here gives each fault its place, takes text as it is written where the schema says
``x-text``, and spares the start-up of a general validator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from operator import ge, gt, le, lt
from typing import Any

from xbatch.base.errors import Place
from xbatch.spec import wording
from xbatch.spec.memo import Memo
from xbatch.spec.nodes import DEFAULT, Broken, Items, Node, Scalar, Table, from_data, join
from xbatch.spec.report import Report, counted, did_you_mean, listed, nearest, shown
from xbatch.spec.schema import Rule, Schema

__all__ = ["KEYWORDS", "check_part", "check_shape"]

KEYWORDS = frozenset(
    (
        "$schema",
        "$id",
        "$ref",
        "title",
        "description",
        "default",
        "examples",
        "definitions",
        "x-text",
        "type",
        "enum",
        "const",
        "pattern",
        "minLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
        "items",
        "minItems",
        "maxItems",
        "allOf",
        "if",
        "then",
    )
)
_LONGEST_TEXT = 20_000


def check_shape(root: Table, schema: Schema, report: Report, file: str, memo: Memo | None = None) -> Table:
    """Check a document, and give it with defaults filled in and paths on every node.

    Parameters
    ----------
    root : Table
    schema : Schema
    report : Report
        Takes what is wrong; `Broken` stands there in the result.
    file : str
        The spec file's name, where the whole document is at fault.
    memo : Memo or None
        Keeps what was found, for another document that shares nodes with this one.

    Returns
    -------
    Table
    """
    checked = _Checker(schema, report, memo=memo).check(root, schema.root, "", Place(file))
    return checked if isinstance(checked, Table) else Table({}, root.place)


def check_part(node: Table, definition: str, schema: Schema, report: Report, path: str) -> Node:
    """Check a map that was put together by hand against a definition of the schema, as `check_shape` does."""
    return _Checker(schema, report).check(node, schema.definitions[definition], path, node.place)


class _Checker:
    """One pass over one document. `silent` asks only whether a rule holds."""

    def __init__(self, schema: Schema, report: Report, silent: bool = False, memo: Memo | None = None) -> None:
        self.schema = schema
        self.report = report
        self.silent = silent
        self.memo = memo

    def check(self, node: Node, rule: Rule, path: str, at: Place) -> Node:
        rule = self.schema.follow(rule)
        if isinstance(node, Broken):
            return node
        if self.memo is None:
            return self._check(node, rule, path, at)
        key = (id(node), id(rule), id(at), path, self.silent)
        known = self.memo.find(key)
        if known is None:
            before = len(self.report.problems)
            result = self._check(node, rule, path, at)
            self.memo.keep(key, (result, self.report.problems[before:]), (node, rule, at))
            return result
        self.report.problems += known[1]
        found: Node = known[0]
        return found

    def _check(self, node: Node, rule: Rule, path: str, at: Place) -> Node:
        node = self._typed(node, rule, path)
        if isinstance(node, Scalar):
            node = self._scalar(node, rule)
        elif isinstance(node, Items):
            node = self._items(node, rule, path)
        elif isinstance(node, Table):
            node = self._table(node, rule, path, at)
        for part in rule.get("allOf", ()):
            node = self.check(node, part, path, at)
        if "if" in rule and not isinstance(node, Broken) and self._holds(node, rule["if"]):
            node = self.check(node, rule["then"], path, at)
        return node

    def _holds(self, node: Node, rule: Rule) -> bool:
        quiet = Report()
        _Checker(self.schema, quiet, silent=True, memo=self.memo).check(node, rule, "", node.place)
        return not quiet.problems and not (isinstance(node, Table) and _broken_condition(node, rule))

    def _typed(self, node: Node, rule: Rule, path: str) -> Node:
        if node.path != path:
            node = replace(node, path=path)
        wanted = rule.get("type")
        if wanted is None:
            return (
                node if isinstance(node, Scalar) or not {"enum", "const"} & set(rule) else self._not_a_word(node, path)
            )
        kinds = [wanted] if isinstance(wanted, str) else list(wanted)
        if wording.kind_of(node) in kinds or ("number" in kinds and wording.kind_of(node) == "integer"):
            return _as_text(node) if rule.get("x-text") else node
        if (
            "integer" in kinds
            and isinstance(node, Scalar)
            and isinstance(node.value, float)
            and node.value.is_integer()
        ):
            return replace(node, value=int(node.value))
        if isinstance(node, Scalar) and node.value is not None and kinds == ["string"]:
            fault = self._text_fault(replace(node, value=node.text), rule)
            if fault is not None and fault[0] == "XB206":  # quotes would not make a name of a number
                self.report.add(node, *fault)
                return Broken(node.place, path)
        name = path.rsplit(".", 1)[-1] or "the spec"
        message = f"{name} must be {wording.kinds_text(kinds)}, not {wording.found_text(node)}"
        hint = wording.type_hint(node, kinds, name, next(iter(rule.get("examples", ())), None))
        if isinstance(node, Scalar) and "array" in kinds and rule.get("minItems", 0) > 1:  # brackets would not do
            hint = _example_hint(rule)
        self.report.add(node, "XB203", message, hint)
        return Broken(node.place, path)

    def _not_a_word(self, node: Node, path: str) -> Node:
        name = path.rsplit(".", 1)[-1]
        self.report.add(node, "XB203", f"{name} must be one word, not {wording.found_text(node)}", "write one value")
        return Broken(node.place, path)

    def _scalar(self, node: Scalar, rule: Rule) -> Node:
        fault = self._choice_fault(node, rule) or self._number_fault(node, rule) or self._text_fault(node, rule)
        if fault is None:
            return node
        self.report.add(node, *fault)
        return Broken(node.place, node.path)

    def _choice_fault(self, node: Scalar, rule: Rule) -> tuple[str, str, str] | None:
        choices = rule.get("enum", [rule["const"]] if "const" in rule else None)
        if choices is None or any(type(node.value) is type(one) and node.value == one for one in choices):
            return None
        name = node.path.rsplit(".", 1)[-1]
        names = [str(choice) for choice in choices if choice is not None]
        close = nearest(node.text, names)
        hint = f"did you mean '{close}'?" if close and len(names) > 1 else ""
        return (
            "XB204",
            f"{name} is {shown(node.text)}; it must be {' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}",
            hint,
        )

    def _number_fault(self, node: Scalar, rule: Rule) -> tuple[str, str, str] | None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return None
        name = node.path.rsplit(".", 1)[-1]
        number = node.value
        for keyword, words, wrong in (
            ("minimum", "at least", lt),
            ("exclusiveMinimum", "above", le),
            ("maximum", "at most", gt),
            ("exclusiveMaximum", "below", ge),
        ):
            if keyword in rule and wrong(number, rule[keyword]):
                return "XB205", f"{name} is {node.text}; it must be {words} {rule[keyword]}", ""
        return None

    def _text_fault(self, node: Scalar, rule: Rule) -> tuple[str, str, str] | None:
        if not isinstance(node.value, str):
            return None
        name = node.path.rsplit(".", 1)[-1]
        if len(node.value) < rule.get("minLength", 0):
            return "XB208", f"{name} is empty", "write a text, or remove the key"
        if len(node.value) > _LONGEST_TEXT:
            return "XB208", f"{name} is longer than {_LONGEST_TEXT} characters", "shorten it"
        if "pattern" in rule and not _fits(rule["pattern"], node.value):
            example = rule.get("examples", [""])[0]
            message = f"{shown(node.value)} is not {wording.a(str(rule.get('title', 'text')).lower())}"
            return "XB206" if rule.get("title") == "A name" else "XB208", message, _pattern_hint(rule, example)
        return None

    def _items(self, node: Items, rule: Rule, path: str) -> Node:
        items = node.items
        name = path.rsplit(".", 1)[-1]
        least, most = rule.get("minItems", 0), rule.get("maxItems", len(items))
        if not least <= len(items) <= most:
            wanted = f"at most {most}" if len(items) > most else f"at least {least}"
            wanted = f"exactly {least}" if rule.get("maxItems") == least else wanted
            self.report.add(
                node, "XB209", f"{name} has {counted(len(items), 'member')}; it needs {wanted}", _example_hint(rule)
            )
            return Broken(node.place, path)
        if "items" in rule:
            items = tuple(
                self.check(item, rule["items"], join(path, number), item.place) for number, item in enumerate(items)
            )
        # What is checked by a second rule, or again, is mostly as it was.
        same = all(one is other for one, other in zip(items, node.items, strict=True))
        return node if same else replace(node, items=items)

    def _table(self, node: Table, rule: Rule, path: str, at: Place) -> Node:
        properties: Mapping[str, Rule] = rule.get("properties", {})
        entries = dict(node.entries)
        free = rule.get("additionalProperties", True)
        if len(entries) < rule.get("minProperties", 0):
            name = path.rsplit(".", 1)[-1]
            self.report.add(node, "XB202", f"{name} is empty", _example_hint(rule))
            return Broken(node.place, path)
        if "propertyNames" in rule:
            entries = self._named(node, entries, self.schema.follow(rule["propertyNames"]), path)
        for key, child in list(entries.items()):
            if key in properties:
                entries[key] = self.check(child, properties[key], join(path, key), node.key_place(key))
            elif free is False:
                del entries[key]
                meant = self._unknown(key, node, properties, path)
                if meant:  # one problem, not two
                    entries[meant] = Broken(node.key_place(key), join(path, meant))
            elif isinstance(free, Mapping):
                entries[key] = self.check(child, free, join(path, key), node.key_place(key))
        for key in rule.get("required", ()):
            if key not in entries:
                self._missing(key, properties, path, at)
                entries[key] = Broken(at, join(path, key))
        if not self.silent:
            entries |= self._defaults(entries, properties, path, at)
        before = node.entries
        same = len(entries) == len(before) and all(entries[key] is before.get(key) for key in entries)
        return node if same else replace(node, entries=entries)

    def _named(self, node: Table, entries: dict[str, Node], rule: Rule, path: str) -> dict[str, Node]:
        kept: dict[str, Node] = {}
        folded: dict[str, str] = {}
        for key, child in entries.items():
            if "pattern" in rule and not _fits(rule["pattern"], key):
                code = "XB206" if rule.get("title") == "A name" else "XB208"
                message = f"{shown(key)} is not {wording.a(str(rule.get('title')).lower())}"
                hint = _pattern_hint(rule, rule.get("examples", [""])[0])
                self.report.add(node.key_place(key), code, message, hint, join(path, key))
                if code == "XB206":  # what refers to it is not wrong as well
                    kept[key] = Broken(child.place, join(path, key))
            elif rule.get("title") == "A name" and key.casefold() in folded:
                first = folded[key.casefold()]
                message = f"{shown(key)} and {shown(first)} differ only by case, which file names may not"
                self.report.add(node.key_place(key), "XB207", message, "rename one", join(path, key))
            else:
                folded[key.casefold()] = key
                kept[key] = child
        return kept

    def _unknown(self, key: str, node: Table, properties: Mapping[str, Rule], path: str) -> str:
        """Report a key that is not known, and give the one that was probably meant."""
        where = f" in {path}" if path else ""
        kind = next(
            (properties[one]["const"] for one in ("type", "scheme", "shape") if "const" in properties.get(one, {})),
            None,
        )
        of_kind = f" for {shown(kind)}" if kind else ""
        close = nearest(key, properties)
        if close and close in node.entries:
            hint = f"'{close}' is there already; remove this one"
        else:
            hint = did_you_mean(key, [name for name in properties if name not in node.entries], "remove it")
        message = f"unknown key {shown(key)}{where}{of_kind}"
        self.report.add(node.key_place(key), "XB201", message, hint, join(path, key))
        return nearest(key, [name for name in properties if name not in node.entries])

    def _missing(self, key: str, properties: Mapping[str, Rule], path: str, at: Place) -> None:
        rule = self.schema.follow(properties.get(key, {}))
        where = f" in {path}" if path else ""
        hint = f"one of {listed(rule['enum'])}" if "enum" in rule else _example_hint(rule, f"{key}: ")
        self.report.add(at, "XB202", f"the key '{key}' is missing{where}", hint, join(path, key))

    def _defaults(
        self, entries: Mapping[str, Node], properties: Mapping[str, Rule], path: str, at: Place
    ) -> dict[str, Node]:
        added = {}
        for key, rule in properties.items():
            default = rule.get("default")
            if key not in entries and default not in (None, "", [], {}):
                added[key] = self._default(default, rule, join(path, key), at)
        return added

    def _default(self, default: Any, rule: Rule, path: str, at: Place) -> Node:
        key = ("default", id(rule), id(at), path)
        known: Node | None = self.memo.find(key) if self.memo is not None else None
        if known is None:
            known = self.check(from_data(default, at, DEFAULT), rule, path, at)
            if self.memo is not None:
                self.memo.keep(key, known, (rule, at))
        return known


def _as_text(node: Node) -> Node:
    """Give a number as the text that it was written as."""
    return replace(node, value=node.text) if isinstance(node, Scalar) and node.value is not None else node


def _broken_condition(node: Table, rule: Rule) -> bool:
    for key, below in rule.get("properties", {}).items():
        child = node.entries.get(key)
        if isinstance(child, Broken) or (isinstance(child, Table) and _broken_condition(child, below)):
            return True
    return False


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text) is not None


def _pattern_hint(rule: Rule, example: Any) -> str:
    described = str(rule.get("description", "")).rstrip(".")
    if not described:
        return f"for example {example}"
    is_name = not described.partition(" ")[0][1:].islower()  # XMM-Newton
    first = described[:1] if is_name else described[:1].lower()
    return f"{first}{described[1:]}; for example {example}"


def _example_hint(rule: Rule, before: str = "") -> str:
    if not rule.get("examples"):
        return ""
    example = rule["examples"][0]
    return f"for example {before}{wording.flow(example)}"
