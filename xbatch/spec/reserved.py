"""Nouns of the language that nothing here does yet: using one is a located error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbatch.base.errors import Place
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, join, text_of
from xbatch.spec.report import Report, shown

__all__ = ["refuse_reserved"]

_RESPONSES = "name responses that are there by 'response' and 'arf' of the spectra, and remove this"
_BEFORE = "it belongs to the reduction of raw data, before the lists of events: do it there, and remove this"
_LATER = "remove it"

_KEYS: Mapping[str, Mapping[str, str]] = {
    "": {
        "calibration": _RESPONSES,
        "pileup": "give the annulus of 'regions' an inner radius, and remove this",
        "backgrounds": "use background mode subtract, profiled or ignore",
        "compare": "the table of parameters has all fits side by side",
    },
    "data": {
        "fetch": "fetch the data beforehand",
        "exposures": "name the list of the exposure wanted in 'events', with 'for' where it differs",
    },
    "screening.*": {"saamode": _BEFORE, "tentacle": _BEFORE},
    "spectra.*": {"orders": "make the spectra with rgsproc and start from them, at level: spectra"},
    "fit.*.background": {"model": "use mode subtract, profiled or ignore", "norms": _LATER},
    "sweep": {"zip": "use 'grid'", "cases": "use 'grid', or several spec files that 'include' one"},
}
_VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("combine.*", "method"): {"rgscombine": "run rgscombine beforehand and name the spectra it makes"},
    ("data", "level"): {"raw": "use level: events, with lists that the mission's software has cleaned"},
    ("spectra.*", "region"): {"pipeline": "make the spectra with rgsproc and start from them, at level: spectra"},
    ("fit.*.background", "mode"): {"model": "use mode subtract, profiled or ignore"},
}
_NAMED = {"screening", "spectra", "combine", "bands", "binning", "fit"}


def refuse_reserved(root: Table, report: Report) -> Table:
    """Report what is reserved, and take it out so that nothing more is said about it."""
    cleaned = _clean(root, "", "", report)
    return cleaned if isinstance(cleaned, Table) else root


def _message(what: str) -> str:
    return f"{what} is reserved, not built yet"


def _clean(node: Node, pattern: str, path: str, report: Report) -> Node:
    if isinstance(node, Items):
        items = tuple(_clean(item, pattern, join(path, number), report) for number, item in enumerate(node.items))
        return replace(node, items=items)
    if not isinstance(node, Table):
        return node
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
        entries[key] = _clean(child, _below(pattern, key), below, report)
    if node.entries and not entries:
        return Broken(node.place, path)
    return replace(node, entries=entries)


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
