"""Writes into a document of level ``raw`` what missions bring of their own, for ``validate --resolved``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xbatch.spec.nodes import DEFAULT, Node, Scalar, Table, from_data, join, text_of
from xbatch.spec.observations import Pointing
from xbatch.spec.pipelines import DEFAULTS
from xbatch.spec.rgs import RGSCOMBINE, is_pipeline

__all__ = ["fill_raw"]


def fill_raw(root: Table, pointings: Sequence[Pointing]) -> Table:
    """Fill in what ``data`` does not say of fetching, exposures and pipelines."""
    data = root.entries.get("data")
    if not isinstance(data, Table):
        return root
    missions = list(dict.fromkeys(one.mission for one in pointings))
    pipeline: dict[str, Any] = {}
    for mission in missions:
        pipeline |= DEFAULTS.get(mission, {})
    data = _filled(data, "fetch", "missing")
    data = _filled_table(data, "pipeline", pipeline)
    if "xmm" in missions:
        data = _filled_table(data, "exposures", {"default": "merge"})
    return _with_orders(_plain_sums(root.with_entry("data", data, root.key_place("data"))))


def _with_orders(root: Table) -> Table:
    """Fill in the orders of spectra of the RGS."""
    spectra = root.entries.get("spectra")
    for name, node in spectra.entries.items() if isinstance(spectra, Table) else ():
        if isinstance(node, Table) and is_pipeline(node):
            spectra = spectra.with_entry(name, _filled(node, "orders", [1]), spectra.key_place(name))  # type: ignore[union-attr]
    return root if spectra is None else root.with_entry("spectra", spectra, root.key_place("spectra"))


def _plain_sums(root: Table) -> Table:
    """Take out of sums by rgscombine the defaults of other sums."""
    combine = root.entries.get("combine")
    for name, node in combine.entries.items() if isinstance(combine, Table) else ():
        if isinstance(node, Table) and text_of(node.entries.get("method")) == RGSCOMBINE:
            plain = node.without(*(key for key, value in node.entries.items() if value.origin == DEFAULT))
            combine = combine.with_entry(name, plain, combine.key_place(name))  # type: ignore[union-attr]
    return root if combine is None else root.with_entry("combine", combine, root.key_place("combine"))


def _filled_table(data: Table, key: str, defaults: Mapping[str, Any]) -> Table:
    own = data.entries.get(key)
    table = own if isinstance(own, Table) else Table({}, data.place, path=join(data.path, key), origin=DEFAULT)
    for name, value in defaults.items():
        table = _filled(table, name, value)
    return data.with_entry(key, table, data.key_place(key))


def _filled(table: Table, key: str, value: Any) -> Table:
    own: Node | None = table.entries.get(key)
    if own is not None and not (isinstance(own, Scalar) and own.value is None):
        return table
    return table.with_entry(key, from_data(value, table.place), table.place)
