"""The ``screening`` block: which events are used, settled for each observation and instrument."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from xbatch.spec.channels import pi_of_band, pi_of_energies
from xbatch.spec.espfilt import ESPFILT, ESPFILT_KEYS, espfilt_params
from xbatch.spec.eventmodel import Screening
from xbatch.spec.missions import MISSIONS
from xbatch.spec.model import Subject
from xbatch.spec.nodes import Broken, Items, Node, Scalar, Table, data_of, is_sound, text_of
from xbatch.spec.observed import Sky
from xbatch.spec.quantity import QuantityError, energy_range, quantity, span
from xbatch.spec.rates import rate_limit
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.rgs import is_rgs
from xbatch.spec.rgsflares import exceptions_for_rgs, rgs_flare
from xbatch.spec.selectors import exceptions

__all__ = ["DEFAULT_SCREENING", "MISSION_CUTS", "Screenings", "find_screenings", "numbers_of"]

DEFAULT_SCREENING = "default"
_NONE = "none"
_CUTS = ("grade", "pattern", "flag", "status", "pi_range")
_OF_PIPELINE = ("saamode", "tentacle", "saacalc", "statusexpr", "gradeexpr", "cleanflick", "hkevtexpr")
#: The column that an expression of nupipeline must name, and one as nupipeline reads it.
_EXPRESSIONS = {
    "statusexpr": ("STATUS", "STATUS==b0000xx00xx0xx000"),
    "gradeexpr": ("GRADE", "GRADE>=0 && GRADE<=26"),
}
_WORDS = {"DEFAULT", "NONE"}  # which it takes in the place of an expression
_CHU = "chu"
_OF_MISSION: Mapping[str, str] = {
    "grade": "nustar",
    "pattern": "xmm",
    "flag": "xmm",
    **dict.fromkeys((*_OF_PIPELINE, _CHU), "nustar"),
    "method": "xmm",
}
_RANGE = re.compile(r"\s*([0-9]+)\s*(?:-\s*([0-9]+)\s*)?", re.ASCII)
_BITS = re.compile(r"[0-9]+|#[A-Za-z_][A-Za-z0-9_]*|[bB][01xX]+", re.ASCII)
_STATUS_BITS = 16

MISSION_CUTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "FPMA": {"grade": [0, 26]},
        "FPMB": {"grade": [0, 26]},
        "EPN": {"pattern": [0, 4], "flag": "#XMMEA_EP"},
        "EMOS1": {"pattern": [0, 12], "flag": "#XMMEA_EM"},
        "EMOS2": {"pattern": [0, 12], "flag": "#XMMEA_EM"},
    }
)


@dataclass
class Screenings:
    """The screenings of a spec; `settled` has what it says of each, by observation and instrument."""

    report: Report
    names: frozenset[str] = frozenset({DEFAULT_SCREENING})
    settled: Mapping[str, Mapping[Subject, Table]] = field(default_factory=dict)
    _made: dict[tuple[str, Subject], Screening | None] = field(default_factory=dict)
    _misplaced: dict[tuple[str, Subject], list[tuple[Node, str]]] = field(default_factory=dict)
    of_rgs: frozenset[str] = frozenset()
    cameras: bool = True
    _flares: dict[tuple[str, Subject], Mapping[str, Any] | None] = field(default_factory=dict)

    def known(self, node: Node | None, name: str) -> bool:
        """Say whether a screening of this name is there, and report it if not."""
        if name in self.names:
            return True
        if node is not None:
            hint = did_you_mean(name, sorted(self.names))
            self.report.add(node, "XB117", f"unknown screening {shown(name)}", hint)
        return False

    def at(self, name: str, subject: Subject) -> Screening | None:
        """Give a screening as it is for one observation and instrument; None where it is at fault."""
        key = (name, subject)
        if key not in self._made:
            self._made[key] = self._screening(name, subject)
        return self._made[key]

    def _screening(self, name: str, subject: Subject) -> Screening | None:
        defaults = MISSION_CUTS.get(subject.instrument, {}) if subject.mission in {"nustar", "xmm"} else {}
        by_subject = self.settled.get(name)
        if by_subject is None:
            return Screening(name, dict(defaults)) if name == DEFAULT_SCREENING else None
        table = by_subject.get(subject)
        if table is None:
            return None
        before = len(self.report.problems)
        params: dict[str, Any] = {}
        if subject.mission == "nustar":  # nupipeline's own expression takes the place of the default
            defaults = {key: cut for key, cut in defaults.items() if not _is_said(table.entries.get(f"{key}expr"))}
        for key in _CUTS:
            node = table.entries.get(key)
            if _is_said(node):
                self._check_mission(name, key, node, subject)
                value = self._cut(key, node, subject)
                if value is not None:
                    params[key] = value
            elif key in defaults:
                params[key] = defaults[key]
        for key in (*_OF_PIPELINE, _CHU):
            if _is_said(node := table.entries.get(key)):
                self._check_mission(name, key, node, subject)
                self._check_expression(key, node)
        flare = self._flare(name, table.entries.get("flare"), params, subject)
        sound = len(self.report.problems) == before
        units = text_of(table.entries.get(_CHU)) if subject.mission == "nustar" else None
        return Screening(name, params, flare, table.path, units or "") if sound else None

    def _check_expression(self, key: str, node: Node | None) -> None:
        """Check that an expression is one of its column: a list of bits alone would be found out hours later."""
        column, example = _EXPRESSIONS.get(key, ("", ""))
        text = _text(node) if column else ""
        if node is None or not text or text.upper() in _WORDS or text.startswith("@"):
            return
        words = re.findall(r"[A-Za-z_]\w*", text)
        if column not in {word.upper() for word in words}:
            fault = f"does not name {column}"
        elif text.count("(") != text.count(")"):
            fault = "has brackets that do not close"
        else:
            return
        self.report.add(node, "XB228", f"{key} is {shown(text)}, which {fault}", f'for example {key}: "{example}"')

    def _check_mission(self, name: str, key: str, node: Node | None, subject: Subject) -> None:
        """Keep in mind a cut on a column that the mission has not: it matters where the screening is used."""
        mission = _OF_MISSION.get(key)
        if node is not None and mission not in {None, subject.mission} and subject.mission != "other":
            self._misplaced.setdefault((name, subject), []).append((node, key))

    def check_used(self, name: str, subject: Subject) -> None:
        """Report the cuts on columns that the mission has not."""
        for node, key in self._misplaced.get((name, subject), ()):
            mission = _OF_MISSION[key]
            message = (
                f"'{key}' is of {MISSIONS[mission].title}, and {subject.obsid} is of {MISSIONS[subject.mission].title}"
            )
            cut = f"{key}: {_text(node)}" if key != "method" else "flare: {method: espfilt}"
            hint = f"write it under for: [{{where: {{mission: {mission}}}, {cut}}}]"
            if all(node.path != one.path or one.code != "XB222" for one in self.report.problems):
                self.report.add(node, "XB222", message, hint)

    def of_pipeline(self, name: str, subject: Subject) -> dict[str, Any]:
        """Give what nupipeline takes of a screening, as its parameters are called; only what the spec says."""
        table = self.settled.get(name, {}).get(subject)
        said = {} if table is None else {key: table.entries.get(key) for key in _OF_PIPELINE}
        params = {key: data_of(node) for key, node in said.items() if node is not None and _is_said(node)}
        return {key: value.upper() if key == "saamode" else value for key, value in params.items()}

    def rgs_flare(self, name: str, subject: Subject) -> Mapping[str, Any] | None:
        """Give the cut of flares that a screening has for an RGS; None where it has none, or it is at fault."""
        key = (name, subject)
        if key not in self._flares:
            table = self.settled.get(name, {}).get(subject)
            flare = None if table is None else table.entries.get("flare")
            self._flares[key] = (
                rgs_flare(flare, subject.instrument, self.of_rgs, self.cameras, self.report)
                if isinstance(flare, Table)
                else None
            )
        return self._flares[key]

    def _cut(self, key: str, node: Node | None, subject: Subject) -> Any:
        """Read one cut; None where it is switched off, or at fault."""
        text = _text(node)
        if node is None or text == _NONE:
            return None
        try:
            if key in {"grade", "pattern"}:
                return numbers_of(text)
            if key == "pi_range":
                return _pi(text, subject)
            return _flags(key, text.strip())
        except QuantityError as error:
            self.report.add(node, error.code, error.message, error.hint)
            return None

    def _flare(
        self, name: str, node: Node | None, params: Mapping[str, Any], subject: Subject
    ) -> Mapping[str, Any] | None:
        if not isinstance(node, Table):
            return None
        if text_of(method := node.entries.get("method")) == ESPFILT:
            self._check_mission(name, "method", method, subject)
            return espfilt_params(node, subject.instrument, self.report)
        if not self._is_flare(node):
            return None
        limit = "rate" if _is_said(node.entries.get("rate")) else "sigma"
        result: dict[str, Any] = {}
        try:
            result["pi_range"] = list(pi_of_band(subject, *energy_range(_text(node.entries["band"]))))
            result["bin"] = quantity(_text(node.entries["bin"]), "time")
            if result["bin"] <= 0.0:
                raise QuantityError("XB205", "the bin of flare is not above 0", "write it as 100 s")
            result[limit] = (
                rate_limit(_text(node.entries["rate"])) if limit == "rate" else _float(node.entries["sigma"])
            )
        except QuantityError as error:
            self.report.add(node, error.code, error.message, error.hint)
            return None
        graded = "grade" if subject.mission == "nustar" else "pattern"
        result["pattern"], result["flag"] = params.get(graded), params.get("flag")
        for key in ("pattern", "flag"):
            own = node.entries.get(key)
            if _is_said(own):
                result[key] = self._cut(graded if key == "pattern" else key, own, subject)
        return result

    def _is_flare(self, node: Table) -> bool:
        """Check that what a cut by a rate needs is there, and nothing else."""
        foreign = [key for key in ESPFILT_KEYS if _is_said(node.entries.get(key))]
        missing = [key for key in ("band", "bin") if not _is_said(node.entries.get(key))]
        said = [key for key in ("rate", "sigma") if _is_said(node.entries.get(key))]
        if _is_said(ccd := node.entries.get("ccd")):
            hint = "write it under for: [{where: {instrument: [RGS1, RGS2]}, flare: {...}}]"
            self.report.add(ccd or node, "XB228", "'ccd' is of the light curves of RGS1 and RGS2", hint)
            return False
        if foreign:
            message = f"'{foreign[0]}' is of the method espfilt"
            self.report.add(node.entries[foreign[0]], "XB228", message, "add method: espfilt, or remove it")
        elif missing:
            example = {"band": "10-12 keV", "bin": "100 s"}[missing[0]]
            message = f"the key '{missing[0]}' is missing in {node.path or 'flare'}"
            self.report.add(node, "XB202", message, f"for example {missing[0]}: {example}")
        elif len(said) != 1:
            message = "flare has both 'rate' and 'sigma'" if said else "flare has neither 'rate' nor 'sigma'"
            self.report.add(node, "XB228", message, 'for example rate: "< 0.4 ct/s", or sigma: 3')
        return not foreign and not missing and len(said) == 1


def numbers_of(text: str) -> list[int]:
    """Read a range of whole numbers, both ends included, as ``0-4`` or ``0``.

    Raises
    ------
    QuantityError
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise QuantityError("XB210", f"{shown(text)} is not a range of whole numbers", "write it as 0-26, or none")
    low, high = int(found[1]), int(found[2] or found[1])
    if low > high:
        raise QuantityError("XB211", f"the range {shown(text)} is empty: {low} is above {high}", "swap the ends")
    return [low, high]


def _flags(key: str, text: str) -> int | str:
    """Read a number, bits, or the name of a selection of the list's header."""
    example = '"#XMMEA_EM", 0, or bits' if key == "flag" else "b0000x00xx0xx0000"
    if _BITS.fullmatch(text) is None:
        message = f"{shown(text)} is no number, no pattern of bits and no selection of a header"
        raise QuantityError("XB228", message, f"write {example}")
    if key == "status" and text[0] in "bB" and len(text) != _STATUS_BITS + 1:
        message = f"STATUS has {_STATUS_BITS} bits, and {shown(text)} is a pattern of {len(text) - 1}"
        raise QuantityError("XB228", message, f"write {example}")
    return int(text) if text.isdigit() else text


def _check_comments(table: Table, report: Report) -> None:
    """Report ``flag: #XMMEA_EM``: without quotes it is a comment, and the mission's default would be used."""
    for node in table.entries.values():
        listed = node.entries.get("for") if isinstance(node, Table) else None
        cuts = [node, *(listed.items if isinstance(listed, Items) else ())]
        cuts += [one.entries["flare"] for one in cuts if isinstance(one, Table) and "flare" in one.entries]
        for one in cuts:
            flag = one.entries.get("flag") if isinstance(one, Table) else None
            if isinstance(flag, Scalar) and flag.value is None and not flag.text:
                message = "flag is empty: what begins with # is a comment unless it is quoted"
                report.add(flag, "XB228", message, 'write flag: "#XMMEA_EM", or remove the key')


def _pi(text: str, subject: Subject) -> list[int]:
    found = span(text)
    if found.dimension == "channel":
        return [int(found.lo), int(found.hi)]
    return list(pi_of_energies(subject, found.lo, found.hi))


def _float(node: Node) -> float:
    return float(node.value) if isinstance(node, Scalar) and isinstance(node.value, int | float) else 0.0


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, Scalar) else ""


def _is_said(node: Node | None) -> bool:
    return node is not None and not isinstance(node, Broken) and not (isinstance(node, Scalar) and node.value is None)


def find_screenings(root: Table, sky: Sky, report: Report) -> Screenings:
    """Settle the screenings of a checked document, and check each for every observation and instrument."""
    found = Screenings(report)
    table = root.entries.get("screening")
    if not isinstance(table, Table):
        return found
    found.names = frozenset({*table.entries, DEFAULT_SCREENING})
    _check_comments(table, report)
    order = _in_order(table, report)
    own = {
        name: exceptions(node, sky.subjects, report if sky.whole else Report(), laid_cuts)
        for name in order
        if isinstance(node := table.entries[name], Table)
    }
    settled: dict[str, dict[Subject, Table]] = {}
    for name in order:
        node = table.entries[name]
        if not isinstance(node, Table):
            continue
        base = text_of(node.entries.get("base"))
        if base is not None and base not in settled and base != DEFAULT_SCREENING:
            continue  # the base is at fault
        settled[name] = {}
        for subject, mine in own[name].items():
            below = settled.get(base or "", {}).get(subject)
            whole = mine if below is None else replace(laid_cuts(below, mine), path=node.path)
            if is_sound(whole):
                settled[name][subject] = whole
    found.settled = settled
    found.of_rgs = frozenset(one.path for one in exceptions_for_rgs(root))
    found.cameras = not all(is_rgs(subject) for subject in sky.subjects)
    for name, by_subject in settled.items():
        for subject in by_subject:
            if not is_rgs(subject):
                found.at(name, subject)
            elif sky.raw:  # of its events rgsproc selects all but for flares
                found.rgs_flare(name, subject)
    return found


def _in_order(table: Table, report: Report) -> list[str]:
    """List the screenings, those that others change first; what stands in a circle is left out and reported."""
    order: list[str] = []
    circled: set[str] = set()

    def visit(name: str, chain: tuple[str, ...]) -> bool:
        if name in order:
            return True
        node = table.entries[name]
        base = node.entries.get("base") if isinstance(node, Table) else None
        text = text_of(base)
        if base is not None and text is not None:
            if text in (*chain, name):
                if not circled.intersection((*chain, name)):
                    circle = " -> ".join((*chain, name, text))
                    report.add(base, "XB122", f"screenings form a circle: {circle}", "remove one 'base'")
                circled.update((*chain, name))
                return False
            if text not in table.entries and text != DEFAULT_SCREENING:
                report.add(base, "XB117", f"unknown screening {shown(text)}", did_you_mean(text, table.entries))
                return False
            if text in table.entries and not visit(text, (*chain, name)):
                return False
        order.append(name)
        return True

    for name in table.entries:
        visit(name, ())
    return order


def laid_cuts(base: Table, changes: Table) -> Table:
    """Lay cuts over others, key by key; of a flare cut too, where a rate takes the place of a sigma."""
    for key, node in changes.entries.items():
        own = base.entries.get(key)
        both = isinstance(own, Table) and isinstance(node, Table)
        if _is_said(node):
            base = base.with_entry(key, _laid_flare(own, node) if both else node, changes.key_place(key))
    return base


def _laid_flare(own: Node | None, node: Node) -> Node:
    assert isinstance(own, Table)
    assert isinstance(node, Table)
    for one, other in (("rate", "sigma"), ("sigma", "rate")):
        if _is_said(node.entries.get(one)):
            own = own.without(other)
    for inner, value in node.entries.items():
        own = own.with_entry(inner, value, node.key_place(inner))
    return replace(own, place=node.place, path=node.path)
