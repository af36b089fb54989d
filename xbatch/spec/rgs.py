"""Spectra of the RGS at level ``raw``: what rgsproc makes, and sums of RGS1 and RGS2 by rgscombine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xbatch.spec.model import Subject
from xbatch.spec.named import chosen_spectra, namesake
from xbatch.spec.nodes import DEFAULT, Items, Node, Scalar, Table, is_said, items_of, join, text_of
from xbatch.spec.report import Report, shown
from xbatch.spec.rgsflares import exceptions_for_rgs
from xbatch.spec.spectra import SpectraFound

if TYPE_CHECKING:
    from xbatch.spec.gtis import Selections
    from xbatch.spec.rawmodel import RgsSpectrum, RgsSum
    from xbatch.spec.screenings import Screenings

__all__ = [
    "PIPELINE",
    "RGSCOMBINE",
    "check_orders",
    "check_rgs_screenings",
    "check_rgs_times",
    "check_same_times",
    "find_rgs_sums",
    "is_pipeline",
    "is_rgs",
    "rgs_spectra",
]

PIPELINE = "pipeline"
RGSCOMBINE = "rgscombine"
_MAIN = "default"  # the screening where none is named
_OF_REGIONS = ("background", "source_type", "source_position", "exposure_map", "response", "arf", "responses")
_REFUSED_TIMES = {
    "flux": (
        "selects by the flux of a light curve, and an RGS has none here",
        "name a file with the times, as the GTIs of another instrument's selection",
    ),
    "phase": (
        "selects phases of barycentred events, and rgsproc keeps the times of the clock on board",
        "leave the RGS out of it with 'where'",
    ),
}
"""Kinds of time selections that rgsproc cannot be given, why, and what else can be done."""
_OF_SUMS = ("groups", "response", "background", "on_missing", "warn_if")


def is_rgs(subject: Subject) -> bool:
    """Say whether a subject is of an RGS, which has no events on the sky."""
    return subject.mission == "xmm" and subject.instrument.startswith("RGS")


def is_pipeline(table: Table) -> bool:
    """Say whether a spectrum, as it holds for a subject, is made by the pipeline."""
    return text_of(table.entries.get("region")) == PIPELINE


def check_orders(node: Table, report: Report) -> None:
    """Check what stands beside ``region: pipeline``, and ``orders``, in a spectrum and its exceptions."""
    listed = node.entries.get("for")
    exceptions = [one for one in (listed.items if isinstance(listed, Items) else ()) if isinstance(one, Table)]
    anywhere = any(is_pipeline(one) for one in (node, *exceptions))
    for table in (node, *exceptions):
        orders = table.entries.get("orders")
        if orders is not None and items_of(orders) and not anywhere:
            message = "'orders' are of the RGS, and this spectrum counts events in a region"
            report.add(table.key_place("orders"), "XB233", message, "add region: pipeline, or remove it", orders.path)
        numbers = [one.value for one in items_of(orders) if isinstance(one, Scalar)]
        if orders is not None and len(set(numbers)) < len(numbers):
            report.add(orders, "XB108", "an order is listed twice", "remove one")
        for key in _OF_REGIONS if is_pipeline(table) else ():
            own = table.entries.get(key)
            if own is not None and _is_wanted(own):
                message = f"rgsproc makes this spectrum, and '{key}' is of spectra of regions"
                report.add(table.key_place(key), "XB233", message, "remove it", join(table.path, key))


def check_rgs_screenings(root: Table, report: Report) -> None:
    """Refuse what exceptions of screenings say for the RGS alone, but for flares: nothing would come of it."""
    for one in exceptions_for_rgs(root):
        for key, node in one.entries.items():
            if key not in {"where", "flare"} and _is_wanted(node):
                message = f"rgsproc selects the events of the RGS, and '{key}' is of lists of EPIC and NuSTAR"
                report.add(one.key_place(key), "XB233", message, "remove it: flares can be cut", join(one.path, key))


def check_rgs_times(subjects: Sequence[Subject], node: Table, gtis: Selections, report: Report) -> None:
    """Refuse time selections of a spectrum that rgsproc cannot be told, at the name of the first.

    Parameters
    ----------
    subjects : sequence of Subject
        Those that rgsproc makes.
    node : Table
        The entry of the spectrum.
    gtis : Selections
    report : Report
    """
    named = {name: one for one in items_of(node.entries.get("gti")) if (name := text_of(one)) is not None}
    for subject in subjects:
        for member in gtis.with_members(subject.gti, _observed(subject)) if subject.gti else ():
            kind = next((one for one in _REFUSED_TIMES if one in member.params), None)
            if kind is not None:
                why, hint = _REFUSED_TIMES[kind]
                part = "" if member.name == subject.gti else f", which '{subject.gti}' is made of,"
                message = f"rgsproc makes '{subject.spectrum}', and '{member.name}'{part} {why}"
                report.add(named.get(subject.gti, node), "XB233", message, hint)
                return


def check_same_times(spectra: Sequence[RgsSpectrum], gtis: Selections, report: Report) -> None:
    """Refuse a time selection that differs between RGS1 and RGS2: rgsproc keeps the same times of both."""
    first: dict[tuple[str, str], RgsSpectrum] = {}
    for one in spectra:
        other = first.setdefault((one.subject.obsid, one.subject.gti), one)
        if one.times != other.times:
            name, pair = one.subject.gti, f"{other.subject.instrument} and {one.subject.instrument}"
            message = f"the time selection '{name}' differs between {pair} of {one.subject.obsid}"
            message += ", and rgsproc keeps the same times of both"
            report.add(gtis.nodes[name], "XB233", message, "write one for both, or one for each with a name of its own")
            return


def _observed(subject: Subject) -> Subject:
    return replace(subject, spectrum="", gti="")


def rgs_spectra(
    subject: Subject, table: Table, screenings: Screenings, gtis: Selections, path: str
) -> list[RgsSpectrum]:
    """Give the spectra of one RGS of one observation, one for each order.

    Parameters
    ----------
    subject : Subject
        With the name of the entry.
    table : Table
        The entry as it holds for the subject.
    screenings : Screenings
        For the cut of flares of the one that the entry names.
    gtis : Selections
    path : str
    """
    from xbatch.spec.rawmodel import RgsSpectrum  # loaded for specs that have them

    listed = table.entries.get("orders")
    numbers = [one.value for one in items_of(listed) if isinstance(one, Scalar)]
    orders = [number for number in numbers if isinstance(number, int)] or [1]
    note = text_of(table.entries.get("note")) or ""
    screening = text_of(table.entries.get("screening")) or _MAIN
    flare = screenings.rgs_flare(screening, _observed(subject))
    times = gtis.with_members(subject.gti, _observed(subject)) if subject.gti else ()
    named = (replace(subject, spectrum=_of_order(subject.spectrum, order, orders)) for order in orders)
    return [
        RgsSpectrum(one, order, note, path, screening, flare, times) for one, order in zip(named, orders, strict=True)
    ]


def _of_order(name: str, order: int, orders: Sequence[int]) -> str:
    return name if order == orders[0] else f"{name}-o{order}"


def find_rgs_sums(
    root: Table, rgs: Sequence[RgsSpectrum], spectra: SpectraFound, report: Report
) -> tuple[SpectraFound, tuple[RgsSum, ...]]:
    """Make the sums of a checked document that rgscombine makes.

    Parameters
    ----------
    root : Table
    rgs : sequence of RgsSpectrum
        All of the document.
    spectra : SpectraFound
    report : Report

    Returns
    -------
    spectra : SpectraFound
        With the sums' subjects, by the name of their entry in ``combine``.
    sums : tuple of RgsSum
        One for each observation and order that has both RGS1 and RGS2.
    """
    table = root.entries.get("combine")
    sums: list[RgsSum] = []
    subjects = dict(spectra.subjects)
    whole = spectra.whole
    for name, node in table.entries.items() if isinstance(table, Table) else ():
        if not isinstance(node, Table) or text_of(node.entries.get("method")) != RGSCOMBINE:
            continue
        before = len(report.problems)
        taken = namesake(name, spectra)
        if taken is not None:
            message = f"the sum '{name}' has the name of the spectrum '{taken}'"
            place = table.key_place(name)  # type: ignore[union-attr]  # there are entries
            report.add(place, "XB141", message, "rename one: fits take either", f"combine.{name}")
            continue
        made = _sums(name, node, rgs, spectra, report)
        whole = whole and len(report.problems) == before
        sums += made
        subjects[name] = [one.subject for one in made]
    paths = frozenset(one.subject.path for one in sums)
    members = {one.subject.path: tuple(member.path for member in one.members) for one in sums}
    found = replace(
        spectra,
        subjects=subjects,
        whole=whole,
        with_background=spectra.with_background | paths,
        members={**spectra.members, **members},
    )
    return (found if sums or not whole else spectra), tuple(sums)


def _sums(name: str, node: Table, rgs: Sequence[RgsSpectrum], spectra: SpectraFound, report: Report) -> list[RgsSum]:
    from xbatch.spec.rawmodel import RgsSum

    before = len(report.problems)
    over = node.entries.get("over")
    if over is not None and text_of(over) != "instrument":
        message = f"rgscombine adds RGS1 and RGS2 of one observation, and '{name}' is over {shown(text_of(over) or '')}"
        report.add(over, "XB144", message, "write over: instrument")
    for key in _OF_SUMS:
        own = node.entries.get(key)
        if own is not None and own.origin != DEFAULT and _is_wanted(own):
            message = f"'{key}' is of sums over observations, and rgscombine has none"
            report.add(node.key_place(key), "XB144", message, "remove it", join(node.path, key))
    chosen = list(dict.fromkeys(chosen_spectra(node, "of", spectra, report)))
    orders = {one.subject: one.order for one in rgs}
    if len(report.problems) > before:
        return []
    strange = next((one for one in chosen if one not in orders), None)
    if strange is not None:
        message = f"rgscombine adds spectra of rgsproc, and {strange.path} is none"
        report.add(node.entries["of"], "XB144", message, "name a spectrum with region: pipeline, or use method: sum")
        return []
    together: dict[tuple[str, str, str, int], list[Subject]] = {}
    for one in chosen:
        together.setdefault((one.obsid, one.spectrum, one.gti, orders[one]), []).append(one)
    kept = list(dict.fromkeys(order for *_, order in together))
    made: list[RgsSum] = []
    for (obsid, _, gti, order), members in together.items():
        if len(members) != 2:
            message = f"'{name}' adds {members[0].instrument} of {obsid} to nothing"
            report.add(node.entries["of"], "XB144", message, "sum over observations that have both RGS1 and RGS2")
            return []
        first = members[0]
        subject = Subject("xmm", obsid, "RGS", _of_order(name, order, kept), first.tags, gti=gti)
        if any(one.subject == subject for one in made):
            message = f"'{name}' would have two sums of order {order} of {obsid}"
            report.add(node.entries["of"], "XB144", message, "make an entry for each spectrum")
            return []
        made.append(RgsSum(subject, tuple(members), node.path))
    return made


def _is_wanted(node: Node) -> bool:
    return is_said(node) and not (isinstance(node, Items) and not node.items)
