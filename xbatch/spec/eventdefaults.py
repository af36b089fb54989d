"""Writes into a document of level ``events`` what missions bring of their own, for ``validate --resolved``."""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.spec.nodes import DEFAULT, Node, Scalar, Table, from_data, join
from xbatch.spec.observations import Pointing
from xbatch.spec.rgs import is_pipeline
from xbatch.spec.screenings import DEFAULT_SCREENING, MISSION_CUTS

__all__ = ["fill_events"]


def fill_events(root: Table, pointings: Sequence[Pointing]) -> Table:
    """Fill in the screening ``default`` where the spec has none, and what its spectra do not say."""
    spectra = root.entries.get("spectra")
    if isinstance(spectra, Table):
        for name, node in spectra.entries.items():
            if isinstance(node, Table) and not is_pipeline(node):
                filled = _with(_with(node, "screening", DEFAULT_SCREENING), "source_type", "point")
                spectra = spectra.with_entry(name, filled, spectra.key_place(name))
        root = root.with_entry("spectra", spectra, root.key_place("spectra"))
    screening = root.entries.get("screening")
    table = screening if isinstance(screening, Table) else Table({}, root.place, path="screening", origin=DEFAULT)
    if DEFAULT_SCREENING in table.entries:
        return root
    cuts = _mission_cuts(pointings)
    if not cuts:
        return root
    table = table.with_entry(DEFAULT_SCREENING, from_data(cuts, table.place), table.place)
    return root.with_entry("screening", table, root.keys.get("screening", root.place))


def _mission_cuts(pointings: Sequence[Pointing]) -> dict[str, object]:
    """Write the cuts that the missions bring as a screening."""
    groups: dict[str, list[str]] = {}
    cuts: dict[str, dict[str, str]] = {}
    for instrument in dict.fromkeys(one.instrument for one in pointings if one.mission != "other"):
        mine = {
            key: f"{value[0]}-{value[1]}" if isinstance(value, list) else str(value)
            for key, value in MISSION_CUTS.get(instrument, {}).items()
        }
        if mine:
            groups.setdefault(str(mine), []).append(instrument)
            cuts[str(mine)] = mine
    everywhere = {instrument for names in groups.values() for instrument in names}
    if len(groups) == 1 and everywhere == {one.instrument for one in pointings}:
        return dict(next(iter(cuts.values())))
    listed = [{"where": {"instrument": names}, **cuts[key]} for key, names in groups.items()]
    return {"for": listed} if listed else {}


def _with(table: Table, key: str, value: str) -> Table:
    own: Node | None = table.entries.get(key)
    if own is not None and not (isinstance(own, Scalar) and own.value is None):
        return table
    return table.with_entry(
        key, Scalar(value, value, table.place, path=join(table.path, key), origin=DEFAULT), table.place
    )
