"""What a specification of level ``events`` asks for, as data: lists, screenings, regions, products made of events.

Everything is decided for each observation and instrument; nothing here knows YAML. The mappings named `params` are
JSON-able and canonical: they are steps' parameters as they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.spec.derivedmodel import BandSet
from xbatch.spec.model import ResponseFiles, Subject

__all__ = [
    "EventSpectrum",
    "EventWork",
    "Gtis",
    "ImageJob",
    "LightCurveJob",
    "MosaicJob",
    "Observed",
    "Region",
    "Screening",
]


@dataclass(frozen=True)
class Screening:
    """Which events are used.

    Attributes
    ----------
    name : str
        ``default`` where the spec names none.
    params : Mapping
        What the task `events` takes as ``screening``: ``grade``, ``pattern``, ``pi_range`` as ``[lowest, highest]``
        (channels of PI), ``flag``, ``status``; ``keep``, the columns of the detector's coordinates, where an image
        needs them.
    flare : Mapping or None
        ``{"pi_range": [lo, hi], "pattern": [lo, hi] | None, "flag": .. | None, "bin": s, "rate": ["<", 0.4]}``, or
        ``"sigma": 3.0`` in the place of ``rate``.
    chu : str
        At level ``raw``: the camera head units, ``12``, whose part of NuSTAR's mode 06 is meant; empty for the list
        that products are made of else.
    """

    name: str
    params: Mapping[str, Any]
    flare: Mapping[str, Any] | None = None
    path: str = ""
    chu: str = ""


@dataclass(frozen=True)
class Region:
    """A region on the sky (or on pixels) of one observation and instrument.

    `params` is ``{"file": NAME, "combine": RULE | None}`` (the file itself is `file`), or
    ``{"shapes": [{"shape": "circle", "frame": "fk5", "center": [deg, deg], "sizes": [arcsec, ...], "angle": deg,
    "sweep": [deg, deg] | None, "vertices": [[deg, deg], ...], "include": true}, ...], "combine": RULE | None}``; in
    frames ``image`` and ``physical`` all are pixels.
    """

    name: str
    params: Mapping[str, Any]
    file: Path | None = None
    path: str = ""


@dataclass(frozen=True)
class Gtis:
    """A named time selection of one observation and instrument.

    `params` has one of ``time`` (``[[start, stop], ...]``, ISO text or MJD or seconds as ``{"met": s}``, with
    ``scale``), ``file`` (its name; the file is `file`), ``flux`` (``{"band": .., "quantile": [lo, hi]}`` or
    ``"rate": [lo, hi]``, either of which may be None, of the light curve `lightcurve`), ``hk`` (``{"expression": ..,
    "extension": ..}`` over `file`), ``phase`` (``{"epoch": MJD of TDB, "period": s, "pdot": .., "range": [lo, hi]}``),
    or ``all_of``, ``any_of`` (names of others) and ``not`` (one name).
    """

    name: str
    params: Mapping[str, Any]
    file: Path | None = None
    lightcurve: str = ""
    path: str = ""


@dataclass(frozen=True)
class Observed:
    """One observation with one instrument, and what the spec says of its events.

    Attributes
    ----------
    events : Path or None
        The list, from the spec's template (``[.gz]`` still in it where it was written); None where it is to be looked
        for as the archive names it, below `root`.
    livetime : Path or None
        The housekeeping file with NuSTAR's live time, from a template; None to look for it beside the list.
    screenings, regions, gtis : Mapping by name
        Those that something uses.
    """

    mission: str
    obsid: str
    instrument: str
    root: Path
    tags: tuple[str, ...] = ()
    events: Path | None = None
    livetime: Path | None = None
    screenings: Mapping[str, Screening] = field(default_factory=dict)
    regions: Mapping[str, Region] = field(default_factory=dict)
    gtis: Mapping[str, Gtis] = field(default_factory=dict)
    path: str = ""

    @property
    def subject(self) -> str:
        """``obsid/instrument``."""
        return f"{self.obsid}/{self.instrument}"


@dataclass(frozen=True)
class EventSpectrum:
    """A spectrum to be extracted. `background` and `gti` are empty where there is none.

    `response`, `arf`: a file, or ``"none"``, or None where the spec does not say (there is none then). `exposure_map`
    weighs BACKSCAL where it is given; with `map_made` one that the mission's tools make (level ``raw``) does.
    `responses` are further ones, by name. `source_position`: ``target``, ``region``, a place (degrees, fk5), or empty
    where the spec does not say.
    """

    subject: Subject
    region: str
    background: str = ""
    screening: str = "default"
    gti: str = ""
    source_type: str = "point"
    response: Path | str | None = None
    arf: Path | str | None = None
    exposure_map: Path | None = None
    map_made: bool = False
    note: str = ""
    path: str = ""
    responses: Mapping[str, ResponseFiles] = field(default_factory=dict)
    source_position: str | tuple[float, float] = ""


@dataclass(frozen=True)
class ImageJob:
    """Images of one observation and instrument in some bands.

    `params`: ``{"frame": "sky" | "det", "bin": pixels}`` and, where they are given, ``origin`` (first x and y) and
    ``size`` (pixels in x and y). With an `exposure_map` images are also divided by it; with `map_made` by one that the
    mission's tools make (level ``raw``).
    """

    name: str
    observed: str
    bands: tuple[BandSet, ...]
    params: Mapping[str, Any]
    screening: str = "default"
    gti: str = ""
    exposure_map: Path | None = None
    path: str = ""
    map_made: bool = False


@dataclass(frozen=True)
class MosaicJob:
    """Sums of images on one piece of sky.

    `members` are `ImageJob.observed` of the images of the same name; `group` tells several mosaics of one entry apart
    (an instrument, say) and may be empty. `params`: ``{"bin": pixels, "grid": "all" | "first"}`` and, where it is
    given, ``pixel`` (arcsec).
    """

    name: str
    group: str
    members: tuple[str, ...]
    params: Mapping[str, Any]
    path: str = ""


@dataclass(frozen=True)
class LightCurveJob:
    """Light curves of one spectrum's region, with its background, in some bands.

    `params`: ``{"dt": s, "min_fracexp": 0.0, "corrections": ["gti", "livetime"], ...}``; ``energy`` (keV) where the
    spec says at which one they are corrected for effective area. `source_type` and `source_position` are those of the
    spectrum.
    """

    name: str
    observed: str
    region: str
    background: str
    bands: tuple[BandSet, ...]
    params: Mapping[str, Any]
    screening: str = "default"
    gti: str = ""
    path: str = ""
    source_type: str = "point"
    source_position: str | tuple[float, float] = ""


@dataclass(frozen=True)
class EventWork:
    """All that a spec of level ``events`` asks for beside groupings and fits."""

    observed: tuple[Observed, ...]
    spectra: tuple[EventSpectrum, ...] = ()
    images: tuple[ImageJob, ...] = ()
    mosaics: tuple[MosaicJob, ...] = ()
    lightcurves: tuple[LightCurveJob, ...] = ()
