"""What the light curves of a spec are corrected for, and at which energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Items, Node, Scalar, Table, items_of, text_of
from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.report import Report
from xbatch.spec.rgs import is_rgs

__all__ = ["check_corrections", "check_energies", "energy_of", "number_of"]

_AREA = "area needs vignetting and the PSF of the mission's calibration, which its tools have"
#: Energies in keV that NuSTAR's vignetting is known for.
_LOWEST, _HIGHEST = 3.0, 79.0


def check_corrections(node: Table, raw: bool, engine: str, report: Report) -> None:
    """Check what an entry of ``lightcurves`` and its exceptions are corrected for.

    Parameters
    ----------
    node : Table
    raw : bool
        Whether the level is raw.
    engine : str
        Who is asked to make light curves.
    report : Report
    """
    listed = node.entries.get("for")
    for table in [node, *(listed.items if isinstance(listed, Items) else ())]:
        if not isinstance(table, Table):
            continue
        least = table.entries.get("min_fracexp")
        if least is not None and number_of(least) == 1.0:
            message = "min_fracexp is 1, and no bin is exposed by more than all of it"
            report.add(least, "XB205", message, "write 0.99 to keep whole bins alone")
        for one in items_of(table.entries.get("corrections")):
            if text_of(one) == "area" and not raw:
                report.add(one, "XB220", _AREA, "use level: raw, or remove it; corrections: [gti, livetime] remain")
            elif text_of(one) == "area" and engine == "native":
                report.add(one, "XB235", _AREA, "leave 'lightcurves' of 'engine' to auto, or remove it")
        _energy(table.entries.get("energy"), report)


def check_energies(settled: Mapping[Subject, Table], report: Report) -> None:
    """Insist that something is corrected at the energy that is said; the first light curve that is not is reported."""
    for subject, table in settled.items():
        node = table.entries.get("energy")
        if node is None or text_of(node) is None or is_rgs(subject):
            continue
        if subject.mission != "nustar":
            message = f"nuproducts corrects light curves at one energy, and {subject.obsid}/{subject.instrument} is no"
            message += " observation of NuSTAR"
            report.add(node, "XB239", message, "write it under for: [{where: {mission: nustar}, energy: 10 keV}]")
            return
        if "area" not in {text_of(one) for one in items_of(table.entries.get("corrections"))}:
            message = "the PSF and the vignetting are taken at 'energy', and 'corrections' does not ask for them"
            report.add(node, "XB239", message, "write corrections: [gti, livetime, area], or remove it")
            return


def energy_of(table: Table) -> dict[str, Any]:
    """Give the parameter of the energy in keV at which a light curve is corrected, where the spec says it."""
    energy = _energy(table.entries.get("energy"), Report())
    return {} if energy is None else {"energy": energy}


def _energy(node: Node | None, report: Report) -> float | None:
    text = text_of(node)
    if node is None or text is None:
        return None
    try:
        value = quantity(text, "energy")
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    if not _LOWEST <= value <= _HIGHEST:
        message = f"energy is {text}; NuSTAR's vignetting is known from {_LOWEST:g} to {_HIGHEST:g} keV"
        report.add(node, "XB205", message, "for example 10 keV")
        return None
    return value


def number_of(node: Node | None) -> float | None:
    """Give the value of a node that is a number."""
    return float(node.value) if isinstance(node, Scalar) and isinstance(node.value, int | float) else None
