"""Steps that hand fits over to other programs: responses as FITS files, and scripts that name them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xbatch.plan.sources import RESPONSE, SPECTRUM
from xbatch.plan.steps import FileInput, Input, Step, StepInput

__all__ = ["handover_steps"]


def handover_steps(steps: Sequence[Step]) -> list[Step]:
    """Make the steps that follow on the fits of a plan.

    Parameters
    ----------
    steps : sequence of Step
        Under their last names: scripts name files of other steps by where these will lie.

    Returns
    -------
    list of Step
        One for each spectrum with a response, one for each further response that fits use, one for each fit.
    """
    known = {step.name: step for step in steps}
    fits = [step for step in steps if step.task == "fit"]
    # RESPFILE of the spectra names these
    responses = {step.name: _response(step, StepInput(step.name, RESPONSE)) for step in steps if _has_response(step)}
    users: dict[str, dict[str, None]] = {name: dict.fromkeys(known[name].members) for name in responses}
    handovers = []
    for fit in fits:
        for item in _further(fit).values():
            key = f"{item.step} {item.output}"
            if key not in responses:
                responses[key] = _response(known[item.step], item)
            users.setdefault(key, {}).update(dict.fromkeys(fit.members))
        handovers.append(_handover(fit, known))
    return [*(replace(step, members=tuple(users[name])) for name, step in responses.items()), *handovers]


def _has_response(step: Step) -> bool:
    roles = {"spectrum": "rmf", "combine": "response/0", "fake": "response"}
    return step.task in roles and roles[step.task] in step.inputs


def _source(item: Input) -> StepInput:
    assert isinstance(item, StepInput)
    return item


def _further(fit: Step) -> dict[tuple[int, str], StepInput]:
    """Give the further responses of a fit by dataset and name."""
    found = {}
    for role, item in fit.inputs.items():
        if role.startswith("further/"):
            _, number, name = role.split("/")
            found[int(number), name] = _source(item)
    return found


def _response(source: Step, response: StepInput) -> Step:
    below = _below(response)
    return Step(
        name=f"response:{source.subject}{below}",
        task="response",
        subject=f"{source.subject}{below}",
        inputs={"response": response, "spectrum": StepInput(source.name, SPECTRUM)},
        product=f"{source.product}{below}",
        path=source.path,
    )


def _below(response: StepInput) -> str:
    """Give the folder of a further response below that of its spectrum; nothing for the first."""
    name = response.output.removeprefix("response").removesuffix(".npz").removeprefix("_")
    return f"/responses/{name}" if name else ""


def _handover(fit: Step, known: Mapping[str, Step]) -> Step:
    inputs: dict[str, Input] = {
        "fit": StepInput(fit.name, "fit.json"),
        "bins": StepInput(fit.name, "bins.ecsv"),
        **{role: item for role, item in fit.inputs.items() if role.startswith(("grouped/", "background/"))},
    }
    datasets: list[dict[str, Any]] = []
    outputs = ["fit.xcm", "fit_pyxspec.py", "fit_sherpa.py"]
    for number, dataset in enumerate(fit.params["datasets"]):
        further = _files(fit, number, known)
        folder = posixpath.relpath(known[_source(fit.inputs[f"response/{number}"]).step].product, fit.product)
        datasets.append(
            {
                **{key: dataset[key] for key in ("obsid", "instrument", "spectrum", "binning")},
                "rmf": f"{folder}/response.rmf",
                "arf": f"{folder}/response.arf",
                **({"further": further} if further else {}),
            }
        )
        # Spectra that are too short are left out of fits, and the others are numbered without them.
        outputs.append(f"spectrum_{number + 1}.pha?")
        outputs += [f"background_{number + 1}.pha?"] if f"background/{number}" in fit.inputs else []
    return Step(
        name=f"handover:{fit.subject}",
        task="handover",
        subject=fit.subject,
        params={
            "title": fit.subject,
            "model": fit.params["model"],
            "components": fit.params["components"],
            # The only names of files outside the run that a step's parameters have: the scripts hold them.
            "tables": {
                role.removeprefix("table/"): item.path
                for role, item in fit.inputs.items()
                if role.startswith("table/") and isinstance(item, FileInput)
            },
            "limits": {one["name"]: [one["min"], one["max"]] for one in fit.params["parameters"]},
            "datasets": datasets,
            **({"models": fit.params["models"]} if "models" in fit.params else {}),
        },
        inputs=inputs,
        product=fit.product,
        path=fit.path,
        members=fit.members,
        outputs=tuple(outputs),
    )


def _files(fit: Step, number: int, known: Mapping[str, Step]) -> dict[str, dict[str, str]]:
    """Name the files of a dataset's further responses as seen from the scripts."""
    found = {}
    for (dataset, name), item in _further(fit).items():
        if dataset == number:
            folder = posixpath.relpath(known[item.step].product + _below(item), fit.product)
            found[name] = {"rmf": f"{folder}/response.rmf", "arf": f"{folder}/response.arf"}
    return found
