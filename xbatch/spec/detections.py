"""The ``detect`` block of level ``raw``: searches for sources in images of EPIC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.spec.extracted import Named
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, is_sound, text_of
from xbatch.spec.observed import Sky
from xbatch.spec.pileups import EPIC
from xbatch.spec.pipelines import is_timing
from xbatch.spec.quantity import QuantityError, energy_range
from xbatch.spec.rawmodel import Detection
from xbatch.spec.report import Report, shown
from xbatch.spec.screenings import DEFAULT_SCREENING, MISSION_CUTS, numbers_of
from xbatch.spec.selectors import selected

__all__ = ["find_detections"]


def find_detections(root: Table, sky: Sky, named: Named, report: Report) -> tuple[Detection, ...]:
    """Resolve the searches of a checked document: one for each camera of each observation, then the joint one."""
    table = root.entries.get("detect")
    found: list[Detection] = []
    for name, node in table.entries.items() if isinstance(table, Table) else ():
        if not isinstance(node, Table) or not is_sound(node):
            continue
        before = len(report.problems)
        screening = node.entries.get("screening")
        if (used := text_of(screening)) is not None:
            named.screenings.known(screening, used)
        bands = _bands(node, report)
        chosen = _chosen(root, node, sky, bands, report)
        joint, mosaic = _is_true(node, "joint"), _is_true(node, "mosaic")
        if mosaic and not joint:
            message = f"'{name}' asks for a mosaic, which is of the images of all cameras together"
            report.add(node.entries["mosaic"], "XB234", message, "add joint: true, or remove it")
        if len(report.problems) > before:
            continue
        found += _searches(name, node, chosen, bands, joint, mosaic)
    return tuple(found)


def _searches(
    name: str,
    node: Table,
    chosen: Sequence[Subject],
    bands: Mapping[str, list[dict[str, Any]]],
    joint: bool,
    mosaic: bool,
) -> list[Detection]:
    made: list[Detection] = []
    screening = text_of(node.entries.get("screening")) or DEFAULT_SCREENING
    for obsid in dict.fromkeys(one.obsid for one in chosen):
        cameras = [one.instrument for one in chosen if one.obsid == obsid]
        several = joint and len(cameras) > 1
        sets: list[tuple[str, ...]] = [*((one,) for one in cameras), *([tuple(cameras)] if several else [])]
        for instruments in sets:
            params = _params(node, {one: bands[one] for one in instruments})
            whole = mosaic and len(instruments) > 1
            made.append(Detection(name, obsid, instruments, params, screening, whole, node.path))
    return made


def _params(node: Table, bands: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    params: dict[str, Any] = {"bands": bands}
    for key in ("pixels", "likelihood", "sensitivity", "splines", "exposure_maps"):
        value = data_of(node.entries[key]) if key in node.entries else None
        if value is not None:
            params[key] = float(value) if key in {"likelihood", "sensitivity"} else value
    return params


def _chosen(root: Table, node: Table, sky: Sky, bands: Mapping[str, object], report: Report) -> list[Subject]:
    """Select cameras; those that are selected by name need bands, and images."""
    where = node.entries.get("where")
    chosen = selected(where, sky.subjects, report if sky.whole else Report())
    for one in chosen if where is not None else ():
        if one.instrument not in bands:
            message = f"{one.obsid}/{one.instrument} is selected, and 'bands' has none of {one.instrument}"
            hint = "add them" if one.instrument in EPIC else "select EPIC cameras alone"
            report.add(where or node, "XB234", message, hint)
            return []
    mine = [one for one in chosen if one.mission == "xmm" and one.instrument in bands]
    for one in mine:
        if is_timing(root, one):
            message = f"sources are looked for in images, and {one.obsid}/{one.instrument} is in timing mode"
            report.add(where or node, "XB234", message, "leave it out with 'where'")
            return []
    listed = node.entries["bands"]
    for camera in bands:
        if sky.whole and chosen and all(one.instrument != camera for one in mine) and isinstance(listed, Table):
            message = f"there are bands of {camera}, and no observation with it is meant"
            report.add(listed.key_place(camera), "XB234", message, "remove them", f"{listed.path}.{camera}")
            return []
    return mine


def _bands(node: Table, report: Report) -> dict[str, list[dict[str, Any]]]:
    listed = node.entries["bands"]
    assert isinstance(listed, Table)
    found: dict[str, list[dict[str, Any]]] = {}
    for camera, items in listed.entries.items():
        assert isinstance(items, Items)
        found[camera] = []
        for number, item in enumerate(items.items, 1):
            band = _band(camera, number, item, report)
            if band is not None and any(one["name"].casefold() == band["name"].casefold() for one in found[camera]):
                report.add(item, "XB123", f"two bands of {camera} are called {shown(band['name'])}", "rename one")
            elif band is not None:
                found[camera].append(band)
    return found


def _band(camera: str, number: int, item: Node, report: Report) -> dict[str, Any] | None:
    assert isinstance(item, Table)
    try:
        at = item.entries["band"]
        lo, hi = energy_range(text_of(at) or "")
        pattern = item.entries.get("pattern")
        cut = MISSION_CUTS[camera]["pattern"]
        if isinstance(pattern, Scalar) and pattern.value is not None:
            at = pattern
            cut = numbers_of(str(pattern.value))
    except QuantityError as error:
        report.add(at, error.code, error.message, error.hint)
        return None
    return {
        "name": text_of(item.entries.get("name")) or f"b{number}",
        "lo": round(lo * 1000.0),
        "hi": round(hi * 1000.0),
        "pattern": list(cut),
        "ecf": float(data_of(item.entries["ecf"])),
    }


def _is_true(node: Table, key: str) -> bool:
    value = node.entries.get(key)
    return isinstance(value, Scalar) and value.value is True
