"""The ``gtis`` block: named time selections, settled for each observation and instrument."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xbatch.spec.conditions import check_condition
from xbatch.spec.eventmodel import Gtis
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, is_sound, items_of, join, text_of
from xbatch.spec.observed import Sky, observed_file, sound_template
from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.selectors import exceptions

__all__ = ["Selections", "find_gtis", "members_of"]

_KINDS = ("time", "file", "flux", "hk", "phase", "all_of", "any_of", "not")
# What a fit grouped by time selections calls the spectra of all times, and what other blocks say for nothing.
_WORDS = frozenset({"all", "none"})
_NAMING = ("all_of", "any_of", "not")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]*)?)?)?Z?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_FRACTIONS = re.compile(rf"\s*({_NUMBER.pattern})\s*-\s*({_NUMBER.pattern})\s*", re.ASCII)
_RATES = re.compile(
    rf"\s*({_NUMBER.pattern})\s*-\s*({_NUMBER.pattern})\s*(?:(?:ct|cts|count|counts)\s*/\s*s)?\s*", re.ASCII
)
_EPOCH = re.compile(rf"\s*({_NUMBER.pattern})\s*TDB\s*", re.ASCII | re.IGNORECASE)
_SECONDS = re.compile(rf"({_NUMBER.pattern})\s*s", re.ASCII)
_BELOW = re.compile(rf"\s*([<>])(=?)\s*({_NUMBER.pattern})\s*(?:(?:ct|cts|count|counts)\s*/\s*s)?\s*", re.ASCII)


@dataclass
class Selections:
    """The time selections of a spec; `settled` has each by observation and instrument."""

    report: Report
    names: frozenset[str] = frozenset()
    settled: Mapping[str, Mapping[Subject, Gtis]] = field(default_factory=dict)
    nodes: Mapping[str, Table] = field(default_factory=dict)

    def known(self, node: Node | None, name: str) -> bool:
        """Say whether a time selection of this name is there, and report it if not."""
        if name in self.names:
            return True
        if node is not None:
            hint = did_you_mean(name, sorted(self.names), "add it to 'gtis'")
            self.report.add(node, "XB116", f"unknown time selection {shown(name)}", hint)
        return False

    def at(self, name: str, subject: Subject) -> Gtis | None:
        """Give a time selection as it is for one observation and instrument; None where it is at fault."""
        return self.settled.get(name, {}).get(subject)

    def with_members(self, name: str, subject: Subject) -> tuple[Gtis, ...]:
        """Give a time selection and all that it is made of, the members first."""
        found: dict[str, Gtis] = {}
        seen: set[str] = set()

        def visit(one: str) -> None:
            gtis = self.at(one, subject)
            if gtis is None or one in seen:
                return
            seen.add(one)
            for member in members_of(gtis.params):
                visit(member)
            found[one] = gtis

        visit(name)
        return tuple(found.values())


def members_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """List the selections that another is made of."""
    return tuple(name for key in ("all_of", "any_of") for name in params.get(key, ())) + (
        (params["not"],) if "not" in params else ()
    )


def find_gtis(root: Table, sky: Sky, report: Report) -> Selections:
    """Settle the time selections of a checked document, and check each for every observation and instrument."""
    found = Selections(report)
    table = root.entries.get("gtis")
    if not isinstance(table, Table):
        return found
    found.names = frozenset(table.entries)
    settled: dict[str, dict[Subject, Gtis]] = {}
    for name, node in table.entries.items():
        if name.casefold() in _WORDS:
            message = f"a time selection cannot be called '{name}', which is said of spectra without one"
            report.add(table.key_place(name), "XB206", message, "rename it", join("gtis", name))
        elif isinstance(node, Table):
            settled[name] = _settled(name, node, table, sky, report)
    found.settled = settled
    found.nodes = {name: node for name, node in table.entries.items() if isinstance(node, Table)}
    _check_circles(found.nodes, report)
    return found


def _settled(name: str, node: Table, table: Table, sky: Sky, report: Report) -> dict[Subject, Gtis]:
    listed = node.entries.get("for")
    tables = [node, *(listed.items if isinstance(listed, Items) else ())]
    sound = True
    for one in tables:
        if isinstance(one, Table):
            inner = one.entries.get("hk")
            sound = sound_template(one.entries.get("file"), sky, report) and sound
            hk_file = inner.entries.get("file") if isinstance(inner, Table) else None
            sound = sound_template(hk_file, sky, report) and sound
    if not sound:
        return {}
    result: dict[Subject, Gtis] = {}
    made: dict[int, Mapping[str, Any] | None] = {}
    for subject, one in exceptions(node, sky.subjects, report if sky.whole else Report(), _replaced).items():
        if not is_sound(one):
            continue
        if id(one) not in made:
            made[id(one)] = _params(one, table, report)
        params = made[id(one)]
        if params is not None:
            hk = one.entries.get("hk")
            template = hk.entries.get("file") if isinstance(hk, Table) else one.entries.get("file")
            file = observed_file(template, subject, sky.base)
            own = {**params, "file": file.name} if "file" in params and file is not None else params
            flux = one.entries.get("flux")
            curve = text_of(flux.entries.get("lightcurve")) if isinstance(flux, Table) else None
            result[subject] = Gtis(name, own, file, curve or "", node.path)
    return result


def _replaced(base: Table, changes: Table) -> Table:
    """Lay an exception over a time selection: another kind replaces it whole."""
    if any(_is_said(changes.entries.get(kind)) for kind in _KINDS):
        return replace(changes, path=base.path)
    for key, node in changes.entries.items():
        base = base.with_entry(key, node, changes.key_place(key))
    return base


def _params(table: Table, all_of_them: Table, report: Report) -> Mapping[str, Any] | None:
    said = [kind for kind in _KINDS if _is_said(table.entries.get(kind))]
    if len(said) != 1:
        what = f"has {' and '.join(said)}" if said else "says nothing"
        message = f"{table.path} {what}; it needs one of {', '.join(_KINDS)}"
        report.add(table, "XB226", message, "split it, and join the parts by all_of or any_of" if said else "add one")
        return None
    kind = said[0]
    node = table.entries[kind]
    scale = table.entries.get("scale")
    if _is_said(scale) and kind != "time" and scale is not None:
        report.add(scale, "XB226", "'scale' belongs to 'time'", "remove it")
        return None
    if kind in _NAMING:
        return _naming(kind, node, all_of_them, report)
    try:
        if kind == "time":
            return {"time": _times(node), "scale": text_of(scale) or "utc"}
        return {kind: _KIND[kind](node) if isinstance(node, Table) else text_of(node)}
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None


def _naming(kind: str, node: Node, all_of_them: Table, report: Report) -> Mapping[str, Any] | None:
    names = []
    for one in items_of(node):
        name = text_of(one) or ""
        if name not in all_of_them.entries:
            hint = did_you_mean(name, all_of_them.entries)
            report.add(one, "XB116", f"unknown time selection {shown(name)}", hint)
            return None
        names.append(name)
    return {kind: names[0] if kind == "not" else names}


def _times(node: Node) -> list[list[Any]]:
    items = node.items if isinstance(node, Items) else ()
    if all(isinstance(one, Scalar) for one in items):
        items = (node,)
    spans = []
    for one in items:
        ends = [str(end.value) for end in one.items if isinstance(end, Scalar)] if isinstance(one, Items) else []
        if len(ends) != 2:
            raise QuantityError("XB226", "a time is [start, stop], or a list of such", "write two dates in brackets")
        (kind, start), (other, stop) = _instant(ends[0]), _instant(ends[1])
        if kind != other:
            raise QuantityError("XB226", f"{shown(ends[0])} and {shown(ends[1])} are of two kinds", "write both alike")
        if (float(start) >= float(stop)) if kind != "date" else (start >= stop):
            raise QuantityError("XB211", f"{shown(ends[0])} is not before {shown(ends[1])}", "swap the ends")
        spans.append([_as_given(kind, start), _as_given(kind, stop)])
    return spans


def _instant(text: str) -> tuple[str, str]:
    """Say what kind of instant a text is, with the part of it that counts."""
    stripped = text.strip()
    if _DATE.fullmatch(stripped):
        _check_date(stripped.rstrip("Z"), text)
        return "date", stripped.rstrip("Z")
    if _NUMBER.fullmatch(stripped):
        return "mjd", stripped
    seconds = _SECONDS.fullmatch(stripped)
    if seconds is None:
        hint = "write 2015-07-08T03:00:00, or an MJD, or seconds of the mission's clock as 174632.5 s"
        raise QuantityError("XB226", f"{shown(text)} is no instant", hint)
    return "met", seconds[1]


def _check_date(date: str, text: str) -> None:
    """Refuse the 13th month and the 25th hour; a minute may have a 61st second, a leap second."""
    day, _, clock = date.partition("T")
    parts = [float(part) for part in clock.split(":")] if clock else [0.0]
    try:
        datetime.date.fromisoformat(day)
    except ValueError as error:
        raise QuantityError("XB226", f"{shown(text)} is no date: {error}", "write 2015-07-08T03:00:00") from error
    if any(part >= end for part, end in zip(parts, (24.0, 60.0, 61.0), strict=False)):
        raise QuantityError("XB226", f"{shown(text)} is no time of a day", "write 2015-07-08T03:00:00")


def _as_given(kind: str, text: str) -> Any:
    if kind == "date":
        return text
    return float(text) if kind == "mjd" else {"met": float(text)}


def _flux(node: Table) -> Mapping[str, Any]:
    said = [key for key in ("quantile", "rate") if _is_said(node.entries.get(key))]
    if len(said) != 1:
        message = f"flux has {' and '.join(said)}" if said else "flux has neither 'quantile' nor 'rate'"
        raise QuantityError("XB226", message, "for example quantile: 0-0.5")
    text = text_of(node.entries[said[0]]) or ""
    limit = _BELOW.fullmatch(text) if said[0] == "rate" else None
    if limit is not None:
        rates = [None, float(limit[3])] if limit[1] == "<" else [float(limit[3]), None]
        strict = {} if limit[2] else {"strict": True}
        return {"band": text_of(node.entries["band"]), "rate": rates, **strict}
    lo, hi = _span(text, _FRACTIONS if said[0] == "quantile" else _RATES, said[0])
    if said[0] == "quantile" and hi > 1.0:
        raise QuantityError("XB205", f"the quantiles {shown(text)} are not between 0 and 1", "for example 0-0.5")
    return {"band": text_of(node.entries["band"]), said[0]: [lo, hi]}


def _hk(node: Table) -> Mapping[str, Any]:
    expression = " ".join((text_of(node.entries["expression"]) or "").split())
    check_condition(expression)
    return {
        "expression": expression,
        "extension": text_of(node.entries.get("extension")),
    }


def _phase(node: Table) -> Mapping[str, Any]:
    ephemeris = node.entries["ephemeris"]
    assert isinstance(ephemeris, Table)
    text = text_of(ephemeris.entries["epoch"]) or ""
    epoch = _EPOCH.fullmatch(text)
    if epoch is None:
        hint = "write an MJD of TDB, the scale of barycentred events: 57000.0 TDB"
        raise QuantityError("XB226", f"{shown(text)} is no epoch", hint)
    period = quantity(text_of(ephemeris.entries["period"]) or "", "time")
    if period <= 0.0:
        raise QuantityError("XB205", "the period is not above 0", "")
    pdot = ephemeris.entries.get("pdot")
    derivative = float(pdot.value) if isinstance(pdot, Scalar) and isinstance(pdot.value, int | float) else 0.0
    text = text_of(node.entries["range"]) or ""
    found = _FRACTIONS.fullmatch(text)
    if found is None or max(float(found[1]), float(found[2])) > 1.0:
        raise QuantityError("XB210", f"{shown(text)} is not a range of phases", "write it as 0.1-0.4")
    if float(found[1]) == float(found[2]):
        raise QuantityError("XB211", f"the range {shown(text)} is empty", "for example 0.1-0.4")
    return {
        "epoch": float(epoch[1]),
        "period": period,
        "pdot": derivative,
        "range": [float(found[1]), float(found[2])],
    }


_KIND: Mapping[str, Callable[[Table], Mapping[str, Any]]] = {"flux": _flux, "hk": _hk, "phase": _phase}


def _span(text: str, pattern: re.Pattern[str], what: str) -> tuple[float, float]:
    found = pattern.fullmatch(text)
    if found is None:
        raise QuantityError("XB210", f"{shown(text)} is not a {what} range", "write it as 0-0.5")
    lo, hi = float(found[1]), float(found[2])
    if lo >= hi:
        raise QuantityError("XB211", f"the range {shown(text)} is empty", "swap the ends")
    return lo, hi


def _check_circles(nodes: Mapping[str, Table], report: Report) -> None:
    """Refuse selections that are made of themselves."""

    def below(name: str) -> list[tuple[str, Node]]:
        node = nodes.get(name)
        found = []
        for key in _NAMING if node is not None else ():
            assert node is not None
            found += [(text_of(one) or "", one) for one in items_of(node.entries.get(key))]
        return found

    done: set[str] = set()

    def visit(name: str, chain: tuple[str, ...]) -> None:
        if name in done:
            return
        for member, node in below(name):
            if member in (*chain, name):
                report.add(node, "XB122", f"'{name}' is made of itself", "name other time selections")
            else:
                visit(member, (*chain, name))
        done.add(name)

    for name in nodes:
        visit(name, ())


def _is_said(node: Node | None) -> bool:
    return node is not None and not isinstance(node, Broken) and not (isinstance(node, Scalar) and node.value is None)
