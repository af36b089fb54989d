"""What to simulate, as data, and the YAML file that says so (``schemas/simulate-1.json``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xbatch.base.errors import SpecError
from xbatch.spec.kinds import refuse_other_kind
from xbatch.spec.nodes import data_of
from xbatch.spec.reader import read_bytes, read_document
from xbatch.spec.report import Report
from xbatch.spec.schema import load_schema
from xbatch.spec.shape import check_shape

__all__ = ["Background", "Detector", "Observation", "SimulationConfig", "Term", "read_config"]

MODULES: Mapping[str, str] = MappingProxyType({"FPMA": "A", "FPMB": "B"})


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
        Instrument to live time in s.
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
        Counts/s in the source region between 3 and 79 keV.
    shape : tuple of (keV, level)
        Counts/s/keV up to a factor; between the points a straight line in both logarithms, level outside them.
    """

    rate: float
    shape: tuple[tuple[float, float], ...]


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
        Sizes of the two regions.
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
    return SimulationConfig(
        name=data["name"],
        target=data["target"],
        seed=data["seed"],
        observations=tuple(_observation(entry) for entry in data["observations"]),
        model=tuple(_term(entry) for entry in data["source"]["model"]),
        background=Background(
            float(data["background"]["rate"]),
            tuple((float(point["energy"]), float(point["level"])) for point in data["background"]["shape"]),
        ),
        backscal_source=float(data["regions"]["source"]),
        backscal_background=float(data["regions"]["background"]),
        calibration={module: float(data["calibration"][module]) for module in MODULES},
        abundances=data["source"]["abundances"],
        cross_sections=data["source"]["cross_sections"],
        detector=Detector(
            data["detector"]["channels"], float(data["detector"]["first_energy"]), float(data["detector"]["width"])
        ),
    )


def _observation(entry: Mapping[str, Any]) -> Observation:
    exposure = {module: float(entry["exposure"][module]) for module in MODULES if module in entry["exposure"]}
    return Observation(entry["obsid"], entry["start"], exposure, float(entry["scale"]))


def _term(entry: Mapping[str, Any]) -> Term:
    return Term(entry["type"], {key: float(value) for key, value in entry.items() if key != "type"})
