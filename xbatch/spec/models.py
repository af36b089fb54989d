"""The models of a fit or of a drawn spectrum: the first, and further ones folded through responses of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xbatch.spec.expression import ExpressionError, Model, parse_model
from xbatch.spec.model import FurtherModel, Subject
from xbatch.spec.nodes import Node, Scalar, Table, at_character, is_sound, text_of
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.selectors import selected
from xbatch.spec.spectra import SpectraFound

__all__ = ["Models", "Placed", "find_models"]


@dataclass(frozen=True)
class _Further:
    """An entry of ``models``, read."""

    model: Model
    entry: Table

    @property
    def response(self) -> str:
        return text_of(self.entry.entries.get("response")) or ""

    @property
    def text(self) -> str:
        return " ".join((text_of(self.entry.entries["model"]) or "").split())


Placed = Mapping[str, frozenset[Subject]]
"""The subjects that have each further model, by its name."""


@dataclass(frozen=True)
class Models:
    """The models of a fit.

    Attributes
    ----------
    first : Model or None
        None where there are further models alone.
    further : Mapping of str to _Further
    text : str
        All expressions as written, each further one after its name.
    components : Mapping
        Component name to type, of all models, in order of appearance.
    """

    first: Model | None
    further: Mapping[str, _Further]
    text: str
    components: Mapping[str, str]

    def expressions(self, owner: Table) -> list[tuple[Model, Node]]:
        """List all models, each with the node that it stands in."""
        first = [(self.first, owner.entries["model"])] if self.first is not None else []
        return [*first, *((one.model, one.entry.entries["model"]) for one in self.further.values())]

    def placed(self, owner: Table, subjects: Sequence[Subject], spectra: SpectraFound, report: Report) -> Placed:
        """Decide which spectra have which model; report those without a response that a model names, or without any.

        Parameters
        ----------
        owner : Table
            The entry that the models stand in.
        subjects : sequence of Subject
            All that it is about.
        spectra : SpectraFound
        report : Report
        """
        found: dict[str, frozenset[Subject]] = {}
        for name, one in self.further.items():
            where = one.entry.entries.get("where")
            chosen = selected(where, subjects, report if spectra.whole else Report())
            found[name] = frozenset(chosen)
            lacking = [each for each in chosen if one.response not in spectra.responses.get(each.path, frozenset())]
            if one.response and lacking and spectra.whole:
                _lacking_response(one, lacking, spectra, report)
        bare = [each for each in subjects if self.first is None and not any(each in those for those in found.values())]
        if bare:
            message = f"{bare[0].path} has no model{_others(len(bare), ', nor have {} more')}"
            report.add(owner.key_place("models"), "XB324", message, "give 'model:', or widen a 'where' of 'models'")
        return found

    def of(self, placed: Placed, subjects: Sequence[Subject]) -> tuple[tuple[FurtherModel, ...], Mapping[str, str]]:
        """Give the further models of some spectra, and the components of all models that these have.

        Parameters
        ----------
        placed : Placed
        subjects : sequence of Subject
            In the order of the fit's datasets.
        """
        further = []
        for name, one in self.further.items():
            numbers = tuple(n for n, subject in enumerate(subjects) if subject in placed[name])
            if numbers:
                further.append(FurtherModel(name, one.response, one.model.tree, one.text, numbers))
        kept = {name for name, one in self.further.items() for more in further if more.name == name}
        names = set(self.first.components if self.first else ())
        names |= {part for name in kept for part in self.further[name].model.components}
        return tuple(further), {name: kind for name, kind in self.components.items() if name in names}

    def datasets_of(self, further: Sequence[FurtherModel]) -> Mapping[str, frozenset[int]]:
        """Give the datasets that have each component of a further model."""
        return {part: frozenset(one.datasets) for one in further for part in self.further[one.name].model.components}


def find_models(owner: Table, folder: Path, report: Report) -> Models | None:
    """Read ``model`` and ``models`` of a fit, or of a drawn spectrum; None where something is wrong with them.

    Files of table models are relative to `folder`.
    """
    before = len(report.problems)
    node = owner.entries.get("model")
    first = _parsed(node, folder, report)
    listed = owner.entries.get("models")
    further: dict[str, _Further] = {}
    for name, entry in listed.entries.items() if isinstance(listed, Table) else ():
        model = _parsed(entry.entries.get("model"), folder, report) if isinstance(entry, Table) else None
        if model is not None and isinstance(entry, Table):
            further[name] = _Further(model, entry)
    sound = all(one is None or is_sound(one) for one in (node, listed))
    if len(report.problems) > before or not sound or (first is None and not further):
        return None
    components = dict(first.components) if first is not None else {}
    for one in further.values():
        _check_names(one, components, report)
        components |= one.model.components
    text = " ".join((text_of(node) or "").split())
    texts = [*([text] if first is not None else []), *(f"{name}: {one.text}" for name, one in further.items())]
    return None if len(report.problems) > before else Models(first, further, "; ".join(texts), components)


def _parsed(node: Node | None, folder: Path, report: Report) -> Model | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    try:
        return parse_model(node.value, folder)
    except ExpressionError as fault:
        report.add(at_character(node, fault.position), fault.code, fault.message, fault.hint, node.path)
        return None


def _check_names(one: _Further, taken: Mapping[str, str], report: Report) -> None:
    """Refuse a name that a component of another model has."""
    known = {name.casefold(): name for name in taken}
    node = one.entry.entries["model"]
    for name in one.model.components:
        first = known.get(name.casefold())
        if first is not None and isinstance(node, Scalar):
            at = re.search(rf"\.\s*{re.escape(name)}\b", node.text)
            message = f"two models have a component called {shown(first)}"
            place = at_character(node, at.end() - len(name) if at else 0)
            report.add(place, "XB304", message, "rename one; 'link' ties their parameters", node.path)
            return


def _lacking_response(one: _Further, lacking: Sequence[Subject], spectra: SpectraFound, report: Report) -> None:
    first = lacking[0]
    there = sorted(spectra.responses.get(first.path, frozenset()))
    message = (
        f"{first.path} has no response {shown(one.response)}{_others(len(lacking), ', nor have {} more of the fit')}"
    )
    hint = f"name it in 'responses' of spectra.{first.spectrum}, or leave the spectrum out with 'where'"
    meant = did_you_mean(one.response, there) if there else ""
    report.add(one.entry.entries["response"], "XB323", message, f"{meant} {hint}".strip())


def _others(count: int, text: str) -> str:
    return text.format(count - 1) if count > 1 else ""
