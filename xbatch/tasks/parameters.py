"""The table of all fits' parameters: a row for each parameter of each fit, in ECSV, CSV and LaTeX."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xbatch.base.files import write_atomically
from xbatch.registry import Job, Outcome
from xbatch.tasks.fitwords import Fit, fit_notes, flux_label, is_left_out, parameter_state

if TYPE_CHECKING:
    from xbatch.ogip.tables import Column

__all__ = ["run"]

Row = dict[str, Any]

FAILED = "no result: the fit, or a step that it needs, has failed"


def run(job: Job) -> Outcome:
    """Collect the parameters of fits in one table.

    The one parameter is `fits`: a list of ``{role, fit, member, values}``, in the order of the table; `values` maps a
    swept path to its value. The inputs are fit.json files by those roles; a fit that is not there gives one row whose
    state is ``failed``. Outputs are ``parameters.ecsv`` (every digit), ``parameters.csv`` (rounded for
    reading) and ``parameters.tex`` (rounded by the errors, to be put in a paper). A fit none of whose spectra is long
    enough has one row, whose state is ``left out``.
    """
    from xbatch.ogip.tables import Column, write_tables
    from xbatch.tasks.latex import parameters_latex

    entries: Sequence[Mapping[str, Any]] = job.params["fits"]
    fits: list[Fit | None] = [
        json.loads(job.inputs[entry["role"]].read_text(encoding="utf-8")) if entry["role"] in job.inputs else None
        for entry in entries
    ]
    axes = sorted({axis for entry in entries for axis in entry["values"]})
    fluxes = list(dict.fromkeys(name for fit in fits if fit for flux in fit["flux"] for name in _fluxes(fit, flux)))
    columns = [
        *(Column(axis, _datatype(axis, entries), description="swept value") for axis in axes),
        Column("fit", description="name of the fit in the spec"),
        Column("group", description="which group of a group_by it is"),
        Column("member", description="members of the sweep that share the fit"),
        Column("component"),
        Column(
            "parameter", description="as XSPEC spells it; [..] names the data it holds for, where there are several"
        ),
        Column("value", "float64", description="in the unit of the unit column", digits=7),
        Column("error_minus", "float64", description="distance to the lower bound, positive", digits=3),
        Column("error_plus", "float64", description="distance to the upper bound, positive", digits=3),
        Column("unit"),
        Column("state", description="free, frozen or linked; failed, or left out for want of exposure"),
        Column("confidence", "float64", description="of the errors", digits=4),
        Column("statistic"),
        Column("stat_value", "float64", description="statistic at the best fit", digits=7),
        Column("dof", "int64", description="degrees of freedom"),
        Column("reduced", "float64", description="statistic by degrees of freedom", digits=4),
        Column("bins", "int64", description="groups of channels fitted"),
        Column("aic", "float64", description="statistic + 2 x free parameters", digits=7),
        Column("bic", "float64", description="statistic + ln(bins) x free parameters", digits=7),
        *(_flux_column(name) for name in fluxes),
        Column("note"),
    ]
    words = {column.name for column in columns if column.datatype == "string"}
    rows = [row for entry, fit in zip(entries, fits, strict=True) for row in _rows(entry, fit, words)]
    failed = [str(entry["fit"]) for entry, fit in zip(entries, fits, strict=True) if fit is None]
    meta = {"fits": len(entries), "failed": failed}
    write_tables(job.out, "parameters", columns, rows, meta, forms=("ecsv", "csv"))
    write_atomically(job.out / "parameters.tex", parameters_latex(entries, fits, axes))
    notes = tuple(f"{entry['fit']}: {FAILED}" for entry, fit in zip(entries, fits, strict=True) if fit is None)
    return Outcome(facts={"fits": len(entries), "failed": len(failed), "rows": len(rows)}, notes=notes)


def _datatype(axis: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Give the type of a column of swept values: a number's where all of them are numbers."""
    kinds = {type(entry["values"][axis]) for entry in entries if axis in entry["values"]}
    return "int64" if kinds == {int} else "float64" if kinds <= {int, float} else "string"


def _rows(entry: Mapping[str, Any], fit: Fit | None, words: Collection[str]) -> list[Row]:
    swept = {axis: _text(value) if axis in words else value for axis, value in entry["values"].items()}
    name, _, group = str(entry["fit"]).partition("~")[0].partition("/")
    base: Row = {**swept, "fit": name, "group": group, "member": entry["member"]}
    if fit is None:
        return [{**base, "state": "failed", "note": FAILED}]
    base |= {
        "fit": fit["name"],
        "group": fit["group"],
        "statistic": fit["statistic"],
        "stat_value": fit["stat_value"],
        "dof": fit["dof"],
        "reduced": fit["reduced"],
        "bins": fit["bins"],
        "aic": fit["aic"],
        "bic": fit["bic"],
    }
    for flux in fit["flux"]:
        base |= _fluxes(fit, flux)
    general = fit_notes(fit)
    if is_left_out(fit):
        return [{**base, "state": "left out", "note": "; ".join(general)}]
    return [
        {
            **base,
            "component": parameter["component"],
            "parameter": str(parameter["name"]).partition(".")[2] or parameter["parameter"],
            "value": parameter["value"],
            "error_minus": _magnitude(parameter["error_minus"]),
            "error_plus": _magnitude(parameter["error_plus"]),
            "unit": parameter["unit"],
            "state": parameter_state(parameter),
            "confidence": parameter["confidence"] if parameter["error_minus"] or parameter["error_plus"] else None,
            "note": "; ".join(word for word in (parameter["error_note"], *general) if word),
        }
        for parameter in fit["parameters"]
    ]


def _fluxes(fit: Fit, flux: Mapping[str, Any]) -> Row:
    """Give a flux and its luminosity, with their errors where there are any, by the names of their columns."""
    label = flux_label(fit, flux)
    row: Row = {}
    for key, name in (("energy_flux", label), ("luminosity", label.replace("flux", "luminosity", 1))):
        if flux.get(key) is not None:
            row[name] = flux[key]
            row |= {f"{name} {end}": flux[f"{key}_{end}"] for end in ("minus", "plus") if f"{key}_{end}" in flux}
    return row


def _flux_column(name: str) -> Column:
    what = "luminosity, in the band of the source's frame" if name.startswith("luminosity") else "energy flux"
    unit = "erg / s" if name.startswith("luminosity") else "erg / (s cm2)"
    ends = {"minus": "distance of the lower bound, of ", "plus": "distance of the upper bound, of "}
    end = ends.get(name.rpartition(" ")[2], "")
    from xbatch.ogip.tables import Column

    return Column(name, "float64", unit, f"{end}{what} of the model", digits=3 if end else 5)


def _magnitude(error: float | None) -> float | None:
    return None if error is None else abs(error)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
