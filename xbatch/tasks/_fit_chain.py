"""Markov chains of a fit, where the spec asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xbatch.base.errors import StepError
from xbatch.ogip.chainfile import ChainColumn, write_chain
from xbatch.ogip.fitswriter import Card
from xbatch.xray.fit.engine import FitResult
from xbatch.xray.fit.problem import Problem
from xbatch.xray.fit.sample import sample

__all__ = ["chain"]

# Chains shorter than this many autocorrelation times say little.
_LONG = 50


def chain(
    params: Mapping[str, Any], problem: Problem, result: FitResult, out: Path
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Sample the posterior; what was found, and what is to be said. The samples are left in ``chain.fits``.

    Raises
    ------
    StepError
        emcee is not installed.
    ValueError
        The posterior cannot be sampled from this fit.
    """
    asked = params.get("mcmc")
    if not asked or result.free.size == 0:
        return None, ()
    if result.covariance is None:
        return None, ("chains are not computed: the fit is poor",)
    parameters = problem.parameters
    try:
        found = sample(problem, result.free, result.covariance, parameters.low, parameters.high, **asked)
    except ImportError as error:
        raise StepError(
            f"emcee, which walks the chains, cannot be loaded ({error})", cure="pip install 'xbatch[mcmc]'"
        ) from error
    cards = [Card("WALKERS", asked["walkers"]), Card("BURN", asked["burn"], "steps left out at the beginning")]
    write_chain(out / "chain.fits", _columns(params, problem), found.samples, found.statistic, cards)
    lower, median, upper = found.interval(float(params["errors"]["confidence"]))
    names = parameters.free_names
    rows = [
        {"name": name, "median": float(median[n]), "lower": float(lower[n]), "upper": float(upper[n])}
        for n, name in enumerate(names)
    ]
    notes = []
    steps = asked["steps"] - asked["burn"]
    if not steps > _LONG * found.autocorrelation:
        notes.append(
            f"chains of {steps} steps are short for an autocorrelation time of {found.autocorrelation:.3g}; take more "
            f"than {_LONG} times as many"
        )
    covariance = np.atleast_2d(np.cov(found.samples, rowvar=False))
    return {
        **asked,
        "confidence": params["errors"]["confidence"],
        "acceptance": found.acceptance,
        "autocorrelation": found.autocorrelation,
        "parameters": rows,
        "covariance": covariance.tolist(),
    }, tuple(notes)


def _columns(params: Mapping[str, Any], problem: Problem) -> list[ChainColumn]:
    """Name the free parameters as the scripts for XSPEC number them: each dataset is a data group."""
    rows = params["parameters"]
    slots = [
        (component, parameter)
        for component in params["components"]
        for parameter in dict.fromkeys(row["parameter"] for row in rows if row["component"] == component)
    ]
    known = {row["name"]: row for row in rows}
    columns = []
    for name in problem.parameters.free_names:
        row = known[name]
        number = min(row["datasets"], default=0) * len(slots) + slots.index((row["component"], row["parameter"])) + 1
        columns.append((row["parameter"], number, name))
    return columns
