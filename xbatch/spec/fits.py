"""The ``fit`` block: each entry to one fit, or one for each group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from xbatch.spec.bands import Bands
from xbatch.spec.channels import pi_of_band
from xbatch.spec.enclosed import check_enclosed
from xbatch.spec.fitdata import FitData, fit_data
from xbatch.spec.linking import linked
from xbatch.spec.model import Binning, ErrorRequest, FitJob, FluxRequest
from xbatch.spec.models import Models, find_models
from xbatch.spec.nodes import DEFAULT, Items, Node, Scalar, Table, data_of, is_sound, items_of, text_of
from xbatch.spec.parameters import instances
from xbatch.spec.quantity import QuantityError, probability
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.settings import is_glob, name_fault, parameter_names, settle
from xbatch.spec.spectra import SpectraFound

__all__ = ["ALLOWED", "find_fits"]

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "chi2": ("none", "ignore", "subtract"),
    "cstat": ("none", "ignore"),
    "cash": ("none", "ignore"),
    "wstat": ("profiled",),
    "pgstat": ("subtract",),
}


@dataclass(frozen=True)
class _Named:
    """What the names in a fit may refer to."""

    spectra: SpectraFound
    binnings: Mapping[str, Binning | None]
    bands: Bands
    folder: Path


def find_fits(
    root: Table,
    spectra: SpectraFound,
    binnings: Mapping[str, Binning | None],
    bands: Bands,
    folder: Path,
    report: Report,
) -> tuple[FitJob, ...]:
    """Resolve the fits of a checked document; the files of table models are relative to `folder`.

    Returns
    -------
    tuple of FitJob
        In the order of the spec; what is at fault is left out, and in the report.
    """
    table = root.entries.get("fit")
    if not isinstance(table, Table):
        return ()
    known = _Named(spectra, binnings, bands, folder)
    return tuple(
        job for name, fit in table.entries.items() if isinstance(fit, Table) for job in _fit(name, fit, known, report)
    )


def _fit(name: str, fit: Table, known: _Named, report: Report) -> list[FitJob]:
    data = fit_data(fit, known.spectra, known.binnings, known.bands, report)
    _check_statistic(fit, data, known.spectra, report)
    _check_binnings(fit, data, known, report)
    _check_cuts(fit, data, known.spectra, report)
    models = find_models(fit, known.folder, report)
    flux = _flux(fit.entries.get("flux"), known.bands, models, report)
    subjects = list(dict.fromkeys(one.subject for one in data.datasets))
    confidence = _confidence(fit.entries.get("errors"), report)
    if models is None:
        return []
    _check_unfolded(fit, models, report)
    placed = models.placed(fit, subjects, known.spectra, report)
    settled = settle(fit.entries.get("parameters"), models.components, subjects, data.whole, report)
    errors = _errors(fit.entries.get("errors"), models.components, confidence, report)
    common = {**_settings(fit), "errors": errors, "flux": flux} if is_sound(fit) else None
    jobs = []
    for group, numbers in data.groups:
        chosen = tuple(data.datasets[n] for n in numbers)
        further, components = models.of(placed, [one.subject for one in chosen])
        found = instances(components, settled, chosen, fit, report, models.datasets_of(further))
        parameters = linked(found, chosen, models.components, report)
        if parameters is None or common is None:
            continue
        for model, node in models.expressions(fit):
            check_enclosed(model.tree, model.components, parameters, node, report)
        jobs.append(
            FitJob(
                name=name,
                group=group,
                datasets=chosen,
                model=None if models.first is None else models.first.tree,
                model_text=models.text,
                components=components,
                parameters=tuple(parameters),
                models=further,
                **common,
            )
        )
    return jobs


def _settings(fit: Table) -> dict[str, Any]:
    """Give what all groups of a sound fit have in common."""
    plots = data_of(fit.entries["plots"]) if "plots" in fit.entries else None
    plots = plots if isinstance(plots, Mapping) else {}

    def said(key: str, default: str) -> str:
        return text_of(fit.entries.get(key)) or default

    return {
        "background": _mode(fit) or "",
        "statistic": said("statistic", ""),
        "variance": said("variance", "data"),
        "abundances": said("abundances", "wilm"),
        "cross_sections": said("cross_sections", "vern"),
        "optimiser": said("optimiser", "levmar"),
        "starts": _whole(data_of(fit.entries["starts"]) if "starts" in fit.entries else None, FitJob.starts),
        "goodness": _whole_numbers(fit.entries.get("goodness")),
        "residuals": str(plots.get("residuals") or "delchi"),
        "unfolded": plots.get("unfolded") is True,
        "mcmc": _whole_numbers(fit.entries.get("mcmc")),
        "path": fit.path,
    }


def _whole_numbers(node: Node | None) -> Mapping[str, int] | None:
    if not isinstance(node, Table):
        return None
    return {key: _whole(data_of(one), 1) for key, one in node.entries.items()}


def _check_unfolded(fit: Table, models: Models, report: Report) -> None:
    plots = fit.entries.get("plots")
    node = plots.entries.get("unfolded") if isinstance(plots, Table) else None
    if models.first is None and isinstance(node, Scalar) and node.value is True:
        message = "the first model unfolds the spectrum, and there is none"
        report.add(node, "XB325", message, "give 'model:', or remove 'unfolded'")


def _mode(fit: Table) -> str | None:
    background = fit.entries.get("background")
    return text_of(background.entries.get("mode")) if isinstance(background, Table) else None


def _check_statistic(fit: Table, data: FitData, spectra: SpectraFound, report: Report) -> None:
    statistic, mode = text_of(fit.entries.get("statistic")), _mode(fit)
    variance = fit.entries.get("variance")
    if statistic and statistic != "chi2" and isinstance(variance, Scalar) and variance.origin != DEFAULT:
        message = f"'variance' is for chi2, and the statistic is {statistic}"
        report.add(variance, "XB315", message, "remove it, or use statistic: chi2")
    background = fit.entries.get("background")
    if statistic is None or mode is None or not isinstance(background, Table):
        return
    node = background.entries["mode"]
    if mode not in ALLOWED[statistic]:
        fitting = [name for name, modes in ALLOWED.items() if mode in modes]
        hint = f"{statistic} goes with mode: {' or '.join(ALLOWED[statistic])}; {mode} with {' or '.join(fitting)}"
        report.add(node, "XB314", f"statistic {statistic} and background mode {mode} do not go together", hint)
        return
    subjects = [one.subject for one in data.datasets]
    for subject in subjects:
        plain = (statistic, mode, text_of(variance)) in {("chi2", one, "file") for one in ("none", "ignore")}
        if subject.path in spectra.subtracted and not plain:
            message = f"{subject.path} is a sum with its background subtracted: its errors stand in it"
            hint = "use statistic: chi2, variance: file and mode: none, or 'background: keep' in the sum"
            report.add(node, "XB320", message, hint)
            return
        if mode in {"subtract", "profiled"} and subject.path in spectra.without_background:
            message = f"background mode {mode} needs a background, and {subject.path} has none"
            report.add(node, "XB316", message, f"name it in spectra.{subject.spectrum}, or use mode: none")
            return
        if mode == "none" and subject.path in spectra.with_background:
            message = f"background mode none says there is none, and spectra.{subject.spectrum} names one"
            report.add(node, "XB316", message, "use mode: ignore to leave it out on purpose, or subtract it")
            return


def _check_binnings(fit: Table, data: FitData, known: _Named, report: Report) -> None:
    """Refuse a binning that counts the background of a spectrum without one."""
    for one in data.datasets:
        binning = known.binnings.get(one.binning)
        if binning is None or one.subject.path not in known.spectra.without_background:
            continue
        kind = str(binning.params["type"])
        if kind in {"bmin", "nutools"} or (kind == "snmin" and binning.params.get("background") is True):
            message = f"binning '{binning.name}' ({kind}) needs a background, and {one.subject.path} has none"
            hint = f"name it in spectra.{one.subject.spectrum}, or take another binning"
            report.add(fit.entries["data"], "XB316", message, hint)
            return


def _check_cuts(fit: Table, data: FitData, spectra: SpectraFound, report: Report) -> None:
    """Refuse a band of which a screening has cut events: its channels would be empty, whatever the source."""
    for one in data.datasets if spectra.kept else ():
        for path in (one.subject.path, *spectra.members.get(one.subject.path, ())):
            kept = spectra.kept.get(path)
            if kept is None:
                continue
            try:
                first, last = pi_of_band(one.subject, one.band.lo, one.band.hi)
            except QuantityError:  # of a mission whose energies are not known here
                continue
            if first < kept[0] or last > kept[1]:
                message = f"the screening of {path} keeps PI {kept[0]} to {kept[1]}, and {one.band.name} holds "
                message += f"{first} to {last}"
                hint = "narrow the band, or widen 'pi_range' of the screening"
                report.add(fit.entries["data"], "XB328", message, hint)
                return


def _confidence(errors: Node | None, report: Report) -> float:
    node = errors.entries.get("confidence") if isinstance(errors, Table) else None
    if not isinstance(node, Scalar):
        return ErrorRequest().confidence
    try:
        return probability(str(node.value))
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return ErrorRequest().confidence


def _errors(errors: Node | None, components: Mapping[str, str], confidence: float, report: Report) -> ErrorRequest:
    if not isinstance(errors, Table):
        return ErrorRequest()
    asked = errors.entries.get("parameters")
    names: list[str] = []
    for item in items_of(asked):
        name = text_of(item) or ""
        if name in {"free", "none"}:
            if isinstance(asked, Items):
                report.add(
                    item, "XB307", f"{shown(name)} is no parameter", f"write 'parameters: {name}' without brackets"
                )
            names += [name] if name == "free" else []
            continue
        fault = name_fault(name, components)
        if fault is not None:
            report.add(item, *fault)
        names += [
            one for one in parameter_names(components) if one == name or (is_glob(name) and fnmatchcase(one, name))
        ]
    method = text_of(errors.entries.get("method")) or "covariance"
    contours = _contours(errors.entries.get("contours"), components, report)
    return ErrorRequest(tuple(dict.fromkeys(names)), method, confidence, contours)


def _contours(node: Node | None, components: Mapping[str, str], report: Report) -> tuple[tuple[str, str], ...]:
    """Read pairs of names; a name may be that of one value, as in ``cal.factor[FPMB]``."""
    pairs = []
    for item in node.items if isinstance(node, Items) else ():
        names = [text_of(one) or "" for one in items_of(item)]
        for one, name in zip(items_of(item), names, strict=True):
            fault = name_fault(name.partition("[")[0], components)
            if fault is not None:
                report.add(one, *fault)
        if len(names) == 2 and names[0] == names[1]:
            report.add(item, "XB307", f"{shown(names[0])} is named twice", "a contour is of two parameters")
        elif len(names) == 2:
            pairs.append((names[0], names[1]))
    return tuple(pairs)


def _flux(node: Node | None, bands: Bands, models: Models | None, report: Report) -> tuple[FluxRequest, ...]:
    requests = []
    for item in node.items if isinstance(node, Items) else ():
        if not isinstance(item, Table):
            continue
        found = [band for one in items_of(item.entries.get("bands")) for band in bands.several(one, report)]
        said = {key: data_of(node) for key, node in item.entries.items()}
        if models is not None:
            _check_flux_model(item, models, report)
        requests.append(
            FluxRequest(
                tuple(found),
                said.get("absorbed") is True,
                str(said.get("errors") or "none"),
                _whole(said.get("n"), FluxRequest.n),
                _whole(said.get("seed"), FluxRequest.seed),
                _numbers(said.get("luminosity")),
                str(said.get("model") or ""),
            )
        )
    return tuple(requests)


def _check_flux_model(item: Table, models: Models, report: Report) -> None:
    node = item.entries.get("model")
    name = text_of(node)
    if node is not None and name is not None and name not in models.further:
        report.add(node, "XB325", f"no model {shown(name)} in 'models'", did_you_mean(name, models.further))
    elif name is None and models.first is None:
        message, hint = (
            "the flux is that of the first model, and there is none",
            f"add model: {next(iter(models.further))}",
        )
        report.add(item, "XB325", message, hint)


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _numbers(value: object) -> Mapping[str, float] | None:
    """Take a map of numbers; None where something in it is at fault, which is said elsewhere."""
    if not isinstance(value, Mapping) or not all(isinstance(number, int | float) for number in value.values()):
        return None
    return {str(key): float(number) for key, number in value.items()}
