"""The recipe of level ``spectra``: from PHA files to fits. One function makes the steps of one member of a sweep."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import Problem
from xbatch.plan.links import Links, follow
from xbatch.plan.steps import FileInput, Input, Step, StepInput
from xbatch.registry import TASKS
from xbatch.spec.model import Analysis, Binning, Dataset, FitJob, Spec, SpectrumFiles

__all__ = ["spectra_steps"]

_NEEDS_FWHM = {"opt", "optmin", "optsnmin", "ogrppha"}
_USES_BACKGROUND = {"bmin", "snmin", "optsnmin", "ogrppha", "nutools"}
_SHERPA_CURE = (
    "conda install -c https://cxc.cfa.harvard.edu/conda/sherpa -c conda-forge sherpa; or pip install 'xbatch[fit]', "
    "which compiles it: first install gcc, g++, gfortran, byacc (or bison), flex and pkg-config"
)


@dataclass(frozen=True)
class _Recipe:
    """What the steps of one member are made from."""

    analysis: Analysis
    spec: Spec
    links: Mapping[str, Links]


def spectra_steps(
    analysis: Analysis,
    spec: Spec,
    installed: Callable[[str], bool] = lambda package: importlib.util.find_spec(package) is not None,
) -> tuple[list[Step], list[Problem]]:
    """Make the steps of one member whose work starts at spectra.

    Parameters
    ----------
    analysis : Analysis
        For places of errors.
    spec : Spec
        The member's spec.
    installed : callable
        Says whether a Python package can be imported.

    Returns
    -------
    steps : list of Step
        One reading a spectrum, one grouping a spectrum and binning, one fit and one plot a fit.
    problems : list of Problem
        Everything that makes the plan impossible.
    """
    links: dict[str, Links] = {}
    problems: list[Problem] = []
    for files in spec.spectra:
        found, missing = follow(files, analysis)
        problems += missing
        if found is not None:
            links[files.subject.path] = found
    recipe = _Recipe(analysis, spec, links)
    steps = [_spectrum_step(found) for found in links.values()]
    for subject, binning in _groupings(spec):
        if subject in links:
            step, refused = _group_step(recipe, links[subject], binning)
            steps.append(step)
            problems += refused
    for job in spec.fits:
        if all(data.subject.path in links for data in job.datasets):
            problems += _fit_problems(recipe, job)
            steps += _fit_steps(recipe, job, installed)
    return steps, problems


def _groupings(spec: Spec) -> list[tuple[str, Binning]]:
    """List what is to be grouped: what the fits use; everything by every binning where there is no fit."""
    if spec.fits:
        used = {(data.subject.path, data.binning): None for job in spec.fits for data in job.datasets}
        return [(subject, spec.binnings[name]) for subject, name in used]
    return [(files.subject.path, binning) for binning in spec.binnings.values() for files in spec.spectra]


def _spectrum_name(subject: str) -> str:
    return f"spectrum:{subject}"


def _group_name(subject: str, binning: str) -> str:
    return f"group:{subject}/{binning}"


def _file(path: Path) -> FileInput:
    return FileInput(str(path.absolute()))


def _spectrum_step(links: Links) -> Step:
    files: SpectrumFiles = links.files
    inputs: dict[str, Input] = {"pha": _file(links.pha)}
    for role, path in (("background", links.background), ("rmf", links.response), ("arf", links.arf)):
        if path is not None:
            inputs[role] = _file(path)
    subject = files.subject
    return Step(
        name=_spectrum_name(subject.path),
        task="spectrum",
        subject=subject.path,
        params={
            "obsid": subject.obsid,
            "instrument": subject.instrument,
            "mission": subject.mission,
            "spectrum": subject.spectrum,
            "note": files.note,
        },
        inputs=inputs,
        product=subject.path,
        path=files.path,
    )


def _group_step(recipe: _Recipe, links: Links, binning: Binning) -> tuple[Step, list[Problem]]:
    subject = links.files.subject
    source = _spectrum_name(subject.path)
    inputs: dict[str, Input] = {"spectrum": StepInput(source, "spectrum.pha")}
    problems: list[Problem] = []
    if _uses_background(binning.params) and links.background is not None:
        inputs["background"] = StepInput(source, "background.pha")
    if _needs_response(binning.params):
        if links.response is None and not links.unreadable and "response" not in links.missing:
            problems.append(_no_response(recipe, links, f"binning {binning.name!r} needs", binning.path))
        inputs["response"] = StepInput(source, "response.npz")
    template = binning.params.get("from")
    params = {key: value for key, value in binning.params.items() if key != "from"}
    if template:
        path = Path(str(template))
        if not path.is_file():
            problems.append(
                Problem(
                    recipe.analysis.place(f"{binning.path}.from"),
                    "XB401",
                    f"no file {path} for binning {binning.name!r}",
                    "name a grouped PHA file",
                    f"{binning.path}.from",
                )
            )
        inputs["template"] = _file(path)
    step = Step(
        name=_group_name(subject.path, binning.name),
        task="group",
        subject=f"{subject.path}/{binning.name}",
        params={
            "binning": params,
            "name": binning.name,
            "obsid": subject.obsid,
            "instrument": subject.instrument,
            "spectrum": subject.spectrum,
        },
        inputs=inputs,
        product=f"{subject.path}/{binning.name}",
        path=binning.path,
    )
    return step, problems


def _uses_background(params: Mapping[str, Any]) -> bool:
    kind = params["type"]
    if kind == "specgroup":
        return "snr" in params
    return kind in _USES_BACKGROUND and bool(params.get("background", True))


def _needs_response(params: Mapping[str, Any]) -> bool:
    """Tell whether a binning needs the resolution, or the energies of channels."""
    ranged = params.get("range")
    in_energy = isinstance(ranged, Mapping) and ranged.get("unit") == "keV"
    return in_energy or params["type"] in _NEEDS_FWHM or (params["type"] == "specgroup" and "oversample" in params)


def _no_response(recipe: _Recipe, links: Links, who: str, path: str) -> Problem:
    return Problem(
        recipe.analysis.place(path or links.files.path),
        "XB403",
        f"{who} a response, and {links.pha.name} of {links.files.subject.path} has none (no RESPFILE)",
        f"give 'response: FILE' under spectra.{links.files.subject.spectrum}",
        path,
    )


def _fit_problems(recipe: _Recipe, job: FitJob) -> list[Problem]:
    problems: list[Problem] = []
    for data in job.datasets:
        links = recipe.links[data.subject.path]
        if links.unreadable:
            continue
        if links.response is None and "response" not in links.missing:
            problems.append(_no_response(recipe, links, f"fit {job.name!r} needs", job.path))
    return problems + _background_problems(recipe, job)


def _background_problems(recipe: _Recipe, job: FitJob) -> list[Problem]:
    """Compare what the fit says of the background with what the files have: one problem, whatever their number."""
    where = f"{job.path}.background"
    followed = [recipe.links[data.subject.path] for data in job.datasets]
    known = [links for links in followed if not links.unreadable and "background" not in links.missing]
    wrong = [links for links in known if (links.background is None) == (job.background in {"subtract", "profiled"})]
    if not wrong or job.background == "ignore":
        return []
    first = wrong[0]
    name = first.files.subject.path
    others = f" (and {len(wrong) - 1} more of its spectra)" if len(wrong) > 1 else ""
    if first.background is None:
        message = (
            f"background mode {job.background!r} needs a background, and {first.pha.name} of {name} has none{others}"
        )
        hint = f"give 'background: FILE' under spectra.{first.files.subject.spectrum}, or mode: none"
        return [Problem(recipe.analysis.place(where), "XB404", message, hint, where)]
    message = f"background mode 'none' says there is none, but {name} has {first.background.name}{others}"
    hint = "say mode: ignore to leave it out on purpose, or use subtract or profiled"
    return [Problem(recipe.analysis.place(where), "XB405", message, hint, where)]


def _fit_steps(recipe: _Recipe, job: FitJob, installed: Callable[[str], bool]) -> list[Step]:
    inputs: dict[str, Input] = {}
    for number, data in enumerate(job.datasets):
        subject = data.subject.path
        source = _spectrum_name(subject)
        inputs[f"grouped/{number}"] = StepInput(_group_name(subject, data.binning), "grouped.pha")
        inputs[f"response/{number}"] = StepInput(source, "response.npz")
        if recipe.links[subject].background is not None and job.background in {"subtract", "profiled"}:
            inputs[f"background/{number}"] = StepInput(source, "background.pha")
    blocked = next(
        (
            Problem(
                recipe.analysis.place(job.path),
                "XB410",
                f"fit {job.name!r} needs {package.capitalize()}, which is not installed",
                _SHERPA_CURE,
                job.path,
            )
            for package in TASKS["fit"].needs
            if not installed(package)
        ),
        None,
    )
    fit = Step(
        name=f"fit:{job.subject}",
        task="fit",
        subject=job.subject,
        params=_fit_params(recipe, job),
        inputs=inputs,
        product=f"fits/{job.subject}",
        blocked=blocked,
        path=job.path,
    )
    plot = Step(
        name=f"plot:{job.subject}",
        task="plot",
        subject=job.subject,
        params={"title": job.subject},
        inputs={"fit": StepInput(fit.name, "fit.json"), "bins": StepInput(fit.name, "bins.ecsv")},
        product=f"fits/{job.subject}",
        path=job.path,
    )
    return [fit, plot]


def _fit_params(recipe: _Recipe, job: FitJob) -> dict[str, Any]:
    """Give a fit as JSON-able parameters: all that changes its result, nothing that does not (no paths)."""
    return {
        "name": job.name,
        "group": job.group,
        "datasets": [_dataset_params(data, recipe.links[data.subject.path].files.note) for data in job.datasets],
        "model": dict(job.model),
        "model_text": job.model_text,
        "components": dict(job.components),
        "parameters": [
            {key: value for key, value in asdict(parameter).items() if key != "path"} for parameter in job.parameters
        ],
        "background": job.background,
        "statistic": job.statistic,
        "variance": job.variance,
        "abundances": job.abundances,
        "cross_sections": job.cross_sections,
        "optimiser": job.optimiser,
        "errors": asdict(job.errors),
        "flux": [asdict(request) for request in job.flux],
    }


def _dataset_params(data: Dataset, note: str) -> dict[str, Any]:
    return {
        "obsid": data.subject.obsid,
        "instrument": data.subject.instrument,
        "mission": data.subject.mission,
        "spectrum": data.subject.spectrum,
        "binning": data.binning,
        "band": asdict(data.band),
        "edge": data.edge,
        "note": note,
    }
