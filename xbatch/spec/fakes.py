"""The ``fake`` block: spectra drawn from a model, with the response, exposure and background of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xbatch.spec.derivedmodel import Fake
from xbatch.spec.linking import linked
from xbatch.spec.model import Band, Dataset, Subject
from xbatch.spec.models import find_models
from xbatch.spec.named import chosen_spectra, namesake
from xbatch.spec.nodes import Table, data_of, text_of
from xbatch.spec.parameters import instances
from xbatch.spec.positive import positive
from xbatch.spec.report import Report
from xbatch.spec.settings import settle
from xbatch.spec.spectra import SpectraFound

__all__ = ["find_fakes"]

_NO_BAND = Band("", 0.0, 0.0)


def find_fakes(
    root: Table, spectra: SpectraFound, folder: Path, report: Report
) -> tuple[SpectraFound, tuple[Fake, ...]]:
    """Resolve the drawn spectra of a checked document.

    Parameters
    ----------
    root : Table
    spectra : SpectraFound
        Those of observations, and their sums.
    folder : Path
        Where files of table models are looked for.
    report : Report

    Returns
    -------
    spectra : SpectraFound
        With the subjects of drawn spectra, by the name of their entry.
    fakes : tuple of Fake
        In the order of the spec; what is at fault is left out, and in the report.
    """
    table = root.entries.get("fake")
    if not isinstance(table, Table):
        return spectra, ()
    fakes: list[Fake] = []
    subjects = dict(spectra.subjects)
    whole = spectra.whole
    for name, node in table.entries.items():
        before = len(report.problems)
        taken = namesake(name, spectra)
        if taken is not None:
            message = f"the drawn spectrum '{name}' has the name of '{taken}'"
            report.add(table.key_place(name), "XB143", message, "rename it: fits take either", f"fake.{name}")
            continue
        made = _entry(name, node, spectra, folder, report) if isinstance(node, Table) else []
        whole = whole and len(report.problems) == before and isinstance(node, Table)
        subjects[name] = [one.subject for one in made]
        fakes += made
    without, named = set(spectra.without_background), set(spectra.with_background)
    for one in fakes:
        if not one.background or one.like.path in without:
            without.add(one.subject.path)
        elif one.like.path in named:
            named.add(one.subject.path)
    found = replace(
        spectra,
        subjects=subjects,
        whole=whole,
        without_background=frozenset(without),
        with_background=frozenset(named),
        responses={
            **spectra.responses,
            **{one.subject.path: spectra.responses.get(one.like.path, frozenset()) for one in fakes},
        },
    )
    return found, tuple(fakes)


def _entry(name: str, node: Table, spectra: SpectraFound, folder: Path, report: Report) -> list[Fake]:
    likes = _likes(node, spectra, report)
    models = find_models(node, folder, report)
    exposure = positive(node.entries.get("exposure"), "time", report, "write a number above 0, or remove the key")
    if models is None or not likes:
        return []
    placed = models.placed(node, likes, spectra, report)
    settled = settle(node.entries.get("parameters"), models.components, likes, spectra.whole, report)
    datasets = [Dataset(subject, "", _NO_BAND) for subject in likes]
    further, components = models.of(placed, likes)
    found = instances(components, settled, datasets, node, report, models.datasets_of(further))
    parameters = linked(found, datasets, models.components, report)
    if parameters is None:
        return []
    own = [models.of(placed, [like]) for like in likes]
    background, seed = data_of(node.entries["background"]), data_of(node.entries["seed"])
    return [
        Fake(
            subject=replace(like, spectrum=name),
            like=like,
            model=None if models.first is None else models.first.tree,
            components=own[number][1],
            values={
                component: [one.value for one in parameters if one.component == component and number in one.datasets]
                for component in own[number][1]
            },
            abundances=text_of(node.entries.get("abundances")) or "wilm",
            cross_sections=text_of(node.entries.get("cross_sections")) or "vern",
            exposure=exposure,
            background=background is not False,
            seed=seed if isinstance(seed, int) else 1,
            path=node.path,
            models=own[number][0],
        )
        for number, like in enumerate(likes)
    ]


def _likes(node: Table, spectra: SpectraFound, report: Report) -> list[Subject]:
    chosen = chosen_spectra(node, "like", spectra, report)
    paths: Mapping[str, Subject] = {replace(one, spectrum="").path: one for one in chosen}
    if len(paths) < len(chosen):
        message = "two spectra of one observation and instrument are to be alike, and would have one name"
        report.add(node.entries["like"], "XB143", message, "make an entry for each")
    return chosen
