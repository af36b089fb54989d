"""A checked specification as data: what the plan is compiled from.

Everything here is resolved: includes read, ``--set`` applied, defaults filled, ``for:`` exceptions decided for each
subject, references followed. Nothing here knows YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xbatch.base.errors import Place, Problem
from xbatch.spec.labels import labelled

if TYPE_CHECKING:
    from xbatch.spec.derivedmodel import Combination, EqualBands, Fake
    from xbatch.spec.eventmodel import EventWork
    from xbatch.spec.rawmodel import RawWork

__all__ = [
    "Analysis",
    "Band",
    "Binning",
    "Dataset",
    "ErrorRequest",
    "FitJob",
    "FluxRequest",
    "FurtherModel",
    "Member",
    "Parameter",
    "ResponseFiles",
    "Spec",
    "SpectrumFiles",
    "Subject",
]


@dataclass(frozen=True, order=True)
class Subject:
    """What a step is about: a spectrum name x obsid x instrument (x time selection).

    The `obsid` of a sum over observations is the sum's name: that of its group, or of its `combine` entry.
    """

    mission: str
    obsid: str
    instrument: str
    spectrum: str
    tags: tuple[str, ...] = ()
    epoch: str = ""
    gti: str = ""

    @property
    def module(self) -> str:
        """``A`` for FPMA, ``B`` for FPMB, else the instrument's own name."""
        return {"FPMA": "A", "FPMB": "B"}.get(self.instrument, self.instrument)

    @property
    def label(self) -> str:
        """``spectrum``, or ``spectrum@gti`` where a time selection belongs to it: see `labelled`."""
        return labelled(self.spectrum, self.gti)

    @property
    def path(self) -> str:
        """``obsid/instrument/spectrum``, as it stands in step names."""
        return f"{self.obsid}/{self.instrument}/{self.label}"


@dataclass(frozen=True)
class ResponseFiles:
    """The files of a further response; None for the RMF of the spectrum's first response, and for no ARF."""

    response: Path | None = None
    arf: Path | None = None


@dataclass(frozen=True)
class SpectrumFiles:
    """The files of one subject as the spec names them (templates filled, ``data.root`` joined, not yet looked for).

    `response`, `arf` and `background` are None where the file's own RESPFILE, ANCRFILE and BACKFILE are to be
    followed, and ``"none"`` where the spec says that there is none. `responses` are the further ones, by name.
    """

    subject: Subject
    file: Path
    response: Path | str | None = None
    arf: Path | str | None = None
    background: Path | str | None = None
    note: str = ""
    path: str = ""
    responses: Mapping[str, ResponseFiles] = field(default_factory=dict)


@dataclass(frozen=True)
class Binning:
    """How channels are grouped. `params` is JSON-able and canonical.

    ``{"type": "min", "counts": 30.0, "bad": [[0, 34], [1910, 4095]]}``; `range` is
    ``{"unit": "channel" | "keV", "lo": .., "hi": ..}``; `systematic` is ``[[first, last, fraction], ...]``;
    `file`'s ``from`` and the like are absolute paths as text.
    """

    name: str
    params: Mapping[str, Any]
    path: str = ""


@dataclass(frozen=True)
class Band:
    """An energy range in keV, [lo, hi); `name` is the spec's name or the range written out (``3-79 keV``)."""

    name: str
    lo: float
    hi: float


@dataclass(frozen=True)
class Dataset:
    """One grouped spectrum in a fit."""

    subject: Subject
    binning: str
    band: Band
    edge: str = "inside"


@dataclass(frozen=True)
class Parameter:
    """One value in a fit, and the datasets that it holds for.

    Attributes
    ----------
    name : str
        ``pl.PhoIndex``, or ``cal.factor[FPMB]`` where there are several; unique within the fit.
    component, parameter : str
        ``pl``, ``PhoIndex`` as XSPEC spells it.
    datasets : tuple of int
        Indices into the fit's datasets.
    value, min, max : float
        Start and hard limits, in XSPEC's units.
    unit : str
    frozen : bool
    link : str
        An expression of other parameters' names that gives the value, or empty.
    """

    name: str
    component: str
    parameter: str
    datasets: tuple[int, ...]
    value: float
    min: float
    max: float
    unit: str = ""
    frozen: bool = False
    link: str = ""
    path: str = ""


@dataclass(frozen=True)
class ErrorRequest:
    """Errors asked for. `parameters`: empty for none; names of components' parameters, or ``("free",)``.

    `contours` are pairs of names, of parameters whose confidence region together is wanted.
    """

    parameters: tuple[str, ...] = ("free",)
    method: str = "covariance"
    confidence: float = 0.6826894921370859
    contours: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FluxRequest:
    """Model fluxes asked for in each of some bands, with absorption in it or taken off.

    Attributes
    ----------
    bands : tuple of Band
    absorbed : bool
    errors : str
        ``none``, or ``sample``: by `n` draws from the covariance with a `seed`.
    n, seed : int
    luminosity : Mapping or None
        ``{"redshift": .., "H0": .., "Om0": ..}``.
    model : str
        The further model that it is of; empty for the first.
    """

    bands: tuple[Band, ...]
    absorbed: bool = True
    errors: str = "none"
    n: int = 500
    seed: int = 1
    luminosity: Mapping[str, float] | None = None
    model: str = ""


@dataclass(frozen=True)
class FurtherModel:
    """A model of a fit beside the first, folded through a response of its own; its counts are added.

    Attributes
    ----------
    name : str
    response : str
        The name of the response; empty for the spectrum's first.
    model : Mapping
        The expression as a tree, as of `FitJob`.
    model_text : str
        The expression as written.
    datasets : tuple of int
        Those of the fit's datasets that have it.
    """

    name: str
    response: str
    model: Mapping[str, Any]
    model_text: str
    datasets: tuple[int, ...]


@dataclass(frozen=True)
class FitJob:
    """One fit: a `fit` entry, or one group of it where there is a `group_by`.

    Attributes
    ----------
    name : str
        The entry's name.
    group : str
        ``90402339002/src`` for a group of `group_by`, else empty. The step is ``fit:name`` or ``fit:name/group``.
    model : Mapping or None
        The expression as a tree: ``{"op": "*" | "+", "args": [tree, ...]}``, ``{"component": "pl"}``,
        and ``{"op": "con", "by": "f", "args": [tree]}`` for ``cflux.f(...)``. None where there are `models` alone.
    model_text : str
        The expression as written, with those of `models`.
    components : Mapping
        Component name to type: ``{"pl": "powerlaw"}``, in order of appearance; a table model has its file, as in
        ``{"refl": "atable{/home/me/reflection.fits}"}``.
    starts : int
        From how many places the search begins.
    residuals : str
        ``delchi`` or ``ratio``: the lower panel of the plot.
    unfolded : bool
        Whether there is a plot of the unfolded spectrum.
    goodness : Mapping or None
        ``{"n": 200, "seed": 1}``: fits to so many simulated data sets.
    mcmc : Mapping or None
        ``{"walkers": 32, "steps": 2000, "burn": 500, "seed": 1}``: Markov chains.
    models : tuple of FurtherModel
        Models beside the first, folded through further responses.
    """

    name: str
    group: str
    datasets: tuple[Dataset, ...]
    model: Mapping[str, Any] | None
    model_text: str
    components: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    background: str
    statistic: str
    variance: str = "data"
    abundances: str = "wilm"
    cross_sections: str = "vern"
    optimiser: str = "levmar"
    errors: ErrorRequest = field(default_factory=ErrorRequest)
    flux: tuple[FluxRequest, ...] = ()
    starts: int = 1
    goodness: Mapping[str, int] | None = None
    residuals: str = "delchi"
    unfolded: bool = False
    mcmc: Mapping[str, int] | None = None
    path: str = ""
    models: tuple[FurtherModel, ...] = ()

    @property
    def subject(self) -> str:
        """The part of the step's name after ``fit:``."""
        return f"{self.name}/{self.group}" if self.group else self.name


@dataclass(frozen=True)
class Spec:
    """One member's specification, resolved.

    `level` is ``spectra``, ``events`` or ``raw``; `spectra` is empty but at level ``spectra``, where `work` is None;
    `raw` is None but at level ``raw``. Spectra of less than `min_exposure` seconds are left out of sums and fits.
    `engines` says who does a kind of work (``reduction``, ``spectra``, ``lightcurves``, ``images``, ``binning``,
    ``combine``), where the spec does: ``native``, ``heasoft`` or ``sas``; what it does not name is ``auto``.
    """

    name: str
    level: str
    spectra: tuple[SpectrumFiles, ...]
    binnings: Mapping[str, Binning]
    bands: Mapping[str, Band]
    fits: tuple[FitJob, ...]
    work: EventWork | None = None
    combinations: tuple[Combination, ...] = ()
    fakes: tuple[Fake, ...] = ()
    equal_bands: Mapping[str, EqualBands] = field(default_factory=dict)
    min_exposure: float = 0.0
    raw: RawWork | None = None
    engines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One point of a sweep. Without a sweep there is one, unnamed.

    Attributes
    ----------
    name : str
        Made of the values (``binning=min30``), the same whatever the order or number of the members.
    values : Mapping
        The swept values by dotted path, and ``case`` to the name of its case (or a list of names). Members of one
        sweep may have different paths.
    spec : Spec
    by_case : frozenset of str
        Those of the paths that a case sets.
    """

    name: str
    values: Mapping[str, Any]
    spec: Spec
    by_case: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Analysis:
    """A spec file, read and checked.

    Attributes
    ----------
    path : Path
        The spec file.
    files : Mapping of str to bytes
        Every text that was read (the spec, its includes), by path, as bytes: what the manifest keeps.
    overrides : tuple of str
        The ``--set`` texts.
    name : str
    members : tuple of Member
    document : Mapping
        The resolved spec before the sweep is expanded.
    origins : Mapping of str to str
        Dotted path to where its value came from: ``analysis.yaml:12:9``, ``--set``, ``default``.
    places : Mapping of str to Place
        Dotted path to the place of its key, for errors found after the checks.
    notes : tuple of Problem
        What is legal but worth saying.
    """

    path: Path
    files: Mapping[str, bytes]
    overrides: tuple[str, ...]
    name: str
    members: tuple[Member, ...]
    document: Mapping[str, Any]
    origins: Mapping[str, str]
    places: Mapping[str, Place]
    notes: tuple[Problem, ...] = ()

    def place(self, path: str) -> Place:
        """Find the place of a dotted path, or of its nearest parent that stands in the file."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return Place(str(self.path))
