"""The ``bands`` block: named energy ranges, and schemes that make many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from xbatch.spec.derivedmodel import BandSet, EqualBands
from xbatch.spec.edges import joined_edges, linear_edges, log_edges, rounded_edges, snapped_edges
from xbatch.spec.equal import EQUAL_SCHEMES, equal_bands
from xbatch.spec.missions import MISSIONS, Channels
from xbatch.spec.model import Band
from xbatch.spec.nodes import Items, Node, Scalar, Table, is_sound, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.quantity import QuantityError, energies, energy_range, quantity
from xbatch.spec.report import Report, did_you_mean, shown
from xbatch.spec.spectra import SpectraFound

__all__ = ["Bands", "find_bands"]

_IN_ORDER = "write the edges in rising order"


@dataclass(frozen=True)
class Bands:
    """The bands of a spec.

    Attributes
    ----------
    bands : Mapping of str to Band
        Named ones, and those that schemes make (``eight.1`` ...).
    schemes : Mapping of str to tuple of Band
        By the scheme's name.
    equal : Mapping of str to EqualBands
        Schemes whose edges are found in a spectrum, by name.
    names : frozenset of str
        All names, with those whose definition is at fault.
    """

    bands: Mapping[str, Band] = field(default_factory=dict)
    schemes: Mapping[str, tuple[Band, ...]] = field(default_factory=dict)
    equal: Mapping[str, EqualBands] = field(default_factory=dict)
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
        scheme = text.rpartition(".")[0] or text
        if scheme in self.equal:
            message = f"the edges of {shown(scheme)} are found in a spectrum when the analysis runs, and the band is "
            report.add(node, "XB118", message + "wanted before", "name a band or scheme with edges, or write the range")
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

    def sets(self, nodes: Iterable[Node], report: Report) -> tuple[BandSet, ...]:
        """Give the bands that names or written ranges mean where schemes are welcome whose edges depend on data."""
        found = []
        for node in nodes:
            scheme = self.equal.get(text_of(node) or "")
            if scheme is not None:
                found.append(BandSet(scheme=scheme.name, most=scheme.params["n"]))
            elif bands := self.several(node, report):
                found.append(BandSet(bands=tuple(bands)))
        return tuple(found)

    def _written(self, node: Node, text: str, report: Report) -> Band | None:
        if text[:1].isalpha():
            known = [*self.bands, *self.schemes, *self.equal]
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


def find_bands(
    root: Table,
    report: Report,
    pointings: Sequence[Pointing] | None = (),
    spectra: SpectraFound | None = None,
    users: Mapping[str, Sequence[Pointing]] | None = None,
) -> Bands:
    """Read the bands of a checked document.

    Parameters
    ----------
    root : Table
    report : Report
    pointings : sequence of Pointing or None
        Whose channels edges snap to; None where the observations could not be read.
    spectra : SpectraFound, optional
        With the sums: those that a scheme may take its edges from.
    users : Mapping, optional
        Whose channels the edges of a scheme snap to, by its name, where that is not all of `pointings`.
    """
    table = root.entries.get("bands")
    if not isinstance(table, Table):
        return Bands()
    bands: dict[str, Band] = {}
    schemes: dict[str, tuple[Band, ...]] = {}
    equal: dict[str, EqualBands] = {}
    for name, node in table.entries.items():
        if isinstance(node, Scalar):
            band = _range(node, str(node.value), report, name)
            if band is not None:
                bands[name] = band
        elif isinstance(node, Table) and is_sound(node) and text_of(node.entries.get("scheme")) in EQUAL_SCHEMES:
            range_node = node.entries["range"]
            band = _range(range_node, text_of(range_node) or "", report)
            found = equal_bands(name, node, band, spectra or SpectraFound(whole=False), report)
            if found is not None:
                equal[name] = found
        elif isinstance(node, Table) and is_sound(node):
            made = _scheme(name, node, report, (users or {}).get(name, pointings))
            if made:
                schemes[name] = made
                bands.update({band.name: band for band in made})
    return Bands(bands, schemes, equal, frozenset(table.entries))


def _scheme(name: str, node: Table, report: Report, pointings: Sequence[Pointing] | None) -> tuple[Band, ...]:
    kind = text_of(node.entries.get("scheme"))
    digits = _digits(node.entries.get("round"), report)
    edges = _list_edges(node.entries["edges"], report) if kind == "list" else _regular_edges(kind, node, report)
    if edges is None or digits is None:
        return ()
    if digits:
        edges = rounded_edges(edges, digits)
    if not _rise(name, node, edges, "ask for fewer bands or more digits" if digits else _IN_ORDER, report):
        return ()
    edges = _on_channels(name, node, edges, report, pointings)
    return tuple(Band(f"{name}.{number}", lower, upper) for number, (lower, upper) in enumerate(pairwise(edges), 1))


def _rise(name: str, node: Node, edges: Sequence[float], hint: str, report: Report) -> bool:
    for lower, upper in pairwise(edges):
        if lower >= upper:
            report.add(node, "XB213", f"the edges of '{name}' do not rise: {lower:g}, {upper:g}", hint)
            return False
    return True


def _on_channels(
    name: str, node: Table, edges: list[float], report: Report, pointings: Sequence[Pointing] | None
) -> list[float]:
    """Move edges to those of channels where that is asked for; none are left where it cannot be done."""
    snap, least = node.entries.get("snap"), node.entries.get("min_channels")
    least_channels = least.value if isinstance(least, Scalar) and isinstance(least.value, int) else None
    wanted = text_of(snap)
    if snap is None or wanted is None:
        if least is None or least_channels is None:
            return edges
        report.add(least, "XB216", f"'{name}' counts channels and its edges are not on any", "add snap: channel")
        return []
    channels = _channels(wanted, snap, report, pointings)
    if channels is None:
        return []
    numbers = snapped_edges(edges, channels)
    if numbers[0] < 0:
        message = f"'{name}' begins at {edges[0]:g} keV, below the first channel, {channels.edge(0):g} keV"
        report.add(snap, "XB217", message, f"begin at {channels.edge(0):g} keV or above")
        return []
    if least_channels is not None:
        numbers = joined_edges(numbers, least_channels)
        if len(numbers) == 1:
            message = f"'{name}' has fewer than {least_channels} channels in all"
            report.add(node, "XB213", message, "widen the range, or lower min_channels")
    snapped = [channels.edge(number) for number in numbers]
    return snapped if _rise(name, node, snapped, "ask for fewer bands, or add min_channels: 1", report) else []


def _channels(wanted: str, node: Node, report: Report, pointings: Sequence[Pointing] | None) -> Channels | None:
    """Find the channels meant: those of the mission named, or the only ones of the spec's instruments."""
    if pointings is None:
        return None
    mission = wanted.partition(" ")[0] if " " in wanted else ""
    if mission:
        return next(iter(MISSIONS[mission].channels.values()))
    held = {
        channels: one.mission
        for one in pointings
        if (channels := MISSIONS[one.mission].channels.get(one.instrument)) is not None
    }
    if len(held) == 1:
        return next(iter(held))
    if held:
        message = f"{shown(wanted)}: the missions {' and '.join(held.values())} have different channels"
    else:
        message = f"{shown(wanted)}: no instrument of this spec has channels of one width that are known here"
    hint = " or ".join(f"{name} channel" for name, one in MISSIONS.items() if one.channels)
    report.add(node, "XB217", message, f"name the channels: {hint}")
    return None


def _regular_edges(kind: str | None, node: Table, report: Report) -> list[float] | None:
    range_node = node.entries["range"]
    band = _range(range_node, text_of(range_node) or "", report)
    count_node = node.entries["n"]
    if band is None or not isinstance(count_node, Scalar) or not isinstance(count_node.value, int):
        return None
    count = count_node.value
    if kind == "linear":
        return linear_edges(band.lo, band.hi, count)
    if band.lo <= 0.0:
        report.add(
            range_node, "XB211", "a logarithmic scheme cannot begin at 0", "begin above 0, or use scheme: linear"
        )
        return None
    return log_edges(band.lo, band.hi, count)


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
