"""Steps that follow on spectra, however these were made: groupings, fits and plots."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from xbatch.base.errors import Problem
from xbatch.plan.engines import engine_context, native_because
from xbatch.plan.fakes import further_models
from xbatch.plan.sources import Source, without_response
from xbatch.plan.steps import FileInput, Input, Step, StepInput
from xbatch.registry import TASKS
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Binning, Dataset, FitJob, FluxRequest, Parameter, Spec

__all__ = ["Installed", "following_steps", "is_installed", "response_problems"]

_NEEDS_FWHM = {"opt", "optmin", "optsnmin", "ogrppha"}
_USES_BACKGROUND = {"bmin", "snmin", "optsnmin", "ogrppha", "nutools"}
_OWN_OPTIMISER = "levmar"
_SHERPA_CURE = (
    "conda install -c https://cxc.cfa.harvard.edu/conda/sherpa -c conda-forge sherpa; or pip install 'xbatch[fit]', "
    "which compiles it: first install gcc, g++, gfortran, byacc (or bison), flex and pkg-config"
)
_CURES = {"sherpa": _SHERPA_CURE, "emcee": "pip install 'xbatch[mcmc]'"}
_SPELT = {"sherpa": "Sherpa"}

_PARAMETER_KEYS = tuple(one.name for one in fields(Parameter) if one.name != "path")

Installed = Callable[[str], bool]


def is_installed(package: str) -> bool:
    """Say whether a Python package can be imported."""
    return importlib.util.find_spec(package) is not None


@dataclass(frozen=True)
class _Recipe:
    """What the steps of one member are made from."""

    analysis: Analysis
    spec: Spec
    sources: Mapping[str, Source]
    shared: Memo

    @property
    def keep(self) -> dict[str, float]:
        """The parameter of tasks that leave out short spectra; none where all are kept."""
        return {"min_exposure": self.spec.min_exposure} if self.spec.min_exposure > 0 else {}


def following_steps(
    analysis: Analysis, spec: Spec, sources: Mapping[str, Source], installed: Installed, shared: Memo
) -> tuple[list[Step], list[Problem]]:
    """Make the steps that group spectra and fit them.

    Parameters
    ----------
    analysis : Analysis
        For places of errors.
    spec : Spec
    sources : Mapping
        The spectra by `Subject.path`; a fit of one that is not among them is left out.
    installed : callable
        Says whether a Python package can be imported.
    shared : Memo
        Keeps the steps of other members of a sweep, by what they are made from.

    Returns
    -------
    steps : list of Step
    problems : list of Problem
        What the spectra cannot give.
    """
    recipe = _Recipe(analysis, spec, sources, shared)
    steps: list[Step] = []
    problems = response_problems(analysis, spec, sources)
    for subject, binning in _groupings(spec, sources):
        source = sources[subject]
        key = ("group", id(source), id(binning), spec.min_exposure, spec.engines.get("binning"))
        grouping: tuple[Step, Problem | None] | None = shared.find(key)
        if grouping is None:
            grouping = _group_step(recipe, source, binning), _template_problem(recipe, binning)
            shared.keep(key, grouping, (source, binning))
        steps.append(grouping[0])
        problems += [grouping[1]] if grouping[1] else []
    for job in _jobs(spec, sources):
        of_fit = ("fit", id(sources), id(job), spec.min_exposure)
        fit: tuple[list[Step], list[Problem]] | None = shared.find(of_fit)
        if fit is None:
            fit = _fit_steps(recipe, job, installed), _fit_problems(analysis, job, sources)
            shared.keep(of_fit, fit, (sources, job))
        steps += fit[0]
        problems += fit[1]
    return steps, problems


def response_problems(analysis: Analysis, spec: Spec, sources: Mapping[str, Source]) -> list[Problem]:
    """Say which groupings and fits need a response that their spectra have not."""
    users: dict[str, tuple[str, list[Source]]] = {}
    for subject, binning in _groupings(spec, sources):
        if _needs_response(binning.params):
            users.setdefault(binning.path, (f"binning {binning.name!r}", []))[1].append(sources[subject])
    for job in _jobs(spec, sources):
        some = users.setdefault(job.path, (f"fit {job.name!r}", []))[1]
        some += [sources[data.subject.path] for data in job.datasets]
    return [problem for path, (who, some) in users.items() for problem in without_response(analysis, who, path, some)]


def _jobs(spec: Spec, sources: Mapping[str, Source]) -> list[FitJob]:
    return [job for job in spec.fits if all(data.subject.path in sources for data in job.datasets)]


def _groupings(spec: Spec, sources: Mapping[str, Source]) -> list[tuple[str, Binning]]:
    """List what is to be grouped: what the fits use; everything by every binning where there is no fit."""
    if spec.fits:
        used = {(data.subject.path, data.binning): None for job in spec.fits for data in job.datasets}
        return [(subject, spec.binnings[name]) for subject, name in used if subject in sources]
    return [(subject, binning) for binning in spec.binnings.values() for subject in sources]


def _group_name(subject: str, binning: str) -> str:
    return f"group:{subject}/{binning}"


def _group_step(recipe: _Recipe, source: Source, binning: Binning) -> Step:
    subject = source.subject
    inputs: dict[str, Input] = {"spectrum": source.spectrum_input()}
    if _uses_background(binning.params) and source.background:
        inputs["background"] = source.background_input()
    if _needs_response(binning.params):
        inputs["response"] = source.response_input()
    if binning.params.get("from"):
        inputs["template"] = FileInput(str(Path(str(binning.params["from"])).absolute()))
    step = Step(
        name=_group_name(subject.path, binning.name),
        task="group",
        subject=f"{subject.path}/{binning.name}",
        params={
            "binning": {key: value for key, value in binning.params.items() if key != "from"},
            "name": binning.name,
            "obsid": subject.obsid,
            "instrument": subject.instrument,
            "spectrum": subject.label,
            **recipe.keep,
        },
        inputs=inputs,
        product=f"{subject.path}/{binning.name}",
        path=binning.path,
        because=native_because(recipe.spec.engines, "binning"),
    )
    context = engine_context(recipe.analysis, recipe.spec, "binning", recipe.shared)
    if context is None:
        return step
    from xbatch.plan.toolengines import grouped_by_tool

    return grouped_by_tool(context, step, subject)


def _template_problem(recipe: _Recipe, binning: Binning) -> Problem | None:
    template = binning.params.get("from")
    if not template or Path(str(template)).is_file():
        return None
    where = f"{binning.path}.from"
    message = f"no file {template} for binning {binning.name!r}"
    return Problem(recipe.analysis.place(where), "XB401", message, "name a grouped PHA file", where)


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


def _fit_problems(analysis: Analysis, job: FitJob, sources: Mapping[str, Source]) -> list[Problem]:
    """Compare what a fit says of the background with what its spectra have: one problem, whatever their number."""
    where = f"{job.path}.background"
    known = [source for data in job.datasets if (source := sources[data.subject.path]).background is not None]
    wrong = [source for source in known if source.background is not (job.background in {"subtract", "profiled"})]
    if not wrong or job.background == "ignore":
        return []
    first = wrong[0]
    name = first.title or first.subject.path
    others = f" (and {len(wrong) - 1} more of its spectra)" if len(wrong) > 1 else ""
    if not first.background:
        message = f"background mode {job.background!r} needs a background, and {name} has none{others}"
        hint = f"give 'background:' under spectra.{first.subject.spectrum}, or mode: none"
        return [Problem(analysis.place(where), "XB404", message, hint, where)]
    message = f"background mode 'none' says there is none, but {first.subject.path} has {first.background_name}{others}"
    hint = "say mode: ignore to leave it out on purpose, or use subtract or profiled"
    return [Problem(analysis.place(where), "XB405", message, hint, where)]


def _fit_steps(recipe: _Recipe, job: FitJob, installed: Installed) -> list[Step]:
    from xbatch.spec.tablemodels import file_of  # loaded for plans that fit

    inputs: dict[str, Input] = {}
    for number, data in enumerate(job.datasets):
        source = recipe.sources[data.subject.path]
        inputs[f"grouped/{number}"] = StepInput(_group_name(data.subject.path, data.binning), "grouped.pha")
        inputs[f"response/{number}"] = source.response_input()
        for name in dict.fromkeys(one.response for one in job.models if number in one.datasets and one.response):
            inputs[f"further/{number}/{name}"] = source.further_input(name)
        if source.background and job.background in {"subtract", "profiled"}:
            inputs[f"background/{number}"] = source.background_input()
    for name, kind in job.components.items():
        table = file_of(kind)
        if table is not None:
            inputs[f"table/{name}"] = FileInput(str(table))
    fit = Step(
        name=f"fit:{job.subject}",
        task="fit",
        subject=job.subject,
        params=_fit_params(recipe, job),
        inputs=inputs,
        product=f"fits/{job.subject}",
        blocked=_blocked(recipe, job, _packages(job), installed),
        path=job.path,
        outputs=(*TASKS["fit"].outputs, "chain.fits?") if job.mcmc else (),
    )
    plot = Step(
        name=f"plot:{job.subject}",
        task="plot",
        subject=job.subject,
        params={"title": job.subject, "residuals": job.residuals},
        inputs={
            "fit": StepInput(fit.name, "fit.json"),
            "bins": StepInput(fit.name, "bins.ecsv"),
            **({"chain": StepInput(fit.name, "chain.fits", optional=True)} if job.mcmc else {}),
        },
        product=f"fits/{job.subject}",
        path=job.path,
        outputs=(*TASKS["plot"].outputs, "corner.png?", "corner.pdf?") if job.mcmc else (),
    )
    return [fit, plot]


def _packages(job: FitJob) -> tuple[str, ...]:
    """Name what a fit needs beyond what xbatch itself needs."""
    return (
        *TASKS["fit"].needs,
        *(["sherpa"] if job.optimiser != _OWN_OPTIMISER else []),
        *(["emcee"] if job.mcmc else []),
    )


def _blocked(recipe: _Recipe, job: FitJob, packages: Sequence[str], installed: Installed) -> Problem | None:
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return None
    message = f"fit {job.name!r} needs {_SPELT.get(missing[0], missing[0])}, which is not installed"
    return Problem(recipe.analysis.place(job.path), "XB410", message, _CURES[missing[0]], job.path)


def _fit_params(recipe: _Recipe, job: FitJob) -> dict[str, Any]:
    """Give a fit as JSON-able parameters: all that changes its result, nothing that does not (no paths)."""
    return {
        "name": job.name,
        "group": job.group,
        "datasets": [_dataset_params(data, recipe) for data in job.datasets],
        "model": None if job.model is None else dict(job.model),
        "model_text": job.model_text,
        "components": {name: kind.partition("{")[0] for name, kind in job.components.items()},
        "parameters": [_parameter_params(parameter, recipe.shared) for parameter in job.parameters],
        "background": job.background,
        "statistic": job.statistic,
        "variance": job.variance,
        "abundances": job.abundances,
        "cross_sections": job.cross_sections,
        "optimiser": job.optimiser,
        "starts": job.starts,
        **({"unfolded": True} if job.unfolded else {}),
        "mcmc": None if job.mcmc is None else dict(job.mcmc),
        "goodness": None if job.goodness is None else dict(job.goodness),
        "errors": _once(job.errors, recipe.shared, lambda: asdict(job.errors)),
        "flux": [_flux_params(request) for request in job.flux],
        **further_models(job.models),
        **recipe.keep,
    }


def _parameter_params(one: Parameter, shared: Memo) -> dict[str, Any]:
    """Give a parameter, all but where it stands in the spec."""
    return _once(one, shared, lambda: {name: getattr(one, name) for name in _PARAMETER_KEYS})


def _once(one: object, shared: Memo, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make the JSON-able form of what many fits of a sweep have in common once."""
    key = ("params", id(one))
    known: dict[str, Any] | None = shared.find(key)
    if known is None:
        known = make()
        shared.keep(key, known, (one,))
    return known


def _flux_params(request: FluxRequest) -> dict[str, Any]:
    """Give a request; the model that it is of only where that is not the first."""
    params = asdict(request)
    return params if request.model else {key: value for key, value in params.items() if key != "model"}


def _dataset_params(data: Dataset, recipe: _Recipe) -> dict[str, Any]:
    return {
        "obsid": data.subject.obsid,
        "instrument": data.subject.instrument,
        "mission": data.subject.mission,
        "spectrum": data.subject.label,
        "binning": data.binning,
        "band": _once(data.band, recipe.shared, lambda: asdict(data.band)),
        "edge": data.edge,
        "note": recipe.sources[data.subject.path].note,
    }
