"""How lists of events are made at level ``raw``: ``data.pipeline`` and ``data.exposures`` for each instrument."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from xbatch.spec.missions import MISSIONS
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, is_said, join, text_of
from xbatch.spec.observed import Sky
from xbatch.spec.positions import place_of
from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import Report
from xbatch.spec.rgs import is_rgs
from xbatch.spec.selectors import exceptions, matches, selected

__all__ = ["ANALYSIS_DATE", "DEFAULTS", "find_pipelines", "is_timing"]

ANALYSIS_DATE = "2026-01-01"
"""Calibration files issued later are not used unless the spec says so: results do not change with the day."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "nustar": {
        "pointing": "object",
        "stages": [1, 2],
        "obsmode": "all",
        "split": False,
        "frozen_seed": False,
        "barycentre": False,
    },
    "xmm": {
        "tasks": "proc",
        "mode": "imaging",
        "out_of_time": False,
        "barycentre": False,
        "analysis_date": ANALYSIS_DATE,
        "part_errors": "fail",
    },
}
_EXPOSURES = "merge"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UPPER = ("pointing", "obsmode")  # words that nupipeline has in capitals
_WHOLE: Mapping[str, tuple[str, ...]] = {"nustar": tuple(DEFAULTS["nustar"]), "xmm": ("analysis_date", "barycentre")}
"""What holds for all instruments of an observation: nupipeline does both modules, and there is one index of files."""
_OF_RGS = ("part_errors",)  # rgsproc does both instruments


def is_timing(root: Table, subject: Subject) -> bool:
    """Say whether the exposures of an instrument that are meant are of timing mode."""
    block = _block(root, "pipeline")
    if block is None or subject.mission != "xmm":
        return False
    return text_of(exceptions(block, [subject], Report())[subject].entries.get("mode")) == "timing"


def find_pipelines(root: Table, sky: Sky, report: Report) -> Mapping[Subject, Mapping[str, Any]]:
    """Give for each observation and instrument how its lists are made, all keys of its mission present.

    Parameters
    ----------
    root : Table
        A checked document.
    sky : Sky
    report : Report
    """
    block = _block(root, "pipeline")
    settled = exceptions(block, sky.subjects, report if sky.whole else Report()) if block is not None else {}
    if block is not None:
        _check_missions(block, sky, report)
    exposures = _exposures(root, sky, report)
    found: dict[Subject, Mapping[str, Any]] = {}
    for subject in sky.subjects:
        if subject.mission not in DEFAULTS:
            continue
        table = settled.get(subject)
        params = dict(DEFAULTS[subject.mission])
        for key in params:
            node = table.entries.get(key) if table is not None else None
            if node is not None and is_said(node):
                params[key] = _value(key, node, report)
        for key in set(_UPPER) & set(params):
            params[key] = params[key].upper() if isinstance(params[key], str) else params[key]
        if subject.mission == "xmm":
            params["exposures"] = exposures.get(subject, _EXPOSURES)
        found[subject] = params
    if block is not None:
        _check_whole(block, found, report)
    return found


def _block(root: Table, key: str) -> Table | None:
    data = root.entries.get("data")
    block = data.entries.get(key) if isinstance(data, Table) else None
    return block if isinstance(block, Table) else None


def _value(key: str, node: Node, report: Report) -> Any:
    if key == "pointing" and isinstance(node, Items):
        texts = [str(one.value) if isinstance(one, Scalar) else "" for one in node.items]
        try:
            return list(place_of(texts[0], texts[-1], "fk5"))
        except QuantityError as error:
            if all(one.place != node.place for one in report.problems):
                report.add(node, error.code, error.message, error.hint)
            return texts
    if key == "analysis_date":
        _check_day(node, report)
    if key == "stages":
        stages = data_of(node)
        # what is no pair of numbers was told by the schema, and holds None
        sound = isinstance(stages, list) and len(stages) == 2 and None not in stages
        if sound and stages[0] > stages[1] and all(one.place != node.place for one in report.problems):
            report.add(node, "XB211", f"stages from {stages[0]} to {stages[1]} are none", "write [1, 2]")
        return stages
    return data_of(node)


def _check_day(node: Node, report: Report) -> None:
    """Refuse a date that no calendar has; the schema tells what is not written as one."""
    text = text_of(node) or ""
    if _DAY.fullmatch(text) is None or any(one.place == node.place for one in report.problems):
        return
    try:
        date.fromisoformat(text)
    except ValueError:
        report.add(node, "XB208", f"'{text}' is no day of the calendar", "for example 2024-06-01")


def _exposures(root: Table, sky: Sky, report: Report) -> dict[Subject, Any]:
    block = _block(root, "exposures")
    if block is None:
        return {}
    default = block.entries.get("default")
    chosen = {subject: data_of(default) if default is not None else _EXPOSURES for subject in sky.subjects}
    listed = exceptions(block.without("default"), sky.subjects, report if sky.whole else Report())
    meant: dict[str, list[tuple[Node, Subject]]] = {}
    for subject, table in listed.items():
        use = table.entries.get("use")
        if use is not None and is_said(use):
            chosen[subject] = data_of(use)
            meant.setdefault(use.path, []).append((use, subject))
    for found in meant.values():
        _check_exposures(found[0][0], [subject for _, subject in found], report)
    return chosen


def _check_exposures(use: Node, subjects: Sequence[Subject], report: Report) -> None:
    """Refuse a choice of exposures that is of another mission, or of none of EPIC's cameras."""
    other = next((one for one in subjects if one.mission != "xmm"), None)
    if other is not None:
        message = f"exposures are XMM-Newton's, and {other.obsid} is of {MISSIONS[other.mission].title}"
        report.add(use, "XB222", message, "narrow 'where' to observations of XMM-Newton")
    elif all(is_rgs(one) for one in subjects):
        message = f"exposures are chosen of EPIC's cameras, and none of {subjects[0].instrument}"
        report.add(use, "XB222", message, "remove it: of several exposures of the RGS the longest is taken")


def _check_missions(block: Table, sky: Sky, report: Report) -> None:
    """Refuse keys of a mission where they are said of none of its observations."""
    listed = block.entries.get("for")
    for table in (block, *(listed.items if isinstance(listed, Items) else ())):
        if not isinstance(table, Table):
            continue
        mine = selected(table.entries.get("where"), sky.subjects, Report())
        for key, node in table.entries.items():
            missions = [mission for mission, keys in DEFAULTS.items() if key in keys]
            if not missions or not is_said(node) or not mine or any(one.mission in missions for one in mine):
                continue
            message = f"'{key}' is of {MISSIONS[missions[0]].title}, and no observation of it is meant here"
            report.add(table.key_place(key), "XB222", message, "remove it", join(table.path, key))


def _check_whole(block: Table, found: Mapping[Subject, Mapping[str, Any]], report: Report) -> None:
    """Refuse exceptions for one instrument of what is done once for all of an observation."""
    every = list(found)
    rgs = [one for one in every if is_rgs(one)]
    whole = _differing(every, found, lambda one: _WHOLE[one.mission])
    for what, hint, differs in (
        ("all instruments", "select by obsid alone", whole),
        ("both RGS", "select by obsid alone, or both instruments", _differing(rgs, found, lambda _: _OF_RGS)),
    ):
        if differs is not None:
            key, other, subject = differs
            both = f"{other.instrument} and {subject.instrument} of {subject.obsid}"
            message = f"'{key}' is for {what} of an observation, and differs between {both}"
            report.add(_exception(block, key, (subject, other)), "XB232", message, hint)
            return


def _differing(
    subjects: Sequence[Subject],
    found: Mapping[Subject, Mapping[str, Any]],
    keys: Callable[[Subject], Sequence[str]],
) -> tuple[str, Subject, Subject] | None:
    """Give the first of some keys that differs within an observation, and between whom."""
    first: dict[str, Subject] = {}
    for subject in subjects:
        other = first.setdefault(subject.obsid, subject)
        for key in keys(subject) if other.mission == subject.mission else ():
            if found[subject][key] != found[other][key]:
                return key, other, subject
    return None


def _exception(block: Table, key: str, subjects: Sequence[Subject]) -> Node:
    listed = block.entries.get("for")
    for table in listed.items if isinstance(listed, Items) else ():
        where = table.entries.get("where") if isinstance(table, Table) else None
        if not isinstance(table, Table) or not isinstance(where, Table) or key not in table.entries:
            continue
        if any(matches(where, one) for one in subjects):
            return table.entries[key]
    return block
