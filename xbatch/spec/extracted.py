"""The ``spectra`` block of level ``events``: what is extracted, for each observation, instrument and time selection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xbatch.spec.eventmodel import EventSpectrum
from xbatch.spec.gtis import Selections
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Scalar, Table, is_sound, items_of, join, text_of
from xbatch.spec.observations import placeholder_used
from xbatch.spec.observed import Sky, observed_file
from xbatch.spec.regions import Regions
from xbatch.spec.report import Report, shown
from xbatch.spec.responses import check_responses, further_responses, laid_over_files
from xbatch.spec.screenings import DEFAULT_SCREENING, Screenings
from xbatch.spec.selectors import exceptions, selected
from xbatch.spec.spectra import SpectraFound
from xbatch.spec.templates import FIELDS, check_template, template_path

__all__ = ["Named", "find_extracted"]

# A spectrum's folder lies beside those of the other products of its observation.
_TAKEN = ("events", "flare", "preview", "images", "lightcurves")
_TAKEN_BEGINNINGS = ("events-", "flare-", "gti-")
_FILES = ("response", "arf", "exposure_map")


@dataclass(frozen=True)
class Named:
    """What names in the blocks of level ``events`` may refer to."""

    regions: Regions
    screenings: Screenings
    gtis: Selections


def find_extracted(
    root: Table, sky: Sky, named: Named, report: Report
) -> tuple[SpectraFound, tuple[EventSpectrum, ...]]:
    """Resolve the spectra of a checked document of level ``events``.

    Returns
    -------
    SpectraFound
        The subjects, as fits select them.
    tuple of EventSpectrum
        In the order of the spec.
    """
    table = root.entries.get("spectra")
    if not isinstance(table, Table):
        return SpectraFound(whole=sky.whole and table is None), ()
    subjects: dict[str, list[Subject]] = {}
    spectra: list[EventSpectrum] = []
    whole = sky.whole
    for name, node in table.entries.items():
        subjects[name] = []
        if not isinstance(node, Table):
            whole = False
            continue
        before = len(report.problems)
        _check_folder(name, table, report)
        _check_names(node, sky, named, report)
        selections = [text for one in items_of(node.entries.get("gti")) if (text := text_of(one)) is not None]
        pointed = [replace(one, spectrum=name) for one in sky.subjects]
        chosen = selected(node.entries.get("where"), pointed, report if sky.whole else Report())
        mine = [replace(one, gti=gti) for one in chosen for gti in selections or [""]]
        settled = exceptions(node, mine, report if sky.whole else Report(), laid_over_files)
        sound = len(report.problems) == before and is_sound(node)
        whole = whole and sound
        subjects[name] = mine
        if sound:
            spectra += [_spectrum(one, settled[one], sky, node.path) for one in mine]
    _check_instruments(table, subjects, sky, report)
    return (
        SpectraFound(
            (),
            subjects,
            whole,
            frozenset(one.subject.path for one in spectra if not one.background),
            frozenset(one.subject.path for one in spectra if one.background),
            responses={one.subject.path: frozenset(one.responses) for one in spectra if one.responses},
        ),
        tuple(spectra),
    )


def _spectrum(subject: Subject, table: Table, sky: Sky, path: str) -> EventSpectrum:
    def said(key: str) -> str:
        return text_of(table.entries.get(key)) or ""

    def response(key: str) -> Path | str | None:
        text = said(key)
        return text if text == "none" else template_path(text, subject, sky.base) if text else None

    background = said("background")
    return EventSpectrum(
        subject=subject,
        region=said("region"),
        background="" if background == "none" else background,
        screening=said("screening") or DEFAULT_SCREENING,
        gti=subject.gti,
        source_type=said("source_type") or "point",
        response=response("response"),
        arf=response("arf"),
        exposure_map=observed_file(table.entries.get("exposure_map"), subject, sky.base),
        note=said("note"),
        path=path,
        responses=further_responses(table, subject, sky.base),
    )


def _check_folder(name: str, table: Table, report: Report) -> None:
    folded = name.casefold()
    if folded in _TAKEN or folded.startswith(_TAKEN_BEGINNINGS):
        message = f"the folder of a spectrum called {shown(name)} would be that of other products"
        report.add(table.key_place(name), "XB123", message, "rename it", join(table.path, name))


def _check_names(node: Table, sky: Sky, named: Named, report: Report) -> None:
    """Check everything that a spectrum, or an exception of it, refers to."""
    listed = node.entries.get("for")
    tables = [node, *(listed.items if isinstance(listed, Items) else ())]
    for table in tables:
        if not isinstance(table, Table):
            continue
        for key in ("region", "background"):
            one = table.entries.get(key)
            name = text_of(one)
            if name is not None and (key, name) != ("background", "none"):
                named.regions.known(one, name)
        screening = table.entries.get("screening")
        if (name := text_of(screening)) is not None:
            named.screenings.known(screening, name)
        for key in _FILES:
            value = table.entries.get(key)
            if isinstance(value, Scalar) and isinstance(value.value, str):
                check_template(value, sky.pointings, report, FIELDS)
        check_responses(table, sky.pointings, report)
    region, background = (node.entries.get(key) for key in ("region", "background"))
    if background is not None and text_of(region) == text_of(background) is not None and not listed:
        message = f"the region {shown(text_of(region) or '')} is its own background: nothing would be left"
        report.add(background, "XB216", message, "name another region, or background: none")
    seen: set[str] = set()
    for one in items_of(node.entries.get("gti")):
        name = text_of(one)
        if name is None or not named.gtis.known(one, name):
            continue
        if name in seen:
            report.add(one, "XB108", f"the time selection {shown(name)} is listed twice", "remove one")
        seen.add(name)


def _check_instruments(table: Table, subjects: Mapping[str, list[Subject]], sky: Sky, report: Report) -> None:
    """Insist on the instruments' names where lists of events are to be found for each, and on imaging ones."""
    unnamed = {one.obsid for one in sky.pointings if placeholder_used(one)}
    for name, chosen in subjects.items():
        for subject in chosen:
            path = join(table.path, name)
            if subject.obsid in unnamed:
                message = f"{shown(subject.obsid)} is of an instrument without a name"
                hint = "add 'instruments: [...]' to the observations"
                report.add(table.key_place(name), "XB111", message, hint, path)
                return
            if subject.instrument.startswith("RGS") and subject.mission == "xmm":
                message = f"'{name}' counts events of {subject.instrument} in a region, and an RGS has none on the sky"
                hint = "add where: {instrument: [EPN]}; spectra of rgsproc are for level: spectra"
                report.add(table.key_place(name), "XB220", message, hint, path)
                break
