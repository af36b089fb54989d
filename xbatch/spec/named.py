"""Spectra that other blocks name: sums, drawn spectra and fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Node, Table, items_of, text_of
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.selectors import selected
from xbatch.spec.spectra import SpectraFound

__all__ = ["chosen_spectra", "named_spectra", "namesake"]


def named_spectra(
    node: Node | None, candidates: Mapping[str, Sequence[Subject]], spectra: SpectraFound, report: Report
) -> tuple[list[Subject], bool]:
    """Give the subjects of a name or a list of names, and whether all names are known.

    Parameters
    ----------
    node : Node or None
    candidates : Mapping
        The names that may stand here.
    spectra : SpectraFound
        Whose names are proposed for an unknown one.
    report : Report
    """
    found: list[Subject] = []
    known = True
    for one in items_of(node):
        name = text_of(one) or ""
        if name in candidates:
            found += candidates[name]
        else:
            known = False
            report.add(one, "XB101", f"unknown spectrum {shown(name)}", did_you_mean(name, spectra.subjects))
    return found, known


def chosen_spectra(table: Table, key: str, spectra: SpectraFound, report: Report) -> list[Subject]:
    """Give the subjects that an entry names under a key and its ``where`` selects.

    That nothing is selected is reported only where all names are known and the spectra are told in full.
    """
    found, known = named_spectra(table.entries.get(key), spectra.subjects, spectra, report)
    return selected(table.entries.get("where"), found, report if known and spectra.whole else Report())


def namesake(name: str, spectra: SpectraFound) -> str | None:
    """Give the spectrum that has a name already, whatever its case; None if there is none."""
    return next((one for one in spectra.subjects if one.casefold() == name.casefold()), None)
