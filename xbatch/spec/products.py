"""The blocks ``images`` and ``lightcurves``: what is made of the events beside spectra."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xbatch.base.files import safe_name
from xbatch.spec.bands import Bands
from xbatch.spec.channels import pi_of_band
from xbatch.spec.corrections import check_corrections, check_energies, energy_of, number_of
from xbatch.spec.derivedmodel import BandSet
from xbatch.spec.eventmodel import EventSpectrum, ImageJob, LightCurveJob, MosaicJob, Region
from xbatch.spec.extracted import Named
from xbatch.spec.levels import asked_engine
from xbatch.spec.maps import check_maps, is_made
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, data_of, is_sound, items_of, join, text_of
from xbatch.spec.observed import Sky, observed_file, sound_template
from xbatch.spec.positive import positive
from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.rgs import is_rgs
from xbatch.spec.screenings import DEFAULT_SCREENING
from xbatch.spec.selectors import exceptions, selected

__all__ = ["Curves", "Pictures", "find_images", "find_lightcurves"]

_DEFAULT_BIN = {"xmm": 80}


@dataclass(frozen=True)
class Pictures:
    """The images and mosaics of a spec."""

    images: tuple[ImageJob, ...] = ()
    mosaics: tuple[MosaicJob, ...] = ()


@dataclass(frozen=True)
class Curves:
    """The light curves of a spec.

    Attributes
    ----------
    jobs : tuple of LightCurveJob
    regions : Mapping of str to list of Region
        By ``obsid/instrument``: regions that a light curve has changed for itself, under names of their own.
    """

    jobs: tuple[LightCurveJob, ...]
    regions: Mapping[str, list[Region]]


def find_images(root: Table, sky: Sky, named: Named, bands: Bands, report: Report) -> Pictures:
    """Resolve the images of a checked document."""
    table = root.entries.get("images")
    images: list[ImageJob] = []
    mosaics: list[MosaicJob] = []
    for name, node in table.entries.items() if isinstance(table, Table) else ():
        if not isinstance(node, Table):
            continue
        before = len(report.problems)
        sets = band_sets(node.entries.get("bands"), bands, report)
        _check_common(node, sky, named, report)
        chosen = selected(node.entries.get("where"), sky.subjects, report if sky.whole else Report())
        settled = exceptions(node, chosen, report if sky.whole else Report())
        _check_channels(node, sets, chosen, report)
        check_maps(settled, report)
        if len(report.problems) > before or not is_sound(node):
            continue
        made = [_image(name, one, settled[one], sets, sky) for one in chosen if not is_rgs(one)]
        images += made
        mosaics += _mosaics(name, node, [one for one in chosen if not is_rgs(one)], made, report)
    return Pictures(tuple(images), tuple(mosaics))


def _image(name: str, subject: Subject, table: Table, sets: tuple[BandSet, ...], sky: Sky) -> ImageJob:
    width = table.entries.get("bin")
    made = is_made(table)
    params: dict[str, Any] = {
        "frame": text_of(table.entries.get("frame")) or "sky",
        "bin": width.value if isinstance(width, Scalar) and width.value else _DEFAULT_BIN.get(subject.mission, 1),
    }
    for key in ("origin", "size"):
        if isinstance(node := table.entries.get(key), Items):
            params[key] = data_of(node)
    return ImageJob(
        name=name,
        observed=_observed(subject),
        bands=sets,
        params=params | _undrawn(table),
        screening=text_of(table.entries.get("screening")) or DEFAULT_SCREENING,
        gti=text_of(table.entries.get("gti")) or "",
        exposure_map=None if made else observed_file(table.entries.get("exposure_map"), subject, sky.base),
        path=table.path,
        map_made=made,
    )


def _mosaics(
    name: str, node: Table, subjects: Sequence[Subject], made: Sequence[ImageJob], report: Report
) -> list[MosaicJob]:
    asked = node.entries.get("mosaic")
    over = ["obsid"]
    params: dict[str, Any] = {}
    if isinstance(asked, Table):
        over = [text_of(one) or "" for one in items_of(asked.entries.get("over"))]
        params = _mosaic_params(asked, report)
    elif not (isinstance(asked, Scalar) and asked.value is True):
        return []
    assert asked is not None
    if any(job.params["frame"] != "sky" for job in made):
        message = "a mosaic is of the sky, and an image of the detector has none"
        report.add(asked, "XB216", message, "remove 'mosaic', or use frame: sky")
        return []
    groups: dict[str, list[ImageJob]] = {}
    for subject, job in zip(subjects, made, strict=True):
        kept = [
            value for axis, value in (("obsid", subject.obsid), ("instrument", subject.instrument)) if axis not in over
        ]
        groups.setdefault("-".join(kept), []).append(job)
    if "pixel" not in params and any(len({job.params["bin"] for job in jobs}) > 1 for jobs in groups.values()):
        hint = "give them one 'bin', or the mosaic a 'pixel'"
        report.add(asked, "XB216", "the images of a mosaic have pixels of one size", hint)
        return []
    return [
        MosaicJob(name, group, tuple(job.observed for job in jobs), {**params, "bin": jobs[0].params["bin"]}, node.path)
        for group, jobs in groups.items()
    ]


def _mosaic_params(asked: Table, report: Report) -> dict[str, Any]:
    params: dict[str, Any] = {"grid": text_of(asked.entries.get("grid")) or "all"}
    pixel = positive(asked.entries.get("pixel"), "angle", report, "for example 4 arcsec")
    return params if pixel is None else {**params, "pixel": pixel}


def find_lightcurves(
    root: Table,
    sky: Sky,
    named: Named,
    spectra: Sequence[EventSpectrum],
    known: Mapping[str, Sequence[Subject]],
    bands: Bands,
    report: Report,
    enlarged: Collection[tuple[str, str]] = (),
) -> Curves:
    """Resolve the light curves of a checked document.

    Parameters
    ----------
    root : Table
    sky : Sky
    named : Named
    spectra : sequence of EventSpectrum
        Whose regions, screenings and time selections are taken.
    known : Mapping
        The names of `spectra`, with those whose definition is at fault, and their subjects.
    bands : Bands
    report : Report
    enlarged : collection of (str, str)
        ``obsid/instrument`` and name of regions whose inner radius is found later: what a light curve changes in them
        makes another region, even where it is what the spec says of them.
    """
    table = root.entries.get("lightcurves")
    jobs: list[LightCurveJob] = []
    regions: dict[str, list[Region]] = {}
    for name, node in table.entries.items() if isinstance(table, Table) else ():
        if not isinstance(node, Table):
            continue
        before = len(report.problems)
        sets = band_sets(node.entries.get("bands"), bands, report)
        _check_common(node, sky, named, report)
        check_corrections(node, sky.raw, asked_engine(root, "lightcurves"), report)
        asked = node.entries.get("spectrum")
        spectrum = text_of(asked) or ""
        if asked is not None and spectrum and spectrum not in known:
            report.add(asked, "XB101", f"unknown spectrum {shown(spectrum)}", did_you_mean(spectrum, known))
        mine = [one for one in spectra if one.subject.spectrum == spectrum]
        dispersed = [one for one in known.get(spectrum, ()) if is_rgs(one)]
        if asked is not None and dispersed and not mine and sky.raw:
            message = f"light curves are of regions, and {dispersed[0].path} is made by rgsproc"
            report.add(asked, "XB233", message, "name a spectrum with a region")
        subjects = [one.subject for one in mine]
        loud = report if sky.whole and subjects else Report()
        chosen = selected(node.entries.get("where"), subjects, loud)
        _check_channels(node, sets, chosen, report)
        settled = exceptions(node, chosen, loud)
        check_energies(settled, loud)
        if len(report.problems) > before or not is_sound(node):
            continue
        for one in mine:
            if one.subject in settled:
                job, own = _curve(name, one, settled[one.subject], sets, named, enlarged, report)
                jobs += [job] if job is not None else []
                held = regions.setdefault(_observed(one.subject), [])
                held += [region for region in own if region not in held]
    return Curves(tuple(jobs), regions)


def _curve(
    name: str,
    spectrum: EventSpectrum,
    table: Table,
    sets: tuple[BandSet, ...],
    named: Named,
    enlarged: Collection[tuple[str, str]],
    report: Report,
) -> tuple[LightCurveJob | None, list[Region]]:
    dt = positive(table.entries.get("dt"), "time", report, "for example 100 s")
    changed = _changes(table.entries.get("region"))
    own: list[Region] = []
    names = {"region": spectrum.region, "background": spectrum.background}
    pointing = replace(spectrum.subject, spectrum="", gti="")
    for region, changes in changed.items():
        node = next(iter(changes.values()))
        if region not in names.values():
            hint = did_you_mean(region, [one for one in names.values() if one])
            report.add(node, "XB103", f"'{spectrum.subject.spectrum}' has no region {shown(region)}", hint)
            return None, []
        label = f"{region}.{name}"
        varied = named.regions.varied(region, label, changes, pointing, join(table.path, "region"))
        if varied is None:
            return None, []
        plain = named.regions.at(region, pointing)
        kept = (_observed(spectrum.subject), region) not in enlarged
        if kept and plain is not None and plain.params == varied.params:
            continue
        own.append(varied)
        names = {key: label if value == region else value for key, value in names.items()}
    if dt is None:
        return None, []
    least = number_of(table.entries.get("min_fracexp"))
    corrections = table.entries.get("corrections")
    return LightCurveJob(
        name=name,
        observed=_observed(spectrum.subject),
        region=names["region"],
        background=names["background"],
        bands=sets,
        params={
            "dt": dt,
            "min_fracexp": least if least is not None else 0.0,
            "corrections": sorted({text_of(one) or "" for one in items_of(corrections)}),
            **energy_of(table),
            **_undrawn(table),
        },
        screening=text_of(table.entries.get("screening")) or spectrum.screening,
        gti=spectrum.gti,
        path=table.path,
        source_type=spectrum.source_type,
        source_position=spectrum.source_position,
    ), own


def _undrawn(table: Table) -> dict[str, Any]:
    """Give the parameter that leaves out a picture."""
    figure = table.entries.get("figure")
    return {"figure": False} if isinstance(figure, Scalar) and figure.value is False else {}


def _changes(node: Node | None) -> dict[str, dict[str, Node]]:
    """Sort the values that a light curve changes by their region."""
    found: dict[str, dict[str, Node]] = {}
    for text, value in node.entries.items() if isinstance(node, Table) else ():
        region, _, key = text.partition(".")
        found.setdefault(region, {})[key] = value
    return found


def band_sets(node: Node | None, bands: Bands, report: Report) -> tuple[BandSet, ...]:
    """Give the bands that names, schemes and ranges mean, an entry for each; and refuse two of one file's name."""
    sets: list[BandSet] = []
    seen: dict[str, str] = {}
    for one in items_of(node):
        made = bands.sets([one], report)
        for name in (name for band_set in made for name in band_set.names):
            file = safe_name(name).casefold()
            if file in seen:
                same = seen[file] == name
                message = (
                    f"the band '{name}' is there twice"
                    if same
                    else f"the bands '{seen[file]}' and '{name}' are one file"
                )
                report.add(one, "XB123", message, "remove one" if same else "rename one")
                break
            seen[file] = name
        sets += made
    return tuple(sets)


def _check_channels(node: Table, sets: Sequence[BandSet], subjects: Sequence[Subject], report: Report) -> None:
    """Insist on bands that hold channels of the instruments; the first that does not is reported."""
    listed = items_of(node.entries.get("bands"))
    for one, band_set in zip(listed, sets, strict=False):
        for subject in subjects:
            try:
                for band in band_set.bands:
                    pi_of_band(subject, band.lo, band.hi)
            except QuantityError as error:
                hint = (
                    error.hint
                    if subject.mission in {"nustar", "xmm"}
                    else "images and light curves are of NuSTAR and EPIC"
                )
                report.add(one, error.code, error.message, hint)
                return


def _check_common(node: Table, sky: Sky, named: Named, report: Report) -> None:
    """Check the names and templates of an entry and of its exceptions."""
    listed = node.entries.get("for")
    for table in [node, *(listed.items if isinstance(listed, Items) else ())]:
        if not isinstance(table, Table):
            continue
        screening, gti = table.entries.get("screening"), table.entries.get("gti")
        if (name := text_of(screening)) is not None:
            named.screenings.known(screening, name)
        if (name := text_of(gti)) is not None:
            named.gtis.known(gti, name)
        if not is_made(table):
            sound_template(table.entries.get("exposure_map"), sky, report)


def _observed(subject: Subject) -> str:
    return f"{subject.obsid}/{subject.instrument}"
