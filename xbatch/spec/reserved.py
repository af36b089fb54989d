"""Nouns of the language that nothing here does yet: using one is a located error that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from xbatch.base.errors import Place
from xbatch.spec.memo import Memo
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, join, text_of
from xbatch.spec.report import Report, shown

__all__ = ["refuse_reserved"]

_RESPONSES = "name responses that are there by 'response' and 'arf' of the spectra, and remove this"
_LATER = "remove it"

_KEYS: Mapping[str, Mapping[str, str]] = {
    "": {
        "calibration": _RESPONSES,
        "backgrounds": "use background mode subtract, profiled or ignore",
        "compare": "the table of parameters has all fits side by side",
    },
    "fit.*.background": {"model": "use mode subtract, profiled or ignore", "norms": _LATER},
}
_VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("fit.*.background", "mode"): {"model": "use mode subtract, profiled or ignore"},
}
_NAMED = {"fit"}


def refuse_reserved(root: Table, report: Report, memo: Memo | None = None) -> Table:
    """Report what is reserved, and take it out so that nothing more is said about it; a `memo` keeps what was found."""
    cleaned = _clean(root, "", "", report, memo)
    return cleaned if isinstance(cleaned, Table) else root


def _message(what: str) -> str:
    return f"{what} is reserved, not built yet"


def _clean(node: Node, pattern: str, path: str, report: Report, memo: Memo | None) -> Node:
    """Clean a node that has been cleaned before, or one anew; one that has nothing reserved in it stays itself."""
    if isinstance(node, Scalar | Broken):
        return node
    clean: Callable[..., Node] = _clean_items if isinstance(node, Items) else _clean_table
    if memo is None:
        return clean(node, pattern, path, report, memo)
    key = (id(node), "reserved", pattern, path)
    known = memo.find(key)
    if known is None:
        own = Report()
        known = (clean(node, pattern, path, own, memo), own.problems)
        memo.keep(key, known, (node,))
    report.problems += known[1]
    found: Node = known[0]
    return found


def _clean_items(node: Items, pattern: str, path: str, report: Report, memo: Memo | None) -> Node:
    items = tuple(_clean(item, pattern, join(path, number), report, memo) for number, item in enumerate(node.items))
    same = all(one is other for one, other in zip(items, node.items, strict=True))
    return node if same else replace(node, items=items)


def _clean_table(node: Table, pattern: str, path: str, report: Report, memo: Memo | None) -> Node:
    entries: dict[str, Node] = {}
    for key, child in node.entries.items():
        below = join(path, key)
        if key in _KEYS.get(pattern, {}):
            _refuse(node.key_place(key), f"'{key}'", _KEYS[pattern][key], below, report)
            continue
        value = text_of(child)
        cures = _VALUES.get((pattern, key), {})
        if isinstance(child, Scalar) and value is not None and value in cures:
            _refuse(child.place, f"{key} {shown(value)}", cures[value], below, report)
            if key in {"type", "scheme"}:
                return Broken(node.place, path)
            entries[key] = Broken(child.place, below)
            continue
        entries[key] = _clean(child, _below(pattern, key), below, report, memo)
    if node.entries and not entries:
        return Broken(node.place, path)
    same = len(entries) == len(node.entries) and all(entries[key] is node.entries[key] for key in entries)
    return node if same else replace(node, entries=entries)


def _below(pattern: str, key: str) -> str:
    if key == "where":
        return "where"
    if key == "for":
        return pattern
    if pattern in _NAMED:
        return f"{pattern}.*"
    return join(pattern, key)


def _refuse(place: Place, what: str, cure: str, path: str, report: Report) -> None:
    report.add(place, "XB220", _message(what), cure, path)
