"""What a fit leaves: ``fit.json`` and ``bins.ecsv``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.tasks._fit_data import FitData
from xbatch.xray.fit.contours import Contour
from xbatch.xray.fit.engine import Errors, FitResult
from xbatch.xray.fit.problem import Problem
from xbatch.xray.statistics import delta_statistic, null_probability

__all__ = ["bins_table", "empty_bins", "fit_document"]

_SAID = ("name", "group", "model_text", "statistic", "variance", "background", "abundances", "cross_sections")
_LEVELS = (0.6827, 0.9, 0.99)
_UNITS = {"energy": "keV", "density": "ct / (s keV)", "photons": "ph / (cm2 s keV)"}


def fit_document(
    params: Mapping[str, Any],
    result: FitResult,
    problem: Problem,
    data: Sequence[FitData],
    flux: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    versions: Mapping[str, str],
    goodness: Mapping[str, Any] | None = None,
    chain: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give a fit's result as JSON-able data; see ``docs/fitting.md`` for what stands in it."""
    chi2 = params["statistic"] == "chi2"
    statistics = [statistic for statistic, _ in problem.contributions(result.values)]
    return {
        **{key: params[key] for key in _SAID},
        "stat_value": result.statistic,
        "bins": problem.bins,
        "free": len(problem.parameters.free),
        "dof": result.dof,
        "reduced": None if params["statistic"] == "cash" else result.reduced,
        "aic": result.aic,
        "bic": result.bic,
        "null_probability": null_probability(result.statistic, result.dof) if chi2 else None,
        "converged": result.converged,
        "message": result.message,
        "evaluations": problem.evaluations,
        "restarts": result.restarts,
        "good_fit": result.good,
        "goodness": goodness,
        "mcmc": chain,
        "parameters": _parameters(params, result, problem),
        "covariance": _matrix(result.covariance),
        "free_names": list(problem.parameters.free_names),
        "contours": [_contour(one) for one in result.contours],
        "flux": list(flux),
        "datasets": [_dataset(one, statistic) for one, statistic in zip(data, statistics, strict=True)],
        **_models(params),
        "notes": list(notes),
        "versions": dict(versions),
    }


def _models(params: Mapping[str, Any]) -> dict[str, Any]:
    """Say which further models there are, where there are some."""
    said = ("name", "response", "model_text", "datasets")
    models = [{key: one[key] for key in said} for one in params.get("models") or ()]
    return {"models": models} if models else {}


def _parameters(params: Mapping[str, Any], result: FitResult, problem: Problem) -> list[dict[str, Any]]:
    rows = []
    for parameter, value in zip(problem.parameters.all, result.values, strict=True):
        errors = result.errors.get(parameter.name, Errors())
        wanted = parameter.name in result.errors
        rows.append(
            {
                "name": parameter.name,
                "component": parameter.component,
                "parameter": parameter.parameter,
                "datasets": list(parameter.datasets),
                "unit": parameter.unit,
                "value": value,
                "frozen": parameter.frozen,
                "linked": bool(parameter.link),
                "link": parameter.link,
                "error_minus": errors.minus,
                "error_plus": errors.plus,
                "error_note": errors.note,
                "confidence": params["errors"]["confidence"] if wanted else None,
                "method": params["errors"]["method"] if wanted else None,
            }
        )
    return rows


def _matrix(covariance: NDArray[np.float64] | None) -> list[list[float | None]] | None:
    """Give a matrix as lists; None for an element that is not known."""
    if covariance is None:
        return None
    return [[value if math.isfinite(value) else None for value in row] for row in covariance.tolist()]


def _contour(contour: Contour) -> dict[str, Any]:
    return {
        "parameters": list(contour.names),
        "x": contour.x.tolist(),
        "y": contour.y.tolist(),
        "rise": contour.rise.tolist(),
        "levels": {f"{confidence:g}": delta_statistic(confidence, 2) for confidence in _LEVELS},
    }


def _dataset(data: FitData, statistic: float) -> dict[str, Any]:
    keys = ("obsid", "instrument", "spectrum", "binning")
    ends = {"first": int(np.argmin(data.energies[0])), "last": int(np.argmax(data.energies[1]))}
    return {
        **{key: data.params[key] for key in keys},
        "band": data.params["band"]["name"],
        "groups": data.groups.size,
        **{
            name: {
                "channels": [int(side[group]) for side in data.channels],
                "energy": [float(side[group]) for side in data.energies],
            }
            for name, group in ends.items()
        },
        "counts": float(data.counts.source.sum()),
        "net_rate": float(data.counts.net.sum()) / data.exposure,
        "exposure": data.exposure,
        "stat": statistic,
        "note": data.params.get("note") or "",
    }


def bins_table(
    result: FitResult,
    problem: Problem,
    data: Sequence[FitData],
    more: Sequence[Mapping[str, NDArray[Any]]] = (),
) -> str:
    """Give the fitted bins as ECSV: one row a group; densities are counts/s/keV in the used channels of a group.

    `more` are the columns of the unfolded model for each dataset, in photons/cm2/s/keV. Where there are further models,
    `further` is their part of the folded model.
    """
    models = problem.counts(result.values)
    residuals = [residual for _, residual in problem.contributions(result.values)]
    parts = [problem.parts(result.values, number) for number in range(len(data))]
    names = dict.fromkeys(name for mine in parts for name in mine)
    several = any(one.dataset.further for one in data)
    blocks: list[dict[str, NDArray[Any]]] = []
    for number, one in enumerate(data):
        density = 1 / (one.exposure * one.width)
        below = one.counts.subtracted
        nothing = np.zeros(one.groups.size)
        further = sum((part for name, part in parts[number].items() if name in problem.further), nothing)
        blocks.append(
            {
                "dataset": np.full(one.groups.size, number),
                "first_channel": one.channels[0],
                "last_channel": one.channels[1],
                "e_lo": one.energies[0],
                "e_hi": one.energies[1],
                "data": one.counts.net * density,
                "data_error": one.error * density,
                "model": models[number] * density,
                "background": (nothing if below is None else below) * density,
                **({"further": further * density} if several else {}),
                **{f"model_{name}": parts[number].get(name, nothing) * density for name in names},
                "residual": residuals[number],
                **(more[number] if more else {}),
            }
        )
    return _ecsv({name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]})


def empty_bins() -> str:
    """Give the table of a fit of nothing."""
    whole = ("dataset", "first_channel", "last_channel")
    names = (*whole, "e_lo", "e_hi", "data", "data_error", "model", "background", "residual")
    return _ecsv({name: np.zeros(0, np.int64 if name in whole else np.float64) for name in names})


def _ecsv(columns: Mapping[str, NDArray[Any]]) -> str:
    header = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    header += ["- " + json.dumps(_column(name, values)) for name, values in columns.items()]
    header.append("schema: astropy-2.0")
    lines = [f"# {line}" for line in header]
    lines.append(",".join(columns))
    lines += [",".join(map(repr, row)) for row in zip(*(values.tolist() for values in columns.values()), strict=True)]
    return "\n".join(lines) + "\n"


def _column(name: str, values: NDArray[Any]) -> dict[str, str]:
    entry = {"name": name, "datatype": "int64" if values.dtype.kind == "i" else "float64"}
    if name in ("e_lo", "e_hi"):
        entry["unit"] = _UNITS["energy"]
    elif name.startswith("source"):
        entry["unit"] = _UNITS["photons"]
    elif entry["datatype"] == "float64" and name != "residual":
        entry["unit"] = _UNITS["density"]
    return entry
