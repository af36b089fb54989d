"""The plot of a fit: data with folded model above, residuals below; a PNG to look at and a PDF to print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xbatch.base.errors import StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks.fitwords import fit_notes, is_left_out

__all__ = ["run"]

_NEEDED = ("dataset", "e_lo", "e_hi", "data", "data_error", "model", "residual")


def run(job: Job) -> Outcome:
    """Draw a fit: counts/s/keV of data, model, model components and background; residuals below.

    Inputs are `fit` (fit.json), `bins` (bins.ecsv) and, of a fit with Markov chains, `chain` (chain.fits). Parameters
    are `title` and `residuals` (delchi or ratio; delchi if it is not there). Outputs are ``fit.png`` (200 dots per
    inch) and ``fit.pdf``; ``unfolded.png`` and ``.pdf`` where the bins have the model that is not folded;
    ``contours.png`` and ``.pdf`` where the fit has contours; ``corner.png`` and ``.pdf`` where there are chains. Equal
    inputs give equal bytes. Where nothing was fitted, the figure says why.

    Raises
    ------
    StepError
        A column of the bins is missing, or no bin was fitted.
    """
    from xbatch.tasks._more_figures import draw_contours, draw_unfolded
    from xbatch.tasks.figure import draw_fit, draw_words, save_figure

    fit: Mapping[str, Any] = json.loads(job.inputs["fit"].read_text(encoding="utf-8"))
    title = str(job.params.get("title", ""))
    if is_left_out(fit):
        save_figure(draw_words(title or str(fit["name"]), fit_notes(fit)), job.out)
        return Outcome(facts={"datasets": 0, "bins": 0})
    bins = _read_bins(job)
    save_figure(draw_fit(fit, bins, title, str(job.params.get("residuals", "delchi"))), job.out)
    if "source" in bins:
        save_figure(draw_unfolded(fit, bins, title), job.out, "unfolded")
    if fit.get("contours"):
        save_figure(draw_contours(fit, title), job.out, "contours")
    if "chain" in job.inputs and fit.get("mcmc"):
        from xbatch.tasks._corner_figure import draw_corner, read_samples

        save_figure(draw_corner(fit, read_samples(job.inputs["chain"]), title), job.out, "corner")
    return Outcome(facts={"datasets": len(fit["datasets"]), "bins": len(bins["e_lo"])})


def _read_bins(job: Job) -> dict[str, Any]:
    """Read the bins as arrays by column name."""
    import numpy as np
    from astropy.table import Table

    path = job.inputs["bins"]
    table = Table.read(path, format="ascii.ecsv")
    missing = [name for name in _NEEDED if name not in table.colnames]
    if missing:
        raise StepError(f"has no column {missing[0]}", path.name, "It should be the bins.ecsv that a fit step writes.")
    if len(table) == 0:
        raise StepError("holds no bins, so there is nothing to draw", path.name, "Widen the band of the fit.")
    columns: dict[str, Any] = {}
    for name in table.colnames:
        column = table[name]
        kind = np.int64 if name in {"dataset", "first_channel", "last_channel"} else np.float64
        columns[name] = np.ma.filled(np.ma.asarray(column, dtype=kind), 0 if kind is np.int64 else np.nan)
    return columns
