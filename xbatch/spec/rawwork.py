"""All that a spec of level ``raw`` asks of the missions' tools beside spectra and light curves of regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.spec.eventmodel import EventWork
from xbatch.spec.eventwork import EventFindings
from xbatch.spec.missions import MISSIONS
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Node, Table, text_of
from xbatch.spec.pipelines import find_pipelines
from xbatch.spec.positions import equatorial
from xbatch.spec.rawmodel import RawObservation, RawWork, RgsSum
from xbatch.spec.report import Report

__all__ = ["find_raw"]

#: Cuts that nupipeline is told as well, and by which of its parameters, where a screening has not that itself.
_TOLD: Mapping[str, str] = {"grade": "gradeexpr", "status": "statusexpr"}


def find_raw(root: Table, findings: EventFindings, work: EventWork, sums: Sequence[RgsSum], report: Report) -> RawWork:
    """Gather how each observation is reduced, and what only the tools make.

    Parameters
    ----------
    root : Table
        A checked document.
    findings : EventFindings
    work : EventWork
        What is asked of the lists.
    sums : sequence of RgsSum
    report : Report
    """
    sky = findings.sky
    pipelines = find_pipelines(root, sky, report)
    _check_missions(findings, report)
    _check_timing(root, work, pipelines, report)
    together: dict[tuple[str, str], list[Subject]] = {}
    for subject in sky.subjects:
        together.setdefault((subject.mission, subject.obsid), []).append(subject)
    observations = [
        _observation(root, subjects, findings, work, pipelines, report)
        for subjects in together.values()
        if subjects[0] in pipelines
    ]
    return RawWork(tuple(observations), findings.pileups, findings.rgs, tuple(sums), findings.detections)


def _observation(
    root: Table,
    subjects: Sequence[Subject],
    findings: EventFindings,
    work: EventWork,
    pipelines: Mapping[Subject, Mapping[str, Any]],
    report: Report,
) -> RawObservation:
    first = subjects[0]
    data = root.entries.get("data")
    fetch = text_of(data.entries.get("fetch")) if isinstance(data, Table) else None
    return RawObservation(
        mission=first.mission,
        obsid=first.obsid,
        instruments=tuple(one.instrument for one in subjects),
        root=findings.sky.base,
        tags=first.tags,
        fetch=fetch or "missing",
        params=pipelines[first],
        instrument_params={one.instrument: pipelines[one] for one in subjects},
        screenings=_screenings(root, subjects, findings, work, report) if first.mission == "nustar" else {},
        target=_target(findings),
        path=next(one.path for one in findings.sky.pointings if one.obsid == first.obsid),
    )


def _screenings(
    root: Table, subjects: Sequence[Subject], findings: EventFindings, work: EventWork, report: Report
) -> dict[str, dict[str, Any]]:
    """Give what nupipeline takes of each screening in use; it does both modules, so they must agree."""
    used = {(one.obsid, one.instrument): one.screenings for one in work.observed}
    found: dict[str, dict[str, Any]] = {}
    cuts: dict[str, dict[str, Any]] = {}
    for subject in subjects:
        for name, screening in used.get((subject.obsid, subject.instrument), {}).items():
            params = findings.named.screenings.of_pipeline(name, subject)
            own = {key: screening.params.get(key) for key, told in _TOLD.items() if told not in params}
            if found.setdefault(name, params) != params or cuts.setdefault(name, own) != own:
                message = f"'{name}' has nupipeline screen the modules of {subject.obsid} differently"
                hint = "nupipeline does both at once: select by obsid alone, or write a screening for each"
                report.add(_screening(root, name), "XB232", message, hint)
    return found


def _screening(root: Table, name: str) -> Node:
    block = root.entries["screening"]
    assert isinstance(block, Table)
    return block.entries[name]


def _target(findings: EventFindings) -> tuple[float, float] | None:
    anchor = findings.named.regions.target
    return equatorial(*anchor.center, anchor.frame) if anchor is not None and anchor.center is not None else None


def _check_timing(root: Table, work: EventWork, pipelines: Mapping[Subject, Mapping[str, Any]], report: Report) -> None:
    """Refuse products of X and Y where there are none; each entry is reported once."""
    timed = {f"{one.obsid}/{one.instrument}" for one, params in pipelines.items() if params.get("mode") == "timing"}
    made = [(f"{one.subject.obsid}/{one.subject.instrument}", one.path) for one in work.spectra]
    made += [(job.observed, job.path) for job in work.images]
    made += [(job.observed, job.path) for job in work.lightcurves]
    told: set[str] = set()
    for observed, path in made:
        if observed in timed and path not in told:
            told.add(path)
            block, _, name = path.partition(".")
            table = root.entries[block]
            place = table.key_place(name) if isinstance(table, Table) else table.place
            message = f"lists of timing mode have no X and Y, and '{name}' selects by them in {observed}"
            report.add(place, "XB238", message, "leave it out with 'where', or use mode: imaging", path)


def _check_missions(findings: EventFindings, report: Report) -> None:
    for one in findings.sky.pointings:
        if one.mission == "other":
            titles = " and ".join(MISSIONS[name].title for name in ("nustar", "xmm"))
            message = f"{one.obsid} is of another mission, and raw data are reduced of {titles}"
            report.add(one.place, "XB230", message, "use level: events or spectra for it", one.path)
            return
