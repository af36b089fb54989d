"""A fit of a model to one or more spectra together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from xbatch.base.errors import StepError
from xbatch.base.files import pretty_json, write_atomically
from xbatch.registry import Job, Outcome
from xbatch.tasks._components import made_components, xspec_versions
from xbatch.tasks._fit_chain import chain
from xbatch.tasks._fit_data import FitData, read_dataset
from xbatch.tasks._fit_flux import fluxes
from xbatch.tasks._fit_goodness import goodness
from xbatch.tasks._fit_output import bins_table, empty_bins, fit_document
from xbatch.tasks._fit_short import long_enough, nothing_fitted
from xbatch.tasks._fit_unfolded import unfolded
from xbatch.xray.fit.engine import WORST_REDUCED, ErrorRequest, FitResult, Starts, run_fit
from xbatch.xray.fit.optimise import OF_SHERPA, sherpa_version
from xbatch.xray.fit.parameters import read_parameters
from xbatch.xray.fit.problem import ModelSpec, Problem

__all__ = ["run"]

_SHERPA_CURE = (
    "Use 'optimiser: levmar', which is xbatch's own, or install Sherpa with "
    "'conda install -c https://cxc.cfa.harvard.edu/conda/sherpa -c conda-forge sherpa', or with "
    "\"pip install 'xbatch[fit]'\", which compiles it and needs gcc, g++, gfortran, bison (or byacc), flex, pkg-config"
)

# A fall of the statistic by this much is a tenth of an error bar.
_TOLD_FALL = 0.01
_KEPT = ("obsid", "instrument", "spectrum", "binning", "groups", "first", "last")


def run(job: Job) -> Outcome:
    """Fit a model to spectra, find the errors of its parameters and its fluxes.

    For dataset i the inputs are `grouped/i` (grouped.pha), `response/i` (response.npz) and, where there is one,
    `background/i` (background.pha), `further/i/name` for each further response that a model goes through, and
    `table/name` for each component that is a table model. The parameters are a fit of the spec, resolved: datasets with
    their bands, the model as a tree (or null) and further ``models``, each ``{name, response, model, model_text,
    datasets}``; their parameters with values, limits and links, background, statistic and variance, tables, optimiser,
    errors, fluxes; ``min_exposure`` (s), where there is
    one, leaves out shorter spectra, and a fit with none left has a record that says so. Outputs are ``fit.json``,
    ``bins.ecsv`` and, of a fit with chains, ``chain.fits``.

    Raises
    ------
    StepError
        Sherpa has the optimiser and is not there, or data, model and statistic do not go together.
    FileError
        A file cannot be read.
    """
    kept, short, params = long_enough(job)
    if not kept:
        return _left_out(job, short)
    data = [
        read_dataset(
            entry,
            params,
            job.inputs[f"grouped/{number}"],
            job.inputs[f"response/{number}"],
            job.inputs.get(f"background/{number}"),
            _further_responses(job, params, position, number),
        )
        for position, (number, entry) in enumerate(zip(kept, params["datasets"], strict=True))
    ]
    try:
        versions = {"numpy": np.__version__, "scipy": scipy.__version__}
        if params["optimiser"] in OF_SHERPA:
            versions = {"sherpa": sherpa_version(), **versions}
        tables = made_components(job)
        versions |= xspec_versions(job)
        model = ModelSpec(params["model"], params["components"], params["abundances"], params["cross_sections"], tables)
        model = replace(model, further={one["name"]: one["model"] for one in params.get("models") or ()})
        problem = Problem([one.dataset for one in data], model, read_parameters(params["parameters"]))
        starts = Starts(params.get("starts") or 1)
        result = run_fit(problem, params["optimiser"], _error_request(params), params["statistic"] == "chi2", starts)
        simulated, told = goodness(params, problem, result, data)
        walked, walk_notes = chain(params, problem, result, job.out)
        flux = fluxes(params, model, problem, result, data)
        more = unfolded(model, problem, result, data) if params.get("unfolded") else ()
    except ImportError as error:
        raise StepError(
            f"Sherpa, which has the optimiser {params['optimiser']}, cannot be loaded ({error})", cure=_SHERPA_CURE
        ) from error
    except ValueError as error:
        raise StepError(
            f"{params['model_text']} cannot be fitted: {error}",
            cure="Look at the fit's 'model', 'parameters' and 'data'",
        ) from error
    notes = (*short, *_notes(params["statistic"], result, data), *told, *walk_notes)
    document = fit_document(params, result, problem, data, flux, notes, versions, simulated, walked)
    write_atomically(job.out / "fit.json", pretty_json(document))
    write_atomically(job.out / "bins.ecsv", bins_table(result, problem, data, more))
    facts = {
        "statistic": params["statistic"],
        **{
            key: document[key]
            for key in ("stat_value", "bins", "free", "dof", "reduced", "null_probability", "good_fit")
        },
        "kept": [{key: entry[key] for key in _KEPT} for entry in document["datasets"]],
    }
    return Outcome(facts=facts, notes=(*_warnings(result, data), *notes))


def _further_responses(job: Job, params: Mapping[str, Any], position: int, number: int) -> dict[str, Path]:
    """Name the file that each further model of a dataset is folded through; `number` is that of the inputs' roles."""
    return {
        one["name"]: job.inputs[f"further/{number}/{one['response']}" if one["response"] else f"response/{number}"]
        for one in params.get("models") or ()
        if position in one["datasets"]
    }


def _left_out(job: Job, notes: Sequence[str]) -> Outcome:
    write_atomically(job.out / "fit.json", pretty_json(nothing_fitted(job.params, notes)))
    write_atomically(job.out / "bins.ecsv", empty_bins())
    return Outcome({"statistic": job.params["statistic"], "bins": 0, "kept": []}, tuple(notes))


def _error_request(params: Mapping[str, Any]) -> ErrorRequest:
    errors = params["errors"]
    contours = tuple((str(one), str(other)) for one, other in errors.get("contours") or ())
    return ErrorRequest(tuple(errors["parameters"]), errors["method"], float(errors["confidence"]), contours)


def _notes(statistic: str, result: FitResult, data: Sequence[FitData]) -> tuple[str, ...]:
    """Give what the record's other fields do not say by themselves."""
    notes = [note for one in data for note in one.notes]
    told = statistic != "cash" and result.good
    if told and result.reduced is not None and result.reduced > WORST_REDUCED:
        notes.append(
            f"{statistic} is {result.reduced:.3g} for each degree of freedom: unless most groups are nearly empty, the "
            "model does not describe the data, and its errors mean little"
        )
    if result.fallen > _TOLD_FALL:
        often = "once" if result.restarts == 1 else f"{result.restarts} times"
        notes.append(
            f"a lower minimum was met {often} in the search for errors, and the fit went on there: the statistic "
            f"fell by {result.fallen:.3g}"
        )
    return (*notes, *result.notes)


def _warnings(result: FitResult, data: Sequence[FitData]) -> tuple[str, ...]:
    """Give what must be known before the numbers are used."""
    warnings = [f"{one.name}: {one.params['note']}" for one in data if one.params.get("note")]
    if not result.good:
        warnings.append(
            f"poor fit (reduced chi-squared {result.reduced or 0:.3g}): the values describe no acceptable model, and "
            "errors are not computed"
        )
    if not result.converged:
        warnings.append(f"the optimiser did not converge: {result.message}")
    return tuple(warnings)
