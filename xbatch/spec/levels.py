"""Where the work starts decides which keys there are: raw observations, lists of events, or files of spectra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xbatch.spec.nodes import Broken, Items, Node, Table, is_said, join, text_of
from xbatch.spec.report import Report

__all__ = ["EVENT_BLOCKS", "LEVELS", "asked_engine", "level_of", "makes_spectra", "refuse_other_level"]

LEVELS = ("raw", "events", "spectra")
EVENT_BLOCKS = ("screening", "regions", "gtis", "images", "lightcurves")
_EVENTS = ("raw", "events")
_RAW = ("raw",)
_BLOCKS: Mapping[str, tuple[str, ...]] = {**dict.fromkeys(EVENT_BLOCKS, _EVENTS), "pileup": _RAW, "detect": _RAW}
#: Keys of maps, by the path of the map ("*" is any name), with the levels that have them.
_KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "data": {
        "events": ("events",),
        "livetime": ("events",),
        **dict.fromkeys(("fetch", "exposures", "pipeline"), _RAW),
    },
    "screening.*": dict.fromkeys(
        ("saamode", "tentacle", "saacalc", "statusexpr", "gradeexpr", "cleanflick", "hkevtexpr", "chu"), _RAW
    ),
    "screening.*.flare": dict.fromkeys(("method", "estimator", "range_scale", "smooth", "ratio", "ccd"), _RAW),
    "spectra.*": {
        "file": ("spectra",),
        **dict.fromkeys(("region", "screening", "gti", "source_type", "exposure_map"), _EVENTS),
        **dict.fromkeys(("orders", "source_position"), _RAW),
    },
}
#: Words that are values of one level only.
_WORDS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("spectra.*", "region"): {"pipeline": _RAW},
    ("combine.*", "method"): {"rgscombine": _RAW},
    ("images.*", "exposure_map"): {"pipeline": _RAW},
    ("spectra.*", "exposure_map"): {"pipeline": _RAW},
}
_OF_RGS = "make the spectra with rgsproc and start from them, at level: spectra; or use level: raw"
_CURES: Mapping[str, str] = {
    "data.fetch": "fetch the data beforehand and remove this, or use level: raw",
    "data.exposures": "name the list of the exposure wanted in 'events', or use level: raw",
    "file": "name a region of 'regions' by 'region', or use level: spectra",
    "orders": _OF_RGS,
    "source_position": "remove it: no effective area is made at this level; or use level: raw",
    "chu": "name the list of the combination in 'events' and remove this, or use level: raw",
    "pileup": "give the annulus of 'regions' an inner radius and remove this, or use level: raw",
}
_CURES_OF_WORDS: Mapping[str, str] = {
    "region": _OF_RGS,
    "exposure_map": "name a map that is there, or use level: raw",
    "method": "run rgscombine beforehand and name the spectra it makes, at level: spectra; or use level: raw",
}
_MADE = "remove it: the mission's tools make it; or use level: events"
_NEEDED = {"spectra": "file", "events": "region", "raw": "region"}


def level_of(root: Table) -> str:
    """Give ``data.level`` of a document, checked or not; empty where it is not one of those known."""
    data = root.entries.get("data")
    level = text_of(data.entries.get("level")) if isinstance(data, Table) else None
    return level if level in LEVELS else ""


def makes_spectra(root: Table) -> bool:
    """Say whether spectra are made of regions: there are event lists, or there will be."""
    return level_of(root) in _EVENTS


def asked_engine(root: Table, kind: str) -> str:
    """Give the engine that a checked document asks for a kind of work; ``auto`` where it leaves that open."""
    engine = root.entries.get("engine")
    asked = engine.entries.get(kind) if isinstance(engine, Table) else engine
    return text_of(asked) or "auto"


def refuse_other_level(root: Table, report: Report) -> Table:
    """Report the keys of other levels, and take them out so that nothing more is said about them."""
    level = level_of(root)
    if not level:
        return root
    for block, levels in _BLOCKS.items():
        if level not in levels and block in root.entries and is_said(root.entries[block]):
            _refuse(root, block, block, levels, level, report)
            root = root.without(block)
    data = root.entries.get("data")
    if isinstance(data, Table):
        root = _with(root, "data", _pruned(data, "data", "data", level, report))
    for block in ("screening", "spectra", "combine", "images"):
        root = _each_pruned(root, block, level, report)
    return root


def _each_pruned(root: Table, block: str, level: str, report: Report) -> Table:
    """Take keys out of every entry of a block, and out of its exceptions."""
    table = root.entries.get(block)
    if not isinstance(table, Table):
        return root
    for name, entry in table.entries.items():
        if not isinstance(entry, Table):
            continue
        kept = _pruned(entry, f"{block}.*", join(block, name), level, report)
        # That the level's own key is missing then goes without saying.
        unsaid = block == "spectra" and len(kept.entries) < len(entry.entries) and _NEEDED[level] not in kept.entries
        node: Node = Broken(entry.place, join(block, name)) if unsaid else kept
        table = _with(table, name, node)
    return _with(root, block, table)


def _with(table: Table, key: str, node: Node) -> Table:
    """Set an entry; a table that has it stays itself."""
    return table if table.entries[key] is node else table.with_entry(key, node, table.key_place(key))


def _pruned(table: Table, pattern: str, path: str, level: str, report: Report) -> Table:
    for key, levels in _refused(table, pattern, level):
        _refuse(table, key, join(path, key), levels, level, report)
        table = table.without(key)
    for key, word, levels in _refused_words(table, pattern, level):
        message = f"'{word}' belongs to level {_listed(levels)}, and the level is {level}"
        report.add(table.entries[key].place, "XB221", message, _CURES_OF_WORDS[key], join(path, key))
        table = table.with_entry(key, Broken(table.entries[key].place, join(path, key)), table.key_place(key))
    flare = table.entries.get("flare")
    if pattern == "screening.*" and isinstance(flare, Table):
        kept = _pruned(flare, f"{pattern}.flare", join(path, "flare"), level, report)
        other_method = "method" in flare.entries and "method" not in kept.entries
        table = _with(table, "flare", Broken(flare.place, join(path, "flare")) if other_method else kept)
    listed = table.entries.get("for")
    if isinstance(listed, Items):
        items = tuple(
            _pruned(one, pattern, join(join(path, "for"), number), level, report) if isinstance(one, Table) else one
            for number, one in enumerate(listed.items)
        )
        if any(one is not other for one, other in zip(items, listed.items, strict=True)):
            table = _with(table, "for", Items(items, listed.place, listed.path, listed.origin))
    return table


def _refused(table: Table, pattern: str, level: str) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (key, levels)
        for key, levels in _KEYS.get(pattern, {}).items()
        if level not in levels and key in table.entries and is_said(table.entries[key])
    ]


def _refused_words(table: Table, pattern: str, level: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for (where, key), words in _WORDS.items():
        word = text_of(table.entries.get(key)) or ""
        if where == pattern and level not in words.get(word, LEVELS):
            yield key, word, words[word]


def _refuse(table: Table, key: str, path: str, levels: tuple[str, ...], level: str, report: Report) -> None:
    message = f"'{key}' belongs to level {_listed(levels)}, and the level is {level}"
    cure = _CURES.get(path) or _CURES.get(key, f"use level: {levels[-1]}, or remove it")
    report.add(table.key_place(key), "XB221", message, _MADE if (levels, level) == (("events",), "raw") else cure, path)


def _listed(levels: tuple[str, ...]) -> str:
    return " and ".join(reversed(levels))
