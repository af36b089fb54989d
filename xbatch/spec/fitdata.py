"""The ``data`` of a fit: which spectra, how binned, in which band; epochs; and the groups of ``group_by``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xbatch.spec.bands import Bands
from xbatch.spec.model import Binning, Dataset, Subject
from xbatch.spec.named import named_spectra
from xbatch.spec.nodes import Items, Node, Table, is_sound, items_of, text_of
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.selectors import AXES, selected
from xbatch.spec.spectra import SpectraFound

__all__ = ["FitData", "axis_label", "fit_data"]


@dataclass(frozen=True)
class FitData:
    """What a fit fits.

    Attributes
    ----------
    datasets : tuple of Dataset
        In the order of the spec.
    whole : bool
        False where some could not be told: then nothing is to be said about what refers to them.
    groups : tuple of (str, tuple of int)
        The name and the datasets of each fit; one, unnamed, without ``group_by``.
    """

    datasets: tuple[Dataset, ...]
    whole: bool
    groups: tuple[tuple[str, tuple[int, ...]], ...]


def axis_label(subject: Subject, axis: str) -> str:
    """Give a subject's value of an axis; an observation in no epoch is an epoch of its own, named by its obsid."""
    if axis == "epoch":
        return subject.epoch or subject.obsid
    if axis == "gti":
        return subject.gti or "all"
    return AXES[axis](subject)[0]


def fit_data(
    fit: Table, spectra: SpectraFound, binnings: Mapping[str, Binning | None], bands: Bands, report: Report
) -> FitData:
    """Resolve the data of one fit.

    Parameters
    ----------
    fit : Table
        A checked entry of ``fit``.
    spectra : SpectraFound
    binnings : Mapping
        None for names whose definition is at fault.
    bands : Bands
    report : Report
    """
    datasets: list[Dataset] = []
    places: list[Node] = []
    listed = fit.entries.get("data")
    epochs = fit.entries.get("epochs")
    candidates, whole = _candidates(listed, spectra)
    if isinstance(epochs, Table):
        candidates = _with_epochs(epochs, candidates, whole, report)
    for entry in listed.items if isinstance(listed, Items) else ():
        if not isinstance(entry, Table):
            whole = False
            continue
        before = len(report.problems)
        made = _entry(entry, spectra, candidates, binnings, bands, report)
        whole = whole and len(report.problems) == before and is_sound(entry) and made is not None
        datasets += made or []
        places += [entry] * len(made or [])
    whole = whole and isinstance(listed, Items)
    _check_repeats(datasets, places, report)
    groups = _groups(fit, datasets, isinstance(epochs, Table), report)
    _check_sums(groups, datasets, places, spectra.members, report)
    return FitData(tuple(datasets), whole and bool(datasets), groups)


def _candidates(listed: Node | None, spectra: SpectraFound) -> tuple[dict[str, list[Subject]], bool]:
    """Give the subjects of every spectrum that the data name, by name."""
    names: dict[str, None] = {}
    for entry in listed.items if isinstance(listed, Items) else ():
        if isinstance(entry, Table):
            names |= {text_of(one) or "": None for one in items_of(entry.entries.get("spectra"))}
    return {name: spectra.subjects[name] for name in names if name in spectra.subjects}, spectra.whole


def _with_epochs(
    epochs: Table, candidates: Mapping[str, list[Subject]], whole: bool, report: Report
) -> dict[str, list[Subject]]:
    everything = [subject for subjects in candidates.values() for subject in subjects]
    named: dict[Subject, str] = {}
    for name, where in epochs.entries.items():
        if not isinstance(where, Table):
            continue
        for subject in selected(where, everything, report if whole else Report()):
            first = named.setdefault(subject, name)
            if first != name:
                message = f"{subject.obsid} is in the epochs '{first}' and '{name}'"
                report.add(where, "XB115", message, "an observation is in one epoch at most")
                break
    return {
        spectrum: [replace(subject, epoch=named.get(subject, subject.epoch)) for subject in subjects]
        for spectrum, subjects in candidates.items()
    }


def _entry(
    entry: Table,
    spectra: SpectraFound,
    candidates: Mapping[str, list[Subject]],
    binnings: Mapping[str, Binning | None],
    bands: Bands,
    report: Report,
) -> list[Dataset] | None:
    subjects, known = named_spectra(entry.entries.get("spectra"), candidates, spectra, report)
    binning_node = entry.entries.get("binning")
    binning = text_of(binning_node)
    if binning_node is not None and binning is not None and binning not in binnings:
        report.add(binning_node, "XB104", f"unknown binning {shown(binning)}", did_you_mean(binning, binnings))
    band = bands.one(entry.entries.get("band"), report)
    where = entry.entries.get("where")
    chosen = selected(where, subjects, report if known and spectra.whole else Report())
    if not known or binning not in binnings or band is None or (where is not None and not is_sound(where)):
        return None
    edge = text_of(entry.entries.get("edge")) or "inside"
    return [Dataset(subject, binning or "", band, edge) for subject in chosen]


def _check_repeats(datasets: Sequence[Dataset], places: Sequence[Node], report: Report) -> None:
    """Refuse channels of one spectrum that would be fitted twice."""
    seen: dict[str, list[Dataset]] = {}
    for data, place in zip(datasets, places, strict=True):
        for other in seen.setdefault(data.subject.path, []):
            if data.band.lo < other.band.hi and other.band.lo < data.band.hi:
                message = f"{data.subject.path} is fitted twice, in {other.band.name} and {data.band.name}"
                report.add(place, "XB317", message, "select it once, or in bands that do not overlap")
                break
        seen[data.subject.path].append(data)


def _check_sums(
    groups: Sequence[tuple[str, Sequence[int]]],
    datasets: Sequence[Dataset],
    places: Sequence[Node],
    members: Mapping[str, Sequence[str]],
    report: Report,
) -> None:
    """Refuse a fit of a sum together with what is in it."""
    for _, numbers in groups:
        seen: dict[str, list[Dataset]] = {}
        for number in numbers:
            data = datasets[number]
            path = data.subject.path
            for member in members.get(path, (path,)):
                for other in seen.setdefault(member, []):
                    if other.subject.path != path and data.band.lo < other.band.hi and other.band.lo < data.band.hi:
                        ways = ["alone" if one == member else f"in {one}" for one in (other.subject.path, path)]
                        message = f"{member} is fitted twice: {ways[0]} and {ways[1]}"
                        report.add(places[number], "XB317", message, "select sums or their members, or add group_by")
                        return
                seen[member].append(data)


def _groups(
    fit: Table, datasets: Sequence[Dataset], epochs: bool, report: Report
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    node = fit.entries.get("group_by")
    axes = [text_of(one) or "" for one in items_of(node)]
    if not axes or node is None or not is_sound(node):
        return (("", tuple(range(len(datasets)))),)
    if "epoch" in axes and not epochs and not any(data.subject.epoch for data in datasets):
        report.add(node, "XB114", "group_by: epoch, but the fit has no epochs", "add 'epochs:' to the fit")
    found: dict[str, list[int]] = {}
    for number, data in enumerate(datasets):
        found.setdefault("/".join(axis_label(data.subject, axis) for axis in axes), []).append(number)
    return tuple((name, tuple(numbers)) for name, numbers in found.items())
