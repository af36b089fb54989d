"""Where the work starts decides which keys there are: what belongs to event lists, and what to files of spectra."""

from __future__ import annotations

from collections.abc import Mapping

from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, join, text_of
from xbatch.spec.report import Report

__all__ = ["EVENT_BLOCKS", "level_of", "refuse_other_level"]

EVENT_BLOCKS = ("screening", "regions", "gtis", "images", "lightcurves")
_CURE = "use level: events, or remove it"
_REGION_OF_FILE = "name a region of 'regions' by 'region', or use level: spectra"
_EVENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "data": ("events", "livetime"),
    "spectra": ("region", "screening", "gti", "source_type", "exposure_map"),
}


def level_of(root: Table) -> str:
    """Give ``data.level`` of a document, checked or not; empty where it is not one of those known."""
    data = root.entries.get("data")
    level = text_of(data.entries.get("level")) if isinstance(data, Table) else None
    return level if level in {"spectra", "events"} else ""


def refuse_other_level(root: Table, report: Report) -> Table:
    """Report the keys of the other level, and take them out so that nothing more is said about them."""
    level = level_of(root)
    if level == "events":
        return _without(root, "spectra", {"file": _REGION_OF_FILE}, "events", report)
    if level != "spectra":
        return root
    for block in EVENT_BLOCKS:
        if block in root.entries and _is_said(root.entries[block]):
            _refuse(root, block, block, "spectra", _CURE, report)
            root = root.without(block)
    data = root.entries.get("data")
    if isinstance(data, Table):
        cures = dict.fromkeys(_EVENT_KEYS["data"], _CURE)
        root = _with(root, "data", _pruned(data, "data", cures, "spectra", report))
    return _without(root, "spectra", dict.fromkeys(_EVENT_KEYS["spectra"], _CURE), "spectra", report)


def _without(root: Table, block: str, cures: Mapping[str, str], level: str, report: Report) -> Table:
    """Take keys out of every entry of a block, and out of its exceptions."""
    table = root.entries.get(block)
    if not isinstance(table, Table):
        return root
    needed = "region" if level == "events" else "file"
    for name, entry in table.entries.items():
        if isinstance(entry, Table):
            path = join(block, name)
            kept = _pruned(entry, path, cures, level, report)
            fewer = len(kept.entries) < len(entry.entries)
            # That the level's own key is missing then goes without saying.
            node: Node = Broken(entry.place, path) if fewer and needed not in kept.entries else kept
            table = _with(table, name, node)
    return _with(root, block, table)


def _with(table: Table, key: str, node: Node) -> Table:
    """Set an entry; a table that has it stays itself."""
    return table if table.entries[key] is node else table.with_entry(key, node, table.key_place(key))


def _pruned(table: Table, path: str, cures: Mapping[str, str], level: str, report: Report) -> Table:
    for key, cure in cures.items():
        if key in table.entries and _is_said(table.entries[key]):
            _refuse(table, key, join(path, key), level, cure, report)
            table = table.without(key)
    listed = table.entries.get("for")
    if isinstance(listed, Items):
        items = tuple(
            _pruned(one, join(join(path, "for"), number), cures, level, report) if isinstance(one, Table) else one
            for number, one in enumerate(listed.items)
        )
        if any(one is not other for one, other in zip(items, listed.items, strict=True)):
            table = _with(table, "for", Items(items, listed.place, listed.path, listed.origin))
    return table


def _is_said(node: Node) -> bool:
    return not (isinstance(node, Scalar) and node.value is None)


def _refuse(table: Table, key: str, path: str, level: str, cure: str, report: Report) -> None:
    belongs = "events" if level == "spectra" else "spectra"
    message = f"'{key}' belongs to level {belongs}, and the level is {level}"
    report.add(table.key_place(key), "XB221", message, cure, path)
