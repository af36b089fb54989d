"""The ``bands`` block: named energy ranges, and schemes that make many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from xbatch.spec.model import Band
from xbatch.spec.nodes import Items, Node, Scalar, Table, is_sound, text_of
from xbatch.spec.quantity import QuantityError, energies, energy_range, quantity
from xbatch.spec.report import Report, did_you_mean, shown

__all__ = ["Bands", "find_bands"]


@dataclass(frozen=True)
class Bands:
    """The bands of a spec.

    Attributes
    ----------
    bands : Mapping of str to Band
        Named ones, and those that schemes make (``eight.1`` ...).
    schemes : Mapping of str to tuple of Band
        By the scheme's name.
    names : frozenset of str
        All names, with those whose definition is at fault.
    """

    bands: Mapping[str, Band] = field(default_factory=dict)
    schemes: Mapping[str, tuple[Band, ...]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def one(self, node: Node | None, report: Report) -> Band | None:
        """Give the one band that a name or a written range means; None (and a problem, if new) where there is none."""
        text = text_of(node)
        if node is None or text is None:
            return None
        if text in self.schemes:
            first, last = self.schemes[text][0].name, self.schemes[text][-1].name
            message = f"{shown(text)} is a scheme of {len(self.schemes[text])} bands, and one band is wanted here"
            report.add(node, "XB118", message, f"name one of {first} to {last}")
            return None
        if text in self.bands or text in self.names:
            return self.bands.get(text)
        return self._written(node, text, report)

    def several(self, node: Node, report: Report) -> list[Band]:
        """Give the band that a name or a written range means, or all bands of a scheme."""
        text = text_of(node)
        if text is not None and text in self.schemes:
            return list(self.schemes[text])
        band = self.one(node, report)
        return [band] if band is not None else []

    def _written(self, node: Node, text: str, report: Report) -> Band | None:
        if text[:1].isalpha():
            known = [*self.bands, *self.schemes]
            hint = did_you_mean(text, known, "write the range out, as 3-79 keV")
            report.add(node, "XB102", f"unknown band {shown(text)}", hint)
            return None
        return _range(node, text, report)


def written(lo: float, hi: float) -> str:
    """Give the name of a band that has none."""
    return f"{lo:.12g}-{hi:.12g} keV"


def _range(node: Node, text: str, report: Report, name: str = "") -> Band | None:
    try:
        lo, hi = energy_range(text)
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    return Band(name or written(lo, hi), lo, hi)


def find_bands(root: Table, report: Report) -> Bands:
    """Read the bands of a checked document."""
    table = root.entries.get("bands")
    if not isinstance(table, Table):
        return Bands()
    bands: dict[str, Band] = {}
    schemes: dict[str, tuple[Band, ...]] = {}
    for name, node in table.entries.items():
        if isinstance(node, Scalar):
            band = _range(node, str(node.value), report, name)
            if band is not None:
                bands[name] = band
        elif isinstance(node, Table) and is_sound(node):
            made = _scheme(name, node, report)
            if made:
                schemes[name] = made
                bands.update({band.name: band for band in made})
    return Bands(bands, schemes, frozenset(table.entries))


def _scheme(name: str, node: Table, report: Report) -> tuple[Band, ...]:
    kind = text_of(node.entries.get("scheme"))
    digits = _digits(node.entries.get("round"), report)
    edges = _list_edges(node.entries["edges"], report) if kind == "list" else _regular_edges(kind, node, report)
    if edges is None or digits is None:
        return ()
    if digits:
        edges = [float(f"{edge:.{digits}g}") for edge in edges]
    for lower, upper in pairwise(edges):
        if lower >= upper:
            hint = "ask for fewer bands or more digits" if digits else "write the edges in rising order"
            report.add(node, "XB213", f"the edges of '{name}' do not rise: {lower:g}, {upper:g}", hint)
            return ()
    return tuple(Band(f"{name}.{number}", lower, upper) for number, (lower, upper) in enumerate(pairwise(edges), 1))


def _regular_edges(kind: str | None, node: Table, report: Report) -> list[float] | None:
    range_node = node.entries["range"]
    band = _range(range_node, text_of(range_node) or "", report)
    count_node = node.entries["n"]
    if band is None or not isinstance(count_node, Scalar) or not isinstance(count_node.value, int):
        return None
    count = count_node.value
    if kind == "linear":
        inner = [band.lo + (band.hi - band.lo) * step / count for step in range(1, count)]
    elif band.lo <= 0.0:
        report.add(
            range_node, "XB211", "a logarithmic scheme cannot begin at 0", "begin above 0, or use scheme: linear"
        )
        return None
    else:
        ratio = band.hi / band.lo
        inner = [band.lo * ratio ** (step / count) for step in range(1, count)]
    return [band.lo, *inner, band.hi]


def _list_edges(node: Node, report: Report) -> list[float] | None:
    try:
        if isinstance(node, Items):
            edges = [quantity(text_of(item) or "", "energy") for item in node.items]
        else:
            edges = list(energies(text_of(node) or ""))
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
    if len(edges) < 2:
        report.add(node, "XB209", "one edge makes no band", "write at least two, as 2 10 keV")
        return None
    return edges


def _digits(node: Node | None, report: Report) -> int | None:
    """Give the significant digits to round to: 0 for no rounding, None for a text that says neither."""
    if not isinstance(node, Scalar) or node.value is None:
        return 0
    words = node.text.split()
    if words and words[0].isdecimal() and words[1:] in ([], ["digit"], ["digits"]) and 1 <= int(words[0]) <= 15:
        return int(words[0])
    report.add(node, "XB210", f"round is {shown(node.text)}", "write it as 2 digits (1 to 15)")
    return None
