"""The ``spectra`` block of levels ``events`` and ``raw``: what is made of each observation and instrument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xbatch.base.errors import Place
from xbatch.spec.eventmodel import EventSpectrum
from xbatch.spec.gtis import Selections
from xbatch.spec.maps import check_maps, is_made
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Scalar, Table, is_sound, items_of, join, text_of
from xbatch.spec.observations import placeholder_used
from xbatch.spec.observed import Sky, observed_file
from xbatch.spec.regions import Regions
from xbatch.spec.report import Report, shown
from xbatch.spec.responses import check_responses, further_responses, laid_over_files
from xbatch.spec.rgs import (
    PIPELINE,
    check_orders,
    check_rgs_times,
    check_same_times,
    is_pipeline,
    is_rgs,
    rgs_spectra,
)
from xbatch.spec.screenings import DEFAULT_SCREENING, Screenings
from xbatch.spec.selectors import exceptions, selected
from xbatch.spec.sourceposition import source_position
from xbatch.spec.spectra import SpectraFound
from xbatch.spec.templates import FIELDS, check_template, template_path

if TYPE_CHECKING:
    from xbatch.spec.rawmodel import RgsSpectrum

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
) -> tuple[SpectraFound, tuple[EventSpectrum, ...], tuple[RgsSpectrum, ...]]:
    """Resolve the spectra of a checked document of level ``events`` or ``raw``.

    Returns
    -------
    SpectraFound
        The subjects, as fits select them.
    tuple of EventSpectrum
        In the order of the spec.
    tuple of RgsSpectrum
        Those of level ``raw`` that rgsproc makes.
    """
    table = root.entries.get("spectra")
    if not isinstance(table, Table):
        return SpectraFound(whole=sky.whole and table is None), (), ()
    subjects: dict[str, list[Subject]] = {}
    spectra: list[EventSpectrum] = []
    dispersed: list[RgsSpectrum] = []
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
        check_maps(settled, report if sky.whole else Report(), pairs=True)
        sound = len(report.problems) == before and is_sound(node)
        whole = whole and sound
        subjects[name] = mine
        if sound:
            made = [one for one in mine if is_pipeline(settled[one])]
            target = named.regions.target is not None
            spectra += [_spectrum(one, settled[one], sky, node.path, target, report) for one in mine if one not in made]
            rgs = [
                spectrum
                for one in made
                for spectrum in rgs_spectra(one, settled[one], named.screenings, named.gtis, node.path)
            ]
            subjects |= _with_orders(name, [one for one in mine if one not in made], rgs, table, report)
            dispersed += rgs
            _check_dispersed(made, table.key_place(name), node.path, report)
            check_rgs_times(made, node, named.gtis, report)
    _check_instruments(table, [one.subject for one in spectra], sky, report)
    check_same_times(dispersed, named.gtis, report)
    return (
        SpectraFound(
            (),
            subjects,
            whole,
            frozenset(one.subject.path for one in spectra if not one.background),
            frozenset(one.subject.path for one in spectra if one.background)
            | frozenset(one.subject.path for one in dispersed),
            responses={one.subject.path: frozenset(one.responses) for one in spectra if one.responses},
            kept=dict(_kept(spectra, named.screenings)),
        ),
        tuple(spectra),
        tuple(dispersed),
    )


def _kept(spectra: Sequence[EventSpectrum], screenings: Screenings) -> Iterator[tuple[str, tuple[int, int]]]:
    """Give the PI that the screenings of some spectra keep, where they do not keep all."""
    for one in spectra:
        screening = screenings.at(one.screening, replace(one.subject, spectrum="", gti=""))
        if screening is not None and screening.params.get("pi_range") is not None:
            first, last = screening.params["pi_range"]
            yield one.subject.path, (int(first), int(last))


def _with_orders(
    name: str, counted: Sequence[Subject], rgs: Sequence[RgsSpectrum], table: Table, report: Report
) -> dict[str, list[Subject]]:
    """Give the subjects of an entry, and by themselves those of each further order, which fits may name."""
    found = {name: [*counted, *(one.subject for one in rgs)]}
    for one in rgs:
        if one.subject.spectrum != name:
            found.setdefault(one.subject.spectrum, []).append(one.subject)
    taken = {other.casefold(): other for other in table.entries}
    for other in found.keys() - {name}:
        if other.casefold() in taken:
            message = f"order {other[-1]} of '{name}' has the name of the spectrum '{taken[other.casefold()]}'"
            report.add(table.key_place(name), "XB141", message, "rename one", join(table.path, name))
    return found


def _check_dispersed(made: Sequence[Subject], place: Place, path: str, report: Report) -> None:
    """Insist on an RGS where rgsproc is to make a spectrum."""
    for subject in made:
        if not is_rgs(subject):
            message = f"'{subject.spectrum}' of {subject.obsid}/{subject.instrument} is of no RGS, and rgsproc makes it"
            hint = "add where: {instrument: [RGS1, RGS2]}, or name a region"
            report.add(place, "XB233", message, hint, path)
            return


def _spectrum(subject: Subject, table: Table, sky: Sky, path: str, target: bool, report: Report) -> EventSpectrum:
    def said(key: str) -> str:
        return text_of(table.entries.get(key)) or ""

    def response(key: str) -> Path | str | None:
        text = said(key)
        return text if text == "none" else template_path(text, subject, sky.base) if text else None

    background = said("background")
    made = is_made(table)
    return EventSpectrum(
        subject=subject,
        region=said("region"),
        background="" if background == "none" else background,
        screening=said("screening") or DEFAULT_SCREENING,
        gti=subject.gti,
        source_type=said("source_type") or "point",
        response=response("response"),
        arf=response("arf"),
        exposure_map=None if made else observed_file(table.entries.get("exposure_map"), subject, sky.base),
        map_made=made,
        note=said("note"),
        path=path,
        responses=further_responses(table, subject, sky.base),
        source_position=source_position(table.entries.get("source_position"), subject, target, report),
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
            if name is not None and (key, name) not in {("background", "none"), ("region", PIPELINE)}:
                named.regions.known(one, name)
        screening = table.entries.get("screening")
        if (name := text_of(screening)) is not None:
            named.screenings.known(screening, name)
        for key in _FILES:
            value = table.entries.get(key)
            if key == "exposure_map" and is_made(table):
                continue
            if isinstance(value, Scalar) and isinstance(value.value, str):
                check_template(value, sky.pointings, report, FIELDS)
        check_responses(table, sky.pointings, report)
    check_orders(node, report)
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


def _check_instruments(table: Table, subjects: Sequence[Subject], sky: Sky, report: Report) -> None:
    """Insist on the instruments' names where lists of events are to be found for each, and on imaging ones."""
    unnamed = {one.obsid for one in sky.pointings if placeholder_used(one)}
    told: set[str] = set()
    for subject in subjects:
        name, path = subject.spectrum, join(table.path, subject.spectrum)
        if subject.obsid in unnamed:
            message = f"{shown(subject.obsid)} is of an instrument without a name"
            hint = "add 'instruments: [...]' to the observations"
            report.add(table.key_place(name), "XB111", message, hint, path)
            return
        if is_rgs(subject) and name not in told:
            told.add(name)
            message = f"'{name}' counts events of {subject.instrument} in a region, and an RGS has none on the sky"
            hint = "add where: {instrument: [EPN]}; "
            hint += (
                "spectra of the RGS have region: pipeline" if sky.raw else "spectra of rgsproc are for level: spectra"
            )
            report.add(table.key_place(name), "XB233" if sky.raw else "XB220", message, hint, path)
