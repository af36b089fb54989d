"""How a time selection is made: by clock, file, flux, housekeeping, phase, or from other selections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.clock import Clock, convert, is_barycentred, seconds_of
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.gtifile import general_gtis, read_gti_tables
from xbatch.ogip.housekeeping import read_rows
from xbatch.xray.ephemeris import Ephemeris, phase_gtis
from xbatch.xray.expression import parse_expression
from xbatch.xray.gti import complement, from_bins, intersection, normal, union
from xbatch.xray.timeselect import by_quantile, row_gtis

__all__ = ["KINDS", "Found", "NoList", "Timed", "list_clock"]

Gti = NDArray[np.float64]
_ROLE = "gti/"


class Timed(Protocol):
    """What times are selected of: a table of events, or `NoList`."""

    @property
    def header(self) -> EventHeader:
        """Whose the times are, and what they are counted from."""

    @property
    def gti(self) -> Gti:
        """What a selection is cut to, shape (n, 2), s."""


@dataclass(frozen=True)
class NoList:
    """All that a mission's clock may count, where a tool has the list and cuts the selection to it.

    Attributes
    ----------
    header : EventHeader
    gti : ndarray, shape (1, 2)
        s, from the clock's zero to some 120 years later.
    """

    header: EventHeader
    gti: Gti = field(default_factory=lambda: np.array([[0.0, 4e9]]))

    @classmethod
    def of(cls, mission: str, obsid: str, clock: Mapping[str, Any]) -> NoList:
        """Make it of a clock: ``{"mjdref": [50814, 0.0], "timesys": "TT", "telescop": "XMM"}``."""
        day, part = clock["mjdref"]
        cards = {"TELESCOP": str(clock["telescop"]), "OBS_ID": obsid}
        none = (0.0,) * 6
        header = EventHeader(
            mission, "", obsid, "", (int(day), float(part)), str(clock["timesys"]), *none, 1.0, None, {}, cards
        )
        return cls(header)


@dataclass(frozen=True)
class Found:
    """Times that were selected, before they are cut to the good time of the list.

    Attributes
    ----------
    gti : ndarray, shape (n, 2)
        s of the list.
    facts : Mapping
        What was found on the way, for people.
    notes : tuple of str
    why : str
        What to say if nothing is left.
    """

    gti: Gti
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    why: str = ""


def list_clock(table: Timed) -> Clock:
    """Give what the times of a list are counted from.

    Raises
    ------
    StepError
        Its time system is not known.
    """
    try:
        return Clock.of(table.header.mjdref, table.header.timesys)
    except ValueError as error:
        raise StepError(f"the times of the event list cannot be placed: {error}") from error


def _time(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    clock = list_clock(table)
    scale = str(params.get("scale") or "utc").lower()
    rows = []
    for pair in params["time"]:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise StepError(f"{pair!r} is no start and stop", cure="Write [start, stop]")
        try:
            start, stop = (_moment(value, scale, clock) for value in pair)
        except ValueError as error:
            raise StepError(f"a time cannot be used: {error}", cure="Correct it in the spec") from error
        if not stop > start:
            raise StepError(f"the time {pair[0]!r} to {pair[1]!r} ends before it starts", cure="Turn it around")
        rows.append((start, stop))
    gti = normal(rows)
    notes = (
        ("the list is barycentred: the times are taken as times at the barycentre",)
        if _is_barycentred(table) and not all(isinstance(value, Mapping) for pair in params["time"] for value in pair)
        else ()
    )
    return Found(gti, {"times": gti.tolist()}, notes, f"the times are {_span(gti)}")


def _moment(value: Any, scale: str, clock: Clock) -> float:
    if isinstance(value, Mapping):
        return float(value["met"])
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is neither a date nor an MJD nor seconds")
    return seconds_of(value, scale, clock)


def _file(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    path = _needed(inputs, "file")
    found = general_gtis(read_gti_tables(path))
    if found is None:
        raise FileError(str(path), "has no GTI extension that holds for all detectors", "Name a file with GTIs")
    gti, notes = _in_seconds_of_list(found.gti, found.clock, table, path)
    why = f"the GTIs of {path.name} are {_span(gti)}" if len(gti) else f"{path.name} holds no good time"
    return Found(normal(gti), {"extension": found.name}, (*found.notes, *notes), why)


def _flux(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    path = _needed(inputs, "curve")
    curve = read_curve(path)
    flux = params["flux"]
    known = np.isfinite(curve.rate) & (curve.fracexp > 0)
    rate = np.where(known, curve.rate, np.nan)
    if not known.any():
        raise FileError(str(path), "has no bin with a rate", "Choose another light curve")
    if flux.get("quantile") is not None:
        low, high = (float(value) for value in flux["quantile"])
        try:
            chosen, ends = by_quantile(rate, low, high)
        except ValueError as error:
            raise StepError(f"the selection by flux cannot be made: {error}", cure="Correct it in the spec") from error
        facts: dict[str, Any] = {"quantile": [low, high], "from_rate": _end(ends[0]), "below_rate": _end(ends[1])}
        asked = f"quantiles {low:g} to {high:g}"
    elif flux.get("rate") is not None:
        lowest, highest = (None if value is None else float(value) for value in flux["rate"])
        strict = bool(flux.get("strict"))  # < and > as they are written, not <= and >=
        above, below = (np.greater, np.less) if strict else (np.greater_equal, np.less_equal)
        with np.errstate(invalid="ignore"):
            chosen = known & above(rate, -np.inf if lowest is None else lowest)
            chosen &= below(rate, np.inf if highest is None else highest)
        facts = {"rate": [lowest, highest], **({"strict": True} if strict else {})}
        asked = (
            f"{'any' if lowest is None else f'{lowest:g}'} to {'any' if highest is None else f'{highest:g}'} counts/s"
        )
    else:
        raise StepError("a selection by flux needs a quantile or a rate", cure="Give one of them")
    try:
        gti = from_bins(curve.time, np.where(chosen, 1.0, np.nan), curve.width, np.isfinite)
    except ValueError as error:
        raise FileError(str(path), str(error), "Make the light curve again") from error
    gti, notes = _in_seconds_of_list(gti, curve.clock, table, path)
    facts |= {"bins": int(known.sum()), "bins_chosen": int(chosen.sum()), "dt": curve.width}
    seen = rate[known]
    bins = "its only bin has" if len(seen) == 1 else f"its {len(seen)} bins have {seen.min():.4g} to"
    why = f"no bin of {path.name} has {asked}: {bins} {seen.max():.4g} counts/s"
    return Found(gti, facts, notes, why)


def _end(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _hk(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    path = _needed(inputs, "file")
    asked = params["hk"]
    try:
        expression = parse_expression(str(asked["expression"]))
    except ValueError as error:
        raise StepError(f"the expression cannot be used: {error}", cure="Correct it in the spec") from error
    rows = read_rows(path, expression.columns, str(asked.get("extension") or ""))
    try:
        chosen = expression.true(rows.columns)
        gti = row_gtis(rows.time, chosen)
    except ValueError as error:
        raise FileError(str(path), f"cannot be selected from: {error}", "Correct the expression") from error
    gti, notes = _in_seconds_of_list(gti, rows.clock, table, path)
    facts = {"extension": rows.extension, "rows": len(chosen), "rows_true": int(chosen.sum())}
    true = f"is true for {int(chosen.sum())} of {len(chosen)} rows of {rows.extension} in {path.name}"
    span = f", {_span(gti)}" if len(gti) else ""
    return Found(gti, facts, notes, f"{expression.text!r} {true}{span}")


def _phase(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    if not _is_barycentred(table):
        header = table.header
        raise StepError(
            f"phases need events barycentred: these are of TIMESYS {header.timesys}, "
            f"TIMEREF {header.cards.get('TIMEREF', 'not said')}",
            cure="Barycentre the event list with its GTIs (barycorr, barycen) and use that list",
        )
    asked = params["phase"]
    try:
        epoch = seconds_of(asked["epoch"], str(asked.get("scale") or "tdb").lower(), list_clock(table))
        ephemeris = Ephemeris(epoch, float(asked["period"]), float(asked.get("pdot") or 0.0))
        low, high = (float(value) for value in asked["range"])
        gti = phase_gtis(ephemeris, low, high, table.gti)
    except ValueError as error:
        raise StepError(f"the phases cannot be selected: {error}", cure="Correct them in the spec") from error
    facts = {"epoch_s": epoch, "cycles": float(np.ptp(ephemeris.cycles(table.gti[[0, -1], [0, 1]])))}
    return Found(gti, facts, (), f"phases {low:g} to {high:g} of {ephemeris.period:g} s")


def _is_barycentred(table: Timed) -> bool:
    return is_barycentred({**table.header.cards, "TIMESYS": table.header.timesys})


def _all_of(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    gti = table.gti
    for other in _others(params["all_of"], inputs):
        gti = intersection(gti, other)
    return Found(gti, why=f"{', '.join(params['all_of'])} have no time in common")


def _any_of(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    return Found(union(*_others(params["any_of"], inputs)), why=f"{', '.join(params['any_of'])} hold no time")


def _not(params: Mapping[str, Any], inputs: Mapping[str, Path], table: Timed) -> Found:
    (other,) = _others([params["not"]], inputs)
    good = table.gti
    return Found(
        complement(other, float(good[0, 0]), float(good[-1, 1])), why=f"{params['not']} holds all of the good time"
    )


def _others(names: Sequence[str], inputs: Mapping[str, Path]) -> list[Gti]:
    """Read the selections that others are made of; they are in the seconds of the same list."""
    if isinstance(names, str) or not names:
        raise StepError("no time selections are named to be joined", cure="Name some")
    found = []
    for name in names:
        path = _needed(inputs, f"{_ROLE}{name}")
        table = general_gtis(read_gti_tables(path))
        if table is None:
            raise FileError(str(path), "has no GTIs", "Run the step that made it again")
        found.append(table.gti)
    return found


def _needed(inputs: Mapping[str, Path], role: str) -> Path:
    path = inputs.get(role)
    if path is None:
        raise StepError(f"the time selection has no {role.replace('gti/', 'selection ')} to work with")
    return path


def _in_seconds_of_list(gti: Gti, clock: Clock | None, table: Timed, path: Path) -> tuple[Gti, tuple[str, ...]]:
    """Turn a file's seconds into those of the list; no clock makes barycentred times of others."""
    own = list_clock(table)
    if clock is None:
        return gti, (f"{path.name} does not say what its seconds are counted from: those of the list are taken",)
    if clock.same_as(own):
        return gti, ()
    if (clock.scale == "tdb") != (own.scale == "tdb"):
        raise FileError(
            str(path),
            f"has its times in {clock.scale.upper()}, the event list has them in {own.scale.upper()}: one is "
            "barycentred, the other is not",
            "Barycentre events, GTIs and light curves together",
        )
    moved = convert(gti.ravel(), clock, own).reshape(-1, 2)
    said = (
        f"times of {path.name} are counted from MJD {clock.mjdref!r} ({clock.scale.upper()}): converted to the list's"
    )
    return moved, (said,)


def _span(gti: Gti) -> str:
    return f"{gti[0, 0]:.10g} s to {gti[-1, 1]:.10g} s of the list" if len(gti) else "none"


_Kind = Callable[[Mapping[str, Any], Mapping[str, Path], Timed], Found]
#: By the parameter that asks for it.
KINDS: Mapping[str, _Kind] = {
    "time": _time,
    "file": _file,
    "flux": _flux,
    "hk": _hk,
    "phase": _phase,
    "all_of": _all_of,
    "any_of": _any_of,
    "not": _not,
}
