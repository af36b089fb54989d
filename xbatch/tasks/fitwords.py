"""What the record of a fit says, in words: its state, its notes, the names of its fluxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Fit", "fit_notes", "flux_label", "parameter_state"]

Fit = Mapping[str, Any]


def parameter_state(parameter: Mapping[str, Any]) -> str:
    """Say whether a parameter is ``free``, ``frozen`` or ``linked``."""
    if parameter["linked"]:
        return "linked"
    return "frozen" if parameter["frozen"] else "free"


def fit_notes(fit: Fit) -> list[str]:
    """Collect what must be known of a fit before its numbers are used, each once."""
    notes: list[str] = []
    if not fit["converged"]:
        notes.append(f"did not converge: {fit['message']}")
    if not fit["good_fit"] and fit["reduced"] is not None:
        notes.append(f"poor fit: {fit['statistic']} / dof = {fit['reduced']:.3g}")
    notes += [str(note) for note in fit["notes"]]
    notes += [str(dataset["note"]) for dataset in fit["datasets"] if dataset.get("note")]
    return list(dict.fromkeys(notes))


def flux_label(fit: Fit, flux: Mapping[str, Any]) -> str:
    """Name a flux's column: ``flux 3-79 keV unabsorbed``, with the dataset where a fit gives several.

    Fluxes differ between the datasets of a fit by its constants.
    """
    kind = "absorbed" if flux["absorbed"] else "unabsorbed"
    label = f"flux {flux['band']} {kind}"
    index = flux.get("dataset") or 0
    same = [f for f in fit["flux"] if (f["band"], f["absorbed"]) == (flux["band"], flux["absorbed"])]
    if len(same) > 1:
        dataset = fit["datasets"][index]
        instruments = [d["instrument"] for d in fit["datasets"]]
        words = [dataset["instrument"]]
        if instruments.count(dataset["instrument"]) > 1:
            words = [dataset["obsid"], dataset["instrument"], dataset["spectrum"]]
        label += " " + " ".join(words)
    return label
