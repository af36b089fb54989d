"""Task `fake`: draw a spectrum, and its background, from a model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from xbatch.base.errors import StepError
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.ogip.response import Response, check_channels, load_response
from xbatch.registry import Job, Outcome
from xbatch.tasks._components import made_components
from xbatch.tasks._spectrum_facts import response_links, spectrum_facts
from xbatch.xray.fit.model import GridModel, Kinds, component_kinds
from xbatch.xray.fit.several import component_names

__all__ = ["run"]

Floats = NDArray[np.float64]


def run(job: Job) -> Outcome:
    """Draw the counts of a spectrum from a model, as XSPEC's ``fakeit`` does.

    Inputs are `spectrum` (whose exposure, AREASCAL, BACKSCAL and channels it gets), `response`, where there is one
    `background`, `further/name` for each further response, and `table/name` for components that are table models.
    Parameters: `obsid`, `instrument`, `mission`, `spectrum`; `model` (or null) and, where there are such, `models`,
    each ``{name, response, model}``; `components`, `values` (of each component's parameters), `abundances`,
    `cross_sections`; `exposure` (s, or null for that of the spectrum; the background's is changed by the same factor);
    `seed`. Each channel has a Poisson number about the folded model and the background expected in it, and the drawn
    background one about the counts of the real one. Outputs: ``spectrum.pha``, ``background.pha`` if there is one,
    ``response.npz``, and ``response_NAME.npz`` for each further response.

    Raises
    ------
    StepError
        The model cannot be evaluated, or gives counts that cannot be drawn.
    """
    params = job.params
    name = "/".join(str(params[key]) for key in ("obsid", "instrument", "spectrum"))
    like = read_pha(job.inputs["spectrum"])
    response = load_response(job.inputs["response"])
    check_channels(like, response, name, job.inputs["response"].name)
    exposure = like.exposure if params["exposure"] is None else float(params["exposure"])
    below = read_pha(job.inputs["background"]) if "background" in job.inputs else None
    further = {
        role.removeprefix("further/"): load_response(path)
        for role, path in job.inputs.items()
        if role.startswith("further/")
    }
    try:
        expected = _folded(job, params, like, {"": response, **further}, exposure)
    except ValueError as error:
        raise StepError(f"the model of {name} cannot be evaluated: {error}", cure="Look at its parameters") from error
    if not np.all(np.isfinite(expected)) or np.any(expected < 0) or expected.sum() > 1e12:
        raise StepError(
            f"the model of {name} gives counts that cannot be drawn ({expected.sum():g} in all)",
            cure="Look at the norms: they are in XSPEC's units",
        )
    # A generator of its own for each spectrum: what one has does not hang on how many there are.
    own = int.from_bytes(sha256(name.encode()).digest()[:8])
    random = np.random.default_rng([int(params["seed"]), own])
    drawn_below = None
    if below is not None:
        expected = expected + _background(like, below, name) * (exposure / like.exposure)
        factor = exposure / like.exposure
        drawn_below = _poisson(below, random.poisson(np.maximum(below.counts, 0.0) * factor), below.exposure * factor)
    drawn = _poisson(like, random.poisson(expected), exposure)
    links = {"BACKFILE": "background.pha" if below is not None else "none", **response_links(True)}
    write_pha(job.out / "spectrum.pha", drawn, links)
    if drawn_below is not None:
        write_pha(job.out / "background.pha", drawn_below)
    shutil.copyfile(job.inputs["response"], job.out / "response.npz")
    for label in further:
        shutil.copyfile(job.inputs[f"further/{label}"], job.out / f"response_{label}.npz")
    facts = spectrum_facts(drawn, drawn_below) | {"drawn_from": float(expected.sum())}
    return Outcome(facts, (f"{name} is drawn from a model (seed {params['seed']}), not observed",))


def _folded(
    job: Job, params: Mapping[str, Any], like: Spectrum, responses: Mapping[str, Response], exposure: float
) -> Floats:
    """Give the counts that the models put into each channel of the spectrum, each through its own response."""
    tables = made_components(job)
    kinds = component_kinds(params["components"], tables)
    first = [("", params["model"])] if params["model"] else []
    models = [*first, *((one["response"], one["model"]) for one in params.get("models") or ())]
    rates = np.zeros(like.channel.size)
    for name, tree in models:
        rates += _rates(params, tree, {part: kinds[part] for part in component_names(tree)}, like, responses[name])
    return rates * exposure * like.areascal


def _rates(
    params: Mapping[str, Any],
    tree: Mapping[str, Any],
    kinds: Kinds,
    like: Spectrum,
    response: Response,
) -> Floats:
    """Give the counts / s of one model in each channel of the spectrum."""
    seen = np.flatnonzero((response.specresp > 0) & (np.diff(response.indptr) > 0))
    if seen.size == 0:
        raise ValueError("the response is zero everywhere")
    rows = slice(int(seen[0]), int(seen[-1]) + 1)
    edges = np.append(response.energ_lo[rows], response.energ_hi[rows][-1])
    model = GridModel(tree, kinds, edges, params["abundances"], params["cross_sections"])
    flux = np.zeros(response.specresp.size)
    flux[rows] = model.flux({name: tuple(values) for name, values in params["values"].items()})
    shape = (response.specresp.size, response.channel.size)
    matrix = csr_matrix((response.matrix, response.indices, response.indptr), shape=shape)
    rates = np.asarray(matrix.T @ (flux * response.specresp), dtype=np.float64)
    return rates[np.searchsorted(response.channel, like.channel)]


def _background(like: Spectrum, below: Spectrum, name: str) -> Floats:
    """Give the counts of the background expected in each channel of the spectrum, in its own exposure."""
    if not np.array_equal(like.channel, below.channel):
        raise StepError(f"the background of {name} has other channels than the spectrum", cure="Give one of the same")
    scale = like.exposure * like.backscal * like.areascal
    other = below.exposure * below.backscal * below.areascal
    share = np.divide(scale, other, out=np.zeros_like(scale), where=other > 0)
    return np.maximum(below.counts, 0.0) * share


def _poisson(like: Spectrum, counts: NDArray[np.integer], exposure: float) -> Spectrum:
    """Make a spectrum of drawn counts: ungrouped, with the errors of counting alone."""
    size = like.channel.size
    return replace(
        like,
        counts=counts.astype(np.float64),
        stat_err=None,
        sys_err=np.zeros(size),
        grouping=np.ones(size, dtype=np.int16),
        exposure=exposure,
        poisson=True,
        is_rate=False,
    )
