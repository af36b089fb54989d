"""Schemes of bands whose edges are found in a spectrum: the scheme names it, a step finds the edges."""

from __future__ import annotations

from xbatch.spec.derivedmodel import EqualBands
from xbatch.spec.model import Band, Subject
from xbatch.spec.nodes import Node, Scalar, Table, text_of
from xbatch.spec.report import Report, did_you_mean, listed, shown
from xbatch.spec.selectors import AXES
from xbatch.spec.spectra import SpectraFound

__all__ = ["EQUAL_SCHEMES", "equal_bands"]

_TELLING = ("obsid", "instrument", "spectrum", "gti")

EQUAL_SCHEMES = frozenset({"equal-counts", "equal-snr"})


def equal_bands(name: str, node: Table, band: Band | None, spectra: SpectraFound, report: Report) -> EqualBands | None:
    """Read one scheme; None (and a problem) where something is wrong with it.

    Parameters
    ----------
    name : str
    node : Table
        The checked scheme.
    band : Band or None
        Its range; None where that is at fault.
    spectra : SpectraFound
        With the sums.
    report : Report
    """
    of = _one(node.entries.get("of"), spectra, report)
    snap = node.entries.get("snap")
    wanted = snap.entries.get("to") if isinstance(snap, Table) else None
    to = _one(wanted, spectra, report)
    count, least = (_whole(node.entries.get(key)) for key in ("n", "min_channels"))
    if band is None or of is None or count is None or (wanted is not None and to is None):
        return None
    params = {
        "scheme": text_of(node.entries.get("scheme")),
        "lo": band.lo,
        "hi": band.hi,
        "n": count,
        "min_channels": least,
        "form": text_of(node.entries.get("form")) or "mended",
    }
    return EqualBands(name, of, to, params, node.path)


def _whole(node: Node | None) -> int | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else None


def _one(node: Node | None, spectra: SpectraFound, report: Report) -> Subject | None:
    """Find the one subject that is meant."""
    named = node.entries.get("spectrum") if isinstance(node, Table) else node
    name = text_of(named)
    if node is None or named is None or name is None:
        return None
    if name not in spectra.subjects:
        if spectra.whole:
            report.add(named, "XB101", f"unknown spectrum {shown(name)}", did_you_mean(name, spectra.subjects))
        return None
    given = node.entries if isinstance(node, Table) else {}
    conditions = {axis: text for axis, one in given.items() if axis != "spectrum" and (text := text_of(one))}

    def fits(subject: Subject) -> bool:
        return all(text in AXES[axis](subject) for axis, text in conditions.items())

    found = [subject for subject in spectra.subjects[name] if fits(subject)]
    if not found:
        # A sum of this spectrum, told by its group.
        every = (subject for subjects in spectra.subjects.values() for subject in subjects)
        found = list(dict.fromkeys(one for one in every if one.spectrum == name and fits(one)))
    if len(found) == 1:
        return found[0]
    if spectra.whole and found:
        message = f"{shown(name)} is {len(found)} spectra: {listed([one.path for one in found], 4)}"
        differ = [axis for axis in _TELLING if len({AXES[axis](one) for one in found}) > 1]
        hint = f"add {' and '.join(differ)}: {{spectrum: {name}, {differ[0]}: ..}}"
        if "spectrum" in differ:  # a sum of several spectra: each is told by its own name and the sum's
            more = "".join(f", {axis}: .." for axis in differ if axis not in {"spectrum", "obsid"})
            hint = f"write {{spectrum: {found[0].spectrum}, obsid: {found[0].obsid}{more}}}"
        report.add(node, "XB142", message, hint)
    elif spectra.whole:
        said = " and ".join(f"{axis} {shown(text)}" for axis, text in conditions.items())
        known = [subject.path for subject in spectra.subjects[name]]
        report.add(node, "XB142", f"no spectrum {shown(name)} has {said}", f"known: {listed(known, 4)}")
    return None
