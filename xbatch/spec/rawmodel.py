"""What a specification of level ``raw`` asks for beside what it asks of event lists, as data.

A raw spec is one of level ``events`` whose lists do not exist yet: `Spec.work` holds regions, screenings, spectra,
images and light curves as at that level, and `Spec.raw` holds how the lists are made, and what only the tools make.
Everything is decided for each observation; nothing here knows YAML. The mappings named `params` are JSON-able.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xbatch.spec.eventmodel import Gtis
from xbatch.spec.model import Subject

__all__ = ["Detection", "PileUp", "RawObservation", "RawWork", "RgsSpectrum", "RgsSum"]


@dataclass(frozen=True)
class RawObservation:
    """One observation as the archive has it, and how it is reduced.

    Attributes
    ----------
    instruments : tuple of str
        Those that the spec asks for, with RGS1 and RGS2.
    root : Path
        ``data.root``; the observation is the folder `root`/`obsid`, as the archive names it.
    fetch : str
        ``missing``, ``never`` or ``always``.
    params : Mapping
        How event lists are made (``data.pipeline`` with its exceptions, ``data.exposures``), all keys present.
        NuSTAR: ``pointing`` (``OBJECT`` | ``POINT`` | ``[ra, dec]``), ``stages`` (``[1, 2]``), ``obsmode``, ``split``
        (bool: split mode 06), ``frozen_seed`` (bool: random draws begin with the tools' fixed seed), ``barycentre``
        (bool).
        XMM: ``tasks`` (``chain``: epchain, emchain | ``proc``: epproc, emproc), ``mode`` (``imaging`` | ``timing``),
        ``out_of_time`` (bool), ``analysis_date`` (``YYYY-MM-DD`` or the observation's own: ``observation``),
        ``part_errors`` (``fail`` | ``note``: what errors of parts of SAS's chains are),
        ``exposures`` (``merge`` | ``longest`` | list of int).
    instrument_params : Mapping
        Instrument to `params` as they are for it: ``{"EPN": {"exposures": [2], "mode": "imaging", ...}}``.
    screenings : Mapping
        NuSTAR: screening name to what nupipeline takes of it, as its parameters are called: ``saamode``, ``tentacle``,
        ``saacalc``, ``statusexpr``, ``gradeexpr``, ``cleanflick``, ``hkevtexpr``; only those that the spec gives.
    target : tuple of float or None
        Position of the target (fk5, degrees), where the spec gives one.
    """

    mission: str
    obsid: str
    instruments: tuple[str, ...]
    root: Path
    tags: tuple[str, ...] = ()
    fetch: str = "missing"
    params: Mapping[str, Any] = field(default_factory=dict)
    instrument_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    screenings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    target: tuple[float, float] | None = None
    path: str = ""

    @property
    def folder(self) -> Path:
        """Where the observation lies, or will lie."""
        return self.root / self.obsid


@dataclass(frozen=True)
class PileUp:
    """The search for the inner radius of one region of one observation and instrument that leaves no pile-up.

    `params`: ``events`` (``unfiltered`` | ``filtered``), ``band`` (``[2000, 10000]`` eV), ``start``, ``first``,
    ``step``, ``max`` (arcsec), ``n_sigma``, ``direction`` (``two-sided`` | ``task`` | ``notebook``).
    """

    name: str
    observed: str
    region: str
    params: Mapping[str, Any]
    screening: str = "default"
    figure: bool = True
    path: str = ""


@dataclass(frozen=True)
class RgsSpectrum:
    """A spectrum of one RGS of one observation that rgsproc makes, one for each order.

    `subject.spectrum` is the entry's name; where there are several orders, ``name-o2`` is that of the second. `flare`,
    of its `screening`: ``{"rate": ["<", 0.1], "bin": s, "ccd": 9}``, or None where flares stay. `times` has its time
    selection, ``subject.gti``, and before it those that it is made of; empty where it has all times.
    """

    subject: Subject
    order: int
    note: str = ""
    path: str = ""
    screening: str = "default"
    flare: Mapping[str, Any] | None = None
    times: tuple[Gtis, ...] = ()


@dataclass(frozen=True)
class RgsSum:
    """RGS1 and RGS2 of one observation and order as one spectrum (rgscombine); its instrument is called ``RGS``."""

    subject: Subject
    members: tuple[Subject, ...]
    path: str = ""


@dataclass(frozen=True)
class Detection:
    """A search for sources in images of one observation, with one camera or with several together.

    `params`: ``bands`` by instrument: list of ``{"name", "lo", "hi" (eV), "pattern": [lo, hi], "ecf"}``, ``pixels``
    (image side), ``likelihood``, ``splines``, ``exposure_maps`` (bool), and ``sensitivity`` where the spec says it.
    """

    name: str
    obsid: str
    instruments: tuple[str, ...]
    params: Mapping[str, Any]
    screening: str = "default"
    mosaic: bool = False
    path: str = ""


@dataclass(frozen=True)
class RawWork:
    """All that a spec of level ``raw`` asks of the missions' tools beside spectra and light curves of regions."""

    observations: tuple[RawObservation, ...]
    pileups: tuple[PileUp, ...] = ()
    rgs: tuple[RgsSpectrum, ...] = ()
    rgs_sums: tuple[RgsSum, ...] = ()
    detections: tuple[Detection, ...] = ()

    def observation(self, obsid: str) -> RawObservation:
        """Give an observation by its obsid.

        Raises
        ------
        KeyError
            There is none.
        """
        for one in self.observations:
            if one.obsid == obsid:
                return one
        raise KeyError(obsid)
