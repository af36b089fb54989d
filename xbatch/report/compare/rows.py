"""One fit of a run as a row: what became of it, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xbatch.report.compare.data import Number, Row
from xbatch.report.source import RunSource, Step
from xbatch.tasks.fitwords import Fit, fit_notes, flux_label, is_left_out, parameter_state

__all__ = ["fit_row"]

_FLUXES = {"energy_flux": "erg/cm2/s", "luminosity": "erg/s"}


def fit_row(run: int, source: RunSource, step: Step, values: Mapping[str, Any]) -> Row:
    """Shape one fit.

    Parameters
    ----------
    run : int
        Index of the run.
    source : RunSource
        The run.
    step : Mapping
        The fit's entry in the manifest.
    values : Mapping
        The swept values on which it depends, by path.
    """
    params = step["params"]
    members = tuple(str(name) for name in step["members"])
    base = Row(run, members, values, str(params["name"]), str(params["group"]), str(step["name"]), str(step["outcome"]))
    if step["outcome"] not in {"done", "up to date"}:
        return replace(base, message=str(step["message"]))
    fit = source.json_of(step, "fit.json")
    try:
        return _read(base, fit, step) if fit is not None else _lost(base, step, "is missing or not JSON")
    except (KeyError, TypeError, ValueError) as error:
        return _lost(base, step, f"is damaged ({error!r})")


def _lost(base: Row, step: Step, what: str) -> Row:
    path = step["outputs"].get("fit.json", {}).get("path", "fit.json")
    return replace(base, result="lost", message=f"{path} {what}; run the spec again")


def _read(base: Row, fit: Fit, step: Step) -> Row:
    notes = tuple(fit_notes(fit, step["notes"]))
    if is_left_out(fit):
        return replace(base, result="left out", message="; ".join(notes))
    result = "good" if fit["good_fit"] else "poor"
    return replace(
        base,
        result=result if fit["converged"] else "not converged",
        statistic=str(fit["statistic"]),
        stat_value=float(fit["stat_value"]),
        reduced=fit["reduced"],
        dof=int(fit["dof"]),
        bins=int(fit["bins"]),
        counts=sum(int(dataset["counts"]) for dataset in fit["datasets"]),
        parameters={str(parameter["name"]): _parameter(parameter) for parameter in fit["parameters"]},
        fluxes=dict(number for flux in fit["flux"] for number in _fluxes(fit, flux)),
        notes=tuple(note for note in notes if note not in {"poor fit", "the optimiser did not converge"}),
    )


def _parameter(parameter: Mapping[str, Any]) -> Number:
    minus, plus = parameter["error_minus"], parameter["error_plus"]
    return Number(
        float(parameter["value"]),
        abs(minus) if minus else None,
        abs(plus) if plus else None,
        str(parameter["unit"]),
        parameter_state(parameter),
        str(parameter["error_note"]),
        parameter["confidence"],
        str(parameter["method"] or ""),
    )


def _fluxes(fit: Fit, flux: Mapping[str, Any]) -> list[tuple[str, Number]]:
    label = flux_label(fit, flux)
    found = []
    for key, unit in _FLUXES.items():
        if flux.get(key) is not None:
            minus, plus = flux.get(f"{key}_minus"), flux.get(f"{key}_plus")
            number = Number(
                float(flux[key]),
                abs(minus) if minus else None,
                abs(plus) if plus else None,
                unit,
                note=str(flux.get("error_note") or ""),
            )
            found.append((label.replace("flux", "luminosity", 1) if key == "luminosity" else label, number))
    return found
