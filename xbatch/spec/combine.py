"""The ``combine`` block: sums of spectra over observations; and ``keep``: which spectra are worth having."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xbatch.spec.derivedmodel import Combination
from xbatch.spec.model import Subject
from xbatch.spec.named import chosen_spectra, namesake
from xbatch.spec.nodes import Node, Scalar, Table, is_sound, text_of
from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.report import Report, shown
from xbatch.spec.rgs import RGSCOMBINE
from xbatch.spec.selectors import selected
from xbatch.spec.spectra import SpectraFound

__all__ = ["find_combinations", "keep_exposure"]


def keep_exposure(root: Table, report: Report) -> float:
    """Give the least exposure of a spectrum that is kept, in s; 0 where the spec names none."""
    keep = root.entries.get("keep")
    node = keep.entries.get("min_exposure") if isinstance(keep, Table) else None
    return _quantity(node, "time", report) or 0.0


def find_combinations(
    root: Table, spectra: SpectraFound, min_exposure: float, report: Report
) -> tuple[SpectraFound, tuple[Combination, ...]]:
    """Make the sums of a checked document.

    Parameters
    ----------
    root : Table
    spectra : SpectraFound
        The spectra of single observations.
    min_exposure : float
        s; shorter spectra are left out of sums when they are made.
    report : Report

    Returns
    -------
    spectra : SpectraFound
        With the sums' subjects, by the name of their entry in ``combine``.
    combinations : tuple of Combination
        In the order of the spec; what is at fault is left out, and in the report.
    """
    table = root.entries.get("combine")
    if not isinstance(table, Table):
        return spectra, ()
    combinations: list[Combination] = []
    subjects = dict(spectra.subjects)
    whole = spectra.whole
    for name, node in table.entries.items():
        if isinstance(node, Table) and text_of(node.entries.get("method")) == RGSCOMBINE:
            continue
        before = len(report.problems)
        taken = namesake(name, spectra)
        if taken is not None:
            message = f"the sum '{name}' has the name of the spectrum '{taken}'"
            report.add(table.key_place(name), "XB141", message, "rename one: fits take either", f"combine.{name}")
            continue
        made = list(_entry(name, node, spectra, min_exposure, report)) if isinstance(node, Table) else []
        whole = whole and is_sound(node) and len(report.problems) == before
        subjects[name] = [one.subject for one in made]
        combinations += made
    _check_paths(combinations, spectra, table, report)
    return _with_sums(replace(spectra, subjects=subjects, whole=whole), combinations), tuple(combinations)


def _entry(name: str, node: Table, spectra: SpectraFound, min_exposure: float, report: Report) -> Iterator[Combination]:
    params = _params(node, min_exposure, report)
    over = node.entries.get("over")
    if over is not None and text_of(over) not in {None, "obsid"} and is_sound(node.entries.get("method")):
        message = f"'{name}' sums over {shown(text_of(over) or '')}, and sums are over obsid alone"
        report.add(over, "XB140", message, "name the spectra of all instruments in 'fit': they are fitted together")
        return
    members = list(dict.fromkeys(chosen_spectra(node, "of", spectra, report)))
    groups = node.entries.get("groups")
    listed = list(groups.entries.items()) if isinstance(groups, Table) else []
    if not listed:
        yield from _sums(name, name, "", members, params, node)
    first: dict[Subject, str] = {}
    for group, where in listed:
        chosen = selected(where, members, report if spectra.whole else Report())
        for subject in chosen:
            if first.setdefault(subject, group) != group:
                message = f"{subject.path} is in the groups '{first[subject]}' and '{group}' of '{name}'"
                report.add(where, "XB115", message, "make another entry of 'combine' for sums that overlap")
                return
        yield from _sums(name, group, group, chosen, params, node)


def _sums(
    name: str, obsid: str, epoch: str, members: Sequence[Subject], params: Mapping[str, Any], node: Table
) -> Iterator[Combination]:
    """Make a sum of each spectrum (with its time selection) and instrument."""
    together: dict[tuple[str, str, str], list[Subject]] = {}
    for member in members:
        together.setdefault((member.spectrum, member.gti, member.instrument), []).append(member)
    for (spectrum, gti, instrument), added in together.items():
        tags = tuple(tag for tag in added[0].tags if all(tag in one.tags for one in added))
        subject = Subject(added[0].mission, obsid, instrument, spectrum, tags, epoch, gti)
        yield Combination(subject, name, tuple(added), params, node.path)


def _params(node: Table, min_exposure: float, report: Report) -> Mapping[str, Any]:
    warn = node.entries.get("warn_if")
    entries = warn.entries if isinstance(warn, Table) else {}
    differ = entries.get("detectors_differ")
    return {
        "response": text_of(node.entries.get("response")) or "exposure-weighted",
        "background": text_of(node.entries.get("background")) or "keep",
        "on_missing": text_of(node.entries.get("on_missing")) or "error",
        "rate_sigma": _quantity(entries.get("rate_differs"), "significance", report),
        "detectors_differ": isinstance(differ, Scalar) and differ.value is True,
        "min_exposure": min_exposure,
    }


def _quantity(node: Node | None, dimension: str, report: Report) -> float | None:
    text = text_of(node)
    if node is None or text is None:
        return None
    try:
        value = quantity(text, dimension)
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    if value <= 0:
        report.add(node, "XB205", f"{shown(text)} is not above 0", "write a number above 0, or remove the key")
    return value


def _check_paths(combinations: Sequence[Combination], spectra: SpectraFound, table: Table, report: Report) -> None:
    """Refuse a sum whose steps would have the names of another's, or of a spectrum's."""
    seen = {one.path.casefold(): "a spectrum" for subjects in spectra.subjects.values() for one in subjects}
    for one in combinations:
        path = one.subject.path
        other = seen.setdefault(path.casefold(), f"the sum '{one.name}'")
        if other != f"the sum '{one.name}'":
            message = f"the sum '{one.name}' makes {path}, which {other} is too"
            report.add(table.key_place(one.name), "XB141", message, "rename a group", one.path)
            return


def _with_sums(spectra: SpectraFound, combinations: Sequence[Combination]) -> SpectraFound:
    """Note of which sums it is known that there is a background, or none."""
    without, named = set(spectra.without_background), set(spectra.with_background)
    subtracted = set()
    for one in combinations:
        paths = {member.path for member in one.members}
        if one.params["background"] == "subtract":
            subtracted.add(one.subject.path)
        elif paths <= spectra.without_background:
            without.add(one.subject.path)
        elif paths & spectra.with_background:
            named.add(one.subject.path)
    return replace(
        spectra,
        without_background=frozenset(without),
        with_background=frozenset(named),
        subtracted=frozenset(subtracted),
        members={**spectra.members}
        | {one.subject.path: tuple(member.path for member in one.members) for one in combinations},
        responses={**spectra.responses, **{one.subject.path: _shared(one, spectra) for one in combinations}},
    )


def _shared(one: Combination, spectra: SpectraFound) -> frozenset[str]:
    """Name the further responses that all members of a sum have: those the sum has."""
    return frozenset.intersection(*(spectra.responses.get(member.path, frozenset()) for member in one.members))
