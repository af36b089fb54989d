"""The ``engine`` of a spec: who does a kind of work, where the spec says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from xbatch.spec.levels import level_of
from xbatch.spec.missions import MISSIONS
from xbatch.spec.nodes import Node, Table, is_said, join, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.report import Report, listed

__all__ = ["KINDS", "find_engines"]

AUTO, NATIVE = "auto", "native"
KINDS = ("reduction", "spectra", "lightcurves", "images", "binning", "combine")
_TITLES = {"heasoft": "HEASoft", "sas": "SAS"}
_MISSION = {"heasoft": "nustar", "sas": "xmm"}
_OF_RAW = ("reduction", "spectra", "lightcurves", "images")
_BINNINGS: Mapping[str, tuple[str, ...]] = {
    "heasoft": ("none", "min", "bmin", "snmin", "opt", "optmin", "optsnmin", "constant", "file", "nutools"),
    "sas": ("specgroup",),
}
"""Types that ftgrouppha and grppha, and specgroup can do (grppha takes the groups of nutools from a file)."""
_ONE_OF = ("counts", "snr")


def find_engines(root: Table, pointed: Sequence[Pointing], report: Report) -> Mapping[str, str]:
    """Read the engines of a checked document.

    Returns
    -------
    Mapping
        Kind of work to ``native``, ``heasoft`` or ``sas``; what is left to the plan is not there. An engine holds for
        the missions that it serves.
    """
    node = root.entries.get("engine")
    if node is None:
        return {}
    whole = text_of(node)
    if whole is not None:
        kinds = [kind for kind in KINDS if _fault(root, kind, whole, pointed) is None]
        if whole != AUTO and not kinds:
            message, hint = _fault(root, "reduction", whole, pointed) or ("", "")
            report.add(node, "XB235", message, hint)
        said: dict[str, tuple[Node, str]] = dict.fromkeys(kinds, (node, whole))
    else:
        said = _said(root, node, pointed, report)
    found = {kind: engine for kind, (_, engine) in said.items() if engine != AUTO}
    if "binning" in found:
        _check_binnings(root, said["binning"][0], found["binning"], report)
    return found


def _said(root: Table, node: Node, pointed: Sequence[Pointing], report: Report) -> dict[str, tuple[Node, str]]:
    """Read a map of engines by kind of work."""
    said: dict[str, tuple[Node, str]] = {}
    for kind, value in node.entries.items() if isinstance(node, Table) else ():
        engine = text_of(value)
        fault = _fault(root, kind, engine, pointed) if engine is not None else None
        if fault is not None:
            report.add(value, "XB235", *fault)
        elif engine is not None:
            said[kind] = (value, engine)
    return said


def _fault(root: Table, kind: str, engine: str, pointed: Sequence[Pointing]) -> tuple[str, str] | None:
    """Say why an engine cannot do a kind of work of this spec, and the cure."""
    level = level_of(root)
    made_here = engine == NATIVE and kind != "reduction" and level != "spectra"
    if engine == AUTO or (kind in _OF_RAW and level != "raw" and made_here):
        return None
    if kind in _OF_RAW and level not in {"raw", ""}:
        return f"{kind} by {_title(engine)} is of level raw, and the level is {level}", "use level: raw, or remove it"
    if (kind, engine) == ("reduction", NATIVE):
        return "lists of events are made by the missions' own tools alone", "write auto, heasoft or sas"
    if (kind, engine) == ("combine", "sas"):
        return "sums over observations are not made by SAS", "write auto, native or heasoft; rgscombine is SAS's anyway"
    return _foreign(engine, {one.mission for one in pointed}) if kind in _OF_RAW else None


def _foreign(engine: str, missions: Collection[str]) -> tuple[str, str] | None:
    """Say that no observation is of the mission that an engine serves."""
    mission = _MISSION.get(engine)
    if mission is not None and missions and mission not in missions:
        message = f"{_title(engine)} reduces {MISSIONS[mission].title}, and no observation here is of it"
        others = [one for one, served in _MISSION.items() if served in missions]
        return message, f"write {' or '.join(['auto', *others])}"
    return None


def _title(engine: str) -> str:
    return _TITLES.get(engine, "xbatch itself")


def _check_binnings(root: Table, node: Node, engine: str, report: Report) -> None:
    """Refuse an engine of binnings that cannot do one of them; the first is reported."""
    block = root.entries.get("binning")
    for name, table in block.entries.items() if isinstance(block, Table) else ():
        kind = text_of(table.entries.get("type")) if isinstance(table, Table) else None
        if not isinstance(table, Table) or kind is None or engine == NATIVE:
            continue
        if kind not in _BINNINGS[engine]:
            message = f"{_title(engine)} has no binning of type {kind}, which '{name}' is"
            hint = f"it can do {listed(_BINNINGS[engine])}; write engine: {{binning: auto}} for others"
        elif engine == "sas" and all(is_said(table.entries.get(key)) for key in _ONE_OF):
            # its error MoreThanOneStatMethod (specgroup 1.7.1, *Statistical grouping*)
            message = f"SAS's specgroup takes {' or '.join(_ONE_OF)}, and '{name}' has both"
            hint = "remove one; xbatch itself ends a group where both are reached: engine: {binning: auto}"
        else:
            continue
        report.add(
            node, "XB235", message, hint, node.path if text_of(root.entries["engine"]) is None else join("", "engine")
        )
        return
