"""Rows of a table that an expression keeps, and filtered lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.expression import Node, expanded, parse
from tests.fakes.sas.fitsfile import Hdu, find, named, read, write
from tests.fakes.sas.parameters import SasError
from tests.fakes.sas.subspace import Subspace, Term, gti_table, narrowed, region_table, terms_of
from tests.fakes.sas.task import Task
from xbatch.ogip.fitswriter import Card
from xbatch.xray.gti import intersection, total

__all__ = ["TIME_CARDS", "Selected", "good_times", "select", "write_filtered"]

_ALWAYS = (-1e12, 1e12)
TIME_CARDS = ("TIMESYS", "TIMEUNIT", "TIMEREF", "TASSIGN", "CLOCKAPP", "MJDREF", "TIMEZERO")
_WHOSE = (
    "TELESCOP", "INSTRUME", "FILTER", "OBS_ID", "EXP_ID", "EXPIDSTR", "DATAMODE", "SUBMODE", "OBJECT", "REVOLUT",
    "DATE-OBS", "DATE-END", "RA_OBJ", "DEC_OBJ", "RA_PNT", "DEC_PNT", "PA_PNT", "RADECSYS", "EQUINOX",
)  # fmt: skip
_PLANE = tuple(f"REF{axis}{what}" for axis in "XY" for what in ("CTYP", "CRPX", "CRVL", "CDLT", "CUNI", "LMIN", "LMAX"))


@dataclass
class Selected:
    """The rows of a table that an expression keeps, and the data subspace they are in.

    Attributes
    ----------
    hdus : list of Hdu
        The whole file, as it was read.
    events : Hdu
    rows : ndarray
        Those that are kept.
    subspace : Subspace
    tables : list of Hdu
        Those that the subspace refers to.
    gtis : dict
        Good times of each CCD; none where the file has none.
    """

    hdus: list[Hdu]
    events: Hdu
    rows: NDArray[Any]
    subspace: Subspace
    tables: list[Hdu]
    gtis: dict[int, NDArray[np.float64]]
    changed: bool
    expression: str

    @cached_property
    def ontimes(self) -> dict[int, float]:
        return {ccd: total(gti) for ccd, gti in self.gtis.items()}

    @cached_property
    def livetimes(self) -> dict[int, float]:
        """Live time of each CCD: its part of the time is that of the list."""
        live = {}
        for ccd, ontime in self.ontimes.items():
            before, alive = (float(self.events.get(f"{stem}{ccd:02d}", 0.0)) for stem in ("ONTIME", "LIVETI"))
            live[ccd] = ontime * (alive / before if before > 0 and alive > 0 else 1.0)
        return live

    def exposure(self) -> float | None:
        """Live times of the CCDs, weighted by their events; None where there are no events."""
        if not len(self.rows) or not self.livetimes:
            return None
        ccds = self.rows["CCDNR"] if "CCDNR" in self.rows.dtype.names else np.ones(len(self.rows), int)
        counts = np.bincount(ccds, minlength=40)
        seen = sum(int(counts[ccd]) for ccd in self.livetimes)
        return sum(counts[ccd] * live for ccd, live in self.livetimes.items()) / seen if seen else None

    def whose(self, *more: str) -> list[Card]:
        """Give cards of the list: who saw what, when, and those named."""
        both = {**self.hdus[0].header, **self.events.header}
        return [Card(key, both[key]) for key in (*_WHOSE, *_PLANE, *more) if both.get(key) is not None]


def good_times(path: Path) -> NDArray[np.float64]:
    """Read the good times of a file: those of its first table of them."""
    name, _, block = str(path).partition(":")
    hdus = read(Path(name))
    wanted = named(hdus, block.upper()) if block else next((hdu for hdu in hdus if "GTI" in hdu.name), None)
    if wanted is None or "START" not in (wanted.dtype.names or ()):
        raise SasError("GtiNotFound", f"no good time intervals in `{path}'")
    rows = wanted.rows
    gti = np.stack([rows["START"], rows["STOP"]], axis=1).astype(np.float64)
    return gti[np.argsort(gti[:, 0])]


def select(place: str, text: str) -> Selected:
    """Keep the rows of a table (``file`` or ``file:BLOCK``) for which an expression is true."""
    name, _, block = place.partition(":")
    hdus = read(Path(name))
    first = next((hdu for hdu in hdus[1:] if hdu.get("XTENSION") == "BINTABLE"), None)
    if first is None:
        raise SasError("TableNotFound", f"dataset `{name}' has no table")
    events = find(hdus, block.upper(), name) if block else named(hdus, "EVENTS") or first
    rows = events.rows
    text = expanded(text, events.header)
    node = parse(text, rows.dtype.names)
    mask = node.mask(lambda column: rows[column] if column else rows, good_times)
    subspace, tables, gtis, changed = _narrow(hdus, events, node)
    return Selected(hdus, events, rows[np.asarray(mask, bool)], subspace, tables, gtis, changed, text)


def _narrow(
    hdus: list[Hdu], events: Hdu, node: Node
) -> tuple[Subspace, list[Hdu], dict[int, NDArray[np.float64]], bool]:
    """Give the subspace after a selection, with its tables, and the good times of each CCD."""
    subspace = Subspace.of(events)
    plain, good, components = terms_of(node)
    ccds = sorted(int(hdu.name[6:]) for hdu in hdus if hdu.name.startswith("STDGTI") and hdu.name[6:].isdigit())
    wide = np.array([_ALWAYS])
    for one in good:
        wide = np.asarray(intersection(wide, good_times(one.path))).reshape(-1, 2)
    gtis = narrowed(hdus, ccds, wide)
    subspace.terms += plain
    dropped: set[str] = set()
    made: list[Hdu] = []
    if good and gtis:
        term = subspace.find("TIME")
        if term is None:
            term = Term("TIME", unit="s")
            subspace.terms.append(term)
        number = subspace.terms.index(term) + 1
        dropped = set(term.references.values())
        term.values = dict.fromkeys(gtis, "TABLE")
        term.references = {ccd: f"GTI{ccd - 1:03d}{number:02d}" for ccd in gtis}
        made = [gti_table(term.references[ccd], gti) for ccd, gti in gtis.items()]
    if components:
        name = f"REG001{len(subspace.terms) + 1:02d}"
        axes = components[0][0][0].axes
        subspace.terms.append(Term(f"POS({','.join(axes)})", {1: "TABLE"}, {1: name}))
        made.append(region_table(name, components))
    named_now = {reference for term in subspace.terms for reference in term.references.values()}
    there = {hdu.name for hdu in made}
    kept = [hdu for hdu in hdus if hdu.name in named_now - there and hdu.name not in dropped - named_now]
    return subspace, [*kept, *made], gtis, bool(good)


def write_filtered(
    task: Task, chosen: Selected, path: Path, steps: Sequence[str] = ("writedss", "updateexposure", "filterexposure")
) -> None:
    """Write a list with its rows that are kept, and all that belongs to it."""
    events = chosen.events.copy()
    events.rows = chosen.rows
    events.set("SLCTEXPR", chosen.expression, "Filtering expression used")
    if "writedss" in steps:
        chosen.subspace.put(events)
    if "updateexposure" in steps and chosen.gtis:
        for ccd in chosen.gtis:
            events.set(f"ONTIME{ccd:02d}", chosen.ontimes[ccd], "Sum of GTIs for a particular CCD")
            events.set(f"LIVETI{ccd:02d}", chosen.livetimes[ccd], "Live time for a particular CCD")
        main = _main(chosen)
        events.set("ONTIME", chosen.ontimes[main], "Sum of GTIs for central CCD")
        events.set("LIVETIME", chosen.livetimes[main], "Live time for the central CCD")
    hdus = []
    linked = {hdu.name for hdu in chosen.tables}
    for hdu in chosen.hdus:
        if hdu is chosen.events:
            hdus.append(events)
        elif hdu.name.startswith("EXPOSU") and {"updateexposure", "filterexposure"} <= set(steps):
            hdus.append(_filtered_exposure(hdu, chosen))
        elif hdu.name.startswith("STDGTI") or (hdu.name not in linked and not hdu.name.startswith(("GTI0", "REG0"))):
            hdus.append(hdu)
    if "writedss" in steps:
        hdus += [hdu for hdu in chosen.tables if not hdu.name.startswith("STDGTI")]
    hdus[0] = hdus[0].copy()
    hdus[0].set("CREATOR", task.creator)
    write(task.keep(path), hdus)


def _main(chosen: Selected) -> int:
    """Give the CCD that the list calls the central one."""
    ontime = float(chosen.events.get("LIVETIME", 0.0))
    return min(chosen.gtis, key=lambda ccd: abs(float(chosen.events.get(f"LIVETI{ccd:02d}", 0.0)) - ontime))


def _filtered_exposure(hdu: Hdu, chosen: Selected) -> Hdu:
    ccd = int(hdu.name[6:])
    rows, made = hdu.rows, hdu.copy()
    gti = chosen.gtis.get(ccd)
    if gti is None or not chosen.changed:
        return made
    at = np.searchsorted(gti[:, 0], rows["TIME"], side="right") - 1
    inside = (at >= 0) & (rows["TIME"] < gti[np.maximum(at, 0), 1]) if len(gti) else np.zeros(len(rows), bool)
    made.rows = rows[inside]
    return made
