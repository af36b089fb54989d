"""Fits without the spectra that are too short: which these are, and the fit's parameters without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from xbatch.ogip.pha import read_pha
from xbatch.registry import Job
from xbatch.tasks._fit_data import subject
from xbatch.xray.fit.links import parse_link

__all__ = ["Chosen", "long_enough", "nothing_fitted"]

Params = Mapping[str, Any]
#: Positions of the datasets that stay, what is said of those that do not, and the step's parameters for the former.
Chosen = tuple[list[int], list[str], Params]


def long_enough(job: Job) -> Chosen:
    """Leave out the datasets whose exposure is below ``min_exposure``.

    Parameters that hold for none of the datasets left go too, unless others are linked to them. Where the constants of
    those that stay are all relative to one that goes, the first of them is frozen, or all would slide together.
    """
    params = job.params
    everything = list(range(len(params["datasets"])))
    least = float(params.get("min_exposure") or 0.0)
    if least <= 0:
        return everything, [], params
    kept, notes = [], []
    for number in everything:
        exposure = read_pha(job.inputs[f"grouped/{number}"]).exposure
        if exposure >= least:
            kept.append(number)
        else:
            name = subject(params["datasets"][number])
            notes.append(f"{name} is left out: exposure {exposure:.6g} s, less than {least:g} s")
    if not notes:
        return everything, [], params
    parameters, frozen = _parameters(params, kept)
    datasets = [params["datasets"][number] for number in kept]
    chosen = {**params, "datasets": datasets, "parameters": parameters}
    if params.get("models"):
        place = {number: position for position, number in enumerate(kept)}
        chosen["models"] = [
            {**one, "datasets": [place[number] for number in one["datasets"] if number in place]}
            for one in params["models"]
        ]
    return kept, [*notes, *frozen], chosen


def _parameters(params: Params, kept: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    place = {number: position for position, number in enumerate(kept)}
    moved = [
        {**one, "datasets": [place[number] for number in one["datasets"] if number in place]}
        for one in params["parameters"]
    ]
    names = {one["name"] for one in moved}
    used = {one["name"]: bool(one["datasets"]) for one in moved}
    linked = {one["name"]: parse_link(one["link"], names).names for one in moved if one["link"]}
    waiting = [name for name, stays in used.items() if stays]
    while waiting:
        for name in linked.get(waiting.pop(), ()):
            if not used[name]:
                used[name] = True
                waiting.append(name)
    notes = []
    for component in [name for name, kind in params["components"].items() if kind == "constant"]:
        factors = [one for one in moved if one["component"] == component]
        left = [one for one in factors if used[one["name"]]]
        gone = [one for one in factors if not used[one["name"]]]
        if any(one["frozen"] for one in gone) and left and not any(one["frozen"] or one["link"] for one in left):
            left[0]["frozen"] = True
            notes.append(
                f"{left[0]['name']} is frozen at {left[0]['value']:g}: the spectrum it is relative to is left out"
            )
    return [one for one in moved if used[one["name"]]], notes


def nothing_fitted(params: Params, notes: Sequence[str]) -> dict[str, Any]:
    """Give the record of a fit of which no dataset is left: the keys of any fit, without values."""
    said = ("name", "group", "model_text", "statistic", "variance", "background", "abundances", "cross_sections")
    return {
        **{key: params[key] for key in said},
        "stat_value": None,
        "bins": 0,
        "free": 0,
        "dof": 0,
        "reduced": None,
        "aic": None,
        "bic": None,
        "null_probability": None,
        "converged": False,
        "message": "no spectrum is long enough",
        "evaluations": 0,
        "restarts": 0,
        "good_fit": False,
        "goodness": None,
        "mcmc": None,
        "parameters": [],
        "covariance": None,
        "free_names": [],
        "contours": [],
        "flux": [],
        "datasets": [],
        "notes": list(notes),
        "versions": {name: version(name) for name in ("numpy", "scipy")},
    }
