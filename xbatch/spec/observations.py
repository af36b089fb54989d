"""Which observations and instruments a spec speaks of."""

from __future__ import annotations

from dataclasses import dataclass

from xbatch.base.errors import Place
from xbatch.spec.missions import MISSIONS, PLACEHOLDER
from xbatch.spec.nodes import DEFAULT, Broken, Items, Node, Table, from_data, items_of, join, text_of
from xbatch.spec.report import Report, did_you_mean, shown

__all__ = ["Pointing", "fill_missions", "placeholder_used", "pointings"]


@dataclass(frozen=True)
class Pointing:
    """One observation with one instrument, and where the spec names it."""

    mission: str
    obsid: str
    instrument: str
    tags: tuple[str, ...]
    place: Place
    path: str


def fill_missions(root: Table) -> Table:
    """Write into each entry of ``observations`` (or at the top) the mission and instruments that hold for it."""
    top_mission = root.entries.get("mission")
    top_instruments = root.entries.get("instruments")
    listed = root.entries.get("observations")
    if not isinstance(listed, Items):
        return root if "obsids" not in root.entries else _filled(root, top_mission, top_instruments, "")
    entries = tuple(
        _filled(entry, top_mission, top_instruments, entry.path) if isinstance(entry, Table) else entry
        for entry in listed.items
    )
    return root.with_entry("observations", Items(entries, listed.place, listed.path), root.key_place("observations"))


def _filled(entry: Table, mission: Node | None, instruments: Node | None, path: str) -> Table:
    if "mission" not in entry.entries and mission is not None:
        entry = entry.with_entry("mission", mission, entry.place)
    if "instruments" in entry.entries:
        return entry
    if instruments is not None:
        return entry.with_entry("instruments", instruments, entry.place)
    name = text_of(entry.entries.get("mission"))
    if name is None:
        return entry
    default = from_data(list(MISSIONS[name].default), entry.place, DEFAULT)
    assert isinstance(default, Items)
    return entry.with_entry(
        "instruments", Items(default.items, entry.place, join(path, "instruments"), DEFAULT), entry.place
    )


def pointings(root: Table, report: Report, notes: Report) -> list[Pointing] | None:
    """List every observation with every instrument, in the order of the spec.

    Parameters
    ----------
    root : Table
        A checked document, missions filled.
    report, notes : Report
        Take what is wrong, and what is odd (an obsid with too few digits).

    Returns
    -------
    list of Pointing or None
        None where observations could not be read, so that nothing is to be said about what refers to them.
    """
    listed = root.entries.get("observations")
    if listed is not None and "obsids" in root.entries:
        place = root.key_place("obsids")
        report.add(place, "XB109", "'obsids' and 'observations' both list observations", "keep one", "obsids")
        return None
    entries: tuple[Node, ...] = (root,)
    if listed is not None:
        entries = listed.items if isinstance(listed, Items) else (listed,)
    elif "obsids" not in root.entries:
        message, hint = "no observations are named", "add 'obsids: [...]', or 'observations:' with entries"
        report.add(Place(root.place.file), "XB110", message, hint, "obsids")
        return None
    found: list[Pointing] = []
    whole = True
    for entry in entries:
        more = _entry(entry, report, notes) if isinstance(entry, Table) else None
        whole = whole and more is not None
        found += more or []
    return _without_repeats(found, report) if whole else None


def _entry(entry: Table, report: Report, notes: Report) -> list[Pointing] | None:
    mission_node = entry.entries.get("mission")
    if mission_node is None:
        message, hint = "these observations have no mission", "add 'mission: nustar', xmm or other"
        report.add(entry.key_place("obsids"), "XB202", message, hint, join(entry.path, "mission"))
        return None
    mission = text_of(mission_node)
    instruments = _instruments(entry.entries.get("instruments"), mission, report) if mission else None
    obsids = entry.entries.get("obsids")
    if mission is None or instruments is None or not isinstance(obsids, Items):
        return None
    if any(isinstance(item, Broken) for item in obsids.items):
        return None
    tags = tuple(tag for item in items_of(entry.entries.get("tags")) if (tag := text_of(item)) is not None)
    found = []
    for item in obsids.items:
        obsid = text_of(item) or ""
        _note_digits(item, obsid, mission, notes)
        found += [Pointing(mission, obsid, one, tags, item.place, item.path) for one in instruments]
    return found


def _instruments(node: Node | None, mission: str, report: Report) -> list[str] | None:
    if not isinstance(node, Items):
        return None
    known = MISSIONS[mission].instruments
    names: list[str] = []
    sound = True
    for item in node.items:
        name = text_of(item)
        if name is None:
            sound = False
        elif known and name not in known:
            synonym = MISSIONS[mission].synonyms.get(name.casefold())
            hint = f"did you mean '{synonym}'?" if synonym else did_you_mean(name, known)
            report.add(item, "XB113", f"{MISSIONS[mission].title} has no instrument {shown(name)}", hint)
            sound = False
        elif name.casefold() in {one.casefold() for one in names}:
            report.add(item, "XB108", f"the instrument {shown(name)} is listed twice", "remove one")
            sound = False
        else:
            names.append(name)
    return names if sound else None


def _note_digits(item: Node, obsid: str, mission: str, notes: Report) -> None:
    digits = MISSIONS[mission].obsid_digits
    if not digits or (len(obsid) == digits and obsid.isdigit()):
        return
    title = MISSIONS[mission].title
    hint = f"is it {obsid.zfill(digits)}?" if obsid.isdigit() and len(obsid) < digits else ""
    notes.add(item, "XB120", f"an obsid of {title} has {digits} digits, and {shown(obsid)} has not", hint)


def _without_repeats(found: list[Pointing], report: Report) -> list[Pointing]:
    seen: dict[tuple[str, str], Pointing] = {}
    for one in found:
        first = seen.setdefault((one.obsid.casefold(), one.instrument.casefold()), one)
        if first is not one and first.path != one.path:
            hint = f"the first is at line {first.place.line}; remove one"
            message = f"the observation {shown(one.obsid)} is listed twice"
            report.add(one.place, "XB108", message, hint, one.path)
    return list(seen.values())


def placeholder_used(pointing: Pointing) -> bool:
    """Say whether an observation's instrument has no name of its own."""
    return pointing.mission == "other" and pointing.instrument == PLACEHOLDER
