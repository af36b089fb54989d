"""The tasks there are, by name and engine: what a plan may hold and where a worker finds the code.

Functions are named as text (``module:function``) and imported in the worker that needs them, so that looking at a
plan loads no numpy, astropy or sherpa.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["TASKS", "Job", "Outcome", "TaskDef", "task_function"]


@dataclass(frozen=True)
class Job:
    """What a task's function is given.

    Attributes
    ----------
    step : str
        The step's name, for messages.
    params : Mapping
        The step's parameters, JSON-able.
    inputs : Mapping of str to Path
        Each declared input by its role; an optional input that did not come is absent.
    out : Path
        An empty folder of the step's own; each declared output is written there under its declared name.
    places : Mapping of str to Path
        Folders of the user's that the step reads. What they hold is part of the key by an input that lists it; where
        they lie is not.
    log : Path or None
        Where all that is printed goes; a message may name it.
    digests : Mapping of str to str
        Role to content digest of each input, as the run knows it: what has only to be known again need not be read. A
        file that was changed since makes the step fail when it has ended.
    """

    step: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Path]
    out: Path
    places: Mapping[str, Path] = field(default_factory=dict)
    log: Path | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a task's function gives back beside its files.

    Attributes
    ----------
    facts : Mapping
        Small JSON-able results worth showing in a plan or a report (counts, number of bins, the first bin's energies).
    notes : tuple of str
        What the user should know (a stand-in response, a poor fit, an ignored HDU); they reach table and report.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaskDef:
    """One kind of work.

    Attributes
    ----------
    name : str
        The first part of its steps' names.
    version : int
        Raised whenever the same inputs and parameters may give another result; part of every key.
    outputs : tuple of str
        File names that must exist when the step has succeeded. A name that ends in ``?`` may be absent. Empty where
        the step itself lists them.
    engines : Mapping
        Engine name to ``module:function``.
    summary : str
        One line for people.
    needs : tuple of str
        Python packages that must be importable beside the runtime dependencies.
    cores, memory_mb : int
        What a step takes while it runs; None where its memory is not worth counting.
    limit : str or None
        A resource of which a step takes one, such as a tool that may not run any number of times at once.
    timeout : float or None
        Seconds after which a step is taken to hang.
    tries : int
        How often a step is started in all when its worker is killed.

    None of the last five is part of a key, and `xbatch run` may be told otherwise.
    """

    name: str
    version: int
    outputs: tuple[str, ...]
    engines: Mapping[str, str]
    summary: str
    needs: tuple[str, ...] = ()
    cores: int = 1
    memory_mb: int | None = None
    limit: str | None = None
    timeout: float | None = None
    tries: int = 2


_EXECUTE = "xbatch.tools.execute:run"


def _task(
    name: str,
    version: int,
    outputs: tuple[str, ...],
    function: str,
    summary: str,
    needs: tuple[str, ...] = (),
    **engines: str,
) -> TaskDef:
    return TaskDef(name, version, outputs, MappingProxyType({"native": function, **engines}), summary, needs)


def _sas(name: str, version: int, outputs: tuple[str, ...], summary: str, function: str = _EXECUTE) -> TaskDef:
    return TaskDef(name, version, outputs, MappingProxyType({"sas": function}), summary)


def _heasoft(name: str, version: int, outputs: tuple[str, ...], summary: str, memory_mb: int | None = None) -> TaskDef:
    return TaskDef(name, version, outputs, MappingProxyType({"heasoft": _EXECUTE}), summary, memory_mb=memory_mb)


TASKS: Mapping[str, TaskDef] = MappingProxyType(
    {
        task.name: task
        for task in (
            _task(
                "observation",
                1,
                ("observation.json",),
                "xbatch.tasks.observation:run",
                "list the files of an observation as the archive has them, and look them through",
            ),
            TaskDef(
                "fetch",
                1,
                ("observation.json",),
                MappingProxyType({"native": "xbatch.tasks.fetch:run"}),
                "fetch an observation from its archive, and list its files",
                limit="archive",
            ),
            _task(
                "events",
                2,
                ("events.bin", "events.json", "livetime.npz?"),
                "xbatch.tasks.events:run",
                "check and screen an event list, and keep what stays as a table",
            ),
            _heasoft("nupipeline", 1, (), "calibrate and screen an observation of NuSTAR", memory_mb=4000),
            TaskDef(
                "nusplitsc",
                1,
                (),
                MappingProxyType({"heasoft": "xbatch.tools.nusplit:run"}),
                "split mode 06 of a module of NuSTAR by the camera head units in use",
            ),
            _task(
                "chu",
                1,
                ("events.fits",),
                "xbatch.tasks.chu:run",
                "take the part of mode 06 of NuSTAR with the aspect of some camera head units",
            ),
            _heasoft("barycorr", 1, (), "correct times to the solar system's barycentre"),
            _heasoft("nuproducts", 1, (), "extract a spectrum of NuSTAR, with responses made for it", memory_mb=2000),
            _heasoft("nuexpomap", 1, ("exposure.img",), "make an exposure map of an observation of NuSTAR"),
            TaskDef(
                "nubackscale",
                1,
                ("source.pha", "background.pha"),
                MappingProxyType({"heasoft": "xbatch.tools.backscale:run"}),
                "weigh the BACKSCAL of spectra of NuSTAR with the exposure of their regions",
            ),
            _sas("cifbuild", 1, ("ccf.cif",), "index the calibration files that hold for an observation"),
            _sas("odfingest", 1, ("summary.SAS",), "summarise an observation of XMM-Newton"),
            _sas(
                "epicevents",
                2,
                ("events.fits", "oot.fits?", "attitude.fits?", "epicevents.json"),
                "make the event list of an EPIC camera, of the exposures that are wanted",
                "xbatch.tools.epic_events:run",
            ),
            _sas(
                "epicfilter",
                1,
                ("filtered.fits", "flare.gti?", "flare.lc?", "flare.png?"),
                "filter an event list of an EPIC camera: flares, patterns, flags, energies",
                "xbatch.tools.epic_filter:run",
            ),
            _task(
                "selection",
                1,
                ("selection.json",),
                "xbatch.tasks.selection:run",
                "write the regions of an event list as conditions that SAS selects by",
            ),
            _sas(
                "pileup",
                1,
                ("pileup.json", "pileup.ecsv", "pileup.csv", "pileup.tex", "pileup.png?", "pileup.gif?", "pileup.pdf?"),
                "find the smallest inner radius of a region that leaves no pile-up",
                "xbatch.tools.pileup:run",
            ),
            _sas(
                "rgsproc",
                1,
                (),
                "make spectra of the RGS, with backgrounds and responses",
                "xbatch.tools.rgs:run",
            ),
            _sas(
                "rgscombine",
                1,
                ("source.pha", "background.pha", "response.rmf"),
                "add the spectra of RGS1 and RGS2",
            ),
            _sas("attitude", 1, ("attitude.ds",), "write where XMM-Newton looked during an observation"),
            _sas("detectimages", 1, (), "make images of an EPIC camera in the bands of a search for sources"),
            _sas("emosaic", 1, ("mosaic.img",), "put images of the EPIC cameras together"),
            _sas(
                "detect",
                1,
                (
                    "sources.fits",
                    "sources.reg",
                    "sources.ecsv",
                    "sources.csv",
                    "sources.tex",
                    "sources.png?",
                ),
                "look for sources in images of EPIC",
                "xbatch.tools.detect:run",
            ),
            _sas(
                "epicspectrum",
                1,
                (),
                "extract a spectrum of an EPIC camera, with responses made for it",
                "xbatch.tools.epic_spectra:run",
            ),
            TaskDef(
                "flare",
                2,
                ("flare.gti", "flare.lc", "flare.json", "flare.png"),
                MappingProxyType({"native": "xbatch.tasks.flare:run", "sas": "xbatch.tools.espfilt:run"}),
                "find the times without flares in a high-energy light curve",
            ),
            _task(
                "gti", 2, ("gti.gti", "gti.json"), "xbatch.tasks.gti:run", "select times: by clock, flux, hk or phase"
            ),
            _task(
                "preview",
                2,
                ("regions.png", "regions.json"),
                "xbatch.tasks.preview:run",
                "draw every region on the image of an observation",
            ),
            _task("extract", 2, (), "xbatch.tasks.extract:run", "extract the spectra of all regions in one pass"),
            _task(
                "image",
                1,
                (),
                "xbatch.tasks.image:run",
                "make images in some bands",
                heasoft="xbatch.tools.images:run",
                sas="xbatch.tools.images:run",
            ),
            _task("mosaic", 1, (), "xbatch.tasks.mosaic:run", "add images on one piece of sky"),
            _task(
                "lightcurve",
                2,
                (),
                "xbatch.tasks.lightcurve:run",
                "make light curves in some bands",
                heasoft="xbatch.tools.nustar_curves:run",
                sas="xbatch.tools.epic_curves:run",
            ),
            _task(
                "timebins",
                1,
                ("bins.json",),
                "xbatch.tasks.timebins:run",
                "find the bins of time of light curves that tools are to make",
            ),
            _task(
                "bands",
                1,
                ("bands.json",),
                "xbatch.tasks.bands:run",
                "find bands of equal counts or equal signal to noise",
            ),
            _task(
                "combine",
                3,
                ("spectrum.pha", "background.pha?", "response.npz?"),
                "xbatch.tasks.combine:run",
                "add the spectra of several observations, with their backgrounds and responses",
                heasoft="xbatch.tools.addspec:run",
            ),
            _task(
                "fake",
                2,
                ("spectrum.pha", "background.pha?", "response.npz"),
                "xbatch.tasks.fake:run",
                "draw a spectrum and its background from a model",
            ),
            _task(
                "spectrum",
                4,
                ("spectrum.pha", "background.pha?", "response.npz?"),
                "xbatch.tasks.spectrum:run",
                "check and read a spectrum with its background and response",
            ),
            _task(
                "group",
                2,
                ("grouped.pha", "grouping.json"),
                "xbatch.tasks.group:run",
                "group the channels of a spectrum into bins",
                heasoft="xbatch.tools.grouping:run",
                sas="xbatch.tools.specgroup:run",
            ),
            _task(
                "fit",
                5,
                ("fit.json", "bins.ecsv"),
                "xbatch.tasks.fit:run",
                "fit a model to one or more spectra together",
            ),
            _task(
                "plot",
                2,
                ("fit.png", "fit.pdf", "unfolded.png?", "unfolded.pdf?", "contours.png?", "contours.pdf?"),
                "xbatch.tasks.plot:run",
                "plot a fit: data, folded model, residuals",
            ),
            _task(
                "response",
                1,
                ("response.rmf", "response.arf"),
                "xbatch.tasks.response:run",
                "write a response as the FITS files that other programs read",
            ),
            _task(
                "handover",
                2,
                (),
                "xbatch.tasks.handover:run",
                "write scripts that rebuild a fit in XSPEC, PyXspec and Sherpa",
            ),
            _task(
                "parameters",
                2,
                ("parameters.ecsv", "parameters.csv", "parameters.tex"),
                "xbatch.tasks.parameters:run",
                "one table of the parameters of all fits",
            ),
            _task(
                "summary",
                1,
                ("summary.ecsv", "summary.csv", "summary.tex"),
                "xbatch.tasks.summary:run",
                "one table of all spectra: number, obsid, MJD, rate, exposure",
            ),
        )
    }
)


def task_function(task: str, engine: str) -> Callable[[Job], Outcome]:
    """Import and give the function that does a task with an engine.

    Raises
    ------
    KeyError
        No such task, or the engine does not do it.
    """
    module, _, name = TASKS[task].engines[engine].partition(":")
    function: Callable[[Job], Outcome] = getattr(importlib.import_module(module), name)
    return function
