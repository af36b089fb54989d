"""What the recipes of the missions' tools are given, and what they give back to the recipe of level ``raw``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from xbatch.base.errors import Problem
from xbatch.base.toolset import Suite, Toolset
from xbatch.base.toolstate import Fault
from xbatch.plan.eventlists import ListInputs
from xbatch.plan.sources import Source
from xbatch.plan.steps import Input, Step
from xbatch.spec.eventmodel import EventSpectrum, EventWork, ImageJob, LightCurveJob
from xbatch.spec.model import Analysis, Spec
from xbatch.spec.rawmodel import RawWork

__all__ = ["OBSERVATION", "RawContext", "RawMade", "SpectrumInputs", "observation_name"]

OBSERVATION = "observation.json"
"""What the step of `observation_name` leaves: the files of the observation, with their digests."""

_TITLES = {"heasoft": "HEASoft", "sas": "SAS"}
_CURES = {
    "heasoft": "install HEASoft and source $HEADAS/headas-init.sh before the run",
    "sas": "install SAS, source its setsas.sh and export SAS_CCFPATH before the run",
}

T = TypeVar("T")
_ByObserved = Mapping[str, Sequence[tuple[int, T]]]


def observation_name(obsid: str) -> str:
    """Name the step that lists, and fetches if need be, the files of an observation."""
    return f"observation:{obsid}"


@dataclass(frozen=True)
class RawContext:
    """What every recipe of the tools is given.

    Attributes
    ----------
    analysis : Analysis
        For places of problems.
    spec : Spec
        The member, of level ``raw``.
    toolset : Toolset
        What is installed here.
    """

    analysis: Analysis
    spec: Spec
    toolset: Toolset

    @property
    def work(self) -> EventWork:
        """Regions, screenings, spectra, images and light curves, as at level ``events``."""
        if self.spec.work is None:
            raise ValueError(f"{self.spec.name}: a spec of level raw says what is to be done with its events")
        return self.spec.work

    @property
    def raw(self) -> RawWork:
        """What the tools alone can do."""
        if self.spec.raw is None:
            raise ValueError(f"{self.spec.name}: a spec of level raw has raw observations")
        return self.spec.raw

    def told(self, obsid: str, screening: str) -> Mapping[str, Any]:
        """Give what nupipeline is told of a screening as the spec says it."""
        return self._told.get(obsid, {}).get(screening, {})

    @cached_property
    def _told(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        return {} if self.spec.raw is None else {one.obsid: one.screenings for one in self.spec.raw.observations}

    # Each recipe asks for those of one observation: to go through all each time takes long where there are many.

    def spectra_of(self, observed: Collection[str]) -> list[EventSpectrum]:
        """Give the spectra of some observations and instruments (`Observed.subject`), in the order of the spec."""
        return _of(self._spectra, observed)

    def curves_of(self, observed: Collection[str]) -> list[LightCurveJob]:
        """Give the light curves of some observations and instruments, in the order of the spec."""
        return _of(self._curves, observed)

    def images_of(self, observed: Collection[str]) -> list[ImageJob]:
        """Give the images of some observations and instruments, in the order of the spec."""
        return _of(self._images, observed)

    @cached_property
    def _spectra(self) -> _ByObserved[EventSpectrum]:
        return _indexed(self.work.spectra, lambda one: f"{one.subject.obsid}/{one.subject.instrument}")

    @cached_property
    def _curves(self) -> _ByObserved[LightCurveJob]:
        return _indexed(self.work.lightcurves, lambda job: job.observed)

    @cached_property
    def _images(self) -> _ByObserved[ImageJob]:
        return _indexed(self.work.images, lambda job: job.observed)

    def suite(self, name: str) -> Suite | None:
        """Give the toolset of an engine, if it is installed here."""
        return self.toolset.suite(name)

    def version(self, engine: str) -> str:
        """Give the version of an engine's toolset, for `Step.engine_version`; empty where it is not installed."""
        suite = self.suite(engine)
        return suite.version if suite is not None else ""

    def blocked(self, engine: str, path: str) -> Problem | None:
        """Say that an engine is not installed here, or not set up, for `Step.blocked`."""
        fault = self.toolset.faults.get(engine)
        if fault is None and self.suite(engine) is None:
            fault = Fault(f"{_TITLES[engine]}, which is not installed here", _CURES[engine])
        fault = fault or self.toolset.faults.get("scratch")
        return None if fault is None else self.lacking(fault, path)

    def lacking(self, fault: Fault, path: str) -> Problem:
        """Say what a step needs and cannot have, for `Step.blocked`."""
        return Problem(self.analysis.place(path), "XB411", f"needs {fault.what}", fault.cure, path)

    def remarks(self, *names: str) -> tuple[str, ...]:
        """Give what is odd with parts of the set-up, for `Step.remarks`."""
        return tuple(remark for name in names for remark in self.toolset.remarks.get(name, ()))

    def engine(self, kind: str) -> str:
        """Say which engine the spec asks for a kind of work: ``auto`` where it leaves that open."""
        return self.spec.engines.get(kind, "auto")


def _indexed(some: Sequence[T], observed: Callable[[T], str]) -> _ByObserved[T]:
    """Sort things by what they are of, and keep their places in the spec."""
    found: dict[str, list[tuple[int, T]]] = {}
    for place, one in enumerate(some):
        found.setdefault(observed(one), []).append((place, one))
    return found


def _of(index: _ByObserved[T], observed: Collection[str]) -> list[T]:
    placed = [pair for name in observed for pair in index.get(name, ())]
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


@dataclass(frozen=True)
class SpectrumInputs:
    """The files of a spectrum that a tool makes, as inputs of the step that checks and reads it."""

    pha: Input
    background: Input | None = None
    rmf: Input | None = None
    arf: Input | None = None


@dataclass(frozen=True)
class RawMade:
    """What a recipe has made of one observation.

    Attributes
    ----------
    steps : tuple of Step
        Those of the tools, and light curves made by them.
    lists : Mapping
        `Observed.subject` and screening to the event list from which native steps go on.
    spectra : Mapping
        `Subject.path` of those of `EventWork.spectra` that tools make to their files; the others are native.
    curves : frozenset of str
        Names of the steps of light curves (`curve_name`) and images that are among `steps`; others are made natively.
    sources : Mapping
        `Subject.path` to what fits start from, of spectra that are not in `EventWork.spectra` (RGS and its sums); their
        ``spectrum`` steps are among `steps`.
    problems : tuple of Problem
        What makes the plan impossible.
    """

    steps: tuple[Step, ...] = ()
    lists: Mapping[tuple[str, str], ListInputs] = field(default_factory=dict)
    spectra: Mapping[str, SpectrumInputs] = field(default_factory=dict)
    curves: frozenset[str] = frozenset()
    sources: Mapping[str, Source] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def __or__(self, other: RawMade) -> RawMade:
        """Put two together."""
        return RawMade(
            (*self.steps, *other.steps),
            {**self.lists, **other.lists},
            {**self.spectra, **other.spectra},
            self.curves | other.curves,
            {**self.sources, **other.sources},
            (*self.problems, *other.problems),
        )
