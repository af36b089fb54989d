"""Fits as a report shows them: what was found, what must be known of it, and its plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xbatch.base.numbers import Rounded, plain_number, rounded, unit_parts
from xbatch.report.source import RunSource, Step
from xbatch.tasks.fitwords import fit_notes, flux_label, is_left_out, parameter_state

__all__ = ["FitView", "FluxRow", "ParameterRow", "fit_views", "statistic_name"]

_TROUBLE = ("poor fit", "the optimiser did not converge")
_MORE = {
    "unfolded": "E² f(E): the data as the model unfolds them, which depend on it; step lines are the model",
    "contours": "regions that hold both parameters together with the probabilities named; the cross is the best fit",
}
_STATISTICS = {"chi2": "χ²", "cstat": "C-stat", "cash": "Cash", "wstat": "W-stat", "pgstat": "PG-stat"}


@dataclass(frozen=True)
class ParameterRow:
    """One parameter; `unit` is words with their powers, `state` is free, frozen or linked."""

    name: str
    number: Rounded
    unit: tuple[tuple[str, str], ...]
    state: str
    link: str
    note: str


@dataclass(frozen=True)
class FluxRow:
    """One flux of a model: in erg/cm2/s, in photons/cm2/s where the fit gives that, and the luminosity in erg/s."""

    label: str
    energy: Rounded
    photons: Rounded | None
    luminosity: Rounded | None
    note: str


@dataclass(frozen=True)
class FitView:
    """One fit.

    Attributes
    ----------
    step : Mapping
        Its entry in the manifest.
    title : str
        Name and group.
    values : tuple of pairs
        Swept path and value.
    record : Mapping or None
        The content of fit.json; None for a fit without a result, or of which nothing was fitted.
    verdict : str
        ``good``, ``poor``, ``not converged``, ``failed``, or ``left out``: no spectrum was long enough.
    notes : tuple of str
        What must be known before its numbers are used.
    image : str or None
        The plot as a data URI.
    """

    step: Step
    title: str
    values: tuple[tuple[str, str], ...]
    record: Mapping[str, Any] | None
    verdict: str
    parameters: tuple[ParameterRow, ...]
    fluxes: tuple[FluxRow, ...]
    notes: tuple[str, ...]
    image: str | None
    more: tuple[tuple[str, str], ...] = ()
    ratio: bool = False
    is_unasked: bool = False

    @property
    def anchor(self) -> str:
        """A word for links within a page."""
        return "".join(c if c.isalnum() else "-" for c in str(self.step["name"]))

    @property
    def statistic(self) -> str:
        """The statistic by its degrees of freedom, as text."""
        if self.record is None:
            return ""
        name = statistic_name(self.record["statistic"])
        return f"{name} = {self.record['stat_value']:.2f} / {self.record['dof']} d.o.f."

    @property
    def reduced(self) -> str:
        """The reduced statistic as text."""
        reduced = self.record["reduced"] if self.record is not None else None
        return "" if reduced is None else f"{reduced:.4g}"

    @property
    def trouble(self) -> str:
        """Why the values are no measurement, in one sentence; empty for a good fit."""
        if self.verdict == "poor":
            name = statistic_name(self.record["statistic"]) if self.record is not None else ""
            reduced = f"{name} / d.o.f. = {self.reduced}" if self.reduced else "no degrees of freedom"
            return f"Poor fit: the model does not describe the data ({reduced}), so errors are not given."
        if self.verdict == "not converged" and self.record is not None:
            why = f" ({self.record['message']})" if self.record["message"] else ""
            return f"Not converged{why}: the values are where the search stopped, not a best fit."
        return ""

    @property
    def confidence(self) -> str:
        """What the errors are: ``90 % confidence, profile``; empty where there are none."""
        found = [
            (p["confidence"], p["method"])
            for p in (self.record or {"parameters": ()})["parameters"]
            if p["error_minus"] or p["error_plus"]
        ]
        if not found:
            return ""
        level, method = found[0]
        return f"{100 * level:.4g} % confidence, {method}"

    @property
    def alt(self) -> str:
        """The plot in words."""
        if self.record is None:
            return ""
        return (
            f"Spectra of fit {self.title} with the folded model {self.record['model_text']} above, residuals below; "
            f"{self.statistic}"
        )


def statistic_name(statistic: str) -> str:
    """Give a statistic's name as people write it."""
    return _STATISTICS.get(statistic, statistic)


def fit_views(source: RunSource) -> list[FitView]:
    """Shape every fit of a run, in the plan's order; fits that were not selected are left out."""
    values = _swept(source)
    plots = {step["inputs"]["fit"]["step"]: step for step in source.steps("plot") if "fit" in step["inputs"]}
    views = []
    for step in source.steps("fit"):
        record = source.json_of(step, "fit.json")
        if record is None and step["outcome"] == "not selected":
            continue
        plot = plots.get(step["name"])
        image = source.picture_uri(plot, "fit.png") if plot is not None else None
        view = _view(step, values.get(step["subject"], ()), record, image)
        views.append(
            replace(
                view,
                more=_more_images(source, plot),
                ratio=_is_ratio(plot),
                is_unasked=plot["outcome"] == "not selected",
            )
            if plot is not None
            else view
        )
    return views


def _is_ratio(plot: Step) -> bool:
    return bool(plot["params"].get("residuals") == "ratio")


def _more_images(source: RunSource, plot: Step) -> tuple[tuple[str, str], ...]:
    """Give the other pictures of a fit, each with what it shows."""
    found = ((source.picture_uri(plot, f"{name}.png"), words) for name, words in _MORE.items())
    return tuple((image, words) for image, words in found if image)


def _swept(source: RunSource) -> dict[str, tuple[tuple[str, str], ...]]:
    """Give the swept values of each fit by its subject, from the table that was asked for all fits."""
    return {
        entry["fit"]: tuple((axis, _text(value)) for axis, value in sorted(entry["values"].items()))
        for step in source.steps("parameters")
        for entry in step["params"]["fits"]
    }


def _view(
    step: Step, values: tuple[tuple[str, str], ...], record: Mapping[str, Any] | None, image: str | None
) -> FitView:
    if record is None:
        title = str(step["subject"]).partition("~")[0]
        return FitView(step, title, values, None, "failed", (), (), (), image)
    title = "/".join(part for part in (str(record["name"]), str(record["group"])) if part)
    if is_left_out(record):
        return FitView(step, title, values, None, "left out", (), (), tuple(fit_notes(record, step["notes"])), image)
    verdict = "not converged" if not record["converged"] else ("good" if record["good_fit"] else "poor")
    notes = tuple(
        note for note in fit_notes(record, step["notes"]) if verdict == "good" or not note.startswith(_TROUBLE)
    )
    return FitView(
        step,
        title,
        values,
        record,
        verdict,
        tuple(_parameter(parameter, verdict == "poor") for parameter in record["parameters"]),
        tuple(_flux(record, flux) for flux in record["flux"]),
        notes,
        image,
    )


def _parameter(parameter: Mapping[str, Any], is_poor: bool) -> ParameterRow:
    """Shape a parameter; that the errors of a poor fit are not given is said of the fit, not of each parameter."""
    state = parameter_state(parameter)
    note = "" if is_poor else str(parameter["error_note"] or "")
    value = float(parameter["value"])
    if state == "frozen":
        mantissa, _, exponent = plain_number(value).partition("e")
        number = Rounded(mantissa, exponent=int(exponent or 0))
    else:
        number = rounded(value, parameter["error_minus"], parameter["error_plus"])
    return ParameterRow(
        str(parameter["name"]),
        number,
        tuple(unit_parts(str(parameter["unit"]))),
        state,
        str(parameter["link"] or ""),
        note,
    )


def _flux(record: Mapping[str, Any], flux: Mapping[str, Any]) -> FluxRow:
    def number(key: str) -> Rounded | None:
        if flux.get(key) is None:
            return None
        return rounded(float(flux[key]), flux.get(f"{key}_minus"), flux.get(f"{key}_plus"))

    energy = number("energy_flux")
    assert energy is not None
    label = ", ".join([flux_label(record, flux).removeprefix("flux "), *_others(record, flux)])
    return FluxRow(label, energy, number("photon_flux"), number("luminosity"), str(flux.get("error_note") or ""))


def _others(record: Mapping[str, Any], flux: Mapping[str, Any]) -> list[str]:
    """Name the other datasets that a flux holds for, where a band has several fluxes."""
    kind = [(one["band"], one["absorbed"], one.get("model")) for one in record["flux"]]
    if kind.count((flux["band"], flux["absorbed"], flux.get("model"))) < 2:
        return []
    names = [[str(one[key]) for key in ("obsid", "instrument", "spectrum")] for one in record["datasets"]]
    instruments = [instrument for _, instrument, _ in names]
    return [
        names[number][1] if instruments.count(names[number][1]) == 1 else " ".join(names[number])
        for number in (flux.get("datasets") or ())[1:]
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
