"""Writes into a document what XSPEC's components bring of their own: start, limits, frozen or not."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from xbatch.spec.nodes import DEFAULT, Items, Node, Scalar, Table, join
from xbatch.spec.settings import is_glob
from xbatch.spec.tablemodels import definition

__all__ = ["fill_parameters"]


def fill_parameters(root: Table, models: Mapping[str, Mapping[str, str]]) -> Table:
    """Fill the ``parameters`` of each fit with the defaults of its model's components.

    Parameters
    ----------
    root : Table
        A checked document.
    models : Mapping
        Fit name to its components (name to type).
    """
    fits = root.entries.get("fit")
    if not isinstance(fits, Table):
        return root
    for name, components in models.items():
        fit = fits.entries[name]
        assert isinstance(fit, Table)
        fits = fits.with_entry(name, _filled(fit, components), fits.key_place(name))
    return root.with_entry("fit", fits, root.key_place("fit"))


def _filled(fit: Table, components: Mapping[str, str]) -> Table:
    given = fit.entries.get("parameters")
    path = join(fit.path, "parameters")
    place = fit.key_place("model")
    table = given if isinstance(given, Table) else Table({}, place, path=path, origin=DEFAULT)
    for component, kind in components.items():
        for rule in definition(kind).parameters:
            name = f"{component}.{rule.name}"
            own = table.entries.get(name)
            entry = own if isinstance(own, Table) else Table({}, place, path=join(path, name), origin=DEFAULT)
            said = _said(name, table)
            defaults = {"value": rule.value, "min": rule.min, "max": rule.max, "frozen": rule.frozen}
            if "link" in said:
                defaults = {"min": rule.min, "max": rule.max}
            for key, value in defaults.items():
                if key not in said:
                    node = Scalar(value, str(value), place, path=join(entry.path, key), origin=DEFAULT)
                    entry = entry.with_entry(key, node, place)
            if entry.entries:
                table = table.with_entry(name, entry, table.keys.get(name, place))
    return fit.with_entry("parameters", table, fit.keys.get("parameters", place))


def _said(name: str, table: Table) -> set[str]:
    """Name the settings that an entry itself, or a glob with all its exceptions, gives to a parameter."""
    said: set[str] = set()
    for other, entry in table.entries.items():
        if not isinstance(entry, Table):
            continue
        if other == name:
            said |= _given(entry)
        elif is_glob(other) and fnmatchcase(name, other):
            listed = entry.entries.get("for")
            said |= _given(entry)
            for one in listed.items if isinstance(listed, Items) else ():
                said |= _given(one)
    return said


def _given(entry: Node) -> set[str]:
    if not isinstance(entry, Table):
        return set()
    return {key for key, node in entry.entries.items() if not (isinstance(node, Scalar) and node.value is None)}
