"""The ``pileup`` block of level ``raw``: searches for the inner radius of a region that leaves no pile-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xbatch.spec.eventmodel import EventSpectrum, Region
from xbatch.spec.extracted import Named
from xbatch.spec.levels import asked_engine
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Node, Scalar, Table, data_of, is_sound, text_of
from xbatch.spec.observed import Sky
from xbatch.spec.pipelines import is_timing
from xbatch.spec.positions import PIXEL_FRAMES, length_of
from xbatch.spec.quantity import QuantityError, energy_range
from xbatch.spec.rawmodel import PileUp
from xbatch.spec.report import Report
from xbatch.spec.screenings import DEFAULT_SCREENING
from xbatch.spec.selectors import selected

__all__ = ["EPIC", "find_pileups"]

EPIC = ("EPN", "EMOS1", "EMOS2")
_RADII = ("start", "first", "step", "max")


def find_pileups(
    root: Table, sky: Sky, named: Named, spectra: Sequence[EventSpectrum], report: Report
) -> tuple[PileUp, ...]:
    """Resolve the searches of a checked document.

    Parameters
    ----------
    root : Table
    sky : Sky
    named : Named
    spectra : sequence of EventSpectrum
        Those whose regions are enlarged need an ARF of their own.
    report : Report
    """
    table = root.entries.get("pileup")
    found: dict[tuple[str, str], PileUp] = {}
    for name, node in table.entries.items() if isinstance(table, Table) else ():
        if not isinstance(node, Table) or not is_sound(node):
            continue
        before = len(report.problems)
        params = _params(node, report)
        region = node.entries["region"]
        screening = node.entries.get("screening")
        if (used := text_of(screening)) is not None:
            named.screenings.known(screening, used)
        if not named.regions.known(region, text_of(region) or "") or len(report.problems) > before:
            continue
        for subject in selected(node.entries.get("where"), sky.subjects, report if sky.whole else Report()):
            one = PileUp(
                name=name,
                observed=f"{subject.obsid}/{subject.instrument}",
                region=text_of(region) or "",
                params=params,
                screening=text_of(screening) or DEFAULT_SCREENING,
                figure=data_of(node.entries["figure"]) is True,
                path=node.path,
            )
            first = found.get((one.observed, one.region))
            if first is not None:
                message = f"'{first.name}' and '{name}' both enlarge '{one.region}' of {one.observed}"
                report.add(region, "XB231", message, "make their selectors exclude each other")
                break
            if not _is_possible(root, node, one, subject, named, report):
                break
            found[one.observed, one.region] = one
    _check_responses(root, found, spectra, report)
    return tuple(found.values())


def _params(node: Table, report: Report) -> dict[str, Any]:
    accept = node.entries.get("accept")
    params: dict[str, Any] = {"events": text_of(node.entries.get("events"))}
    try:
        at: Node = node.entries["band"]
        params["band"] = [round(1000.0 * energy) for energy in energy_range(text_of(at) or "")]
        for key in _RADII:
            at = node.entries[key]
            params[key] = length_of(text_of(at) or "", "fk5")
    except QuantityError as error:
        report.add(at, error.code, error.message, error.hint)
        return params
    if not (params["start"] < params["first"] <= params["max"] and params["step"] > 0.0):
        message = "radii must rise from 'start' to 'first' and on by 'step' to 'max'"
        report.add(node, "XB231", message, "for example start: 0 arcsec, first: 3 arcsec, step: 0.5 arcsec")
    if isinstance(accept, Table):
        params |= {key: data_of(accept.entries[key]) for key in ("n_sigma", "direction")}
        params["n_sigma"] = float(params["n_sigma"])
    return params


def _is_possible(root: Table, node: Table, one: PileUp, subject: Subject, named: Named, report: Report) -> bool:
    """Report a search that cannot be made."""
    if subject.instrument not in EPIC or is_timing(root, subject):
        message = f"pile-up is looked for in images of EPIC, and '{one.name}' is of {one.observed} too"
        hint = "add where: {instrument: [EPN]}"
        if subject.instrument in EPIC:
            message, hint = f"{message}, in timing mode", "leave it out with 'where'"
        report.add(node.entries.get("where") or node, "XB231", message, hint)
        return False
    region = named.regions.at(one.region, subject)
    if region is None:
        return False
    fault = _region_fault(region, one)
    if fault is not None:
        report.add(node.entries["region"], "XB231", f"'{one.region}' of {one.observed} {fault[0]}", fault[1])
    return fault is None


def _region_fault(region: Region, one: PileUp) -> tuple[str, str] | None:
    """Say what of a region keeps its inner radius from being enlarged, and the cure."""
    write = "write shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec"
    if region.file is not None:
        return "is a file, and its inner radius is to be enlarged", write
    shapes = region.params["shapes"]
    if len(shapes) != 1 or shapes[0]["shape"] not in {"annulus", "circle"} or not shapes[0]["include"]:
        return "is neither an annulus nor a circle, and its inner radius is to be enlarged", write
    if shapes[0]["frame"] in PIXEL_FRAMES:
        return "is in pixels, and radii of the search are in arcsec", write
    *inner, outer = shapes[0]["sizes"]
    if one.params["max"] >= outer:
        return (
            f"has an outer radius of {outer:g} arcsec, and the search goes up to {one.params['max']:g}",
            "give the search a smaller 'max'",
        )
    if inner and inner[0] > one.params["start"]:
        return f"has an inner radius of {inner[0]:g} arcsec, above 'start'", f"write start: {inner[0]:g} arcsec"
    return None


def _check_responses(
    root: Table, found: dict[tuple[str, str], PileUp], spectra: Sequence[EventSpectrum], report: Report
) -> None:
    """Refuse responses that were not made for what a search leaves of a region."""
    table = root.entries.get("pileup")
    for spectrum in spectra:
        subject = replace(spectrum.subject, spectrum="", gti="")
        one = found.get((f"{subject.obsid}/{subject.instrument}", spectrum.region))
        node = table.entries.get(one.name) if one is not None and isinstance(table, Table) else None
        needs = node.entries.get("needs_arf") if isinstance(node, Table) else None
        if one is None or not (isinstance(needs, Scalar) and needs.value is True):
            continue
        name = spectrum.subject.spectrum
        if any(isinstance(file, Path | str) for file in (spectrum.response, spectrum.arf)):
            message = f"'{one.name}' cuts the core out of '{spectrum.region}', and '{name}' has a response made before"
            hint = "remove 'response' and 'arf': SAS makes them for what is left; or say needs_arf: false"
        elif asked_engine(root, "spectra") == "native":
            message = f"'{one.name}' cuts the core out of '{spectrum.region}', and no ARF of '{name}' is made natively"
            hint = "leave 'spectra' of 'engine' to auto, or say needs_arf: false"
        else:
            continue
        report.add(needs, "XB236", message, hint, f"{one.path}.needs_arf")
        return
