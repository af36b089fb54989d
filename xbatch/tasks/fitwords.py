"""What the record of a fit says, in words: its state, its notes, the names of its fluxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Fit", "fit_notes", "flux_label", "is_left_out", "parameter_state"]

Fit = Mapping[str, Any]


def parameter_state(parameter: Mapping[str, Any]) -> str:
    """Say whether a parameter is ``free``, ``frozen`` or ``linked``."""
    if parameter["linked"]:
        return "linked"
    return "frozen" if parameter["frozen"] else "free"


def is_left_out(fit: Fit) -> bool:
    """Say whether none of a fit's spectra was long enough, so that nothing was fitted."""
    return not fit["datasets"]


def fit_notes(fit: Fit, more: Sequence[str] = ()) -> list[str]:
    """Collect what must be known of a fit and its spectra before its numbers are used, each once.

    Parameters
    ----------
    fit : Mapping
        The content of fit.json.
    more : sequence of str
        Notes that the fit's step left beside its files.
    """
    notes = list(dict.fromkeys([*(str(note) for note in fit["notes"]), *more]))
    if is_left_out(fit):
        return notes
    own = [str(dataset["note"]) for dataset in fit["datasets"]]
    if not fit["good_fit"]:
        own.append("poor fit")
    if not fit["converged"]:
        own.append("the optimiser did not converge")
    for note in own:
        if note and not any(note in known for known in notes):
            notes.append(note)
    return notes


def flux_label(fit: Fit, flux: Mapping[str, Any]) -> str:
    """Name a flux's column: ``flux 3-79 keV unabsorbed``, with the dataset where a fit gives several.

    Fluxes differ between the datasets of a fit by its constants. That of a further model has the model's name.
    """
    kind = "absorbed" if flux["absorbed"] else "unabsorbed"
    model = flux.get("model")
    label = f"flux {flux['band']} {kind}{f' {model}' if model else ''}"
    index = flux.get("dataset") or 0
    key = (flux["band"], flux["absorbed"], model)
    same = [f for f in fit["flux"] if (f["band"], f["absorbed"], f.get("model")) == key]
    if len(same) > 1:
        dataset = fit["datasets"][index]
        instruments = [d["instrument"] for d in fit["datasets"]]
        words = [dataset["instrument"]]
        if instruments.count(dataset["instrument"]) > 1:
            words = [dataset["obsid"], dataset["instrument"], dataset["spectrum"]]
        label += " " + " ".join(words)
    return label
