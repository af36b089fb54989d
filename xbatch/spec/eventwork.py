"""All blocks of level ``events`` together: what is asked for, and of which observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xbatch.spec.bands import Bands
from xbatch.spec.eventmodel import EventSpectrum, EventWork, Gtis, ImageJob, LightCurveJob, Observed, Region, Screening
from xbatch.spec.extracted import Named, find_extracted
from xbatch.spec.gtis import find_gtis
from xbatch.spec.levels import level_of
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Node, Table, items_of, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.observed import Sky, event_files, observed_subjects
from xbatch.spec.products import Curves, find_images, find_lightcurves
from xbatch.spec.regions import find_regions
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.rgs import is_rgs
from xbatch.spec.schema import Schema
from xbatch.spec.screenings import DEFAULT_SCREENING, find_screenings
from xbatch.spec.selectors import selected
from xbatch.spec.shapes import as_annulus
from xbatch.spec.spectra import SpectraFound

if TYPE_CHECKING:
    from xbatch.spec.rawmodel import Detection, PileUp, RgsSpectrum

__all__ = ["EventFindings", "assembled", "band_users", "find_event_spectra"]

_DETECTOR_COLUMNS = {"nustar": ("DET1X", "DET1Y"), "xmm": ("DETX", "DETY"), "other": ("DETX", "DETY")}


@dataclass(frozen=True)
class EventFindings:
    """What the blocks that spectra hang on say; bands, images and light curves come after it."""

    sky: Sky
    named: Named
    found: SpectraFound
    spectra: tuple[EventSpectrum, ...]
    rgs: tuple[RgsSpectrum, ...] = ()
    pileups: tuple[PileUp, ...] = ()
    detections: tuple[Detection, ...] = ()


def find_event_spectra(
    root: Table, pointings: Sequence[Pointing] | None, base: Path, schema: Schema, report: Report, notes: Report
) -> EventFindings:
    """Resolve regions, screenings, time selections and spectra of a checked document.

    Parameters
    ----------
    root : Table
    pointings : sequence of Pointing or None
        None where they could not be read.
    base : Path
        ``data.root``.
    schema : Schema
    report, notes : Report
    """
    pointed = tuple(pointings or ())
    sky = Sky(observed_subjects(pointed), pointed, base, pointings is not None, level_of(root) == "raw")
    named = Named(
        find_regions(root, sky, schema, report, notes), find_screenings(root, sky, report), find_gtis(root, sky, report)
    )
    found, spectra, rgs = find_extracted(root, sky, named, report)
    findings = EventFindings(sky, named, found, spectra, rgs)
    if not sky.raw:
        return findings
    # what belongs to raw observations is loaded for specs that have them
    from xbatch.spec.detections import find_detections
    from xbatch.spec.pileups import find_pileups

    pileups = find_pileups(root, sky, named, spectra, report)
    return replace(findings, pileups=pileups, detections=find_detections(root, sky, named, report))


def band_users(root: Table, findings: EventFindings) -> Mapping[str, Sequence[Pointing]]:
    """Name, for each band or scheme that images and light curves use, the observations that they are made of."""
    quiet = Report()
    found: dict[str, dict[str, Pointing]] = {}
    for block in ("images", "lightcurves"):
        table = root.entries.get(block)
        for node in table.entries.values() if isinstance(table, Table) else ():
            if not isinstance(node, Table):
                continue
            spectrum = text_of(node.entries.get("spectrum"))
            known = findings.sky.subjects if block == "images" else findings.found.subjects.get(spectrum or "", ())
            chosen = {_name(one) for one in selected(node.entries.get("where"), known, quiet)}
            mine = {key: one for one in findings.sky.pointings if (key := f"{one.obsid}/{one.instrument}") in chosen}
            for item in items_of(node.entries.get("bands")):
                found.setdefault(text_of(item) or "", {}).update(mine)
    return {name: tuple(users.values()) for name, users in found.items() if users}


def assembled(root: Table, findings: EventFindings, bands: Bands, report: Report) -> EventWork:
    """Resolve images and light curves, and gather what each observation has to give."""
    sky, named = findings.sky, findings.named
    pictures = find_images(root, sky, named, bands, report)
    enlarged = frozenset((one.observed, one.region) for one in findings.pileups)
    curves = find_lightcurves(root, sky, named, findings.spectra, findings.found.subjects, bands, report, enlarged)
    events = event_files(root, "events", sky, report)
    livetime = event_files(root, "livetime", sky, report)
    _check_flux(root, findings, curves, report)
    uses = {_name(subject): _Uses() for subject in sky.subjects}
    for spectrum in findings.spectra:
        uses[_name(spectrum.subject)].take(spectrum)
    jobs: tuple[ImageJob | LightCurveJob, ...] = (*pictures.images, *curves.jobs)
    for job in jobs:
        uses[job.observed].take(job)
    for search in findings.pileups:
        uses[search.observed].enlarge(search)
    for detection in findings.detections:
        for instrument in detection.instruments:
            uses[f"{detection.obsid}/{instrument}"].screenings[detection.screening] = None
    if sky.raw and not findings.rgs and not any(use.screenings for use in uses.values()):
        for subject in sky.subjects:  # nothing is asked for but the lists themselves
            uses[_name(subject)].screenings |= {} if is_rgs(subject) else {DEFAULT_SCREENING: None}
    observed = []
    for subject, pointing in zip(sky.subjects, sky.pointings, strict=True):
        use = uses[_name(subject)]
        if use.screenings:
            observed.append(
                _observed(subject, pointing, use, findings, curves, events.get(subject), livetime.get(subject))
            )
    _check_pixels(sky, uses, named, report)
    for subject in sky.subjects:
        for name in uses[_name(subject)].screenings:
            named.screenings.check_used(name, subject)
    return EventWork(
        observed=tuple(observed),
        spectra=findings.spectra,
        images=pictures.images,
        mosaics=pictures.mosaics,
        lightcurves=curves.jobs,
    )


class _Uses:
    """What is used of one observation and instrument, in order of appearance."""

    def __init__(self) -> None:
        self.screenings: dict[str, None] = {}
        self.regions: dict[str, None] = {}
        self.gtis: dict[str, None] = {}
        self.enlarged: set[str] = set()  # regions whose inner radius a search for pile-up finds
        self.detector: set[str] = set()  # screenings that an image of the detector is made with

    def enlarge(self, search: PileUp) -> None:
        """Add what a search for pile-up uses."""
        self.screenings |= {search.screening: None} if search.params["events"] == "filtered" else {}
        self.regions[search.region] = None
        self.enlarged.add(search.region)

    def take(self, job: EventSpectrum | ImageJob | LightCurveJob) -> None:
        """Add what one product uses."""
        self.screenings[job.screening] = None
        if job.gti:
            self.gtis[job.gti] = None
        if isinstance(job, ImageJob):
            self.detector |= {job.screening} if job.params["frame"] == "det" else set()
        else:
            self.regions |= {name: None for name in (job.region, job.background) if name}


def _observed(
    subject: Subject,
    pointing: Pointing,
    use: _Uses,
    findings: EventFindings,
    curves: Curves,
    events: Path | None,
    livetime: Path | None,
) -> Observed:
    named = findings.named
    own = {region.name: region for region in curves.regions.get(_name(subject), ())}
    regions: dict[str, Region] = {}
    for name in use.regions:
        region = own.get(name) or named.regions.at(name, subject)
        if region is not None:
            regions[name] = as_annulus(region) if name in use.enlarged else region
    screenings: dict[str, Screening] = {}
    for name in use.screenings:
        screening = named.screenings.at(name, subject)
        if screening is not None:
            keep = {"keep": list(_DETECTOR_COLUMNS[subject.mission])} if name in use.detector else {}
            screenings[name] = replace(screening, params={**screening.params, **keep})
    gtis: dict[str, Gtis] = {}
    for name in use.gtis:
        gtis |= {one.name: one for one in named.gtis.with_members(name, subject)}
    return Observed(
        mission=subject.mission,
        obsid=subject.obsid,
        instrument=subject.instrument,
        root=findings.sky.base,
        tags=subject.tags,
        events=events,
        livetime=livetime,
        screenings=screenings,
        regions=regions,
        gtis=gtis,
        path=pointing.path,
    )


def _check_flux(root: Table, findings: EventFindings, curves: Curves, report: Report) -> None:
    """Check the light curves that time selections are made of."""
    table = root.entries.get("lightcurves")
    known: Mapping[str, Node] = table.entries if isinstance(table, Table) else {}
    jobs: dict[str, list[LightCurveJob]] = {}
    for job in curves.jobs:
        jobs.setdefault(job.name, []).append(job)
    for node in findings.named.gtis.nodes.values():
        flux = node.entries.get("flux")
        asked = flux.entries.get("lightcurve") if isinstance(flux, Table) else None
        name = text_of(asked)
        if not isinstance(flux, Table) or asked is None or name is None:
            continue
        if name not in known:
            hint = did_you_mean(name, known, "add it to 'lightcurves'")
            report.add(asked, "XB121", f"unknown light curve {shown(name)}", hint)
            continue
        mine = jobs.get(name, [])
        if mine and any(job.gti for job in mine):
            message = f"the light curve '{name}' is itself of selected times"
            report.add(asked, "XB122", message, "take that of a spectrum without 'gti'")
            continue
        band = flux.entries.get("band")
        names = list(dict.fromkeys(one for job in mine for bands in job.bands for one in bands.names))
        if band is not None and mine and (text := text_of(band)) is not None and text not in names:
            if _is_broken(text, known[name], mine):
                continue
            report.add(band, "XB102", f"the light curve '{name}' has no band {shown(text)}", did_you_mean(text, names))
    _check_curves_there(findings, jobs, report)


def _is_broken(band: str, curve: Node, jobs: Sequence[LightCurveJob]) -> bool:
    """Say whether a light curve lists a band that could not be made; what is wrong is said where it is defined."""
    listed = [text_of(one) for one in items_of(curve.entries.get("bands"))] if isinstance(curve, Table) else []
    return band in listed and any(len(job.bands) < len(listed) for job in jobs)


def _check_curves_there(findings: EventFindings, jobs: Mapping[str, Sequence[LightCurveJob]], report: Report) -> None:
    """See that an observation whose times are selected by a light curve has it."""
    told: set[str] = set()
    for spectrum in findings.spectra:
        pointing = replace(spectrum.subject, spectrum="", gti="")
        for gtis in findings.named.gtis.with_members(spectrum.gti, pointing) if spectrum.gti else ():
            curves = jobs.get(gtis.lightcurve, ())
            if gtis.name in told or not curves or any(job.observed == _name(pointing) for job in curves):
                continue
            told.add(gtis.name)
            message = f"'{gtis.name}' needs the light curve '{gtis.lightcurve}' of {_name(pointing)}, which is not made"
            hint = f"widen 'where' of lightcurves.{gtis.lightcurve}, or narrow that of the spectrum"
            report.add(findings.named.gtis.nodes[gtis.name], "XB121", message, hint)


def _check_pixels(sky: Sky, uses: Mapping[str, _Uses], named: Named, report: Report) -> None:
    names = dict.fromkeys(name for use in uses.values() for name in use.regions)
    for name in names:
        named.regions.check_pixels(name, [one for one in sky.subjects if name in uses[_name(one)].regions])


def _name(subject: Subject) -> str:
    return f"{subject.obsid}/{subject.instrument}"
