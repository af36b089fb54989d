"""What to simulate, as data, and the YAML file that says so (``schemas/simulate-1.json``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xbatch.base.errors import SpecError
from xbatch.spec.kinds import refuse_other_kind
from xbatch.spec.nodes import Table, data_of, items_of
from xbatch.spec.reader import read_bytes, read_document
from xbatch.spec.report import Report, shown
from xbatch.spec.schema import load_schema
from xbatch.spec.shape import check_shape

__all__ = [
    "EPIC_CAMERAS",
    "MODULES",
    "Background",
    "Detector",
    "Flares",
    "ListOptions",
    "Observation",
    "SimulationConfig",
    "Sky",
    "Term",
    "Variability",
    "read_config",
]

MODULES: Mapping[str, str] = MappingProxyType({"FPMA": "A", "FPMB": "B"})
#: The cameras of XMM-Newton, and what their exposures are called in the names of files.
EPIC_CAMERAS: Mapping[str, str] = MappingProxyType({"EMOS1": "M1S001", "EMOS2": "M2S002", "EPN": "PNS003"})


@dataclass(frozen=True)
class Term:
    """A component of the source's model: its type and its parameters' values in XSPEC's order."""

    kind: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Observation:
    """One observation.

    Attributes
    ----------
    obsid : str
    start : str
        UTC, ``2019-01-10T04:20:09``.
    exposure : Mapping
        Instrument to s: the live time of spectra, the good time (ONTIME) of event lists.
    scale : float
        Multiplies the source's model.
    """

    obsid: str
    start: str
    exposure: Mapping[str, float]
    scale: float = 1.0


@dataclass(frozen=True)
class Background:
    """The background of a module.

    Attributes
    ----------
    rate : float
        Counts/s between 3 and 79 keV (EPIC: 0.3 and 10 keV): of spectra in the source region, of event lists on all
        detectors together.
    shape : tuple of (keV, level)
        Counts/s/keV up to a factor; between the points a straight line in both logarithms, level outside them.
    detectors : tuple of float
        Event lists of NuSTAR: how bright the four detectors are, relative to each other.
    stray : tuple of (share, degrees)
        Event lists of NuSTAR: the share of the background that is stray light, brighter the further a pixel lies in a
        direction of the detectors' plane.
    """

    rate: float
    shape: tuple[tuple[float, float], ...]
    detectors: tuple[float, ...] = (1.0, 1.1, 0.9, 1.05)
    stray: tuple[float, float] = (0.25, 210.0)


@dataclass(frozen=True)
class Flares:
    """Soft-proton flares of EPIC: how many, how high at most in units of the quiet background, s of their fall."""

    number: int = 0
    peak: float = 30.0
    duration: float = 200.0


@dataclass(frozen=True)
class Sky:
    """Where the telescope points, and where the sources are.

    Attributes
    ----------
    ra, dec, roll : float
        Degrees (FK5, J2000); where the middle of the field is, and PA_PNT.
    offset : tuple of two float
        The source, arcsec to the east and to the north of the middle.
    neighbour : tuple of two float or None
        A second source of the same spectrum, likewise.
    neighbour_scale : float
        How bright it is, relative to the first.
    """

    ra: float = 150.0
    dec: float = 2.2
    roll: float = 35.0
    offset: tuple[float, float] = (60.0, -45.0)
    neighbour: tuple[float, float] | None = None
    neighbour_scale: float = 0.1


@dataclass(frozen=True)
class Variability:
    """How the source varies: a sine of `amplitude` and `period`, and a red noise of `rms` and `timescale` (s)."""

    amplitude: float = 0.0
    period: float = 5000.0
    rms: float = 0.0
    timescale: float = 3000.0


@dataclass(frozen=True)
class ListOptions:
    """How event lists are made.

    Attributes
    ----------
    events : float or None
        About how many events each list is to have: source and background are scaled alike to give them.
    columns : str
        ``all``, or ``few`` (18 columns of NuSTAR's 39).
    gzip : bool
    unsorted : float
        Share of the rows that are put out of order, for tests.
    dead_time : float
        s that NuSTAR is blind after an event.
    occulted : float
        Share of NuSTAR's orbit behind the Earth.
    radius : float
        arcsec; the nominal ARF holds the share of the source's light that falls within it.
    response : str
        Where the nominal responses and exposure maps go, without ``.rmf``, ``.arf`` and ``_ex.img``.
    """

    events: float | None = None
    columns: str = "all"
    gzip: bool = False
    unsorted: float = 0.0
    dead_time: float = 0.0025
    occulted: float = 0.45
    radius: float = 60.0
    response: str = ""


@dataclass(frozen=True)
class Detector:
    """Channels of equal width in keV, counted from 0; the photon energies have the same grid."""

    channels: int = 4096
    first_energy: float = 1.6
    width: float = 0.04


@dataclass(frozen=True)
class SimulationConfig:
    """All that a simulation depends on.

    Attributes
    ----------
    name, target : str
    seed : int
    observations : tuple of Observation
    model : tuple of Term
        The additive ones are added, then multiplied by each multiplicative one.
    calibration : Mapping
        Instrument to the factor by which it sees the source brighter than its ARF says.
    backscal_source, backscal_background : float
        Sizes of the two regions (of spectra).
    products : str
        ``spectra``, or ``events``; what follows is for event lists.
    sky : Sky
    variability : Variability
    flares : Flares
    lists : ListOptions
    """

    name: str
    target: str
    seed: int
    observations: tuple[Observation, ...]
    model: tuple[Term, ...]
    background: Background
    backscal_source: float
    backscal_background: float
    calibration: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"FPMA": 1.0, "FPMB": 1.0}))
    abundances: str = "wilm"
    cross_sections: str = "vern"
    detector: Detector = field(default_factory=Detector)
    products: str = "spectra"
    sky: Sky = field(default_factory=Sky)
    variability: Variability = field(default_factory=Variability)
    flares: Flares = field(default_factory=Flares)
    lists: ListOptions = field(default_factory=ListOptions)


def read_config(path: Path) -> SimulationConfig:
    """Read a simulation's YAML file.

    Raises
    ------
    SpecError
        All that is wrong with it, each with its place.
    """
    report = Report()
    name = str(path)
    root = read_document(read_bytes(path), name, report)
    refuse_other_kind(root, "simulate")
    document = check_shape(root, load_schema("simulate-1"), report, name)
    if report.problems:
        raise SpecError(report.problems)
    data: Mapping[str, Any] = data_of(document)
    _check_instruments(document, data["products"], report)
    _check_template(document, data["lists"].get("response", ""), report)
    if report.problems:
        raise SpecError(report.problems)
    seen_by = [*MODULES, *EPIC_CAMERAS] if data["products"] == "events" else list(MODULES)
    stray, sky, neighbour = data["background"]["stray"], data["sky"], data["sky"].get("neighbour")
    return SimulationConfig(
        name=data["name"],
        target=data["target"],
        seed=data["seed"],
        observations=tuple(_observation(entry) for entry in data["observations"]),
        model=tuple(_term(entry) for entry in data["source"]["model"]),
        background=Background(
            float(data["background"]["rate"]),
            tuple((float(point["energy"]), float(point["level"])) for point in data["background"]["shape"]),
            tuple(float(level) for level in data["background"]["detectors"]),
            (float(stray["share"]), float(stray["angle"])),
        ),
        backscal_source=float(data["regions"]["source"]),
        backscal_background=float(data["regions"]["background"]),
        calibration={name: float(data["calibration"][name]) for name in seen_by},
        abundances=data["source"]["abundances"],
        cross_sections=data["source"]["cross_sections"],
        detector=Detector(
            data["detector"]["channels"], float(data["detector"]["first_energy"]), float(data["detector"]["width"])
        ),
        products=data["products"],
        sky=Sky(
            float(sky["ra"]),
            float(sky["dec"]),
            float(sky["roll"]),
            _pair(sky["offset"]),
            None if neighbour is None else _pair(neighbour["offset"]),
            0.0 if neighbour is None else float(neighbour["scale"]),
        ),
        variability=Variability(**{key: float(value) for key, value in data["variability"].items()}),
        flares=Flares(data["flares"]["number"], float(data["flares"]["peak"]), float(data["flares"]["duration"])),
        lists=ListOptions(**data["lists"]),
    )


def _check_instruments(document: Table, products: str, report: Report) -> None:
    """Refuse cameras of EPIC where spectra are asked for, and both telescopes in one observation."""
    for number, observation in enumerate(items_of(document.entries["observations"])):
        place = f"observations[{number}].exposure"
        named = observation.entries.get("exposure") if isinstance(observation, Table) else None
        if not isinstance(named, Table):
            continue
        epic = [name for name in named.entries if name in EPIC_CAMERAS]
        if epic and products == "spectra":
            report.add(named, "XB204", f"{', '.join(epic)} make event lists only", "Say products: events", place)
        elif epic and len(epic) < len(named.entries):
            message = "one observation cannot have modules of NuSTAR and cameras of XMM-Newton"
            report.add(named, "XB204", message, "Make two observations of it", place)


def _check_template(document: Table, template: str, report: Report) -> None:
    """Refuse a template of names with something else to fill in than there is."""
    lists = document.entries["lists"]
    try:
        template.format(obsid="", instrument="", module="")
    except (KeyError, IndexError, ValueError):
        message = f"the template {shown(template)} has something to fill in that there is not"
        report.add(lists, "XB208", message, "It may have {obsid}, {instrument} and {module}", "lists.response")


def _pair(values: Sequence[Any]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _observation(entry: Mapping[str, Any]) -> Observation:
    known = [*MODULES, *EPIC_CAMERAS]
    exposure = {name: float(entry["exposure"][name]) for name in known if name in entry["exposure"]}
    return Observation(entry["obsid"], entry["start"], exposure, float(entry["scale"]))


def _term(entry: Mapping[str, Any]) -> Term:
    return Term(entry["type"], {key: float(value) for key, value in entry.items() if key != "type"})
