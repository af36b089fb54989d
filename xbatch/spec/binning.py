"""The ``binning`` block: named ways to group channels, in canonical form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xbatch.spec.model import Binning
from xbatch.spec.nodes import Items, Node, Table, data_of, is_sound, items_of, text_of
from xbatch.spec.paths import joined
from xbatch.spec.quantity import QuantityError, span
from xbatch.spec.report import Report, shown

__all__ = ["find_binnings"]


def find_binnings(root: Table, folder: Path, report: Report) -> dict[str, Binning | None]:
    """Read the binnings of a checked document.

    Parameters
    ----------
    root : Table
    folder : Path
        The folder that ``data.root`` comes to.
    report : Report

    Returns
    -------
    dict of str to Binning or None
        None for a name whose definition is at fault.
    """
    table = root.entries.get("binning")
    if not isinstance(table, Table):
        return {}
    return {name: _binning(name, node, folder, report) for name, node in table.entries.items()}


def _binning(name: str, node: Node, folder: Path, report: Report) -> Binning | None:
    if not isinstance(node, Table) or not is_sound(node):
        return None
    before = len(report.problems)
    params: dict[str, Any] = {}
    for key, value in node.entries.items():
        read = _READ.get(key)
        content = read(value, report) if read else data_of(value)
        if content not in (None, []):
            params[key] = content
    if params["type"] == "constant" and ("channels" in params) == ("ranges" in params):
        message = f"binning '{name}' needs either 'channels' or 'ranges'"
        report.add(node, "XB214", message, "channels: 4, or ranges: [[0, 99, 2], [100, 199, 4]]")
    if params["type"] in _WITH_MINIMA and not {"counts", "snr"} & set(params):
        report.add(node, "XB215", f"binning '{name}' names no minimum", "give counts: 20, snr: 6, or both")
    if params.get("form") == "faithful" and "range" in params:
        message = f"binning '{name}': the form 'faithful' groups all channels, and 'range' some"
        report.add(node.entries["range"], "XB216", message, "use form: mended, or leave the others out of the band")
    if "from" in params:
        params["from"] = _template(node.entries["from"], folder, report)
    if "range" in node.entries and text_of(node.entries["range"]) is not None and "range" not in params:
        return None
    if len(report.problems) > before:
        return None
    return Binning(name, {key: params[key] for key in sorted(params)}, node.path)


def _number(node: Node, _report: Report) -> float | None:
    value = data_of(node)
    return None if value is None else float(value)


def _range(node: Node, report: Report) -> dict[str, Any] | None:
    text = text_of(node)
    if text is None:
        return None
    try:
        found = span(text)
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    if found.dimension == "energy":
        return {"unit": "keV", "lo": found.lo, "hi": found.hi}
    return {"unit": "channel", "lo": int(found.lo), "hi": int(found.hi)}


def _bad(node: Node, report: Report) -> list[list[int]]:
    ranges = []
    for item in items_of(node):
        first, _, last = (text_of(item) or "").partition("-")
        lo, hi = int(first), int(last or first)
        if lo > hi:
            report.add(item, "XB211", f"the range {lo}-{hi} is empty", "swap the ends")
        ranges.append([lo, hi])
    return sorted(ranges)


def _ranges(node: Node, report: Report) -> list[list[int]] | None:
    if not isinstance(node, Items):
        return None
    found: list[list[int]] = []
    for item in node.items:
        first, last, width = data_of(item)
        if first > last:
            report.add(item, "XB211", f"the range {first}-{last} is empty", "swap the ends")
        if width < 1:
            report.add(item, "XB205", f"a group of {width} channels", "the third number is at least 1")
        if found and first <= found[-1][1]:
            report.add(item, "XB211", f"channels {first}-{last} overlap or precede the range before", "sort the ranges")
        found.append([first, last, width])
    return found


def _systematic(node: Node, report: Report) -> list[list[int | float]]:
    found: list[list[int | float]] = []
    for item in items_of(node):
        first, last, fraction = data_of(item)
        if first != int(first) or last != int(last) or first > last:
            report.add(item, "XB211", f"{first:g}-{last:g} is not a range of channels", "write [first, last, fraction]")
            continue
        if fraction > 1:
            report.add(item, "XB205", f"a systematic error of {fraction:g} times the counts", "2 percent is 0.02")
        found.append([int(first), int(last), float(fraction)])
    return found


def _template(node: Node, folder: Path, report: Report) -> str:
    text = text_of(node) or ""
    if "{" in text or not text.strip():
        hint = "name one file; it serves all spectra"
        report.add(node, "XB112", f"{shown(text)}: a binning's file has no fields", hint)
    return str(joined(folder, text).absolute())


_WITH_MINIMA = ("ogrppha", "specgroup")
_READ: dict[str, Callable[[Node, Report], Any]] = {
    "counts": _number,
    "snr": _number,
    "net_counts": _number,
    "oversample": _number,
    "range": _range,
    "bad": _bad,
    "ranges": _ranges,
    "systematic": _systematic,
}
